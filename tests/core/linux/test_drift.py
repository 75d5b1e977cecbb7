"""What of a plan does not hold: every way of being untrue is found, nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from core.linux.facts import a_link

from mooring.core.linux.drift import backwards, holds, is_pair, missing
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
from mooring.core.linux.seen import Link, Seen

NEAR = End(HOST, "moor0", "02:00:00:00:00:0A", 9000, alias="lab")
FAR = End(POD, "eth0", "02:00:00:00:00:0b", 9000)
PAIR = Veth(NEAR, FAR)
NEAR_LINK = a_link("moor0", index=5, peer_index=2, mac=NEAR.mac.lower(), alias="lab")
FAR_LINK = a_link("eth0", index=2, peer_index=5, mac=FAR.mac)
ADDRESS = Address(POD, "eth0", ip_interface("10.0.0.5/32"))
ROUTE = Route(HOST, ip_network("10.0.0.5/32"), "moor0")
DEFAULT = Route(POD, ip_network("0.0.0.0/0"), gateway=ip_address("10.0.0.1"))
HOLE = Route(HOST, ip_network("10.9.0.0/16"), kind="blackhole")
RULE = Rule(HOST, 100, 4, 1000, mark=5)
NEIGHBOUR = Neighbour(POD, "eth0", ip_address("169.254.1.1"), "02:00:00:00:00:0A")
SETTING = Sysctl(HOST, "net/ipv4/ip_forward", "1")
PLAN: Plan = (
    PAIR,
    LinkUp(POD, "eth0"),
    LinkUp(HOST, "moor0", 9000),
    ADDRESS,
    ROUTE,
    DEFAULT,
    HOLE,
    RULE,
    NEIGHBOUR,
    SETTING,
)
SEEN = {
    HOST: Seen(
        HOST,
        links={"moor0": NEAR_LINK},
        routes=frozenset({ROUTE, HOLE}),
        rules=frozenset({replace(RULE, mask=0xFFFFFFFF)}),
    ),
    POD: Seen(
        POD,
        links={"eth0": FAR_LINK},
        addresses=frozenset({ADDRESS}),
        routes=frozenset({replace(DEFAULT, link="eth0")}),
        neighbours=frozenset({replace(NEIGHBOUR, mac=NEIGHBOUR.mac.lower())}),
    ),
}


def with_link(space: str, link: Link) -> dict[str, Seen]:
    return {**SEEN, space: replace(SEEN[space], links={link.name: link})}


def test_what_is_seen_as_planned_holds() -> None:
    assert missing(PLAN, SEEN) == ()


def test_of_nothing_seen_everything_is_missing_in_the_plan_s_order() -> None:
    assert missing(PLAN, {HOST: Seen(HOST), POD: Seen(POD)}) == PLAN[:-1]


def test_a_namespace_that_was_not_looked_at_is_not_judged() -> None:
    assert missing(PLAN, {}) == ()


def test_backwards_is_the_reverse() -> None:
    assert backwards(PLAN) == tuple(reversed(PLAN))


@pytest.mark.parametrize(
    "link",
    [
        replace(NEAR_LINK, kind="dummy"),
        replace(NEAR_LINK, mac="02:00:00:00:00:99"),
        replace(NEAR_LINK, mtu=1500),
        replace(NEAR_LINK, alias=""),
        replace(NEAR_LINK, up=False),
        replace(NEAR_LINK, peer_index=9),
        replace(NEAR_LINK, name="other"),
    ],
    ids=["kind", "mac", "mtu", "alias", "down", "another's twin", "absent"],
)
def test_a_near_end_that_is_not_as_planned(link: Link) -> None:
    assert missing((PAIR,), with_link(HOST, link)) == (PAIR,)


@pytest.mark.parametrize(
    "link",
    [
        replace(FAR_LINK, kind="dummy"),
        replace(FAR_LINK, mac="02:00:00:00:00:99"),
        replace(FAR_LINK, up=False),
        replace(FAR_LINK, index=9),
        replace(FAR_LINK, name="other"),
    ],
    ids=["kind", "mac", "down", "another's twin", "absent"],
)
def test_a_far_end_that_is_not_as_planned(link: Link) -> None:
    assert missing((PAIR,), with_link(POD, link)) == (PAIR,)


@pytest.mark.parametrize("link", [replace(FAR_LINK, mtu=1400, alias="mine")])
def test_who_lives_at_the_far_end_may_lower_its_mtu(link: Link) -> None:
    assert missing((PAIR,), with_link(POD, link)) == ()


def test_each_end_is_judged_alone_when_the_other_was_not_looked_at() -> None:
    for space, other in ((HOST, POD), (POD, HOST)):
        alone = {space: SEEN[space]}
        assert missing((PAIR,), alone) == ()
        assert missing((PAIR,), {space: Seen(space)}) == (PAIR,)
        assert missing((PAIR,), {**alone, other: Seen(other)}) == (PAIR,)


def test_a_mac_that_was_left_to_the_kernel_fits() -> None:
    pair = Veth(replace(NEAR, mac=""), replace(FAR, mac=""))

    assert missing((pair,), SEEN) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (NEAR_LINK, FAR_LINK, True),
        (replace(NEAR_LINK, alias=""), FAR_LINK, True),
        (replace(NEAR_LINK, mtu=1, up=False), replace(FAR_LINK, mtu=1, up=False), True),
        (replace(NEAR_LINK, alias="other"), FAR_LINK, False),
        (replace(NEAR_LINK, peer_index=3), FAR_LINK, False),
        (NEAR_LINK, replace(FAR_LINK, peer_index=3), False),
        (replace(NEAR_LINK, mac="02:00:00:00:00:99"), FAR_LINK, False),
        (NEAR_LINK, replace(FAR_LINK, mac="02:00:00:00:00:99"), False),
    ],
)
def test_a_pair_is_known_by_its_macs_its_twins_and_its_alias(
    one: Link, other: Link, *, same: bool
) -> None:
    assert is_pair(PAIR, one, other) is same


@pytest.mark.parametrize(
    "fact",
    [
        LinkUp(POD, "none"),
        LinkUp(HOST, "moor0", 1500),
        replace(ADDRESS, link="eth1"),
        replace(ADDRESS, address=ip_interface("10.0.0.5/24")),
        replace(ROUTE, table=5),
        replace(ROUTE, link=None, table=5),
        replace(ROUTE, source=ip_address("10.0.0.9")),
        replace(DEFAULT, link="eth1"),
        replace(DEFAULT, gateway=ip_address("10.0.0.2")),
        replace(HOLE, kind="unreachable"),
        replace(RULE, mask=0xFF),
        replace(RULE, mark=None),
        replace(RULE, priority=101),
        replace(NEIGHBOUR, mac="02:00:00:00:00:99"),
        replace(NEIGHBOUR, address=ip_address("169.254.1.2")),
    ],
)
def test_a_fact_that_differs_in_one_thing_is_missing(fact: Fact) -> None:
    assert not holds(fact, SEEN)


def test_a_link_that_is_down_is_not_up() -> None:
    seen = with_link(POD, replace(FAR_LINK, up=False))

    assert not holds(LinkUp(POD, "eth0"), seen)


@pytest.mark.parametrize(
    ("fact", "seen_as"),
    [
        (replace(HOLE, link="lo"), HOLE),
        (replace(ROUTE, link=None), ROUTE),
    ],
)
def test_the_link_of_a_route_is_the_kernel_s_to_find(
    fact: Route, seen_as: Route
) -> None:
    seen = {HOST: Seen(HOST, routes=frozenset({seen_as}))}

    assert holds(fact, seen)


def test_a_rule_without_a_mark_is_compared_as_it_is() -> None:
    rule = Rule(HOST, 100, 4, 254, suppress_prefixlength=31)
    seen = {HOST: Seen(HOST, rules=frozenset({rule}))}

    assert holds(rule, seen)


def only_near(change: Callable[[Link], Link]) -> dict[str, Seen]:
    return {HOST: with_link(HOST, change(NEAR_LINK))[HOST]}


def test_a_pair_within_one_namespace_is_judged_by_both_ends() -> None:
    pair = Veth(NEAR, replace(FAR, space=HOST))
    seen = {HOST: Seen(HOST, links={"moor0": NEAR_LINK, "eth0": FAR_LINK})}

    assert missing((pair,), seen) == ()
    assert missing((pair,), only_near(lambda link: link)) == (pair,)
