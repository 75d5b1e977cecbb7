"""Chores: what is lacking is made, what is strange goes, what is the kernel's or a guest's stays."""

from dataclasses import replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

import pytest

from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Veth,
)
from mooring.core.linux.seen import Link, Seen
from mooring.core.vcn.packets.upkeep import Chores, alike, changes, chores

HERE, THERE = "router", "node"
PORT = "v0123456789"
OTHER = "vabcdef0123"
PAIR = Veth(
    End(HERE, PORT, "00:00:17:00:00:01", 9000, alias="vnic"),
    End(THERE, "ens3", "02:00:17:00:00:01", 9000),
)
ONE = IPv4Address("10.0.1.5")
NEIGHBOUR = Neighbour(HERE, PORT, ONE, "02:00:17:00:00:01")
ROUTE = Route(HERE, IPv4Network("10.0.1.5/32"), PORT, ONE, onlink=True)
NOWHERE = Route(HERE, IPv4Network("10.0.0.0/16"), kind="blackhole")
ADDRESS = Address(HERE, "lo", IPv4Interface("10.0.1.1/32"))
RULE = Rule(HERE, 1000, 4, 77, mark=77, mask=0xFFFFFFFF)
GUEST = IPv6Address("fe80::17ff:fe00:1")
NEIGHBOUR6 = Neighbour(HERE, PORT, GUEST, "02:00:17:00:00:01")
ROUTE6 = Route(HERE, IPv6Network("2001:db8::a/128"), PORT, GUEST)
ON_LINK6 = Route(HERE, IPv6Network("fe80::17ff:fe00:1/128"), PORT)
NOWHERE6 = Route(HERE, IPv6Network("2001:db8::/56"), kind="blackhole")
ADDRESS6 = Address(HERE, PORT, IPv6Interface("fe80::1/128"))
RULE6 = replace(RULE, family=6)
FOUR: Plan = (ADDRESS, PAIR, NEIGHBOUR, NOWHERE, ROUTE, RULE)
SIX: Plan = (ADDRESS6, NEIGHBOUR6, ON_LINK6, NOWHERE6, ROUTE6, RULE6)
FACTS: Plan = (*FOUR, *SIX)
LINK = Link(
    name=PORT,
    index=5,
    mac="00:00:17:00:00:01",
    mtu=9000,
    up=True,
    operational=True,
    kind="veth",
    peer_index=2,
    alias="vnic",
    group=0,
)
LOOPBACK = replace(LINK, name="lo", mac="", kind="loopback", alias="")
KERNELS = (
    Address(HERE, "lo", IPv4Interface("127.0.0.1/8")),
    Address(HERE, "lo", IPv6Interface("::1/128")),
    Route(HERE, IPv6Network("fe80::1/128"), PORT),
    Route(HERE, IPv6Network("::1/128"), "lo"),
    Rule(HERE, 32766, 4, 254),
    Rule(HERE, 32766, 6, 254),
)


def a_look(
    *changes: Fact, without: tuple[Fact, ...] = (), links: tuple[Link, ...] = ()
) -> Seen:
    """What a whole namespace shows, with some facts more and some fewer."""
    shown = [f for f in (*FACTS, *KERNELS, *changes) if f not in without]
    return Seen(
        HERE,
        {link.name: link for link in (LOOPBACK, LINK, *links)},
        frozenset(f for f in shown if isinstance(f, Address)),
        frozenset(f for f in shown if isinstance(f, Route)),
        frozenset(f for f in shown if isinstance(f, Rule)),
        frozenset(f for f in shown if isinstance(f, Neighbour)),
    )


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert chores(FACTS, a_look()) == Chores()


LOSABLE = [fact for fact in FACTS if fact is not PAIR]


@pytest.mark.parametrize("lost", LOSABLE, ids=str)
def test_what_is_lost_is_made_again(lost: Fact) -> None:
    assert chores(FACTS, a_look(without=(lost,))) == Chores(make=(lost,))


def test_a_lost_pair_is_made_again() -> None:
    seen = replace(a_look(), links={"lo": LOOPBACK})

    assert chores(FACTS, seen).make == (PAIR,)


@pytest.mark.parametrize(
    "changed",
    [replace(LINK, up=False), replace(LINK, mtu=1400), replace(LINK, alias="")],
)
def test_our_end_is_raised_without_a_word_to_the_guest(changed: Link) -> None:
    seen = a_look(links=(changed,))

    assert chores(FACTS, seen) == Chores(make=(LinkUp(HERE, PORT, 9000),))


def test_the_far_end_is_raised_where_it_is_seen() -> None:
    there = replace(LINK, name="ens3", mac="02:00:17:00:00:01", up=False, alias="")
    seen = Seen(THERE, {"ens3": there})

    assert chores((PAIR,), seen) == Chores(make=(LinkUp(THERE, "ens3", 9000),))


@pytest.mark.parametrize(
    "impostor",
    [replace(LINK, mac="02:00:00:00:00:09"), replace(LINK, kind="dummy")],
)
def test_an_impostor_makes_room(impostor: Link) -> None:
    assert chores(FACTS, a_look(links=(impostor,))) == Chores(
        (PORT,), (PAIR, NEIGHBOUR, ROUTE, ADDRESS6, NEIGHBOUR6, ON_LINK6, ROUTE6)
    )


def test_a_pair_that_nobody_wants_goes_with_what_is_on_it() -> None:
    stray = replace(LINK, name=OTHER)
    on_it = Route(HERE, IPv4Network("10.0.1.9/32"), OTHER, ONE, onlink=True)

    assert chores(FACTS, a_look(on_it, links=(stray,))) == Chores(unplug=(OTHER,))


def test_a_link_of_another_maker_stays() -> None:
    tun = replace(LINK, name="tun0", kind="tun")

    assert chores(FACTS, a_look(links=(tun,))) == Chores()


@pytest.mark.parametrize(
    "surplus",
    [
        replace(ADDRESS, address=IPv4Interface("10.0.9.1/32")),
        replace(NEIGHBOUR, address=IPv4Address("10.0.9.9")),
        replace(ROUTE, destination=IPv4Network("10.0.9.9/32")),
        replace(ROUTE, table=99),
        replace(RULE, mark=5),
        replace(RULE, priority=1),
        replace(ADDRESS6, address=IPv6Interface("2001:db8::9/128")),
        replace(NEIGHBOUR6, address=IPv6Address("2001:db8::9")),
        replace(ROUTE6, destination=IPv6Network("2001:db8::9/128")),
        replace(ROUTE6, table=99),
        replace(ON_LINK6, destination=IPv6Network("fe80::9/128")),
        replace(RULE6, mark=5),
    ],
    ids=str,
)
def test_what_nobody_wants_goes(surplus: Fact) -> None:
    assert chores(FACTS, a_look(surplus)) == Chores(remove=(surplus,))


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        (NEIGHBOUR, replace(NEIGHBOUR, mac="02:00:17:00:00:99")),
        (ROUTE, replace(ROUTE, gateway=IPv4Address("10.0.1.6"))),
        (NOWHERE, replace(NOWHERE, kind="unreachable")),
        (NEIGHBOUR6, replace(NEIGHBOUR6, mac="02:00:17:00:00:99")),
        (ROUTE6, replace(ROUTE6, source=IPv6Address("fe80::1"))),
    ],
    ids=str,
)
def test_what_stands_in_a_wanted_place_is_replaced_not_removed(
    wanted: Fact, other: Fact
) -> None:
    assert chores(FACTS, a_look(other, without=(wanted,))) == Chores(make=(wanted,))


@pytest.mark.parametrize(
    "other",
    [
        replace(ROUTE6, gateway=IPv6Address("fe80::9")),
        replace(ROUTE6, kind="blackhole", link=None, gateway=None),
    ],
    ids=str,
)
def test_of_ipv6_routes_to_one_network_all_but_the_wanted_one_go(other: Route) -> None:
    """The kernel may keep both: it replaces a route only by one of its own kind."""
    assert chores(FACTS, a_look(other, without=(ROUTE6,))) == Chores(
        make=(ROUTE6,), remove=(other,)
    )


def test_a_plan_that_stays_is_no_work() -> None:
    again = tuple(replace(fact) for fact in FACTS)

    assert changes(HERE, FACTS, FACTS) == changes(HERE, FACTS, again) == Chores()


def test_what_came_is_made_and_what_went_is_removed() -> None:
    other = replace(ROUTE, destination=IPv4Network("10.0.1.6/32"))

    assert changes(HERE, (PAIR, ROUTE), (PAIR, other)) == Chores(
        make=(other,), remove=(ROUTE,)
    )


def test_what_the_kernel_replaces_is_only_made() -> None:
    moved = replace(ROUTE, link=OTHER)

    assert changes(HERE, FACTS, (*FACTS[:4], moved, *FACTS[5:])) == Chores(
        make=(moved,)
    )


def test_a_fact_that_is_said_twice_stays_when_it_is_said_once() -> None:
    assert changes(HERE, (ROUTE, replace(ROUTE)), (ROUTE,)) == Chores()


def test_a_pair_that_came_is_made_where_it_begins() -> None:
    alone = (PAIR, NEIGHBOUR, ROUTE)

    assert changes(HERE, (), alone) == Chores(make=alone)
    assert changes(THERE, (), alone) is None


def test_a_pair_that_went_takes_all_that_is_on_it() -> None:
    rest = (ADDRESS, NOWHERE, NOWHERE6)

    assert changes(HERE, (*rest, PAIR, NEIGHBOUR, ROUTE, ADDRESS6), rest) == Chores(
        unplug=(PORT,)
    )


def test_a_rule_that_went_is_removed() -> None:
    assert changes(HERE, (RULE, RULE6), (RULE,)) == Chores(remove=(RULE6,))


def test_a_pair_that_is_made_anew_takes_a_look() -> None:
    other = replace(PAIR, far=replace(PAIR.far, mac="02:00:17:00:00:02"))

    assert changes(HERE, FACTS, (ADDRESS, other)) is None


@pytest.mark.parametrize("gone", [ADDRESS, ADDRESS6, LinkUp(HERE, "lo")])
def test_an_address_or_link_that_is_no_longer_wanted_takes_a_look(gone: Fact) -> None:
    assert changes(HERE, (PAIR, gone), (PAIR,)) is None


def test_looks_that_differ_by_what_was_sent_are_alike() -> None:
    busy = replace(LINK, rx_packets=7, tx_packets=9)
    one, other = Seen(HERE, {PORT: LINK}), Seen(HERE, {PORT: busy})

    assert alike(one, other)
    assert alike(one, replace(other, raw={1: (b"",)}))


@pytest.mark.parametrize(
    "other",
    [
        Seen(HERE, {PORT: replace(LINK, mtu=1500)}),
        Seen(HERE, {PORT: LINK}, addresses=frozenset({ADDRESS})),
        Seen(HERE, {PORT: LINK}, routes=frozenset({ROUTE})),
        Seen(HERE, {PORT: LINK}, rules=frozenset({RULE})),
        Seen(HERE, {PORT: LINK}, neighbours=frozenset({NEIGHBOUR})),
    ],
)
def test_looks_that_differ_in_anything_else_are_not(other: Seen) -> None:
    assert not alike(Seen(HERE, {PORT: LINK}), other)
