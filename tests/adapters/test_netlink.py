"""The real kernel, judged by iproute2 and by packets."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from errno import EBADF, EEXIST, EINVAL, ENETDOWN, ENOENT
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from descriptors import open_descriptors

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.netlink.conversation import Conversations
from mooring.adapters.netlink.making import Making
from mooring.core.linux.drift import missing
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.port import KernelError

NAMES = {word: f"nl{os.getpid()}-{word}" for word in (HOST, POD)}
NEAR = End(HOST, "moor0", "02:00:00:00:00:01", 9000, index=77, alias="a:b", group=7)
FAR = End(POD, "eth0", "02:00:00:00:00:02", 9000, index=2)
ROUTER = ip_address("169.254.1.1")
ROUTER6 = ip_address("fe80::1")


@pytest.fixture
def spaces() -> Iterator[dict[str, int | None]]:
    fds: dict[str, int | None] = {}
    try:
        for word, name in NAMES.items():
            netns.create(name)
            fds[word] = netns.open_fd(name)
        yield dict(fds)
    finally:
        for fd in fds.values():
            netns.close(fd or 0)
        for name in NAMES.values():
            netns.delete(name)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with Kernel() as made:
        yield made


def ip(word: str, *arguments: str) -> Any:
    """What iproute2 says, as JSON."""
    command = ["ip", "-j", "-d", "-n", NAMES[word], *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout or "[]")


def cables(number: int, near: End = NEAR) -> Plan:
    """A pod's cables, both families, the host side with an address to talk from."""
    far = replace(FAR, index=None)
    own = ip_address(f"10.0.0.{number}")
    return (
        LinkUp(POD, "lo"),
        LinkUp(HOST, "lo"),
        Sysctl(HOST, "net/ipv4/conf/all/rp_filter", "0"),
        Veth(near, far),
        Address(POD, "eth0", ip_interface(f"{own}/32")),
        Address(POD, "eth0", ip_interface(f"fd00::{number}/128")),
        Neighbour(POD, "eth0", ROUTER, near.mac),
        Neighbour(POD, "eth0", ROUTER6, near.mac),
        Route(POD, ip_network("0.0.0.0/0"), "eth0", ROUTER, onlink=True),
        Route(POD, ip_network("::/0"), "eth0", ROUTER6, onlink=True),
        Address(HOST, "lo", ip_interface("10.0.0.1/32")),
        Route(HOST, ip_network(f"{own}/32"), near.name),
        Neighbour(HOST, near.name, own, far.mac),
    )


def test_a_pair_as_iproute2_sees_it(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out((Veth(NEAR, FAR),), spaces)
    (near,) = ip(HOST, "link", "show", "moor0")
    (far,) = ip(POD, "link", "show", "eth0")

    assert (near["ifindex"], near["address"], near["mtu"]) == (77, NEAR.mac, 9000)
    assert (near["ifalias"], near["group"]) == ("a:b", "7")
    assert near["linkinfo"]["info_kind"] == "veth"
    assert (near["link_index"], far["link_index"]) == (2, 77)
    assert (far["ifindex"], far["address"], far["mtu"]) == (2, FAR.mac, 9000)
    for end in (near, far):
        assert (end["num_tx_queues"], end["num_rx_queues"]) == (1, 1)
        assert end["operstate"] == "UP"


def test_a_pod_s_own_view_as_iproute2_sees_it(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out(cables(5), spaces)
    (eth0,) = ip(POD, "addr", "show", "eth0")
    found = {a["local"]: a for a in eth0["addr_info"] if a["scope"] == "global"}
    routes = [*ip(POD, "route"), *ip(POD, "-6", "route", "show", "default")]
    neighbours = {n["dst"]: n for n in ip(POD, "neigh", "show", "nud", "permanent")}

    assert (found["10.0.0.5"]["prefixlen"], found["fd00::5"]["prefixlen"]) == (32, 128)
    assert found["fd00::5"]["nodad"] is True
    assert "tentative" not in found["fd00::5"]
    assert [(r["dst"], r["gateway"], r["flags"]) for r in routes] == [
        ("default", "169.254.1.1", ["onlink"]),
        ("default", "fe80::1", ["onlink"]),
    ]
    assert {neighbours[a]["lladdr"] for a in ("169.254.1.1", "fe80::1")} == {NEAR.mac}


def test_routes_of_every_kind_as_iproute2_sees_them(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    plan: Plan = (
        Veth(NEAR, FAR),
        Address(HOST, "moor0", ip_interface("10.0.0.1/24")),
        LinkUp(HOST, "lo"),
        Route(HOST, ip_network("10.1.0.0/16"), "moor0", table=1000),
        Route(HOST, ip_network("10.2.0.0/16"), gateway=ip_address("10.0.0.9")),
        Route(HOST, ip_network("10.3.0.0/16"), kind="blackhole", table=7),
        Route(HOST, ip_network("fd03::/16"), kind="blackhole", table=7),
        Route(HOST, ip_network("10.4.0.0/16"), kind="unreachable"),
        Route(HOST, ip_network("10.5.0.0/16"), "lo", kind="local", table=255),
        Route(HOST, ip_network("10.6.0.0/16"), "moor0", source=IPv4Address("10.0.0.1")),
        Route(HOST, ip_network("10.7.0.0/16"), "moor0", ROUTER6, onlink=True),
    )
    kernel.carry_out(plan, spaces)
    shown = {
        r["dst"]: r
        for family in ("-4", "-6")
        for r in ip(HOST, family, "route", "show", "table", "all")
    }
    table = {
        dst: (
            r.get("type"),
            r.get("table", "main"),
            r.get("scope"),
            r.get("gateway") or r.get("via", {}).get("host"),
            r.get("prefsrc"),
        )
        for dst, r in shown.items()
    }

    assert table["10.1.0.0/16"] == ("unicast", "1000", "link", None, None)
    assert table["10.2.0.0/16"] == ("unicast", "main", "global", "10.0.0.9", None)
    assert table["10.3.0.0/16"] == ("blackhole", "7", "global", None, None)
    assert table["fd03::/16"][:2] == ("blackhole", "7")
    assert table["10.4.0.0/16"][0] == "unreachable"
    assert table["10.5.0.0/16"][:3] == ("local", "local", "host")
    assert table["10.6.0.0/16"] == ("unicast", "main", "link", None, "10.0.0.1")
    assert table["10.7.0.0/16"][3] == "fe80::1"
    assert missing(plan, {HOST: kernel.look(HOST, spaces[HOST])}) == ()


def test_rules_as_iproute2_sees_them(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    plan = (
        Rule(HOST, 100, 4, 254, suppress_prefixlength=31),
        Rule(HOST, 101, 4, 1000, mark=0x10000, mask=0x7F0000),
        Rule(HOST, 100, 6, 254, suppress_prefixlength=127),
        Rule(HOST, 101, 6, 7, mark=5),
    )
    for _ in range(2):
        kernel.carry_out(plan, spaces)
    ours = [
        (
            r["priority"],
            r["table"],
            r.get("fwmark"),
            r.get("fwmask"),
            r.get("suppress_prefixlen"),
        )
        for family in ("-4", "-6")
        for r in ip(HOST, family, "rule")
        if r["priority"] in {100, 101}
    ]

    assert ours == [
        (100, "main", None, None, 31),
        (101, "1000", "0x10000", "0x7f0000", None),
        (100, "main", None, None, 127),
        (101, "7", "0x5", None, None),
    ]


def test_what_iproute2_made_is_seen(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    for command in (
        "link add v0 type veth peer name v1",
        "link set v0 address 02:00:00:00:00:11 mtu 1400 alias some\\ words group 5 up",
        "link set v1 up",
        "addr add 10.8.0.1/24 dev v0",
        "route add 10.9.0.0/16 via 10.8.0.2 table 1234",
        "route add default dev v0 scope link src 10.8.0.1",
        "rule add fwmark 0x3/0xf lookup 1234 priority 50",
        "rule add from 10.0.0.0/8 lookup 1234 priority 51",
        "neigh add 10.8.0.2 lladdr 02:00:00:00:00:22 dev v0",
        "link add b0 type bridge",
    ):
        script = f"ip -n {NAMES[HOST]} {command}"
        subprocess.run(script, shell=True, check=True)
    seen = kernel.look("x", spaces[HOST])
    while not seen.links["v0"].operational:
        # The kernel tells of it by and by.
        seen = kernel.look("x", spaces[HOST])
    v0 = seen.links["v0"]

    assert (v0.mac, v0.mtu, v0.alias, v0.group) == (
        "02:00:00:00:00:11",
        1400,
        "some words",
        5,
    )
    assert (v0.up, v0.operational, v0.kind) == (True, True, "veth")
    assert v0.peer_index == seen.links["v1"].index
    assert seen.links["b0"].kind == "bridge"
    assert Address("x", "v0", ip_interface("10.8.0.1/24")) in seen.addresses
    hop = ip_address("10.8.0.2")
    own = ip_address("10.8.0.1")
    assert {
        Route("x", ip_network("10.9.0.0/16"), "v0", hop, table=1234),
        Route("x", ip_network("0.0.0.0/0"), "v0", source=own),
        Route("x", ip_network("10.8.0.0/24"), "v0", source=own),
    } <= seen.routes
    assert Rule("x", 50, 4, 1234, mark=3, mask=15) in seen.rules
    assert not any(rule.priority == 51 for rule in seen.rules)
    assert seen.neighbours == {Neighbour("x", "v0", hop, "02:00:00:00:00:22")}


@pytest.mark.parametrize("round_", range(10))
@pytest.mark.parametrize("inwards", [True, False])
def test_the_first_packet_arrives(
    kernel: Kernel, spaces: dict[str, int | None], round_: int, *, inwards: bool
) -> None:
    print(round_)
    kernel.carry_out(cables(5), spaces)
    with (
        netns.udp_socket(spaces[HOST], "10.0.0.1", 9090) as host,
        netns.udp_socket(spaces[POD], "10.0.0.5", 9090) as pod,
    ):
        sender, receiver = (host, pod) if inwards else (pod, host)
        receiver.settimeout(120)
        sender.sendto(b"first", receiver.getsockname())

        assert receiver.recv(100) == b"first"


def test_an_end_that_is_kept_down_is_refused_by_name(
    spaces: dict[str, int | None],
) -> None:
    with closing(Conversations()) as talks, Making(talks, spaces) as turn:
        turn.make(Veth(NEAR, FAR))
        turn.flush()
        words = ("ip", "-n", NAMES[POD], "link", "set", "eth0", "down")
        subprocess.run(words, check=True)

        with pytest.raises(KernelError, match="'eth0' has no carrier") as refused:
            turn.finish()
    assert (refused.value.fact, refused.value.errno) == (Veth(NEAR, FAR), ENETDOWN)


def test_an_ipv6_address_is_delivered_to_at_once(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    """The kernel makes the route that takes packets in by and by; it is waited for."""
    kernel.carry_out((LinkUp(POD, "lo"), Veth(NEAR, FAR)), spaces)
    for number in range(1, 201):
        own = ip_interface(f"fd00::{number:x}/128")
        kernel.carry_out((Address(POD, "eth0", own),), spaces)
        with netns.inside(spaces[POD] or 0), socket.socket(socket.AF_INET6) as here:
            here.bind((str(own.ip), 8080))
            here.listen()
            with socket.create_connection((str(own.ip), 8080), timeout=120):
                here.accept()[0].close()


def test_the_first_connection_needs_no_second_try(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out(cables(5), spaces)
    with netns.listen_tcp(spaces[HOST], "10.0.0.1", 8080) as server:
        server.settimeout(120)
        with netns.inside(spaces[POD] or 0), socket.socket() as caller:
            caller.settimeout(120)
            caller.connect(("10.0.0.1", 8080))
        server.accept()[0].close()
    counters = subprocess.run(
        ["ip", "netns", "exec", NAMES[POD], "nstat", "-asz", "TcpRetransSegs"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert counters.split()[-2] == "0"


def test_counters_count(kernel: Kernel, spaces: dict[str, int | None]) -> None:
    kernel.carry_out(cables(5), spaces)
    with netns.udp_socket(spaces[HOST], "10.0.0.1", 0) as client:
        for _ in range(10):
            client.sendto(b"x", ("10.0.0.5", 9))
    near = kernel.link(spaces[HOST], "moor0")
    far = kernel.link(spaces[POD], "eth0")
    assert near is not None
    assert far is not None

    assert near.tx_packets >= 10
    assert far.rx_packets >= 10
    assert kernel.look(POD, spaces[POD]).links["eth0"].rx_packets >= 10
    assert kernel.links(spaces[POD])["eth0"].rx_packets >= 10


def test_home_is_where_the_kernel_was_made(spaces: dict[str, int | None]) -> None:
    host = spaces[HOST]
    assert host is not None
    with netns.inside(host), Kernel() as kernel:
        at_home = {HOST: None, POD: spaces[POD]}
        kernel.carry_out(cables(5), at_home)

        assert missing(cables(5), {HOST: kernel.look(HOST, host)}) == ()
        assert set(kernel.links(None)) == {"lo", "moor0"}
        assert kernel.take_back(cables(5), at_home) == ()
        assert set(kernel.links(host)) == {"lo"}


def test_the_thread_is_at_home_after_every_call(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    home = netns.own_inode()
    kernel.carry_out(cables(5), spaces)
    kernel.look(POD, spaces[POD])
    with pytest.raises(KernelError):
        kernel.carry_out((Sysctl(POD, "net/none", "1"),), spaces)
    with pytest.raises(KernelError):
        kernel.carry_out((Veth(NEAR, replace(FAR, mac=NEAR.mac)),), spaces)

    assert netns.own_inode() == home


def test_a_descriptor_that_is_no_namespace_is_refused(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    fact = LinkUp(POD, "lo")
    with Path(os.devnull).open() as nothing:
        no_space = {**spaces, POD: nothing.fileno()}
        with pytest.raises(KernelError) as refused:
            kernel.carry_out((fact,), no_space)
        errors = kernel.take_back((Route(POD, ip_network("::/0"), "eth0"),), no_space)
        with pytest.raises(KernelError):
            kernel.look(POD, nothing.fileno())
    with pytest.raises(KernelError) as closed:
        kernel.links(10_000)

    assert (refused.value.fact, refused.value.errno) == (fact, EINVAL)
    assert [error.errno for error in errors] == [EINVAL]
    assert closed.value.errno == EBADF


def test_the_kernel_s_own_words_come_with_a_refusal(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out((Veth(NEAR, FAR),), spaces)
    with pytest.raises(KernelError, match="invalid gateway"):
        kernel.carry_out((Route(POD, ip_network("0.0.0.0/0"), "eth0", ROUTER),), spaces)
    with pytest.raises(KernelError, match="mtu greater than device maximum"):
        kernel.carry_out((LinkUp(POD, "eth0", 70_000),), spaces)


@pytest.mark.parametrize(
    "fact",
    [
        Neighbour(POD, "lo", ROUTER, "02:00"),
        Route(POD, ip_network("10.0.0.0/8"), kind="throw"),
        Rule(POD, 100, 4, 254, mark=1 << 32),
        Veth(replace(NEAR, mac="x"), FAR),
    ],
    ids=["mac", "kind", "mark", "pair"],
)
def test_a_fact_that_cannot_be_said_is_refused(
    kernel: Kernel, spaces: dict[str, int | None], fact: Fact
) -> None:
    with pytest.raises(KernelError, match="no message can say this") as refused:
        kernel.carry_out((LinkUp(POD, "lo"), fact), spaces)

    assert (refused.value.fact, refused.value.errno) == (fact, EINVAL)
    assert {error.errno for error in kernel.take_back((fact,), spaces)} <= {EINVAL}


def test_taking_back_goes_on_past_errors(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out(cables(5), spaces)
    with Path(os.devnull).open() as nothing:
        fact = Route("broken", ip_network("::/0"))
        some = {**spaces, "broken": nothing.fileno()}
        errors = kernel.take_back((*cables(5), fact), some)

    assert [error.fact for error in errors] == [fact]
    assert set(kernel.links(spaces[HOST])) == {"lo"}


def test_a_link_that_is_no_veth_is_never_taken_for_one(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    subprocess.run(
        ["ip", "-n", NAMES[HOST], "link", "add", "moor0", "type", "bridge"], check=True
    )
    stranger = Veth(replace(NEAR, mac=""), FAR)

    assert kernel.take_back((stranger,), spaces) == ()
    assert kernel.links(spaces[HOST])["moor0"].kind == "bridge"


def test_a_plan_of_thousands_of_facts(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    routes = tuple(
        Route(HOST, ip_network((0x0A000000 + i, 32)), kind="blackhole", table=1000)
        for i in range(3000)
    )
    kernel.carry_out(routes, spaces)
    assert missing(routes, {HOST: kernel.look(HOST, spaces[HOST])}) == ()
    assert len(ip(HOST, "route", "show", "table", "1000")) == 3000

    assert kernel.take_back(routes, spaces) == ()
    assert kernel.take_back(routes, spaces) == ()
    assert kernel.look(HOST, spaces[HOST]).routes == frozenset()


def test_a_look_reads_anew_only_what_changed(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    plan = cables(5)
    kernel.carry_out(plan, spaces)
    first = kernel.look(HOST, spaces[HOST])
    second = kernel.look(HOST, spaces[HOST], first)
    kernel.carry_out(
        (replace(plan[-2], destination=ip_network("10.9.9.9/32")),), spaces
    )
    third = kernel.look(HOST, spaces[HOST], second)

    assert second.routes is first.routes
    assert second.addresses is first.addresses
    assert third.addresses is first.addresses
    assert third.routes == kernel.look(HOST, spaces[HOST]).routes != first.routes


def test_a_look_forgets_the_last_one_when_links_change(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    own = Address(HOST, "moor0", ip_interface("10.7.7.7/32"))
    kernel.carry_out((*cables(5), own), spaces)
    first = kernel.look(HOST, spaces[HOST])
    ip(HOST, "link", "set", "moor0", "down")
    ip(HOST, "link", "set", "moor0", "name", "moor9")
    second = kernel.look(HOST, spaces[HOST], first)

    assert own in first.addresses
    assert replace(own, link="moor9") in second.addresses
    assert second.addresses == kernel.look(HOST, spaces[HOST]).addresses


def test_a_link_that_cannot_be_deleted_does_not_keep_the_others(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out(cables(5), spaces)
    with pytest.raises(KernelError):
        kernel.delete_links(spaces[HOST], ["moor0", "lo"])

    assert set(kernel.links(spaces[HOST])) == {"lo"}


def test_threads_share_a_kernel(kernel: Kernel, spaces: dict[str, int | None]) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        plan = (
            Veth(
                replace(NEAR, name=f"moor{number}", index=None),
                replace(FAR, name=f"eth{number}", index=None, mac=""),
            ),
            Route(HOST, ip_network(f"10.0.{number}.0/24"), f"moor{number}"),
        )
        try:
            for _ in range(10):
                kernel.carry_out(plan, spaces)
                if missing(plan, {HOST: kernel.look(HOST, spaces[HOST])}) != ():
                    failures.append(AssertionError(number))
                failures.extend(kernel.take_back(plan, spaces))
        except BaseException as err:  # noqa: BLE001 - reported by the test below
            failures.append(err)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert set(kernel.links(spaces[HOST])) == {"lo"}


def test_no_descriptor_is_left_open(spaces: dict[str, int | None]) -> None:
    before = open_descriptors()
    with Kernel() as kernel:
        kernel.carry_out(cables(5), spaces)
        kernel.look(POD, spaces[POD])
        kernel.links(None)
        with pytest.raises(KernelError):
            kernel.carry_out((LinkUp(POD, "none"),), spaces)
        kernel.take_back(cables(5), spaces)
    forgotten = Kernel()
    forgotten.links(None)
    del forgotten

    assert open_descriptors() == before


def test_a_setting_that_holds_is_not_written(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    fact = Sysctl(HOST, "net/ipv4/conf/all/rp_filter", "0")
    kernel.carry_out((fact,), spaces)
    kernel.carry_out(
        (fact, Sysctl(HOST, "net/ipv4/ip_local_port_range", "2000 3000")), spaces
    )
    host = spaces[HOST]
    assert host is not None
    with netns.inside(host):
        written = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()

    assert written.split() == ["2000", "3000"]
    assert kernel.take_back((fact,), spaces) == ()


def test_errors_of_a_name_that_is_taken_and_one_that_is_gone(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out((Veth(NEAR, FAR),), spaces)
    with pytest.raises(KernelError) as taken:
        kernel.carry_out((Veth(replace(NEAR, mac=FAR.mac), FAR),), spaces)
    with pytest.raises(KernelError) as gone:
        kernel.carry_out((LinkUp("nowhere", "lo"),), spaces)

    assert (taken.value.errno, gone.value.errno) == (EEXIST, ENOENT)


def link_locals(word: str, link: str) -> list[str]:
    shown = ip(word, "-6", "addr", "show", "dev", link, "scope", "link")
    return [a["local"] for each in shown for a in each.get("addr_info", [])]


def test_an_end_without_an_address_of_its_own_gets_none(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    quiet = Veth(replace(NEAR, own_ip6=False), replace(FAR, own_ip6=False))
    kernel.carry_out((quiet,), spaces)

    assert kernel.link(spaces[HOST], NEAR.name) is not None
    assert link_locals(HOST, NEAR.name) == []
    assert link_locals(POD, FAR.name) == []


def test_an_end_gives_itself_an_address_as_the_kernel_does(
    kernel: Kernel, spaces: dict[str, int | None]
) -> None:
    kernel.carry_out((Veth(replace(NEAR, own_ip6=False), FAR),), spaces)

    assert link_locals(HOST, NEAR.name) == []
    assert link_locals(POD, FAR.name) != []


def test_a_number_that_somebody_has_is_no_obstacle(
    spaces: dict[str, int | None],
) -> None:
    """Two who choose numbers alike: the second chooses others."""
    with Kernel() as one, Kernel() as other:
        number = one._conversations.number()
        other._conversations._numbers = count(number + 1)
        first = Veth(replace(NEAR, index=None), replace(FAR, index=None))
        second = Veth(
            replace(first.near, name="moor1", mac="02:00:00:00:00:03"),
            replace(first.far, name="eth1", mac="02:00:00:00:00:04"),
        )
        one.carry_out((first,), spaces)
        other.carry_out(
            (second, Address(POD, "eth1", ip_interface("10.0.0.9/32"))), spaces
        )

        assert {"eth0", "eth1"} <= set(one.links(spaces[POD]))
        shown = ip(POD, "addr", "show", "dev", "eth1")
        assert "10.0.0.9" in str(shown)
