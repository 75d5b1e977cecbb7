"""What is sent reads back as the fact it came from: the two halves of the codec agree."""

import struct
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from core.linux.facts import NAMES, SPACE, addresses, neighbours, routes, rules
from hypothesis import given

from mooring.core.linux import rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import (
    Address,
    End,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Veth,
)
from mooring.core.linux.wire import attributes

INDEX = {name: index for index, name in NAMES.items()}
NEAR = End("host", "moor0", "02:00:00:00:00:01", 9000, index=1000, alias="x", group=7)
FAR = End("pod", "eth0", "02:00:00:00:00:02", 8000, index=2)


def peer(body: bytes) -> bytes:
    info = attributes(attributes(body, rt.LINK_HEADER.size)[rt.LINK_INFO])
    return attributes(info[rt.INFO_DATA])[rt.VETH_PEER]


def about(body: bytes) -> tuple[int, int, dict[int, bytes]]:
    _, _, index, flags, _ = rt.LINK_HEADER.unpack_from(body)
    return index, flags, attributes(body, rt.LINK_HEADER.size)


@given(addresses)
def test_an_address_reads_back(fact: Address) -> None:
    message = rt.address(fact, INDEX[fact.link])

    assert message.kind == rt.NEW_ADDRESS
    assert rtdump.address(SPACE, NAMES, message.body) == fact
    removal = rt.address(fact, INDEX[fact.link], remove=True)
    assert removal == wire.Message(rt.DELETE_ADDRESS, 0, message.body)


@given(routes())
def test_a_route_reads_back(fact: Route) -> None:
    index = None if fact.link is None else INDEX[fact.link]
    message = rt.route(fact, index)

    assert message.kind == rt.NEW_ROUTE
    assert rtdump.route(SPACE, NAMES, message.body) == fact
    removal = rt.route(fact, index, remove=True)
    assert removal.kind == rt.DELETE_ROUTE
    assert rtdump.route(SPACE, NAMES, removal.body) == fact


@given(rules)
def test_a_rule_reads_back(fact: Rule) -> None:
    message = rt.rule(fact)

    assert message.kind == rt.NEW_RULE
    assert rtdump.rule(SPACE, message.body) == fact
    assert rt.rule(fact, remove=True) == (rt.DELETE_RULE, 0, message.body)


def test_a_mark_without_a_mask_is_compared_whole() -> None:
    rule = rtdump.rule(SPACE, rt.rule(Rule(SPACE, 5, 4, 254, mark=3)).body)

    assert rule == Rule(SPACE, 5, 4, 254, mark=3, mask=0xFFFFFFFF)


@given(neighbours)
def test_a_neighbour_reads_back(fact: Neighbour) -> None:
    message = rt.neighbour(fact, INDEX[fact.link])

    assert message.kind == rt.NEW_NEIGHBOUR
    assert rtdump.neighbour(SPACE, NAMES, message.body) == fact
    assert rt.neighbour(fact, 7, remove=True).kind == rt.DELETE_NEIGHBOUR


def test_ipv6_addresses_are_usable_at_once() -> None:
    fact = Address(SPACE, "eth0", ip_interface("fd00::5/128"))
    flags = rt.ADDRESS_HEADER.unpack_from(rt.address(fact, 7).body)[2]

    assert flags & rt.NO_DAD


def test_a_table_above_255_is_in_the_attribute_only() -> None:
    route = rt.route(Route(SPACE, ip_network("10.0.0.0/8"), table=1000), None).body
    rule = rt.rule(Rule(SPACE, 1, 4, 1000)).body

    assert rt.ROUTE_HEADER.unpack_from(route)[4] == rt.COMPATIBLE
    assert rt.RULE_HEADER.unpack_from(rule)[4] == rt.COMPATIBLE


@pytest.mark.parametrize(
    ("route", "scope"),
    [
        (Route(SPACE, ip_network("10.0.0.1/32"), "eth0"), rt.LINK_SCOPE),
        (
            Route(SPACE, ip_network("0.0.0.0/0"), "eth0", ip_address("10.0.0.1")),
            rt.UNIVERSE,
        ),
        (Route(SPACE, ip_network("10.0.0.0/8"), kind="blackhole"), rt.UNIVERSE),
        (Route(SPACE, ip_network("10.0.0.0/8"), "lo", kind="local"), rt.HOST_SCOPE),
    ],
)
def test_the_scope_follows_from_the_way(route: Route, scope: int) -> None:
    assert rt.ROUTE_HEADER.unpack_from(rt.route(route, 7).body)[6] == scope


def test_a_pair_is_one_message_from_the_far_end() -> None:
    message = rt.new_veth(Veth(NEAR, FAR), 33)
    far_index, far_flags, far = about(message.body)
    near_index, near_flags, near = about(peer(message.body))

    assert (message.kind, far_index, near_index) == (rt.NEW_LINK, 2, 1000)
    assert (far_flags, near_flags) == (rt.UP, 0)
    assert far[rt.NAME] == b"eth0\0"
    assert near[rt.NAME] == b"moor0\0"
    assert (far[rt.MAC].hex(":"), near[rt.MAC].hex(":")) == (FAR.mac, NEAR.mac)
    assert (wire.u32(far[rt.MTU]), wire.u32(near[rt.MTU])) == (8000, 9000)
    assert (wire.u32(far[rt.GROUP]), wire.u32(near[rt.GROUP])) == (0, 7)
    assert wire.u32(near[rt.NAMESPACE_FD]) == 33
    for queues in (rt.TX_QUEUES, rt.RX_QUEUES):
        assert (wire.u32(far[queues]), wire.u32(near[queues])) == (1, 1)


def test_a_pair_of_which_only_the_near_end_has_an_index_is_made_from_there() -> None:
    pair = Veth(NEAR, replace(FAR, index=None, mac=""))
    message = rt.new_veth(pair, 33)
    index, flags, device = about(message.body)
    far_index, far_flags, far = about(peer(message.body))

    assert rt.born_up(pair) is pair.near
    assert (index, flags, device[rt.NAME]) == (1000, rt.UP, b"moor0\0")
    assert (far_index, far_flags, far[rt.NAME]) == (0, 0, b"eth0\0")
    assert rt.MAC not in far


def test_the_alias_has_no_closing_nul() -> None:
    _, flags, found = about(rt.raise_end(NEAR).body)

    assert flags == rt.UP
    assert found[rt.ALIAS] == b"x"
    assert rt.ALIAS not in about(rt.raise_end(FAR).body)[2]


def test_orders_about_a_link_name_it() -> None:
    up = about(rt.link_up(LinkUp(SPACE, "ens3", 9000)).body)
    plain = about(rt.link_up(LinkUp(SPACE, "ens3")).body)
    group = about(rt.link_group("ens3", 9).body)

    assert (up[1], up[2][rt.NAME], wire.u32(up[2][rt.MTU])) == (1, b"ens3\0", 9000)
    assert rt.MTU not in plain[2]
    assert (group[1], wire.u32(group[2][rt.GROUP])) == (0, 9)
    assert about(rt.delete_link("ens3").body)[2][rt.NAME] == b"ens3\0"
    assert wire.u32(about(rt.delete_group(9).body)[2][rt.GROUP]) == 9


@pytest.mark.parametrize(
    ("to", "family", "length"), [("10.0.0.5", 2, 32), ("fd00::5", 10, 128)]
)
def test_a_question_for_the_way_to_an_address(
    to: str, family: int, length: int
) -> None:
    asked = rt.get_route(ip_address(to))
    header = rt.ROUTE_HEADER.unpack_from(asked.body)

    assert (asked.kind, asked.flags) == (rt.GET_ROUTE, 0)
    assert header == (family, length, 0, 0, 0, 0, 0, 0, 0)
    said = wire.attributes(asked.body, rt.ROUTE_HEADER.size)
    assert said == {rt.DESTINATION: ip_address(to).packed}


def test_questions() -> None:
    one = about(rt.get_link("ens3").body)[2]
    assert one[rt.NAME] == b"ens3\0"
    for found in (one, about(rt.dump_links().body)[2]):
        assert wire.u32(found[rt.EXTENSIONS]) == rt.SKIP_STATISTICS
    for kind, size in (
        (rt.GET_ADDRESS, 8),
        (rt.GET_ROUTE, 12),
        (rt.GET_RULE, 12),
        (rt.GET_NEIGHBOUR, 12),
    ):
        message = rt.dump(kind, rt.AF_INET6)
        assert (message.kind, message.flags) == (kind, wire.DUMP)
        assert message.body == struct.pack("=B", 10).ljust(size, b"\0")


@pytest.mark.parametrize("mac", ["", "02:00", "02:00:00:00:00:zz", "02" * 7])
def test_a_mac_has_six_bytes(mac: str) -> None:
    with pytest.raises(ValueError, match=r"MAC|hexadecimal"):
        rt.mac_bytes(mac)


def test_a_link_is_kept_from_giving_itself_an_address() -> None:
    message = rt.no_own_ip6(1000)
    index, flags, found = about(message.body)
    families = attributes(found[rt.LINK_FAMILIES])

    assert (message.kind, index, flags) == (rt.SET_LINK, 1000, 0)
    assert attributes(families[rt.AF_INET6]) == {rt.GENERATION_MODE: b"\1"}
