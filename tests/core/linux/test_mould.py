"""Moulds: what comes out is what would have been written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.linux import wire
from mooring.core.linux.mould import Alike, Mould
from mooring.core.linux.plan import POD, LinkUp, Plan
from mooring.core.linux.wire import Message

MARKS = (b"\xdcQ\xa2\x01", b"{#\xc6d<\x98", b"\x7f" * 9)
values = st.tuples(*(st.binary(min_size=len(m), max_size=len(m)) for m in MARKS))


def written(some: tuple[bytes, ...], first: int) -> bytes:
    """What the ordinary way says: one value twice, one not at all."""
    long, short = wire.attribute(1, some[0]), wire.attribute(2, some[1])
    messages = [Message(16, 0x400, long + short + long), Message(24, 0, b"plain")]
    return b"".join(wire.framed([*messages, Message(28, 0, short)], first))


@given(values, st.integers(0, 0xFFFFFFF0))
def test_a_mould_says_what_the_ordinary_way_says(
    some: tuple[bytes, ...], first: int
) -> None:
    long, short = wire.attribute(1, MARKS[0]), wire.attribute(2, MARKS[1])
    messages = [Message(16, 0x400, long + short + long), Message(24, 0, b"plain")]
    mould = Mould(wire.framed([*messages, Message(28, 0, short)], 0), MARKS)

    assert mould.count == 3
    assert mould.cast(first, some) == written(some, first)
    # A cast leaves nothing of itself behind.
    assert mould.cast(7, MARKS) == written(MARKS, 7)


def test_a_mark_of_no_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="no bytes"):
        Mould([b"0123456789abcdef"], (b"abc", b""))


def test_only_the_last_message_is_acknowledged() -> None:
    framed = wire.framed([Message(16, 1, b""), Message(16, 1, b"")], 5)
    replies = [next(wire.replies(each)) for each in framed]

    assert [(r.sequence, r.flags & wire.ACK) for r in replies] == [
        (5, 0),
        (6, wire.ACK),
    ]


def test_a_plan_that_is_alike_is_laid_out_when_somebody_looks_once() -> None:
    laid = []

    def lay() -> Plan:
        laid.append("laid")
        return (LinkUp(POD, "lo"),)

    plan = Alike(lay, "shape", "moor1", (b"x",), lambda: plan)

    assert (plan.shape, plan.link, plan.values) == ("shape", "moor1", (b"x",))
    assert plan.sample() is plan
    assert laid == []
    assert tuple(plan) == plan.facts == (LinkUp(POD, "lo"),)
    assert laid == ["laid"]
