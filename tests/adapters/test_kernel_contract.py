"""What the kernel adapter and its fake promise alike: the same claims, asked of both."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import EBUSY, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, ENOENT
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from fakes.kernel import FakeKernel
from fakes.netns import FakeNamespaces
from patience import until

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.core.linux import port
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
from mooring.core.linux.seen import Seen

NEAR = End(HOST, "moor0", "02:00:00:00:00:01", 9000, alias="lab:pod:1")
FAR = End(POD, "eth0", "02:00:00:00:00:02", 9000)
PAIR = Veth(NEAR, FAR)
ROUTER = ip_address("169.254.1.1")
ROUTER6 = ip_address("fe80::1")
CABLES: Plan = (
    LinkUp(POD, "lo"),
    PAIR,
    Address(POD, "eth0", ip_interface("10.0.0.5/32")),
    Address(POD, "eth0", ip_interface("fd00::5/128")),
    Neighbour(POD, "eth0", ROUTER, NEAR.mac),
    Neighbour(POD, "eth0", ROUTER6, NEAR.mac),
    Route(POD, ip_network("0.0.0.0/0"), "eth0", ROUTER, onlink=True),
    Route(POD, ip_network("::/0"), "eth0", ROUTER6, onlink=True),
    Route(HOST, ip_network("10.0.0.5/32"), "moor0"),
    Route(HOST, ip_network("fd00::5/128"), "moor0"),
    Rule(HOST, 100, 4, 254, suppress_prefixlength=31),
    Rule(HOST, 101, 4, 1000, mark=0x10000, mask=0x7F0000),
    Rule(HOST, 101, 6, 100, mark=5),
    Route(HOST, ip_network("10.9.0.0/16"), kind="blackhole", table=1000),
    Route(HOST, ip_network("fd09::/16"), kind="unreachable", table=100),
    Sysctl(HOST, "net/ipv4/ip_forward", "1"),
)


@dataclass
class World:
    """A kernel and two namespaces of it."""

    kernel: port.Kernel
    namespaces: port.Namespaces
    spaces: dict[str, int | None]
    names: dict[str, str]
    fds: dict[str, int]

    def look(self) -> dict[str, Seen]:
        return {word: self.kernel.look(word, fd) for word, fd in self.spaces.items()}

    def missing(self, plan: Plan) -> Plan:
        return missing(plan, self.look())

    def carry_out(self, *facts: Fact) -> None:
        self.kernel.carry_out(facts, self.spaces)

    def take_back(self, *facts: Fact) -> tuple[port.KernelError, ...]:
        return self.kernel.take_back(facts, self.spaces)

    def refusal(self, *facts: Fact) -> port.KernelError:
        with pytest.raises(port.KernelError) as caught:
            self.carry_out(*facts)
        return caught.value


@contextmanager
def a_world(kernel: port.Kernel, namespaces: port.Namespaces) -> Iterator[World]:
    names = {word: f"kc{os.getpid()}-{word}" for word in (HOST, POD)}
    fds: dict[str, int] = {}
    try:
        for word, name in names.items():
            namespaces.create(name)
            fds[word] = namespaces.open_fd(name)
        yield World(kernel, namespaces, dict(fds), names, fds)
    finally:
        for fd in fds.values():
            namespaces.close(fd)
        for name in names.values():
            namespaces.delete(name)


@pytest.fixture(params=["real", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "real":
        with Kernel() as kernel, a_world(kernel, netns) as made:
            yield made
    else:
        namespaces = FakeNamespaces()
        with a_world(FakeKernel(namespaces), namespaces) as made:
            yield made
        assert namespaces.open_fds == {}


def test_a_plan_carried_out_holds(world: World) -> None:
    world.carry_out(*CABLES)

    assert world.missing(CABLES) == ()


def test_nothing_holds_before(world: World) -> None:
    assert world.missing(CABLES) == CABLES[:-1]


def test_a_plan_carried_out_twice_is_as_one_carried_out_once(world: World) -> None:
    world.carry_out(*CABLES)
    before = world.look()
    world.carry_out(*CABLES)
    after = world.look()

    assert [s.rules for s in after.values()] == [s.rules for s in before.values()]
    assert [s.routes for s in after.values()] == [s.routes for s in before.values()]
    assert after[HOST].links["moor0"].index == before[HOST].links["moor0"].index


def test_a_plan_taken_back_leaves_nothing_of_it(world: World) -> None:
    world.carry_out(*CABLES)
    lasting = (
        CABLES[0],
        CABLES[-1],
    )  # a link that is up, a setting: shared with others

    assert world.take_back(*CABLES) == ()
    assert world.missing(CABLES) == tuple(f for f in CABLES if f not in lasting)


def test_taking_back_what_is_gone_is_no_error(world: World) -> None:
    assert world.take_back(*CABLES) == ()
    world.carry_out(*CABLES)
    world.take_back(*CABLES)

    assert world.take_back(*CABLES) == ()


def test_facts_of_a_namespace_that_is_gone_are_taken_back_already(
    world: World,
) -> None:
    world.carry_out(*CABLES)
    del world.spaces[POD]

    assert world.take_back(*CABLES) == ()
    assert "moor0" not in world.look()[HOST].links


def test_a_fact_in_an_unknown_namespace_is_refused(world: World) -> None:
    fact = LinkUp("elsewhere", "lo")
    refusal = world.refusal(fact)

    assert (refusal.fact, refusal.errno) == (fact, ENOENT)


def test_a_pair_is_seen_from_both_ends(world: World) -> None:
    world.carry_out(replace(PAIR, near=replace(NEAR, index=77, group=7)))
    seen = world.look()
    near, far = seen[HOST].links["moor0"], seen[POD].links["eth0"]

    assert (near.index, near.group, near.alias) == (77, 7, "lab:pod:1")
    assert (near.kind, near.mac, near.mtu) == ("veth", NEAR.mac, 9000)
    assert (far.kind, far.mac, far.mtu, far.alias) == ("veth", FAR.mac, 9000, "")
    assert (near.peer_index, far.peer_index) == (far.index, near.index)
    assert near.up
    assert far.up
    assert far.operational
    # The near end sends at once; that it is called operational comes a moment later.
    until(lambda: world.look()[HOST].links["moor0"].operational)


def test_a_pair_within_one_namespace(world: World) -> None:
    pair = Veth(NEAR, replace(FAR, space=HOST))
    world.carry_out(pair)

    assert world.missing((pair,)) == ()
    assert world.look()[HOST].links["eth0"].operational


def test_a_pair_whose_mac_the_kernel_chooses(world: World) -> None:
    pair = Veth(replace(NEAR, mac=""), replace(FAR, mac=""))
    world.carry_out(pair)
    world.carry_out(pair)

    assert world.missing((pair,)) == ()


@pytest.mark.parametrize(
    "other",
    [
        Veth(replace(NEAR, name="moor1"), replace(FAR, mac="02:00:00:00:00:99")),
        Veth(replace(NEAR, mac="02:00:00:00:00:99"), replace(FAR, name="eth1")),
        Veth(replace(NEAR, name="moor1"), FAR),
        Veth(NEAR, replace(FAR, name="eth1")),
        Veth(replace(NEAR, alias="lab:pod:2"), FAR),
    ],
    ids=["far-taken", "near-taken", "far-ours", "near-ours", "another-owner"],
)
def test_a_name_that_another_link_has_is_refused(world: World, other: Veth) -> None:
    world.carry_out(PAIR)
    before = world.look()
    refusal = world.refusal(
        other, Address(POD, other.far.name, ip_interface("10.0.0.66/32"))
    )

    assert (refusal.fact, refusal.errno) == (other, EEXIST)
    assert world.look()[POD].addresses == before[POD].addresses
    assert world.look()[HOST].links.keys() == before[HOST].links.keys()


def test_taking_back_a_refused_pair_spares_the_stranger(world: World) -> None:
    world.carry_out(PAIR)
    other = Veth(replace(NEAR, mac="02:00:00:00:00:99"), replace(FAR, name="eth1"))
    world.refusal(other)

    assert world.take_back(other) == ()
    assert world.missing((PAIR,)) == ()


def test_a_pair_left_half_made_is_completed(world: World) -> None:
    world.carry_out(replace(PAIR, near=replace(NEAR, alias="", mtu=1500)))
    assert world.missing((PAIR,)) == (PAIR,)
    world.carry_out(PAIR, *CABLES[2:])

    assert world.missing(CABLES[1:]) == ()


def test_an_index_that_is_taken_is_refused(world: World) -> None:
    refusal = world.refusal(Veth(replace(NEAR, index=1), FAR))

    assert refusal.errno in {EBUSY, EEXIST}  # as the peer, as the device


@pytest.mark.parametrize(
    "fact",
    [
        LinkUp(POD, "none"),
        Address(POD, "none", ip_interface("10.0.0.5/32")),
        Route(POD, ip_network("10.0.0.5/32"), "none"),
        Neighbour(POD, "none", ROUTER, NEAR.mac),
    ],
)
def test_a_fact_about_an_absent_link_is_refused(world: World, fact: Fact) -> None:
    refusal = world.refusal(LinkUp(POD, "lo"), fact)

    assert (refusal.fact, refusal.errno) == (fact, ENODEV)
    assert world.take_back(fact) == ()


@pytest.mark.parametrize(
    ("destination", "gateway", "errno"),
    [
        ("0.0.0.0/0", ROUTER, ENETUNREACH),
        ("::/0", ip_address("fd00::1"), EHOSTUNREACH),
    ],
)
def test_a_gateway_that_is_not_on_the_link_needs_onlink(
    world: World, destination: str, gateway: port.Fact, errno: int
) -> None:
    world.carry_out(PAIR)
    route = Route(POD, ip_network(destination), "eth0", gateway)
    refusal = world.refusal(route)

    assert (refusal.fact, refusal.errno) == (route, errno)
    assert str(errno) in str(refusal)


def test_the_kernel_finds_the_link_of_a_gateway(world: World) -> None:
    world.carry_out(PAIR, Address(POD, "eth0", ip_interface("10.0.0.5/24")))
    route = Route(POD, ip_network("0.0.0.0/0"), gateway=ip_address("10.0.0.1"))
    world.carry_out(route)

    assert world.missing((route,)) == ()
    assert replace(route, link="eth0") in world.look()[POD].routes
    assert world.take_back(route) == ()
    assert world.missing((route,)) == (route,)


def test_a_route_takes_the_place_of_another_to_the_same_destination(
    world: World,
) -> None:
    old = Route(HOST, ip_network("10.9.0.0/16"), kind="blackhole", table=1000)
    new = Route(HOST, ip_network("10.9.0.0/16"), "moor0", table=1000)
    world.carry_out(PAIR, old)
    world.carry_out(new)

    assert world.missing((old, new)) == (old,)


@pytest.mark.parametrize("network", ["10.9.0.0/16", "fd09::/16"])
def test_a_route_that_is_gone_is_not_taken_for_another(
    world: World, network: str
) -> None:
    there = Route(HOST, ip_network(network), "moor0", table=7)
    gone = Route(HOST, ip_network(network), kind="unreachable", table=7)
    world.carry_out(PAIR, there)

    assert world.take_back(gone) == ()
    assert world.missing((there,)) == ()
    world.carry_out(gone)
    assert world.take_back(there) == ()
    assert world.missing((there, gone)) == (there,)


def test_a_neighbour_gets_a_new_mac(world: World) -> None:
    old = Neighbour(POD, "eth0", ROUTER, NEAR.mac)
    new = replace(old, mac="02:00:00:00:00:AA")
    world.carry_out(PAIR, old, new)

    assert world.missing((old, new)) == (old,)


def test_of_rules_with_one_priority_only_the_given_one_goes(world: World) -> None:
    plain = Rule(HOST, 200, 4, 1000)
    rules = (
        replace(plain, mark=0x10000, mask=0x7F0000),
        replace(plain, suppress_prefixlength=31),
        plain,
        replace(plain, mark=0x20000, mask=0x7F0000),
    )
    world.carry_out(*rules)
    assert world.missing(rules) == ()

    assert world.take_back(plain) == ()
    assert world.missing(rules) == (plain,)


def test_a_rule_that_is_gone_is_not_taken_for_another(world: World) -> None:
    plain = Rule(HOST, 200, 4, 1000)
    marked = replace(plain, mark=0x10000, mask=0x7F0000)
    world.carry_out(marked)
    world.take_back(plain)
    assert world.missing((plain, marked)) == (plain,)
    world.carry_out(plain)

    assert world.missing((plain, marked)) == ()
    world.take_back(marked)
    assert world.missing((plain, marked)) == (marked,)


def test_a_local_route_makes_a_whole_network_ours(world: World) -> None:
    route = Route(HOST, ip_network("10.77.0.0/16"), "lo", kind="local", table=255)
    world.carry_out(LinkUp(HOST, "lo"), route)

    assert world.missing((route,)) == ()


def test_link_up_sets_the_mtu(world: World) -> None:
    world.carry_out(PAIR, LinkUp(POD, "eth0", 1400))

    assert world.look()[POD].links["eth0"].mtu == 1400
    assert world.missing((LinkUp(POD, "eth0", 1500),)) != ()


@pytest.mark.parametrize(
    ("key", "errno"),
    [
        ("net/ipv4/../../kernel/panic", EINVAL),
        ("/etc/passwd", EINVAL),
        ("net/ipv4/conf/none/rp_filter", ENOENT),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(
    world: World, key: str, errno: int
) -> None:
    fact = Sysctl(HOST, key, "1")
    refusal = world.refusal(fact)

    assert (refusal.fact, refusal.errno) == (fact, errno)


def test_a_link_is_looked_at_by_name(world: World) -> None:
    world.carry_out(PAIR)
    link = world.kernel.link(world.spaces[HOST], "moor0")

    assert link is not None
    assert (link.name, link.mac) == ("moor0", NEAR.mac)
    assert world.kernel.link(world.spaces[HOST], "none") is None
    assert set(world.kernel.links(world.spaces[HOST])) == {"lo", "moor0"}


def test_links_are_deleted_by_name_with_their_twins(world: World) -> None:
    host = world.spaces[HOST]
    for i in range(3):
        world.carry_out(
            Veth(replace(NEAR, name=f"moor{i}"), replace(FAR, name=f"eth{i}"))
        )
    world.kernel.delete_links(host, ["moor0"])
    world.kernel.delete_links(host, [])
    assert set(world.look()[POD].links) == {"lo", "eth1", "eth2"}
    world.kernel.delete_links(host, ["moor0", "moor1", "moor2", "none"])

    assert set(world.look()[HOST].links) == {"lo"}
    assert set(world.look()[POD].links) == {"lo"}


def test_links_are_deleted_by_group(world: World) -> None:
    host = world.spaces[HOST]
    for i in range(3):
        world.carry_out(
            Veth(replace(NEAR, name=f"moor{i}"), replace(FAR, name=f"eth{i}"))
        )
    assert world.kernel.set_group(host, "moor0", 9)
    assert world.kernel.set_group(host, "moor2", 9)
    assert not world.kernel.set_group(host, "none", 9)
    world.kernel.delete_group(host, 9)
    world.kernel.delete_group(host, 9)

    assert set(world.look()[HOST].links) == {"lo", "moor1"}


def test_group_0_is_everybodys(world: World) -> None:
    with pytest.raises(ValueError, match="group 0"):
        world.kernel.delete_group(world.spaces[HOST], 0)


def test_many_pairs_are_taken_back_at_once(world: World) -> None:
    pairs = [
        Veth(replace(NEAR, name=f"moor{i}"), replace(FAR, name=f"eth{i}"))
        for i in range(20)
    ]
    world.carry_out(*pairs)
    assert world.missing(tuple(pairs)) == ()

    assert world.take_back(*pairs) == ()
    assert set(world.look()[HOST].links) == {"lo"}


def test_the_end_of_a_namespace_ends_its_pairs(world: World) -> None:
    world.carry_out(*CABLES)
    world.namespaces.close(world.fds.pop(POD))
    world.namespaces.delete(world.names[POD])
    del world.spaces[POD]
    # The kernel takes namespaces apart in its own time.
    until(lambda: "moor0" not in world.look()[HOST].links)

    assert set(world.look()[HOST].links) == {"lo"}
    assert world.take_back(*CABLES) == ()
