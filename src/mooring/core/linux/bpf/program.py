"""Programs as a compiler left them, and what has to be filled in before the kernel takes them.

The compiler writes ELF (elf(5), 64 bits, little-endian). A program is a section that holds one
function; where it speaks of a name that is defined nowhere there is a relocation. Such a name
is a map, a number that only the running kernel knows, or a function of the kernel.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

INSTRUCTION = struct.Struct("<BBhi")
LOAD_WIDE, CALL = 0x18, 0x85
MAP_DESCRIPTOR, KERNEL_FUNCTION = 1, 2
"""Where a source register would stand: what the instruction's number means (linux/bpf.h)."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQ")
_SYMBOLS, _RELOCATIONS = 2, 9
_FUNCTION, _BPF = 2, 247


class Unreadable(ValueError):
    """Bytes that are no object of eBPF programs, or types that lack what is looked for."""


@dataclass(frozen=True, slots=True)
class Program:
    """A function's instructions, and which of them (by offset) speak of which name."""

    name: str
    code: bytes
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Meanings:
    """What names stand for: maps' descriptors, numbers, and functions of the kernel.

    A function is its number among the kernel's types, and the place (0: the kernel itself) of
    its module's descriptor in the list that goes with the program.
    """

    maps: Mapping[str, int]
    numbers: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def read(data: bytes) -> dict[str, Program]:
    """Read an object's programs, by function."""
    try:
        return {program.name: program for program in _programs(data)}
    except (struct.error, IndexError, UnicodeDecodeError) as why:
        raise Unreadable(f"no object of eBPF programs: {why}") from why


def linked(program: Program, meanings: Meanings) -> bytes:
    """Give the instructions with every name filled in."""
    code = bytearray(program.code)
    for place, name in program.names.items():
        opcode, registers, _, _ = INSTRUCTION.unpack_from(code, place)
        target = registers & 0x0F
        if opcode == CALL and name in meanings.functions:
            number, module = meanings.functions[name]
            INSTRUCTION.pack_into(
                code, place, CALL, KERNEL_FUNCTION << 4, module, number
            )
        elif opcode == LOAD_WIDE and name in meanings.maps:
            registers = MAP_DESCRIPTOR << 4 | target
            INSTRUCTION.pack_into(
                code, place, LOAD_WIDE, registers, 0, meanings.maps[name]
            )
        elif opcode == LOAD_WIDE and name in meanings.numbers:
            INSTRUCTION.pack_into(
                code, place, LOAD_WIDE, target, 0, meanings.numbers[name]
            )
        else:
            raise Unreadable(f"nothing is known of {name} in {program.name}")
    return bytes(code)


@dataclass(frozen=True, slots=True)
class _Section:
    name: int
    kind: int
    data: bytes
    link: int
    about: int


def _programs(data: bytes) -> Iterator[Program]:
    header = _HEADER.unpack_from(data)
    if header[0][:6] != b"\x7fELF\x02\x01" or header[2] != _BPF:
        raise Unreadable("no object of eBPF programs")
    sections = [
        _section(data, header[6] + i * _SECTION.size) for i in range(header[12])
    ]
    for table in (s for s in sections if s.kind == _SYMBOLS):
        strings = sections[table.link].data
        symbols = list(_SYMBOL.iter_unpack(table.data))
        names = [_text(strings, symbol[0]) for symbol in symbols]
        for name, symbol in zip(names, symbols, strict=True):
            if symbol[1] & 0x0F == _FUNCTION:
                code = sections[symbol[3]].data
                yield Program(name, code, _names(sections, symbol[3], names))


def _names(sections: list[_Section], place: int, names: list[str]) -> dict[int, str]:
    return {
        offset: names[about >> 32]
        for section in sections
        if section.kind == _RELOCATIONS and section.about == place
        for offset, about in _RELOCATION.iter_unpack(section.data)
    }


def _section(data: bytes, place: int) -> _Section:
    name, kind, _, _, offset, size, link, about, _, _ = _SECTION.unpack_from(
        data, place
    )
    return _Section(name, kind, data[offset : offset + size], link, about)


def _text(strings: bytes, place: int) -> str:
    return strings[place : strings.index(b"\0", place)].decode()
