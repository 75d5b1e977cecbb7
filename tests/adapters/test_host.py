"""The machine: what it is, what is on it, which port is free."""

import os
import socket

from mooring.adapters.host import Host

HOST = Host("/usr/sbin:/usr/bin:/sbin:/bin")


def test_it_is_this_one() -> None:
    system = HOST.system()

    assert system.name == "Linux"
    assert system.release == os.uname().release
    assert system.uid == os.geteuid()


def test_programs_are_found_or_not() -> None:
    assert HOST.programs(["sh", "nothing-of-that-name"]) == {"sh"}


def test_a_plugin_is_found_where_plugins_are() -> None:
    found = HOST.program("loopback")

    assert found is not None
    assert "cni" in str(found)


def test_a_free_port_is_answered_only_when_somebody_listens() -> None:
    port = HOST.free_port()
    assert not HOST.answers(port)

    with socket.create_server(("127.0.0.1", port)):
        assert HOST.answers(port)


def test_the_root_is_mounted() -> None:
    assert any(line.split()[1] == "/" for line in HOST.mounts().splitlines())
