"""DNS messages (RFC 1035), as far as a resolver of few names needs them: bytes in, bytes out.

A question is read, an answer with addresses or names is written. What is no proper question is
None, to be dropped; nothing here raises for what somebody sent. Extensions (RFC 6891) are passed
over, so answers are never longer than 512 bytes over UDP; a longer one says that it was cut.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

A, PTR, AAAA, ANY = 1, 12, 28, 255
IN = 1
LONGEST_UDP = 512
LONGEST_LABEL = 63
LONGEST_NAME = 255  # with the lengths of labels
TTL = 60

_HEAD = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_RECORD = struct.Struct("!HHHIH")  # its name is a pointer to the question's
_POINTER = 0xC000 | _HEAD.size
_RESPONSE, _OPCODE, _AUTHORITATIVE = 0x8000, 0x7800, 0x0400
_CUT, _WISHED, _RECURSIVE = 0x0200, 0x0100, 0x0080


class Code(IntEnum):
    """How a question fared."""

    FINE = 0
    NO_SUCH_NAME = 3
    NOT_DONE = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `name` is lower case and without the last dot; `asked` are the bytes of it."""

    id: int
    flags: int
    name: str
    kind: int
    group: int
    asked: bytes

    @property
    def is_plain(self) -> bool:
        """Tell whether it asks for a name, as all but updates and the like do."""
        return not self.flags & _OPCODE


Datum = IPv4Address | IPv6Address | str
"""What is found: addresses, or for a reverse question names."""


def read(message: bytes) -> Question | None:
    """Read a question; None for anything else."""
    if len(message) < _HEAD.size:
        return None
    id_, flags, questions, *_ = _HEAD.unpack_from(message)
    if flags & _RESPONSE or questions != 1:
        return None
    found = _name(message)
    if found is None:
        return None
    name, at = found
    end = at + _QUESTION.size
    if end > len(message):
        return None
    kind, group = _QUESTION.unpack_from(message, at)
    return Question(id_, flags, name, kind, group, message[_HEAD.size : end])


def write(
    question: Question,
    code: Code,
    found: Sequence[Datum] = (),
    limit: int = LONGEST_UDP,
) -> bytes:
    """Write the answer to a question; without what was found when that is too long."""
    records = [_record(datum) for datum in found]
    size = _HEAD.size + len(question.asked) + sum(map(len, records))
    flags = _RESPONSE | _AUTHORITATIVE | _RECURSIVE | code
    flags |= question.flags & (_OPCODE | _WISHED)
    if size > limit:
        flags, records = flags | _CUT, []
    head = _HEAD.pack(question.id, flags, 1, len(records), 0, 0)
    return head + question.asked + b"".join(records)


def packed(name: str) -> bytes:
    """Write a name as labels, each after its length."""
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _name(message: bytes) -> tuple[str, int] | None:
    """Read the question's name and say where it ends; it is too early for pointers."""
    labels: list[str] = []
    at = _HEAD.size
    while at < len(message) and at - _HEAD.size < LONGEST_NAME:
        length = message[at]
        if length == 0:
            return ".".join(labels), at + 1
        if length > LONGEST_LABEL:
            return None
        label = message[at + 1 : at + 1 + length]
        labels.append(label.decode("latin-1").lower())
        at += 1 + length
    return None


def _record(datum: Datum) -> bytes:
    kinds = {IPv4Address: A, IPv6Address: AAAA, str: PTR}
    content = packed(datum) if isinstance(datum, str) else datum.packed
    return _RECORD.pack(_POINTER, kinds[type(datum)], IN, TTL, len(content)) + content
