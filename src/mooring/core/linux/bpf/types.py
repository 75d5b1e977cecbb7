"""The running kernel's types (BTF): where a structure keeps a field.

A structure's record is found by its name instead of counting through the 100,000 types before
it, which takes Python a second. Records: linux/btf.h.
"""

import struct
from collections.abc import Iterator

from mooring.core.linux.bpf.program import Unreadable

MAGIC = 0xEB9F
STRUCTURE = 4

_HEADER = struct.Struct("<HBBIIIII")
_RECORD = struct.Struct("<III")
_MEMBER = struct.Struct("<III")


def offset(data: bytes, structure: str, member: str, base: bytes = b"") -> int:
    """Give the offset in bytes; `base` are the kernel's own types if `data` are a module's."""
    types, own = _parts(data)
    shared = _parts(base)[1] if base else b""
    strings = shared + own
    wanted = _name(strings, member)
    for place in _places(types, _name(strings, structure)):
        for name, _, bits in _members(types, place):
            if name == wanted:
                return (bits & 0xFFFFFF) // 8
    raise Unreadable(f"the kernel's types have no {structure}.{member}")


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """Split into type records and strings."""
    if len(data) < _HEADER.size:
        raise Unreadable("no types of a kernel")
    magic, _, _, size, types, types_size, names, names_size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Unreadable("no types of a kernel")
    types, names = size + types, size + names
    return data[types : types + types_size], data[names : names + names_size]


def _name(strings: bytes, word: str) -> int:
    place = strings.find(b"\0" + word.encode() + b"\0")
    if place < 0:
        raise Unreadable(f"the kernel's types know no {word}")
    return place + 1


def _places(types: bytes, name: int) -> Iterator[int]:
    """Find what looks like a structure's record of that name."""
    wanted = struct.pack("<I", name)
    place = types.find(wanted)
    while place >= 0:
        if place % 4 == 0 and place + _RECORD.size <= len(types):
            about = _RECORD.unpack_from(types, place)[1]
            if about >> 24 & 0x1F == STRUCTURE:
                yield place
        place = types.find(wanted, place + 1)


def _members(types: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    count = _RECORD.unpack_from(types, place)[1] & 0xFFFF
    begin = place + _RECORD.size
    size = min(count * _MEMBER.size, len(types) - begin)
    return _MEMBER.iter_unpack(types[begin : begin + size - size % _MEMBER.size])
