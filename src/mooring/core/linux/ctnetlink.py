"""Connection tracking by nfnetlink: which flows the kernel knows, and how to make it forget one.

A flow has two tuples, that of its first packet and that of the answers; where somebody
translates, they differ. An end is any address of either. Only what deciding needs is read.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from mooring.core.linux import wire
from mooring.core.linux.plan import Ip
from mooring.core.linux.wire import Message, Reply, Unreadable, attribute

CONNTRACK = 1
NEW, GET, DELETE = (CONNTRACK << 8 | kind for kind in range(3))
FIRST, ANSWERS, TIMEOUT, ID, ZONE = 1, 2, 7, 12, 18
ADDRESSES, PROTOCOL = 1, 2
NUMBER = 1
FAMILIES = {4: 2, 6: 10}

_HEADER = struct.Struct(">BBH")
_TIMEOUT = struct.Struct(">I")
_END = struct.Struct("=IHHIIi")
_END_HEAD = struct.pack("=IH", _END.size, wire.DONE)
_SIZES = {4: IPv4Address, 16: IPv6Address}


@dataclass(frozen=True, slots=True)
class Flow:
    """A tracked flow; `timeout` seconds after its last packet the kernel forgets it.

    `name` is what the kernel knows it by, zone and number included, so that another flow of
    the same addresses and ports is not taken for it.
    """

    ends: frozenset[Ip]
    protocol: int
    timeout: int
    name: bytes


def ask(version: int) -> Message:
    """Ask for all flows of a family (a dump)."""
    return Message(GET, wire.DUMP, _HEADER.pack(FAMILIES[version], 0, 0))


def forget(flow: Flow) -> Message:
    """Make the kernel forget a flow; it answers ENOENT when it has done so already."""
    return Message(DELETE, 0, flow.name)


def sieve(addresses: Iterable[Ip]) -> re.Pattern[bytes]:
    """Make what finds messages that may be about these addresses, fast.

    There may be very many flows and few of them ours: only what fits is read.
    """
    endings: dict[bytes, bytes] = {}
    for address in addresses:
        packed = address.packed
        endings[packed[:-1]] = endings.get(packed[:-1], b"") + packed[-1:]
    parts = (
        re.escape(head) + b"[" + b"".join(b"\\x%02x" % last for last in lasts) + b"]"
        for head, lasts in sorted(endings.items())
    )
    return re.compile(b"|".join(parts) or b"(?!)", re.DOTALL)


def may_end(datagram: bytes) -> bool:
    """Tell whether a datagram of a dump may hold its end, or a refusal.

    An end of 20 bytes is the last message, a refusal the first. What is not sure is a yes.
    """
    last = datagram[-_END.size :]
    first = _END.unpack_from(datagram)[1] if len(datagram) >= _END.size else wire.DONE
    return last.startswith(_END_HEAD) or first in {wire.ERROR, wire.DONE}


def flow(reply: Reply) -> Flow | None:
    """Read one flow of a dump; None for another kind of message."""
    if reply.kind != NEW:
        return None
    found = wire.attributes(reply.body, _HEADER.size)
    try:
        first, answers = found[FIRST], found[ANSWERS]
        timeout = found.get(TIMEOUT, bytes(4))
        name = reply.body[: _HEADER.size] + attribute(FIRST | wire.NESTED, first)
        for kind in (ID, ZONE):
            if kind in found:
                name += attribute(kind, found[kind])
        ends = frozenset((*_ends(first), *_ends(answers)))
        return Flow(ends, _protocol(first), _TIMEOUT.unpack(timeout)[0], name)
    except (KeyError, struct.error) as error:
        raise Unreadable(f"a flow without {error}") from error


def _ends(tuple_: bytes) -> Iterator[Ip]:
    for payload in wire.attributes(wire.attributes(tuple_)[ADDRESSES]).values():
        if len(payload) in _SIZES:
            yield ip_address(payload)


def _protocol(tuple_: bytes) -> int:
    return wire.attributes(wire.attributes(tuple_)[PROTOCOL])[NUMBER][0]
