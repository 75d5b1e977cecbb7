"""eBPF as bytes: objects of a compiler, types of a kernel, calls, filters."""

import struct
from itertools import pairwise

import pytest

from mooring.core.linux import rtnetlink, wire
from mooring.core.linux.bpf import call, filters, program, types
from mooring.core.linux.bpf.program import INSTRUCTION, Meanings, Program, Unreadable

LOAD = INSTRUCTION.pack(0x18, 0x03, 0, 0) + bytes(8)
CALL = INSTRUCTION.pack(0x85, 0x10, 0, -1)
EXIT = INSTRUCTION.pack(0x95, 0, 0, 0)
CODE = LOAD + LOAD + CALL + EXIT
NAMES = {0: "pods", 16: "field", 32: "lookup"}


def strings(*words: str) -> tuple[bytes, dict[str, int]]:
    data = b"\0" + b"".join(word.encode() + b"\0" for word in words)
    return data, {word: data.index(b"\0" + word.encode() + b"\0") + 1 for word in words}


def an_object(code: bytes = CODE, names: dict[int, str] | None = None) -> bytes:
    """What a compiler would write: one function, and the names it speaks of."""
    spoken = NAMES if names is None else names
    words, places = strings("carry", *spoken.values())
    symbols = [struct.pack("<IBBHQQ", places["carry"], 0x12, 0, 1, 0, len(code))]
    symbols += [
        struct.pack("<IBBHQQ", places[n], 0x10, 0, 0, 0, 0) for n in spoken.values()
    ]
    relocations = b"".join(
        struct.pack("<QQ", place, (number + 1) << 32 | 1)
        for number, place in enumerate(spoken)
    )
    parts = [(0, b"", 0, 0), (1, code, 0, 0), (9, relocations, 3, 1)]
    parts += [(2, b"".join(symbols), 4, 0), (3, words, 0, 0)]
    data, sections = bytes(64), b""
    for kind, content, link, about in parts:
        sections += struct.pack(
            "<IIQQQQIIQQ", 0, kind, 0, 0, len(data), len(content), link, about, 8, 0
        )
        data += content
    head = struct.pack(
        *("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 1, 247, 1, 0, 0),
        *(len(data), 0, 64, 0, 0, 64, len(parts), 4),
    )
    return head + data[64:] + sections


def test_an_object_is_read_by_functions_and_names() -> None:
    assert program.read(an_object()) == {"carry": Program("carry", CODE, NAMES)}


def test_every_name_gets_its_meaning() -> None:
    meanings = Meanings({"pods": 7}, {"field": 128}, {"lookup": (4711, 1)})
    code = program.linked(Program("carry", CODE, NAMES), meanings)

    assert list(INSTRUCTION.iter_unpack(code)) == [
        (0x18, 0x13, 0, 7),
        (0, 0, 0, 0),
        (0x18, 0x03, 0, 128),
        (0, 0, 0, 0),
        (0x85, 0x20, 1, 4711),
        (0x95, 0, 0, 0),
    ]


@pytest.mark.parametrize("lacking", ["maps", "numbers", "functions"])
def test_a_name_without_meaning_is_refused(lacking: str) -> None:
    whole = {
        "maps": {"pods": 7},
        "numbers": {"field": 1},
        "functions": {"lookup": (1, 0)},
    }
    meanings = Meanings(**{**whole, lacking: {}})

    with pytest.raises(Unreadable, match="in carry"):
        program.linked(Program("carry", CODE, NAMES), meanings)


@pytest.mark.parametrize("size", [0, 10, 64, 100, 200])
def test_half_an_object_is_none(size: int) -> None:
    with pytest.raises(Unreadable):
        program.read(an_object()[:size])


def test_another_machines_object_is_none() -> None:
    data = bytearray(an_object())
    data[18] = 62

    with pytest.raises(Unreadable, match="no object of eBPF"):
        program.read(bytes(data))


# The kernel's types.


def some_types(
    *structures: tuple[str, tuple[tuple[str, int], ...]], base: bytes = b""
) -> bytes:
    """Types with these structures: members by name and offset in bits."""
    listed = [
        w for name, members in structures for w in (name, *(m for m, _ in members))
    ]
    words, places = strings(*dict.fromkeys(listed))
    records = b""
    for name, members in structures:
        own = len(base) + places[name] if base else places[name]
        records += struct.pack("<III", own, 4 << 24 | len(members), 64)
        for member, bits in members:
            place = len(base) + places[member] if base else places[member]
            records += struct.pack("<III", place, 1, bits)
    head = struct.pack(
        "<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(records), len(records), len(words)
    )
    return head + records + words


FLOW = ("nf_conn", (("timeout", 64), ("status", 1024)))


def test_a_field_is_found() -> None:
    data = some_types(("socket", (("status", 8),)), FLOW)

    assert types.offset(data, "nf_conn", "status") == 128
    assert types.offset(data, "socket", "status") == 1


def test_a_modules_types_stand_on_the_kernels() -> None:
    base = some_types(("sk_buff", (("len", 0),)))
    names = base[24 + struct.unpack_from("<I", base, 12)[0] :]
    module = some_types(FLOW, base=names)

    assert types.offset(module, "nf_conn", "status", base) == 128


@pytest.mark.parametrize(
    ("structure", "member"),
    [("nf_conn", "mark"), ("route", "status"), ("nf_conn", "len")],
)
def test_an_unknown_field_is_refused(structure: str, member: str) -> None:
    data = some_types(FLOW, ("sk_buff", (("len", 0),)))

    with pytest.raises(Unreadable, match="the kernel's types"):
        types.offset(data, structure, member)


def test_a_number_that_looks_like_the_name_is_passed_over() -> None:
    # The offset of a member is, by chance, where the name of the structure stands.
    data = some_types(("other", (("x", 15), ("status", 15))), FLOW)

    assert types.offset(data, "nf_conn", "status") == 128


@pytest.mark.parametrize("data", [b"", b"\x9f\xeb", bytes(24)])
def test_other_bytes_are_no_types(data: bytes) -> None:
    with pytest.raises(Unreadable, match="no types"):
        types.offset(data, "nf_conn", "status")


def test_types_that_end_too_soon_are_no_harm() -> None:
    data = some_types(FLOW)
    short = bytearray(data)
    struct.pack_into("<I", short, 12, 20)

    with pytest.raises(Unreadable):
        types.offset(bytes(short), "nf_conn", "status")


# bpf(2).


def test_a_map_is_asked_for_by_its_sizes() -> None:
    asked = call.make_map(
        call.Map("a name that is too long", call.HASH, 4, 24, 4096, 1)
    )

    assert struct.unpack_from("<7I16s", asked) == (
        *(1, 4, 24, 4096, 1, 0, 0),
        b"a name that is \0",
    )


def test_a_program_is_told_by_its_parts() -> None:
    asked = call.load(call.CLASSIFIER, "from_pod", 9, call.Memory(1, 2, 3))
    with_log = call.load(call.SYSCALL, "x", 9, call.Memory(1, 2, 3, 4, 5), call.SLEEPS)

    assert struct.unpack_from("<IIQQIIQII16s", asked) == (
        *(3, 9, 1, 2, 0, 0, 0, 0, 0),
        b"from_pod".ljust(16, b"\0"),
    )
    assert struct.unpack_from("<Q", asked, 120) == (3,)
    assert struct.unpack_from("<IIQII", with_log, 24) == (1, 5, 4, 0, 16)


def test_entries_and_programs_are_asked_for() -> None:
    assert struct.unpack("<IIQQQ", call.element(7, 1, 2)) == (7, 0, 1, 2, 0)
    assert struct.unpack("<III", call.by_id(7)) == (7, 0, 0)
    assert struct.unpack("<IIQ", call.ask_info(7, 9)) == (7, 128, 9)
    asked = call.run(7, 0x1000, 8)
    assert len(asked) == 80
    assert struct.unpack_from("<I", asked) == (7,)
    assert struct.unpack_from("<IIQ", asked, 40) == (8, 0, 0x1000)


def test_what_the_kernel_says_of_itself_is_read() -> None:
    info = bytes(24) + b"pods4".ljust(16, b"\0") + bytes(88)

    assert call.map_name(info) == "pods4"
    wanted = call.want_map_ids(64, 0x1000)
    assert len(wanted) == call.INFO_BYTES
    assert call.map_ids(wanted) == (64, 0x1000)


def test_the_finder_writes_the_name_and_asks() -> None:
    code = list(INSTRUCTION.iter_unpack(call.finder("bpf_ct_release")))
    written = b"".join(struct.pack("<i", each[3]) for each in code if each[0] == 0x62)

    assert written.rstrip(b"\0") == b"bpf_ct_release"
    assert [each[2] for each in code if each[0] == 0x62] == list(range(-64, 0, 4))
    assert (0xB7, 2, 0, 15) in code
    assert ((0x85, 0, 0, 167), (0x7B, 0x06, 0, 0)) in pairwise(code)
    with pytest.raises(ValueError, match="too long"):
        call.finder("x" * 64)


# Filters.


def test_a_filter_is_put_with_its_name() -> None:
    message = filters.put_filter(5, 9, "mooring/from_pod/1")
    assert message.kind == filters.NEW_FILTER
    assert filters.HEADER.unpack_from(message.body)[:4] == (0, 5, 1, 0xFFFFFFF2)
    options = wire.find(message.body, filters.OPTIONS, filters.HEADER.size)

    assert options is not None
    told = wire.attributes(options)
    assert wire.u32(told[filters.DESCRIPTOR]) == 9
    assert wire.u32(told[filters.FLAGS]) == filters.DIRECT
    seen = options + wire.number(filters.ID, 77)
    body = message.body[: filters.HEADER.size] + wire.attribute(filters.OPTIONS, seen)
    assert filters.read(body) == filters.Filter("mooring/from_pod/1", 77)


def test_other_filters_are_no_programs() -> None:
    head = filters.HEADER.pack(0, 5, 1, 0, 0)
    nameless = wire.attribute(filters.OPTIONS, wire.number(filters.ID, 77))

    assert filters.read(head + wire.text(filters.KIND, "u32")) is None
    assert filters.read(head + nameless) is None


def test_disciplines_are_told_by_link_and_kind() -> None:
    head = filters.HEADER.pack(0, 5, 0xFFFF0000, 0xFFFFFFF1, 0)

    assert filters.discipline(head + wire.text(filters.KIND, "clsact")) == (5, "clsact")
    assert filters.discipline(head) == (5, "")
    with pytest.raises(wire.Unreadable):
        filters.discipline(b"")


def test_orders_are_about_one_place_at_one_link() -> None:
    for message in (filters.delete_filter(5), filters.get_filter(5)):
        assert filters.HEADER.unpack_from(message.body) == (
            *(0, 5, filters.HANDLE, filters.INGRESS),
            filters.ORDER << 16 | 0x0300,
        )
    for message in (filters.new_discipline(5), filters.delete_discipline(5)):
        assert filters.HEADER.unpack_from(message.body)[1:4] == (
            5,
            0xFFFF0000,
            0xFFFFFFF1,
        )
    assert filters.dump_disciplines().flags & wire.DUMP
    dump = filters.dump_filters(5, filters.EGRESS)
    assert filters.HEADER.unpack_from(dump.body)[1:4] == (5, 0, filters.EGRESS)


def a_neighbour(state: int, *, mac: bool = True, flags: int = 0) -> bytes:
    head = rtnetlink.NEIGHBOUR_HEADER.pack(2, 5, state, flags, 1)
    address = wire.attribute(rtnetlink.NEIGHBOUR_ADDRESS, bytes([10, 0, 8, 5]))
    return head + address + wire.attribute(rtnetlink.NEIGHBOUR_MAC, bytes(6)) * mac


@pytest.mark.parametrize(
    ("before", "after"), [(0x80, 0x80), (0x02, 0x04), (0x10, 0x04)]
)
def test_a_neighbour_waits_and_goes_on_as_it_was(before: int, after: int) -> None:
    found = filters.pause(5, a_neighbour(before, flags=0x80))
    assert found is not None
    wait, go = found

    assert go.body == a_neighbour(after, flags=0x80)[:11] + b"\0" + go.body[12:]
    assert go.body[12:] == a_neighbour(after)[12:]
    head = rtnetlink.NEIGHBOUR_HEADER.unpack_from(wait.body)
    assert head == (2, 5, filters.INCOMPLETE, 0x80, 0)
    attributes = wire.attributes(wait.body, rtnetlink.NEIGHBOUR_HEADER.size)
    assert attributes == {rtnetlink.NEIGHBOUR_ADDRESS: bytes([10, 0, 8, 5])}


def test_a_neighbour_that_is_not_known_or_elsewhere_is_left_alone() -> None:
    assert filters.pause(5, a_neighbour(0x01)) is None
    assert filters.pause(5, a_neighbour(0x40)) is None
    assert filters.pause(5, a_neighbour(0x80, mac=False)) is None
    assert filters.pause(6, a_neighbour(0x80)) is None
    with pytest.raises(wire.Unreadable):
        filters.pause(5, b"")
    assert filters.dump_neighbours(5).flags & wire.DUMP
