"""Programs at a link's ingress, as rtnetlink messages (the `bpf` classifier of tc-bpf(8)).

The filter stands at the ingress of the link's `clsact` discipline, where filters of others may
stand as well: ours is known by its place in their order.
"""

import struct
from dataclasses import dataclass

from mooring.core.linux import rtnetlink, wire
from mooring.core.linux.rtnetlink import (
    NEIGHBOUR_ADDRESS,
    NEIGHBOUR_HEADER,
    NEIGHBOUR_MAC,
    NEIGHBOUR_PERMANENT,
)
from mooring.core.linux.wire import Message, attribute, number, text

NEW_DISCIPLINE, DELETE_DISCIPLINE, GET_DISCIPLINE = 36, 37, 38
NEW_FILTER, DELETE_FILTER, GET_FILTER = 44, 45, 46

ORDER = 0x6D6F
"""Ours among a link's filters; smaller numbers come first."""

HANDLE = 1
CLSACT, ROOT, INGRESS, EGRESS = 0xFFFF0000, 0xFFFFFFF1, 0xFFFFFFF2, 0xFFFFFFF3
EVERY_PROTOCOL = 0x0300  # ETH_P_ALL in network order
KIND, OPTIONS = 1, 2
ROOM = "clsact"
"""The discipline that is nothing but room for filters."""

DESCRIPTOR, NAME, FLAGS, ID = 6, 7, 8, 11
DIRECT = 1  # what the program returns is the verdict

NEIGHBOURS_LINK = 8
INCOMPLETE, STALE, KNOWN = 0x01, 0x04, 0x9E
"""States of neighbours; KNOWN are those whose MAC is good."""

HEADER = struct.Struct("=BxxxiIII")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was seen: its program's number, and the name it was given."""

    name: str
    program: int


def new_discipline(link: int) -> Message:
    """Make room for filters at a link (EEXIST: there is)."""
    body = HEADER.pack(0, link, CLSACT, ROOT, 0) + text(KIND, ROOM)
    return Message(NEW_DISCIPLINE, wire.CREATE | wire.EXCLUSIVE, body)


def delete_discipline(link: int) -> Message:
    """Take the room away, and with it whatever stands there."""
    return Message(DELETE_DISCIPLINE, 0, HEADER.pack(0, link, CLSACT, ROOT, 0))


def dump_disciplines() -> Message:
    """Ask for all disciplines of all links."""
    return Message(GET_DISCIPLINE, wire.DUMP, HEADER.pack(0, 0, 0, 0, 0))


def discipline(body: bytes) -> tuple[int, str]:
    """Read a discipline: its link and kind."""
    if len(body) < HEADER.size:
        raise wire.Unreadable("no discipline")
    _, link, _, _, _ = HEADER.unpack_from(body)
    kind = wire.find(body, KIND, HEADER.size)
    return link, "" if kind is None else wire.string(kind)


def put_filter(link: int, program: int, name: str) -> Message:
    """Put a program (its descriptor) at a link's ingress, in the place of an older one."""
    options = (
        number(DESCRIPTOR, program) + text(NAME, name[:255]) + number(FLAGS, DIRECT)
    )
    body = _place(link) + text(KIND, "bpf") + attribute(OPTIONS | wire.NESTED, options)
    return Message(NEW_FILTER, wire.CREATE | wire.REPLACE, body)


def delete_filter(link: int) -> Message:
    """Take our program away from a link."""
    return Message(DELETE_FILTER, 0, _place(link) + text(KIND, "bpf"))


def get_filter(link: int) -> Message:
    """Ask for our program at a link."""
    return Message(GET_FILTER, 0, _place(link) + text(KIND, "bpf"))


def dump_filters(link: int, parent: int) -> Message:
    """Ask for all filters at a link's ingress or egress."""
    return Message(GET_FILTER, wire.DUMP, HEADER.pack(0, link, 0, parent, 0))


def dump_neighbours(link: int) -> Message:
    """Ask for a link's neighbours of all families."""
    body = NEIGHBOUR_HEADER.pack(0, 0, 0, 0, 0) + number(NEIGHBOURS_LINK, link)
    return Message(rtnetlink.GET_NEIGHBOUR, wire.DUMP, body)


def pause(link: int, body: bytes) -> tuple[Message, Message] | None:
    """Have packets to a neighbour wait in its queue, and have them go on; None: it has no MAC.

    The second says what was so before. What was learnt by asking is asked for anew in time.
    """
    if len(body) < NEIGHBOUR_HEADER.size:
        raise wire.Unreadable("no neighbour")
    family, index, state, flags, _ = NEIGHBOUR_HEADER.unpack_from(body)
    found = wire.attributes(body, NEIGHBOUR_HEADER.size)
    address, mac = found.get(NEIGHBOUR_ADDRESS), found.get(NEIGHBOUR_MAC)
    if index != link or not state & KNOWN or address is None or mac is None:
        return None
    after = NEIGHBOUR_PERMANENT if state & NEIGHBOUR_PERMANENT else STALE
    named = attribute(NEIGHBOUR_ADDRESS, address)
    wait = NEIGHBOUR_HEADER.pack(family, link, INCOMPLETE, flags, 0) + named
    go = NEIGHBOUR_HEADER.pack(family, link, after, flags, 0) + named
    return (
        Message(rtnetlink.NEW_NEIGHBOUR, wire.REPLACE, wait),
        Message(
            rtnetlink.NEW_NEIGHBOUR,
            wire.CREATE | wire.REPLACE,
            go + attribute(NEIGHBOUR_MAC, mac),
        ),
    )


def read(body: bytes) -> Filter | None:
    """Read a filter; None for one that is no program."""
    options = wire.find(body, OPTIONS, HEADER.size)
    if options is None:
        return None
    found = wire.attributes(options)
    if NAME not in found or ID not in found:
        return None
    return Filter(wire.string(found[NAME]), wire.u32(found[ID]))


def _place(link: int) -> bytes:
    return HEADER.pack(0, link, HANDLE, INGRESS, ORDER << 16 | EVERY_PROTOCOL)
