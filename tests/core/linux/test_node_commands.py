"""A node as shell: the words before and around a command."""

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mooring.core.linux import node
from mooring.core.linux.node import (
    Node,
    Program,
    enter,
    furnish,
    hold,
    init_script,
    moved,
    start,
)

NODE = Node(
    name="node-1",
    space="/run/netns/moor-l-x",
    lab="/l",
    own="/l/nodes/node-1",
    npn="/l/npn",
    bin="/l/bin",
    record="/l/r",
    log="/l/log",
    groups=("/cg/a", "/cg/b"),
    remounts=(("cgroup2", "", "/sys/fs/cgroup"),),
)
PROGRAM = Program(name="p", argv=("sleep", "9"), record="/r", log="/l", groups=("/g",))


def test_without_groups_nothing_stands_before_a_command() -> None:
    assert moved(()) == []


def test_a_node_is_moved_then_enters_its_network_then_holds() -> None:
    words = hold(NODE, "/l/init.sh")

    assert words[:7] == [
        "sh",
        "-c",
        node.MOVE,
        "move",
        "/cg/a/cgroup.procs",
        "/cg/b/cgroup.procs",
        "--",
    ]
    assert words[7:9] == ["nsenter", "--net=/run/netns/moor-l-x"]
    assert words[-4:] == [
        "/l/log",
        "/l/init.sh",
        "/cg/a/init/cgroup.procs",
        "/cg/b/init/cgroup.procs",
    ]


def test_a_nodes_script_brings_its_own_arguments() -> None:
    first, rest = init_script(replace(NODE, name="it's")).split("\n", 1)

    assert shlex.split(first) == [
        *("set", "--", "/l/r", "it's", "/l", "/l/nodes/node-1", "/l/npn", "/l/bin"),
        *("cgroup2", "", "/sys/fs/cgroup"),
    ]
    assert rest == node.INIT + node.HELD


def test_what_a_kind_of_node_needs_is_done_before_it_is_held() -> None:
    script = init_script(replace(NODE, steps=(("mkdir", "-p", "/a b"),)))

    assert script.endswith(f"{node.INIT}mkdir -p '/a b'\n{node.HELD}")


def test_a_program_in_a_node_goes_through_its_door() -> None:
    words = start(PROGRAM, holder=17)

    assert words[6:9] == ["nsenter", "-t", "17"]
    assert words[-2:] == ["sleep", "9"]


def test_a_program_of_the_machine_needs_no_door() -> None:
    assert "nsenter" not in start(PROGRAM)


def test_a_pod_is_entered_through_its_node() -> None:
    assert enter(5, "/run/netns/p")[-3:] == ["nsenter", "--net=/run/netns/p", "--"]


def test_programs_in_a_node_are_told_whom_to_believe() -> None:
    words = enter(5)

    assert words[-3:] == [
        "env",
        "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
    ]


def test_a_node_is_furnished_with_its_domains_and_whom_to_believe() -> None:
    words = furnish(["workers.vlab.oraclevcn.com", "vlab.oraclevcn.com"])

    assert words[:3] == ["sh", "-c", node.FURNISH]
    assert words[4] == "workers.vlab.oraclevcn.com vlab.oraclevcn.com"
    assert words[5:] == enter(5)[-2:]


def test_little_of_the_callers_environment_reaches_a_program() -> None:
    seen = node.environment({"LANG": "C", "AWS_SECRET": "x", "PATH": "/evil"})

    assert seen.keys() == {"HOME", "LANG", "PATH", "PYTHONUNBUFFERED"}
    assert "/evil" not in seen["PATH"]


@pytest.mark.parametrize(
    "script", [node.MOVE, node.START, node.HOLD, node.INIT, node.HELD, node.FURNISH]
)
def test_the_shell_can_read_every_script(script: str, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text(script)

    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
