"""What rtnetlink shows: what is ours to speak about is read, the rest left out."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from core.linux.facts import NAMES, SPACE
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.linux import rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import Address, Neighbour, Route, Rule
from mooring.core.linux.wire import Unreadable, attribute, number, text

ROUTE = Route(SPACE, ip_network("10.0.0.0/8"), "eth0")
READERS: list[Callable[[bytes], object]] = [
    rtdump.link,
    rtdump.link_index,
    rtdump.is_operational,
    lambda body: rtdump.address(SPACE, NAMES, body),
    lambda body: rtdump.route(SPACE, NAMES, body),
    lambda body: rtdump.rule(SPACE, body),
    lambda body: rtdump.neighbour(SPACE, NAMES, body),
    rtdump.is_delivered_here,
    rtdump.has_carrier,
]


def a_link(flags: int, *parts: bytes, hardware: int = 1) -> bytes:
    return rt.LINK_HEADER.pack(0, hardware, 7, flags, 0) + b"".join(parts)


def kind(word: str) -> bytes:
    return attribute(rt.LINK_INFO, attribute(rt.INFO_KIND, word.encode() + b"\0"))


def a_route(family: int = 2, kind: int = 1, **more: int) -> bytes:
    return rt.ROUTE_HEADER.pack(
        family,
        more.get("length", 0),
        0,
        0,
        more.get("table", 254),
        more.get("protocol", 4),
        0,
        kind,
        more.get("flags", 0),
    )


def a_rule(*parts: bytes, family: int = 2, action: int = 1, **more: int) -> bytes:
    header = rt.RULE_HEADER.pack(
        family,
        more.get("to", 0),
        more.get("source", 0),
        more.get("tos", 0),
        254,
        0,
        0,
        action,
        more.get("flags", 0),
    )
    return header + b"".join(parts)


def test_a_veth() -> None:
    link = rtdump.link(
        a_link(
            1,
            text(rt.NAME, "moor0"),
            attribute(rt.MAC, bytes(range(6))),
            number(rt.MTU, 9000),
            number(5, 12),
            attribute(16, b"\x06"),
            kind("veth"),
            text(rt.ALIAS, "lab"),
            number(rt.GROUP, 3),
            attribute(23, rtdump.COUNTERS.pack(5, 6) + bytes(8)),
            number(37, 4),
        )
    )

    assert (link.name, link.index, link.mac) == ("moor0", 7, "00:01:02:03:04:05")
    assert (link.mtu, link.up, link.operational) == (9000, True, True)
    assert (link.kind, link.peer_index, link.peer_space) == ("veth", 12, 4)
    assert (link.alias, link.group) == ("lab", 3)
    assert (link.rx_packets, link.tx_packets) == (5, 6)


def test_a_veth_whose_twin_s_namespace_has_no_id_here() -> None:
    link = rtdump.link(a_link(0, kind("veth"), number(37, 0xFFFFFFFF)))

    assert (link.peer_index, link.peer_space, link.up) == (None, -1, False)
    assert rtdump.link(a_link(0, kind("veth"))).peer_space is None


def test_only_a_veth_has_a_twin() -> None:
    vlan = rtdump.link(a_link(0, kind("vlan"), number(5, 12), number(37, 4)))

    assert (vlan.kind, vlan.peer_index, vlan.peer_space) == ("vlan", None, None)


@pytest.mark.parametrize(("hardware", "kind"), [(772, "loopback"), (1, "")])
def test_a_link_without_a_kind(hardware: int, kind: str) -> None:
    link = rtdump.link(a_link(1, hardware=hardware))

    assert (link.kind, link.operational, link.mac) == (kind, False, "")


def test_an_index_and_a_state_alone() -> None:
    body = a_link(1, text(rt.NAME, "eth0"), attribute(16, b"\x06"))

    assert rtdump.link_index(body) == 7
    assert rtdump.is_operational(body)
    assert not rtdump.is_operational(a_link(1, attribute(16, b"\x02")))
    assert not rtdump.is_operational(a_link(1))


def test_carrier_is_there_before_the_state_says_so() -> None:
    down = attribute(16, b"\x02")

    assert rtdump.has_carrier(a_link(0x10001, down))
    assert not rtdump.has_carrier(a_link(1, down))


def test_what_goes_to_an_address_is_taken_in_or_not() -> None:
    assert rtdump.is_delivered_here(a_route(10, kind=2))
    assert not rtdump.is_delivered_here(a_route(10, kind=1))


def test_an_address_of_a_link_that_vanished_meanwhile_is_left_out() -> None:
    fact = Address(SPACE, "eth0", ip_interface("10.0.0.5/32"))

    assert rtdump.address(SPACE, NAMES, rt.address(fact, 99).body) is None


def test_an_address_of_another_family_is_left_out() -> None:
    body = rt.ADDRESS_HEADER.pack(7, 0, 0, 0, 7)

    assert rtdump.address(SPACE, NAMES, body) is None
    assert rtdump.address(SPACE, NAMES, body + attribute(1, b"\1\2")) is None


def test_an_ipv6_address_may_be_in_the_first_attribute_only() -> None:
    ip = ip_address("fd00::5")
    body = rt.ADDRESS_HEADER.pack(10, 64, 0, 0, 7) + attribute(1, ip.packed)

    assert rtdump.address(SPACE, NAMES, body) == Address(
        SPACE, "eth0", ip_interface("fd00::5/64")
    )


@pytest.mark.parametrize(
    "body",
    [
        a_route(kind=3),
        a_route(kind=5),
        a_route(flags=0x200),
        a_route() + attribute(9, bytes(8)),
        a_route(table=255, protocol=2, kind=2),
        a_route(family=28),
        a_route() + number(rt.OUT_LINK, 99),
    ],
    ids=["broadcast", "multicast", "clone", "multipath", "kernel's", "mpls", "gone"],
)
def test_a_route_that_is_none_of_ours_is_left_out(body: bytes) -> None:
    assert rtdump.route(SPACE, NAMES, body) is None


def test_our_own_route_in_the_local_table_is_shown() -> None:
    route = replace(ROUTE, table=255, kind="local")

    assert rtdump.route(SPACE, NAMES, rt.route(route, 7).body) == route


def test_a_blackhole_is_on_no_link() -> None:
    body = a_route(family=10, kind=6) + number(rt.OUT_LINK, 1)
    route = rtdump.route(SPACE, NAMES, body)

    assert route == Route(SPACE, ip_network("::/0"), kind="blackhole")


@pytest.mark.parametrize(
    "body",
    [
        a_rule(family=7),
        a_rule(action=6),
        a_rule(flags=2),
        a_rule(to=24),
        a_rule(source=24),
        a_rule(tos=4),
        a_rule(text(3, "eth0")),
        a_rule(attribute(22, b"\6")),
        a_rule(number(13, 5)),
    ],
    ids=["family", "blackhole", "not", "to", "from", "tos", "iif", "tcp", "group"],
)
def test_a_rule_that_a_fact_cannot_say_is_left_out(body: bytes) -> None:
    assert rtdump.rule(SPACE, body) is None


def test_what_the_kernel_adds_to_a_rule_does_not_matter() -> None:
    body = a_rule(
        number(rt.SUPPRESS, 0xFFFFFFFF), number(13, 0xFFFFFFFF), attribute(21, b"\4")
    )

    assert rtdump.rule(SPACE, body) == Rule(SPACE, 0, 4, 254)


@pytest.mark.parametrize(
    ("state", "index", "parts"),
    [
        (2, 7, attribute(1, bytes(4)) + attribute(2, bytes(6))),
        (0x80, 99, attribute(1, bytes(4)) + attribute(2, bytes(6))),
        (0x80, 7, attribute(1, bytes(4))),
        (0x80, 7, attribute(2, bytes(6))),
    ],
    ids=["reachable", "gone", "no-mac", "no-address"],
)
def test_a_neighbour_that_is_not_permanent_is_left_out(
    state: int, index: int, parts: bytes
) -> None:
    body = rt.NEIGHBOUR_HEADER.pack(2, index, state, 0, 0) + parts

    assert rtdump.neighbour(SPACE, NAMES, body) is None


@pytest.mark.parametrize(
    ("reader", "body"),
    [
        (0, a_link(0, attribute(rt.MTU, b"12"))),
        (0, a_link(0, attribute(23, b"12"))),
        (1, b"short"),
        (3, rt.ADDRESS_HEADER.pack(2, 33, 0, 0, 7) + attribute(2, bytes(4))),
        (3, rt.ADDRESS_HEADER.pack(10, 129, 0, 0, 7) + attribute(2, bytes(16))),
        (3, rt.ADDRESS_HEADER.pack(2, 8, 0, 0, 7) + attribute(2, bytes(5))),
        (4, a_route(length=33)),
        (4, a_route(length=8) + attribute(1, b"\x0a\0\0\1")),
        (4, a_route(family=10, length=129)),
        (4, a_route() + attribute(rt.VIA, b"\2")),
        (4, a_route() + attribute(rt.GATEWAY, b"\2")),
        (5, a_rule(attribute(rt.MARK, b"1"))),
        (
            6,
            rt.NEIGHBOUR_HEADER.pack(2, 7, 0x80, 0, 0)
            + attribute(2, b"")
            + attribute(1, b"1"),
        ),
    ],
)
def test_broken_bytes_are_unreadable(reader: int, body: bytes) -> None:
    with pytest.raises(Unreadable):
        READERS[reader](body)


@given(st.sampled_from(READERS), st.binary(max_size=120))
def test_anything_is_read_or_unreadable(
    read: Callable[[bytes], object], body: bytes
) -> None:
    try:
        read(body)
    except Unreadable:
        return


pieces = st.lists(
    st.builds(attribute, st.integers(0, 40), st.binary(max_size=20)), max_size=6
)


@given(
    st.sampled_from(READERS),
    st.sampled_from([2, 10, 7]),
    st.binary(min_size=7, max_size=15),
    pieces,
)
def test_any_attributes_are_read_or_unreadable(
    read: Callable[[bytes], object], family: int, head: bytes, parts: list[bytes]
) -> None:
    try:
        read(bytes([family]) + head + b"".join(parts))
    except Unreadable:
        return


def test_a_neighbour_fact_of_an_unknown_family_is_left_out() -> None:
    fact = Neighbour(SPACE, "eth0", ip_address("10.0.0.1"), "02:00:00:00:00:01")
    body = b"\x07" + rt.neighbour(fact, 7).body[1:]

    assert rtdump.neighbour(SPACE, NAMES, body) is None
    assert wire.find(body, 99, rt.NEIGHBOUR_HEADER.size) is None
