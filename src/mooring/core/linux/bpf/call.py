"""What bpf(2) is told, as bytes: maps, programs, and what they are.

Addresses in the caller's memory are arguments: only the adapter has a memory.
"""

import struct
from dataclasses import dataclass

from mooring.core.linux.bpf.program import INSTRUCTION

MAP_CREATE, LOOK_UP, UPDATE, DELETE, NEXT_KEY, LOAD = 0, 1, 2, 3, 4, 5
RUN, PROGRAM_BY_ID, MAP_BY_ID, INFO = 10, 13, 14, 15

HASH, ARRAY, PREFIXES = 1, 2, 11
ON_DEMAND = 1
"""Memory for an entry when there is one; the only way of a map of prefixes."""

CLASSIFIER, SYSCALL = 3, 31
SLEEPS = 1 << 4
FUNCTION = 12
"""The kind of a function among the kernel's types."""

INFO_BYTES = 128
NAME_BYTES = 16

_MAP = struct.Struct("<7I16s")
_ELEMENT = struct.Struct("<I4xQQQ")
_PROGRAM = struct.Struct("<IIQQIIQII16sIIIIQIIQIIIIQ")
_RUN = struct.Struct("<IIII QQ IIII QQ III4x".replace(" ", ""))
_ID = struct.Struct("<III")
_INFO = struct.Struct("<IIQ")
_FIND_BY_NAME, _TO_STACK, _FRAME = 167, 0x62, 10
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Map:
    """A map: the sizes of its keys and values in bytes, and how many entries it can have."""

    name: str
    kind: int
    key: int
    value: int
    entries: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Where in the caller's memory a program's parts are; `log` may be 0."""

    code: int
    license: int
    modules: int
    log: int = 0
    log_size: int = 0


def make_map(table: Map) -> bytes:
    """Make a map."""
    sizes = table.kind, table.key, table.value, table.entries, table.flags
    return _MAP.pack(*sizes, 0, 0, _name(table.name))


def element(fd: int, key: int, value: int = 0) -> bytes:
    """Look up, update or delete one entry, or ask for the key after this one."""
    return _ELEMENT.pack(fd, key, value, 0)


def load(kind: int, name: str, count: int, where: Memory, flags: int = 0) -> bytes:
    """Load a program of so many instructions."""
    log = int(where.log_size > 0), where.log_size, where.log
    head = kind, count, where.code, where.license, *log, 0, flags, _name(name)
    return _PROGRAM.pack(*head, *([0] * 12), where.modules)


def run(fd: int, context: int, size: int) -> bytes:
    """Run a program once, with this in its context; it may write there."""
    return _RUN.pack(fd, *([0] * 7), size, 0, context, *([0] * 4))


def by_id(number: int) -> bytes:
    """Ask for the program or map of that number."""
    return _ID.pack(number, 0, 0)


def ask_info(fd: int, where: int) -> bytes:
    """Ask what a program or map is."""
    return _INFO.pack(fd, INFO_BYTES, where)


def map_name(info: bytes) -> str:
    """Read a map's name from what it is."""
    return info[24 : 24 + NAME_BYTES].split(b"\0", 1)[0].decode(errors="replace")


def map_ids(info: bytes) -> tuple[int, int]:
    """Read how many maps a program has, and the address where their numbers are wanted."""
    count, address = struct.unpack_from("<IQ", info, 52)
    return count, address


def want_map_ids(count: int, address: int) -> bytes:
    """Write the beginning of a program's info that asks for its maps' numbers."""
    return bytes(52) + struct.pack("<IQ", count, address) + bytes(INFO_BYTES - 64)


def finder(word: str) -> bytes:
    """Write the program that finds a function of the kernel by its name.

    It writes 64 bits to its context: the number among the kernel's or a module's types, and
    above it the descriptor of the module's types (0: the kernel's own); negative: an errno.
    """
    name = word.encode() + b"\0"
    if len(name) > _LONGEST:
        raise ValueError(f"{word!r} is too long")
    padded = name.ljust(_LONGEST, b"\0")
    code = [(0xBF, 0x16, 0, 0)]  # r6 = the context
    for place in range(0, _LONGEST, 4):
        (part,) = struct.unpack_from("<i", padded, place)
        code.append((_TO_STACK, _FRAME, place - _LONGEST, part))
    code += [
        (0xBF, _FRAME << 4 | 1, 0, 0),  # r1 = the name
        (0x07, 1, 0, -_LONGEST),
        (0xB7, 2, 0, len(name)),
        (0xB7, 3, 0, FUNCTION),
        (0xB7, 4, 0, 0),
        (0x85, 0, 0, _FIND_BY_NAME),
        (0x7B, 0x06, 0, 0),  # context = r0
        (0xB7, 0, 0, 0),
        (0x95, 0, 0, 0),
    ]
    return b"".join(INSTRUCTION.pack(*each) for each in code)


def _name(word: str) -> bytes:
    return word.encode()[: NAME_BYTES - 1]
