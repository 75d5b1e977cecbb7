"""Ours by name or number, and wanted by nobody: that is a stray; nothing else is."""

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from core.wiring.cables import an_uplink

from mooring.core.linux.plan import HOST, Fact, Route, Rule
from mooring.core.linux.seen import Seen
from mooring.core.wiring import vnic
from mooring.core.wiring.strays import is_set_up, strays

OURS = Rule(HOST, 510, 4, 7009, mark=0x90000, mask=0x7F0000)
TABLE = Route(HOST, IPv4Network("0.0.0.0/0"), "ens5", table=7009)
POD = Route(HOST, IPv4Network("10.0.8.7/32"), "moor1")
THEIRS = (
    Rule(HOST, 510, 4, 7009, mark=0x90000, mask=0xFF0000),
    Rule(HOST, 511, 4, 7009, mark=0x90000, mask=0x7F0000),
    Rule(HOST, 500, 4, 254, suppress_prefixlength=31),
    Route(HOST, IPv4Network("0.0.0.0/0"), "ens5", table=7127),
    Route(HOST, IPv4Network("10.0.8.7/32"), "ens5"),
    Route(HOST, IPv4Network("10.0.8.0/24"), "moor1"),
    Route(HOST, IPv4Network("10.0.8.7/32"), "moor1", table=255),
    Route(HOST, IPv6Network("fe80::/64"), "moor1"),
    Route(HOST, IPv4Network("10.0.8.7/32"), None),
)


def seen(*facts: Fact) -> Seen:
    return Seen(
        HOST,
        routes=frozenset(f for f in facts if isinstance(f, Route)),
        rules=frozenset(f for f in facts if isinstance(f, Rule)),
    )


def test_what_is_ours_and_unwanted_is_a_stray() -> None:
    assert set(strays(seen(OURS, TABLE, POD), ())) == {OURS, TABLE, POD}


def test_what_is_wanted_stays() -> None:
    assert strays(seen(OURS, TABLE, POD), (POD, TABLE, OURS)) == ()


def test_what_is_not_ours_stays() -> None:
    assert strays(seen(*THEIRS), ()) == ()


def test_a_vnics_own_cables_are_no_strays_of_it() -> None:
    plan = vnic.plan(an_uplink())

    assert strays(seen(*plan), plan) == ()


def test_an_agent_that_worked_here_has_left_rules_or_links() -> None:
    nothing = Seen(HOST, {}, frozenset(), frozenset(), frozenset(), frozenset())

    assert not is_set_up(nothing)
    assert is_set_up(replace(nothing, rules=frozenset({OURS})))
