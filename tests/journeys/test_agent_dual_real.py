"""Pods of two families on the real kernel: good at once, themselves only, mended."""

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journeys.agent_world import Pod, World, a_world, ip, run
from journeys.test_agent_real import connect, inside, listen, peer_of_tcp
from patience import until

from mooring.adapters import netns

ROUTER = "fd00:8::1"
TURNS = 15
MORE_SECONDS = 0.02
"""What two families may cost more than one; an address in doubt is so for a second and more."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, six=True) as made:
        made.start()
        yield made


def six(pod: Pod) -> str:
    """The pod's IPv6 address: its last part is that of the IPv4 one."""
    return f"fd00:8::{pod.address.rpartition('.')[2]}"


def setting(space: str, key: str) -> str:
    words = ("ip", "netns", "exec", space, "sysctl", "-n", f"net.ipv6.conf.{key}")
    return run(*words).stdout.strip()


def flags(space: str) -> dict[str, bool]:
    """The addresses of a pod's eth0, and whether each is still in doubt."""
    shown = json.loads(ip(space, "-j", "-6", "addr", "show", "dev", "eth0"))
    return {
        info["local"]: bool(info.get("tentative") or info.get("dadfailed"))
        for link in shown
        for info in link.get("addr_info", [])
    }


def test_rt_46_an_ipv6_address_is_good_when_add_returns(world: World) -> None:
    server = world.run_pod("server")
    with closing(listen(server.space, six(server))) as door:
        for n in range(10):
            pod = world.run_pod(f"c{n}")
            assert not any(flags(pod.space).values())
            with closing(connect(pod.space, six(server), 8080)):
                door.accept()[0].close()
            with inside(pod.space) as fd, netns.inside(fd):
                lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
            names, values = (x.split() for x in lines if x.startswith("Tcp:"))
            assert dict(zip(names, values, strict=True))["RetransSegs"] == "0"


def took(world: World, name: str) -> float:
    """Give the seconds of one ADD, without those of making the namespace."""
    pod = world.a_space_for(name)
    begin = time.perf_counter()
    world.add(pod)
    return time.perf_counter() - begin


def test_rt_46_an_add_with_ipv6_takes_at_most_20_ms_more_than_one_without(
    world: World, tmp_path: Path
) -> None:
    """ADDs of two agents in turns; the medians of one run are compared."""
    place = tmp_path / "four"
    place.mkdir()
    with a_world(place, name="four") as four:
        four.start()
        times: dict[bool, list[float]] = {True: [], False: []}
        for n in range(TURNS):
            for each in (four, world) if n % 2 else (world, four):
                times[each.six].append(took(each, f"c{n}"))
    dual, single = (statistics.median(times[which]) for which in (True, False))
    print(f"median of {TURNS} ADDs: {dual * 1e3:.2f} ms; IPv4 {single * 1e3:.2f} ms")

    assert dual <= single + MORE_SECONDS


def test_a_namespace_in_which_ipv6_was_switched_off_gets_it_all_the_same(
    world: World,
) -> None:
    pod = world.a_space_for("off")
    words = ("ip", "netns", "exec", pod.space, "sysctl", "-q", "-w")
    run(*words, "net.ipv6.conf.default.disable_ipv6=1")
    world.add(pod)

    assert peer_of_tcp(pod.space, world.router, ROUTER) == six(pod)


def test_interfaces_are_set_each_for_what_it_is(world: World) -> None:
    pod = world.run_pod("one")
    (link,) = world.host_ends()

    assert setting(world.node, "all.forwarding") == "1"
    assert setting(world.node, "ens3.accept_ra") == "2"
    assert [setting(world.node, f"ens5.accept_{x}") for x in ("ra", "dad")] == ["0"] * 2
    # 1 is "unless forwarding", which it is.
    assert setting(world.node, f"{link}.forwarding") == "1"
    assert setting(world.node, f"{link}.accept_ra") == "1"
    assert [setting(pod.space, f"eth0.accept_{x}") for x in ("ra", "dad")] == ["0"] * 2


def test_rules_grow_with_vnics_and_not_with_pods(world: World) -> None:
    before = ip(world.node, "-6", "rule")
    for n in range(3):
        world.run_pod(f"c{n}")

    assert ip(world.node, "-6", "rule") == before
    assert before.count("\n") == 4


@pytest.mark.parametrize(
    "words",
    [
        ("-6", "rule", "flush"),
        ("-6", "route", "flush", "table", "7001"),
        ("-6", "addr", "flush", "dev", "ens5"),
        ("-6", "neigh", "flush", "nud", "permanent"),
        ("-6", "route", "flush", "root", "fd00:8::/64"),
    ],
    ids=["rules", "table", "addresses", "neighbours", "routes to pods"],
)
def test_rt_33_what_is_wiped_of_ipv6_comes_back(
    world: World, words: tuple[str, ...]
) -> None:
    one, two = world.run_pod("one"), world.run_pod("two")
    assert peer_of_tcp(one.space, two.space, six(two)) == six(one)
    subprocess.run(["ip", "-n", world.node, *words], check=False)

    until(lambda: " repaired " in world.log, "the repair")
    until(lambda: world.pings(one.space, ROUTER), "the way out")
    assert peer_of_tcp(one.space, two.space, six(two)) == six(one)
    assert peer_of_tcp(world.router, one.space, six(one)) == ROUTER


def test_a_pod_cannot_make_itself_the_nodes_router(world: World) -> None:
    """An advertisement's source is link-local, and so in no pod's name."""
    pod = world.run_pod("one")
    before = ip(world.node, "-6", "route", "show", "default")
    script = (
        "import socket, struct\n"
        "s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)\n"
        "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)\n"
        "index = socket.if_nametoindex('eth0')\n"
        "words = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)\n"
        "[s.sendto(words, ('ff02::1', 0, 0, index)) for _ in range(3)]\n"
    )
    run("ip", "netns", "exec", pod.space, "python3", "-c", script)

    assert peer_of_tcp(pod.space, world.router, ROUTER) == six(pod)
    assert ip(world.node, "-6", "route", "show", "default") == before


def test_a_restart_keeps_both_and_loses_no_packet_of_ipv6(world: World) -> None:
    one, two = world.run_pod("one"), world.run_pod("two")
    with (
        closing(listen(two.space, six(two))) as door,
        closing(connect(one.space, six(two), 8080)) as here,
        closing(door.accept()[0]) as there,
    ):
        world.kill()
        here.sendall(b"while it is away")
        assert there.recv(99) == b"while it is away"
        (world.place / "state/ledger.journal").unlink()
        world.start()
        there.sendall(b"and after it is back")
        assert here.recv(99) == b"and after it is back"

    addresses = {a["container"]: a["addresses"] for a in world.status["attachments"]}
    assert addresses == {p.name: [p.address, six(p)] for p in (one, two)}
    world.remove_pod(one)
    world.remove_pod(two)
    until(lambda: world.host_ends() == set(), "their end")
    assert "moor" not in ip(world.node, "-6", "route", "show", "table", "all")
