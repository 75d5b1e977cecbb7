"""Set elements as nfnetlink messages: a transaction that needs no nft process.

A transaction is one datagram: a begin, the messages, an end. The kernel carries out all or
nothing, and reports every message that it refused, so those that delete what is absent can be left
out of a second try.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from mooring.core.linux import wire
from mooring.core.linux.mould import Mould
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.wire import Message, Reply, attribute

BATCH_BEGIN, BATCH_END = 16, 17
NF_TABLES = 10
NEW_ELEMENTS, DELETE_ELEMENTS = NF_TABLES << 8 | 12, NF_TABLES << 8 | 14
NEW_GENERATION, GET_GENERATION = NF_TABLES << 8 | 15, NF_TABLES << 8 | 16
GENERATION_ID = 1
FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}

TABLE, SET, ELEMENTS, LIST_ELEMENT = 1, 2, 3, 1
KEY, DATA, VALUE = 1, 2, 1
# An attribute's length is 16 bits: this many of the longest keys still fit.
ELEMENTS_PER_MESSAGE = 256

_HEADER = struct.Struct(">BBH")
_BEGIN = Message(BATCH_BEGIN, 0, _HEADER.pack(0, 0, NF_TABLES))
# Such as come about nowhere else in a transaction.
_KEY_MARK, _DATA_MARK = b"\xd7", b"\xe9"
_END = Message(BATCH_END, 0, _BEGIN.body)


class Refusal(NamedTuple):
    """Which message of a transaction was refused (None: the transaction as such), and why."""

    place: int | None
    verdict: wire.Verdict


def transaction(
    where: SetPath, add: Iterable[Element], delete: Iterable[bytes]
) -> list[Message]:
    """List the messages that delete, one by one, then add."""
    wanted = list(add)
    messages = [_elements(DELETE_ELEMENTS, where, [(key, None)]) for key in delete]
    for start in range(0, len(wanted), ELEMENTS_PER_MESSAGE):
        part = wanted[start : start + ELEMENTS_PER_MESSAGE]
        messages.append(_elements(NEW_ELEMENTS, where, part))
    return messages


def framed(messages: list[Message], sequence: int) -> list[bytes]:
    """Frame a transaction: the begin has this sequence number, the messages the next ones.

    The last message asks for an acknowledgement, which comes after the commit.
    """
    last = len(messages) - 1
    frames = [wire.frame(_BEGIN, sequence)]
    for place, message in enumerate(messages):
        flags = wire.ACK if place == last else 0
        frames.append(wire.frame(message, sequence + 1 + place, flags))
    frames.append(wire.frame(_END, sequence + last + 2))
    return frames


@lru_cache(maxsize=16)
def of_one(where: SetPath, key: int, data: int | None) -> Mould:
    """Give the mould of a transaction that adds one element of these lengths (None: deletes it).

    Its values are the key and the data.
    """
    marks = _KEY_MARK * key, _DATA_MARK * (data or 0)
    if data is None:
        return Mould(framed(transaction(where, (), marks[:1]), 0), marks[:1])
    return Mould(framed(transaction(where, (marks,), ()), 0), marks)


def refusal(reply: Reply, sequence: int) -> Refusal | None:
    """Read one reply to a datagram; None for what answers another one.

    An errno of 0 is the acknowledgement of the message at that place.
    """
    if reply.kind != wire.ERROR or reply.sequence < sequence:
        return None
    place = reply.sequence - sequence - 1
    return Refusal(None if place < 0 else place, wire.verdict(reply))


def ask_generation() -> Message:
    """Ask how many transactions this namespace has seen."""
    return Message(GET_GENERATION, 0, _HEADER.pack(0, 0, 0))


def generation(reply: Reply) -> int | None:
    """Read the answer; None for what is none."""
    if reply.kind != NEW_GENERATION:
        return None
    found = wire.find(reply.body, GENERATION_ID, _HEADER.size)
    return None if found is None else int.from_bytes(found)


def _elements(kind: int, where: SetPath, elements: list[Element]) -> Message:
    listed = b"".join(
        attribute(LIST_ELEMENT | wire.NESTED, _element(each)) for each in elements
    )
    body = _place(where) + attribute(ELEMENTS | wire.NESTED, listed)
    flags = wire.CREATE if kind == NEW_ELEMENTS else 0
    return Message(kind, flags, body)


@lru_cache(maxsize=16)
def _place(where: SetPath) -> bytes:
    """Write which set or map is meant; there are few."""
    return (
        _HEADER.pack(FAMILIES[where.family], 0, 0)
        + wire.text(TABLE, where.table)
        + wire.text(SET, where.name)
    )


def _element(element: Element) -> bytes:
    key, data = element
    packed = attribute(KEY | wire.NESTED, attribute(VALUE, key))
    if data is not None:
        packed += attribute(DATA | wire.NESTED, attribute(VALUE, data))
    return packed
