"""Flows of connection tracking: bytes to values and back."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest

from mooring.core.linux import ctnetlink, wire
from mooring.core.linux.wire import Reply, Unreadable, attribute

A, B, N = (IPv4Address(f"10.0.8.{n}") for n in (5, 6, 1))
SIX = IPv6Address("fd00:8::5")
HEAD = bytes([2, 0, 0, 0])


def a_tuple(*ends: IPv4Address | IPv6Address, protocol: int = 17) -> bytes:
    first = 1 if ends[0].version == 4 else 3
    packed = b"".join(attribute(first + i, e.packed) for i, e in enumerate(ends))
    number = attribute(1, bytes([protocol])) + attribute(2, b"\0\7")
    return attribute(1 | wire.NESTED, packed) + attribute(2 | wire.NESTED, number)


def a_reply(*more: bytes, kind: int = ctnetlink.NEW) -> Reply:
    body = HEAD + attribute(1, a_tuple(A, B)) + attribute(2, a_tuple(N, A))
    return Reply(kind, 0, 1, body + b"".join(more))


def test_a_flow_has_the_ends_of_both_its_tuples() -> None:
    timeout = attribute(7, struct.pack(">I", 29))
    flow = ctnetlink.flow(a_reply(timeout))

    assert flow is not None
    assert (flow.ends, flow.protocol, flow.timeout) == (frozenset({A, B, N}), 17, 29)


def test_a_flow_is_forgotten_by_its_first_tuple_its_number_and_its_zone() -> None:
    number, zone = attribute(12, b"\1\2\3\4"), attribute(18, b"\0\5")
    flow = ctnetlink.flow(a_reply(attribute(3, b"\0\0\0\1"), zone, number))

    assert flow is not None
    message = ctnetlink.forget(flow)
    first = attribute(1 | wire.NESTED, a_tuple(A, B))
    assert message == (ctnetlink.DELETE, 0, HEAD + first + number + zone)


def test_two_flows_of_one_tuple_differ_by_number_and_zone() -> None:
    flows = {ctnetlink.flow(a_reply(attribute(12, bytes(3) + b"1"))), None}
    flows.add(ctnetlink.flow(a_reply(attribute(12, bytes(3) + b"2"))))
    flows.add(ctnetlink.flow(a_reply(attribute(18, b"\0\1"))))

    assert len(flows) == 4


def test_flows_of_both_families_are_read() -> None:
    body = HEAD + attribute(1, a_tuple(SIX, SIX)) + attribute(2, a_tuple(SIX, SIX))
    flow = ctnetlink.flow(Reply(ctnetlink.NEW, 0, 1, body))

    assert flow is not None
    assert flow.ends == {SIX}
    assert ctnetlink.ask(6).body[0] == 10
    assert ctnetlink.ask(4) == (ctnetlink.GET, wire.DUMP, HEAD)


def test_what_is_no_flow_is_none() -> None:
    assert ctnetlink.flow(a_reply(kind=wire.DONE)) is None


@pytest.mark.parametrize(
    "body",
    [
        HEAD,
        HEAD + attribute(1, a_tuple(A, B)),
        HEAD + attribute(1, b"") + attribute(2, b""),
        HEAD + attribute(1, a_tuple(A, B)) + attribute(2, a_tuple(A, B))[:9],
        HEAD
        + attribute(1, a_tuple(A, B))
        + attribute(2, a_tuple(A, B))
        + attribute(7, b"1"),
    ],
)
def test_half_a_flow_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        ctnetlink.flow(Reply(ctnetlink.NEW, 0, 1, body))


def test_the_sieve_lets_through_what_may_be_meant() -> None:
    sieve = ctnetlink.sieve([A, B, SIX])

    for address in (A, B, SIX):
        assert sieve.search(b"..." + address.packed + b"...")
    assert not sieve.search(N.packed + bytes(40))
    assert not ctnetlink.sieve([]).search(A.packed)


@pytest.mark.parametrize("last", [0x5B, 0x5D, 0x5E, 0x2D, 0x5C, 0x0A, 0x00])
def test_the_sieve_bears_bytes_that_mean_something_to_it(last: int) -> None:
    address = IPv4Address(bytes([0x5B, 0x2E, 0x2A, last]))

    assert ctnetlink.sieve([address, A]).search(address.packed)


def test_the_end_of_a_dump_is_not_passed_over() -> None:
    flow = wire.HEADER.pack(216, ctnetlink.NEW, 2, 1, 0) + bytes(200)
    end = wire.HEADER.pack(20, wire.DONE, 2, 1, 0) + bytes(4)
    refusal = wire.HEADER.pack(36, wire.ERROR, 0, 1, 0) + bytes(20)

    assert ctnetlink.may_end(end)
    assert ctnetlink.may_end(flow + end)
    assert ctnetlink.may_end(refusal)
    assert ctnetlink.may_end(b"short")
    assert not ctnetlink.may_end(flow + flow)
