"""Cables cast from moulds: the same messages, the same kernel, the same refusals."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from errno import EEXIST, ENETUNREACH
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_interface

import pytest
from core.wiring.cables import a_lease, a_pod
from hypothesis import given
from hypothesis import strategies as st

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.netlink.casting import NUMBERS, Moulds, Rehearsal
from mooring.adapters.netlink.conversation import Conversations
from mooring.core.ipam.ledger import Lease
from mooring.core.linux import rtdump, wire
from mooring.core.linux.drift import missing
from mooring.core.linux.mould import Alike
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    LinkUp,
    Plan,
    Route,
    Sysctl,
    Veth,
)
from mooring.core.linux.port import KernelError
from mooring.core.npn.record import Pair
from mooring.core.wiring import pod

NAMES = [f"ca{os.getpid()}-{word}" for word in (HOST, POD)]
SPACES = {HOST: None, POD: 0}
FOUR, SIX = IPv4Address("10.0.8.5"), IPv6Address("fd00:8::5")
PAIRS = (Pair(FOUR), Pair(None, SIX), Pair(FOUR, SIX))

words = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=64)
fours = st.ip_addresses(v=4).map(lambda a: IPv4Address(int(a)))
sixes = st.ip_addresses(v=6).map(lambda a: IPv6Address(int(a)))
pairs = st.builds(Pair, fours) | st.builds(Pair, fours | st.none(), sixes)
leases = st.builds(
    a_lease,
    words.map(a_pod),
    pairs,
    words.map("/run/netns/{}".format),
)


@given(leases, st.integers(1280, 9216))
def test_a_mould_says_what_the_walk_says(lease: Lease, mtu: int) -> None:
    plan = pod.cables(lease, mtu)
    conversations = Conversations()
    try:
        casting = Moulds(conversations).made(plan, SPACES)
        walk = Rehearsal(conversations, SPACES)
        said = walk.all_of(plan)
    finally:
        conversations.close()
    values = (*plan.values, *map(wire.U32.pack, NUMBERS))

    assert casting is not None
    assert [batch.space for batch in casting.batches] == [POD, HOST]
    assert [batch.mould.cast(5, values) for batch in casting.batches] == [
        b"".join(wire.framed([message for _, message in some], 5)) for _, some in said
    ]
    assert [[plan.facts[at] for at in b.facts] for b in casting.batches] == [
        [fact for fact, _ in some] for _, some in said
    ]
    assert casting.settings == tuple(f for f in plan if isinstance(f, Sysctl))
    assert casting.late is (lease.addresses.v6 is not None)


def test_what_differs_in_more_than_it_says_has_no_mould() -> None:
    plan = pod.cables(a_lease(), 9000)
    more = (*plan, LinkUp(POD, "other"))
    setting = (Sysctl(POD, "net/ipv4/ip_forward", "1"), *plan)
    conversations = Conversations()
    made = Moulds(conversations).made
    try:
        for facts, link in ((more, plan.link), (setting, plan.link), (plan.facts, "x")):
            lay = partial(tuple, facts)
            foreign = Alike(lay, plan.shape, link, plan.values, plan.sample)
            assert made(foreign, SPACES) is None
        assert made(plan, SPACES) is not None
    finally:
        conversations.close()


class World:
    """A node's namespace with a kernel that lives in it, and a pod's."""

    def __init__(self, kernel: Kernel, fd: int) -> None:
        self.kernel, self.spaces = kernel, {HOST: None, POD: fd}

    def lay(self, plan: Iterable[Fact]) -> None:
        self.kernel.carry_out(plan, self.spaces)

    def missing(self, plan: Iterable[Fact]) -> Plan:
        look = self.kernel.look
        return missing(
            tuple(plan), {word: look(word, fd) for word, fd in self.spaces.items()}
        )

    def index(self, name: str) -> int:
        link = self.kernel.link(None, name)
        assert link is not None
        return link.index


@pytest.fixture
def world() -> Iterator[World]:
    fds = []
    try:
        for name in NAMES:
            netns.create(name)
            fds.append(netns.open_fd(name))
        with netns.inside(fds[0]), Kernel() as kernel:
            yield World(kernel, fds[1])
    finally:
        for fd in fds:
            netns.close(fd)
        for name in NAMES:
            with suppress(OSError):
                netns.delete(name)


@pytest.mark.parametrize("addresses", PAIRS, ids=str)
def test_cast_cables_hold(world: World, addresses: Pair) -> None:
    plan = pod.cables(a_lease(addresses=addresses), 9000)
    world.lay(plan)

    assert world.missing(plan) == ()
    # The pair is there by now: it is taken for the plan's, and what is lacking is made.
    assert world.kernel.take_back(pod.ways_in(plan.facts), world.spaces) == ()
    world.lay(plan)
    assert world.missing(plan) == ()


class Slow(socket.socket):
    """A netlink socket whose first answers say of links that their carrier's work is not done."""

    late = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        done = wire.attribute(rtdump.OPERATIONAL, bytes([rtdump.OPERATIONAL_UP]))
        if done in data and type(self).late:
            type(self).late -= 1
            return data.replace(done, wire.attribute(rtdump.OPERATIONAL, b"\0"))
        return data


@pytest.mark.parametrize("addresses", PAIRS, ids=str)
def test_an_end_whose_carrier_comes_late_is_waited_for(
    world: World, addresses: Pair
) -> None:
    Slow.late = 3
    with Kernel(
        dial=lambda: Slow(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    ) as kernel:
        kernel.carry_out(pod.cables(a_lease(addresses=addresses), 9000), world.spaces)

    assert Slow.late == 0


def test_a_stranger_s_link_refuses_the_pair_and_nothing_is_made(world: World) -> None:
    plan = pod.cables(a_lease(), 9000)
    veth = next(fact for fact in plan if isinstance(fact, Veth))
    theirs = Veth(End(HOST, "other", "", 1500), End(POD, veth.far.name, "", 1500))
    world.lay((theirs,))
    world.lay((LinkUp(POD, "lo"),))
    before = world.kernel.look(POD, world.spaces[POD])
    with pytest.raises(KernelError) as caught:
        world.lay(plan)
    after = world.kernel.look(POD, world.spaces[POD])

    assert (caught.value.fact, caught.value.errno) == (veth, EEXIST)
    assert world.kernel.link(None, veth.near.name) is None
    assert (after.addresses, after.routes) == (before.addresses, before.routes)


def test_a_refusal_names_its_fact(world: World) -> None:
    plan = pod.cables(a_lease(), 9000)
    # Laid with its shape and values, but a way out that nobody knows.
    lost = next(f for f in plan if isinstance(f, Route) and f.gateway is not None)
    broken = replace(lost, gateway=IPv4Address("10.99.0.1"), onlink=False)

    def without(whole: Alike) -> Alike:
        facts = tuple(broken if fact == lost else fact for fact in whole)
        return Alike(
            lambda: facts,
            "broken",
            whole.link,
            whole.values,
            lambda: without(whole.sample()),
        )

    with pytest.raises(KernelError) as caught:
        world.lay(without(plan))

    assert (caught.value.fact, caught.value.errno) == (broken, ENETUNREACH)


def test_ways_in_are_found_again_by_another_number(world: World) -> None:
    """What is remembered of a link may be of one that is gone."""
    plan = pod.cables(a_lease(), 9000)
    near = next(fact for fact in plan if isinstance(fact, Veth)).near
    world.lay(plan)
    first = world.index(near.name)
    world.kernel.delete_links(None, [near.name])
    with Kernel() as another:
        another.carry_out(plan, world.spaces)
    assert world.index(near.name) != first
    refused = world.kernel.take_back(pod.ways_in(plan.facts), world.spaces)

    assert refused == ()
    assert set(world.missing(plan)) == set(pod.ways_in(plan.facts))


def test_ways_in_of_a_link_that_is_gone_are_gone(world: World) -> None:
    plan = pod.cables(a_lease(), 9000)
    near = next(fact for fact in plan if isinstance(fact, Veth)).near
    world.lay(plan)
    world.kernel.delete_links(None, [near.name])

    assert world.kernel.take_back(pod.ways_in(plan.facts), world.spaces) == ()


def test_more_pods_than_are_remembered(world: World) -> None:
    plan = pod.cables(a_lease(), 9000)
    world.lay(plan)
    for number in range(5000):
        world.kernel._conversations.remember(f"moor{number}", number)

    assert world.kernel.take_back(pod.ways_in(plan.facts), world.spaces) == ()
    assert set(world.missing(plan)) == set(pod.ways_in(plan.facts))


def test_addresses_of_a_pod_that_has_them(world: World) -> None:
    """A second attachment of the same container, with a name and cables of its own."""
    first = pod.cables(a_lease(), 9000)
    other = a_lease(a_pod()._replace(ifname="net1"), Pair(IPv4Address("10.0.8.6")))
    second = tuple(
        fact
        for fact in pod.cables(other, 1500)
        if not (isinstance(fact, Route) and fact.space == POD)
    )
    world.lay(first)
    world.lay(second)

    assert world.missing((*first, *second)) == ()
    assert Address(POD, "net1", ip_interface("10.0.8.6/32")) in second
