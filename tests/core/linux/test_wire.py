"""Netlink's framing: what is packed reads back, and what is broken is Unreadable."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.linux import wire
from mooring.core.linux.wire import Message, Reply, Unreadable, Verdict

payloads = st.binary(max_size=70)
kinds = st.integers(1, wire.KIND)


def refusal(errno: int, words: bytes, *, capped: bool = True, kind: int = 2) -> Reply:
    echoed = wire.HEADER.pack(24, 16, 5, 1, 0) + (b"" if capped else b"12345678")
    body = struct.pack("=i", -errno) + (echoed if kind == wire.ERROR else b"")
    flags = wire.CAPPED if capped else 0
    if words:
        flags |= wire.ACK_HAS_ATTRIBUTES
        body += wire.attribute(wire.ACK_MESSAGE, words)
    return Reply(kind, flags, 1, body)


@given(st.dictionaries(kinds, payloads, max_size=8))
def test_attributes_read_back(wanted: dict[int, bytes]) -> None:
    packed = b"".join(wire.attribute(k, v) for k, v in wanted.items())

    assert len(packed) % 4 == 0
    assert wire.attributes(packed) == wanted
    assert wire.attributes(b"head" + packed, 4) == wanted
    for kind, payload in wanted.items():
        assert wire.find(packed, kind) == payload


def test_an_attribute_that_is_not_there_is_not_found() -> None:
    assert wire.find(wire.attribute(1, b"a"), 2) is None


def test_nesting_is_no_part_of_a_kind() -> None:
    packed = wire.attribute(7 | wire.NESTED, wire.number(8 | wire.NETWORK_ORDER, 9))

    assert wire.u32(wire.attributes(wire.attributes(packed)[7])[8]) == 9


@given(st.lists(st.tuples(st.integers(0, 99), payloads.map(lambda p: p + b"\0" * 3))))
def test_messages_read_back(wanted: list[tuple[int, bytes]]) -> None:
    whole = [(kind, body[: len(body) // 4 * 4]) for kind, body in wanted]
    data = b"".join(
        wire.frame(Message(kind, wire.CREATE, body), place, wire.ACK)
        for place, (kind, body) in enumerate(whole)
    )
    flags = wire.REQUEST | wire.CREATE | wire.ACK

    assert list(wire.replies(data)) == [
        Reply(kind, flags, place, body) for place, (kind, body) in enumerate(whole)
    ]


@pytest.mark.parametrize(
    "text", ["", "eth0", "ä€", b"\xff\xfe".decode(errors="surrogateescape")]
)
def test_strings_read_back(text: str) -> None:
    assert wire.string(wire.attributes(wire.text(3, text))[3]) == text


@pytest.mark.parametrize("capped", [True, False])
def test_a_refusal_says_why(*, capped: bool) -> None:
    said = wire.verdict(
        refusal(22, b"Attribute failed policy validation\0", capped=capped)
    )

    assert said == Verdict(22, "Attribute failed policy validation")


def test_a_refusal_without_words() -> None:
    assert wire.verdict(refusal(17, b"")) == Verdict(17, "")


def test_an_acknowledgement_is_no_refusal() -> None:
    assert wire.verdict(refusal(0, b"")).errno == 0


def test_the_end_of_a_dump_may_be_a_refusal() -> None:
    said = wire.verdict(refusal(22, b"no such dump\0", kind=wire.DONE))

    assert said == Verdict(22, "no such dump")


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        wire.HEADER.pack(15, 0, 0, 0, 0),
        wire.HEADER.pack(17, 0, 0, 0, 0),
    ],
)
def test_a_broken_message_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        list(wire.replies(data))


@pytest.mark.parametrize("data", [b"\x03\0\1\0", b"\x09\0\1\0abcd"])
def test_a_broken_attribute_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        wire.attributes(data)


def test_a_header_that_is_cut_off_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        wire.attributes(b"abc", 16)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(wire.ERROR, 0, 1, b"\0\0"),
        Reply(wire.ERROR, wire.ACK_HAS_ATTRIBUTES, 1, b"\0\0\0\0\0\0"),
    ],
)
def test_a_broken_acknowledgement_is_unreadable(reply: Reply) -> None:
    with pytest.raises(Unreadable):
        wire.verdict(reply)


def test_a_number_has_four_bytes() -> None:
    with pytest.raises(Unreadable):
        wire.u32(b"123")


@given(st.binary(max_size=200), st.integers(0, 0xFFFF))
def test_anything_is_read_or_unreadable(data: bytes, flags: int) -> None:
    for read in (
        lambda: list(wire.replies(data)),
        lambda: wire.attributes(data, 4),
        lambda: wire.find(data, 3),
        lambda: wire.verdict(Reply(wire.ERROR, flags, 1, data)),
        lambda: wire.verdict(Reply(wire.DONE, flags, 1, data)),
        lambda: wire.string(data),
    ):
        try:
            read()
        except Unreadable:
            continue


def acknowledged(sequence: int, errno: int = 0, kind: int = wire.ERROR) -> bytes:
    """What the kernel answers: the refused header follows the errno."""
    body = struct.pack("=i", -errno) + bytes(16)
    return wire.HEADER.pack(16 + len(body), kind, wire.CAPPED, sequence, 7) + body


def test_a_plain_acknowledgement_is_that_of_its_message_alone() -> None:
    assert wire.is_granted(acknowledged(5), 5)
    for other in (
        acknowledged(4),
        acknowledged(5, errno=2),
        acknowledged(5, kind=16),
        acknowledged(5, kind=wire.DONE),
        acknowledged(5) + acknowledged(6),
        acknowledged(4) + acknowledged(5),
        acknowledged(5)[:-1],
        acknowledged(5)[:19],
        acknowledged(5) + bytes(4),
        b"",
    ):
        assert not wire.is_granted(other, 5)
