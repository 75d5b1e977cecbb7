"""The netlink framing that rtnetlink and nfnetlink share: headers, attributes, errors.

Numbers are in the machine's own byte order, everything is aligned to four bytes (netlink(7)).
Parsers raise `Unreadable` for anything that is not as it should be, and nothing else.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
U32 = struct.Struct("=I")
_NUMBER = struct.Struct("=HHI")
_ACKNOWLEDGEMENT = struct.Struct("=IHHIIi")

ERROR = 2
DONE = 3

REQUEST = 0x1
ACK = 0x4
DUMP_INTERRUPTED = 0x10
REPLACE = 0x100
EXCLUSIVE = 0x200
CREATE = 0x400
DUMP = 0x300
ACK_HAS_ATTRIBUTES = 0x200
CAPPED = 0x100

NESTED = 0x8000
NETWORK_ORDER = 0x4000
KIND = 0x3FFF

ACK_MESSAGE = 1  # NLMSGERR_ATTR_MSG

_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Unreadable(ValueError):
    """Bytes that are no netlink message, or none of the shape announced."""


class Message(NamedTuple):
    """One netlink message; the sequence number is given when it is framed."""

    kind: int
    flags: int
    body: bytes


class Reply(NamedTuple):
    """One message as it came in."""

    kind: int
    flags: int
    sequence: int
    body: bytes


class Verdict(NamedTuple):
    """What an acknowledgement says: 0 or an errno, and the kernel's words if it gave any."""

    errno: int
    message: str


def attribute(kind: int, payload: bytes) -> bytes:
    """Pack one attribute, padded."""
    size = len(payload)
    return ATTRIBUTE.pack(size + 4, kind) + payload + _PADDING[size & 3]


def number(kind: int, value: int) -> bytes:
    """Pack an attribute of 32 bits in the machine's order."""
    return _NUMBER.pack(8, kind, value)


def text(kind: int, value: str) -> bytes:
    """Pack a string attribute with its closing NUL."""
    return attribute(kind, value.encode(errors="surrogateescape") + b"\0")


def frame(message: Message, sequence: int, flags: int = 0) -> bytes:
    """Put the header before a message; `flags` are added to its own."""
    kind, own, body = message
    return HEADER.pack(16 + len(body), kind, own | flags | REQUEST, sequence, 0) + body


def framed(messages: Sequence[Message], first: int) -> list[bytes]:
    """Put headers before messages, numbered from `first`; the last asks for an acknowledgement."""
    last = len(messages) - 1
    return [
        frame(message, first + place, ACK if place == last else 0)
        for place, message in enumerate(messages)
    ]


def replies(data: bytes) -> Iterator[Reply]:
    """Read the messages of one datagram."""
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < HEADER.size:
            raise Unreadable(f"{end - offset} bytes are no netlink header")
        size, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if not HEADER.size <= size <= end - offset:
            raise Unreadable(f"a message of {size} bytes in {end - offset}")
        yield Reply(kind, flags, sequence, data[offset + 16 : offset + size])
        offset += size + 3 & ~3


def is_granted(data: bytes, sequence: int) -> bool:
    """Tell whether a datagram is the plain acknowledgement of this message, and nothing else.

    Nearly all are: whoever only wants to know that need not read it word by word.
    """
    if len(data) < _ACKNOWLEDGEMENT.size:
        return False
    size, kind, _, number, _, errno = _ACKNOWLEDGEMENT.unpack_from(data)
    return bool(
        size == len(data) and kind == ERROR and number == sequence and errno == 0
    )


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """Read attributes by kind (without the nesting flags); of several of a kind the last."""
    return dict(_walk(data, start))


def find(data: bytes, wanted: int, start: int = 0) -> bytes | None:
    """Read one attribute and nothing behind it."""
    for kind, payload in _walk(data, start):
        if kind == wanted:
            return payload
    return None


def verdict(reply: Reply) -> Verdict:
    """Read an ERROR message (errno 0: an acknowledgement) or a DONE."""
    if len(reply.body) < U32.size:
        raise Unreadable("an acknowledgement without a number")
    errno = -int(struct.unpack_from("=i", reply.body)[0])
    if not reply.flags & ACK_HAS_ATTRIBUTES:
        return Verdict(errno, "")
    offset = 4 if reply.kind == DONE else 4 + _echoed(reply)
    words = attributes(reply.body, offset).get(ACK_MESSAGE, b"")
    return Verdict(errno, words.rstrip(b"\0").decode(errors="replace"))


def u32(payload: bytes) -> int:
    """Read a number of 32 bits in the machine's order."""
    if len(payload) != U32.size:
        raise Unreadable(f"{len(payload)} bytes are no 32 bit number")
    return int(U32.unpack(payload)[0])


def string(payload: bytes) -> str:
    """Read a string up to its NUL; odd bytes survive a round trip."""
    return payload.split(b"\0", 1)[0].decode(errors="surrogateescape")


def _walk(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    offset, end = start, len(data)
    if offset > end:
        raise Unreadable(f"{end} bytes where a header of {offset} should be")
    while end - offset >= 4:
        size, kind = ATTRIBUTE.unpack_from(data, offset)
        if not 4 <= size <= end - offset:
            raise Unreadable(f"an attribute of {size} bytes in {end - offset}")
        yield kind & KIND, data[offset + 4 : offset + size]
        offset += size + 3 & ~3


def _echoed(reply: Reply) -> int:
    """How many bytes of the refused message come back with the error."""
    if len(reply.body) < 4 + HEADER.size:
        raise Unreadable("an error without the header that it answers")
    size = int(U32.unpack_from(reply.body, 4)[0])
    return HEADER.size if reply.flags & CAPPED else size + 3 & ~3
