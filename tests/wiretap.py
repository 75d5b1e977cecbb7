"""Packets by hand: built from what the model calls a packet, sent and caught on real links.

`Wiretap` holds one raw socket on each VNIC's interface and one wherever else packets come out. All
sends happen on one CPU, whose backlog is a queue, so a packet that was sent first is dealt
with first: when the fence that follows a packet has come through, the packet has come
through or never will. A packet that passes more links than the fence needs as many fences more,
one after the other. No clock decides.

A packet may be sent in pieces (fragments), and comes out as one or in pieces: they are put together.
"""

import os
import select
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from patience import PATIENCE

from mooring.core.vcn.packets.packet import Packet, Tuple
from mooring.core.vcn.packets.services import ICMPV6, OWN_ICMP, TCP, UDP

ETHERNET = {4: 0x0800, 6: 0x86DD}
EVERYTHING = 0x0003
IP_HEADER = struct.Struct("!BBHHHBBHII")
IPV6_HEADER = struct.Struct("!IHBB16s16s")
FRAGMENT_HEADER = struct.Struct("!BBHI")
FRAGMENT = 44  # the protocol number of IPv6's
UNCUT, MORE = 0x4000, 0x2000  # IPv4: must not be cut; there are more pieces
TOLD = {(1, 3, 4), (ICMPV6, 2, 0)}  # protocol, type, code of path-MTU messages
FENCE = 253  # a protocol number for experiments (RFC 3692)
SYN, SYN_ACK, ACK = 0x02, 0x12, 0x10


def checksum(data: bytes) -> int:
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def ip_packet(head: Tuple, payload: bytes, number: int, flags: int = 0) -> bytes:
    """Write a packet; IPv4 has the number as its identification, IPv6 as its flow label.

    `flags` are IPv4's, with the place of a piece; IPv6 says that in a header of the payload.
    """
    if head.source.version == 6:
        ends = head.source.packed, head.destination.packed
        first = 6 << 28 | number
        protocol = FRAGMENT if flags & ~UNCUT else head.protocol
        return IPV6_HEADER.pack(first, len(payload), protocol, 64, *ends) + payload
    length = IP_HEADER.size + len(payload)
    fields = (0x45, 0, length, number, flags, 64, head.protocol)
    ends = (int(head.source), int(head.destination))
    summed = checksum(IP_HEADER.pack(*fields, 0, *ends))
    return IP_HEADER.pack(*fields, summed, *ends) + payload


def transport(head: Tuple, flags: int, data: bytes, more: int = 0) -> bytes:
    """Give what stands behind the IP header; `more` bytes of no meaning at its end."""
    if head.is_icmp:
        kind, code = divmod(head.destination_port, 256)
        body = struct.pack("!HH", head.source_port, 1) if not data else b"\0" * 4 + data
        body += bytes(more)
        message = struct.pack("!BBH", kind, code, 0) + body
        if head.protocol == ICMPV6:
            return _summed(head, message, 2)
        return message[:2] + struct.pack("!H", checksum(message)) + body
    ports = struct.pack("!HH", head.source_port, head.destination_port)
    if head.protocol == UDP:
        return _summed(head, ports + struct.pack("!HH", 8 + more, 0) + bytes(more), 6)
    if head.protocol == TCP:
        rest = struct.pack("!IIBBHHH", 1, 1, 5 << 4, flags, 4096, 0, 0)
        return _summed(head, ports + rest + bytes(more), 16)
    return bytes(8 + more)


def _summed(head: Tuple, segment: bytes, place: int) -> bytes:
    # The same sum for both families: their pseudo-headers differ in zeroes only.
    pseudo = head.source.packed + head.destination.packed
    pseudo += struct.pack("!BBH", 0, head.protocol, len(segment))
    value = checksum(pseudo + segment) or 0xFFFF
    return segment[:place] + struct.pack("!H", value) + segment[place + 2 :]


@dataclass(frozen=True, slots=True)
class Cut:
    """How a packet is sent in pieces: the bytes in each, the last first or not."""

    size: int
    backwards: bool = False
    more: int = 40


WHOLE = Cut(0, more=0)


def on_the_wire(
    packet: Packet, number: int, flags: int = SYN, cut: Cut = WHOLE
) -> list[bytes]:
    """Write a packet, or its pieces in the order in which they are sent."""
    quoted = b""
    if packet.quoted is not None:
        inner = transport(packet.quoted, ACK, b"")[:8]
        # Numbers begin at 1: it is told from what routers say of packets that were sent.
        quoted = ip_packet(packet.quoted, inner, 0)
    short = len(ip_packet(packet.head, transport(packet.head, flags, quoted), number))
    more = max(packet.length - short, cut.more)
    payload = transport(packet.head, flags, quoted, more)
    if not cut.size:
        uncut = UNCUT if packet.length else 0
        return [ip_packet(packet.head, payload, number, uncut)]
    pieces = list(_pieces(packet.head, payload, number, cut.size))
    return pieces[::-1] if cut.backwards else pieces


def _pieces(head: Tuple, payload: bytes, number: int, size: int) -> Iterator[bytes]:
    for start in range(0, len(payload), size):
        piece, is_last = payload[start : start + size], start + size >= len(payload)
        flags = start // 8 | (0 if is_last else MORE)
        if head.source.version == 6:
            place = start | (0 if is_last else 1)
            piece = FRAGMENT_HEADER.pack(head.protocol, 0, place, number) + piece
        yield ip_packet(head, piece, number, flags)


Ends = tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]


@dataclass(frozen=True, slots=True)
class Piece:
    """A packet as it came out, or a piece of it that begins at `start`."""

    number: int
    protocol: int
    ends: Ends
    payload: bytes
    start: int = 0
    is_last: bool = True

    @property
    def is_whole(self) -> bool:
        return self.is_last and not self.start

    @property
    def head(self) -> Tuple:
        return _head(self.protocol, self.ends, self.payload)

    @property
    def is_about(self) -> int:
        """The number of the packet that a path-MTU message is about; 0 for all else."""
        head = self.head
        quoted = read(self.payload[8:]) if head.service() in TOLD else None
        return quoted.number if quoted else 0


def read(data: bytes) -> Piece | None:
    """Read a packet or piece; None for what is no IP."""
    if len(data) > IP_HEADER.size and data[0] == 0x45:
        fields = IP_HEADER.unpack_from(data)
        ends = IPv4Address(fields[8]), IPv4Address(fields[9])
        start, is_last = fields[4] % MORE * 8, not fields[4] & MORE
        payload = data[IP_HEADER.size : fields[2]]
        return Piece(fields[3], fields[6], ends, payload, start, is_last)
    if len(data) >= IPV6_HEADER.size + 8 and data[0] >> 4 == 6:
        first, _, protocol, _, source, destination = IPV6_HEADER.unpack_from(data)
        ends6 = IPv6Address(source), IPv6Address(destination)
        number, payload = first & 0xFFFFF, data[IPV6_HEADER.size :]
        if protocol != FRAGMENT:
            return Piece(number, protocol, ends6, payload)
        protocol, _, place, _ = FRAGMENT_HEADER.unpack_from(payload)
        rest = payload[FRAGMENT_HEADER.size :]
        return Piece(number, protocol, ends6, rest, place & ~7, not place & 1)
    return None


class Puzzle:
    """Pieces that came out at one place, put together."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[Piece]] = {}

    def add(self, piece: Piece) -> Piece | None:
        """Give the whole packet when it is complete."""
        if piece.is_whole:
            return piece
        some = self._pieces.setdefault(piece.number, [])
        some.append(piece)
        some.sort(key=lambda each: each.start)
        payload = b""
        for each in some:
            if each.start != len(payload):
                return None
            payload += each.payload
        return (
            replace(some[0], payload=payload, is_last=True)
            if some[-1].is_last
            else None
        )


def _head(protocol: int, ends: Ends, payload: bytes) -> Tuple:
    first, second, third = struct.unpack_from("!HHH", payload)
    ports = (0, 0)
    if protocol == OWN_ICMP[ends[0].version]:
        ports = (third, first)
    elif protocol in {TCP, UDP}:
        ports = (first, second)
    return Tuple(protocol, ends[0], ports[0], ends[1], ports[1])


@dataclass(frozen=True, slots=True)
class Tap:
    """A place to tap: an open namespace, a link in it, its MAC and the router's."""

    fd: int
    link: str
    mac: str
    router_mac: str


class Wiretap:
    """Raw sockets at all taps; `fence` names two between which protocol 253 passes, so many times."""

    def __init__(
        self, sockets: Mapping[str, socket.socket], taps: Mapping[str, Tap]
    ) -> None:
        self._sockets = sockets
        self._taps = taps
        self._number = 0
        self._puzzles = {name: Puzzle() for name in sockets}
        # What routers said of the packet that was sent last, by where it came out.
        self.said: dict[str, Tuple] = {}
        self.fence: tuple[str, Packet] | None = None
        self.fences = 1

    def send(
        self, packet: Packet, flags: int = SYN, cut: Cut = WHOLE
    ) -> dict[str, Tuple]:
        """Send a packet; give where it came out, and how it looked there.

        What has no link to send by comes out nowhere.
        """
        self.said = {}
        if packet.origin not in self._taps:
            return {}
        number = self._emit(packet.origin, packet, flags, cut)
        found: dict[str, Tuple] = {}
        for _ in range(self.fences):
            self._fenced(number, found)
        for name in self._sockets:
            for piece in self._caught(name):
                self._sort(name, piece, number, found)
        return found

    def _fenced(self, number: int, found: dict[str, Tuple]) -> None:
        """Wait for a fence; take the packet of this number where it came out beside it."""
        assert self.fence is not None
        at, fence = self.fence
        goal, has_come = self._emit(fence.origin, fence, 0), False
        while not has_come:
            ready, _, _ = select.select([self._sockets[at]], [], [], PATIENCE)
            assert ready, "the fence never came"
            for piece in self._caught(at):
                has_come |= piece.number == goal
                self._sort(at, piece, number, found)

    def _sort(
        self, name: str, piece: Piece, number: int, found: dict[str, Tuple]
    ) -> None:
        """Keep the packet of this number, and what is said about it."""
        if about := piece.is_about:
            if about == number:
                self.said[name] = piece.head
        elif piece.number == number:
            found[name] = piece.head

    def _emit(self, origin: str, packet: Packet, flags: int, cut: Cut = WHOLE) -> int:
        self._number = self._number % 0xFFFF + 1
        tap = self._taps[origin]
        ends = bytes.fromhex((tap.router_mac + tap.mac).replace(":", ""))
        ends += struct.pack("!H", ETHERNET[packet.head.source.version])
        for each in on_the_wire(packet, self._number, flags, cut):
            self._sockets[origin].send(ends + each)
        return self._number

    def _caught(self, name: str) -> Iterator[Piece]:
        while True:
            try:
                data, (_, _, kind, *_) = self._sockets[name].recvfrom(65535)
            except BlockingIOError:
                return
            piece = None if kind == socket.PACKET_OUTGOING else read(data[14:])
            whole = self._puzzles[name].add(piece) if piece else None
            if whole is not None:
                yield whole


@contextmanager
def wiretap(inside: object, taps: Mapping[str, Tap]) -> Iterator[Wiretap]:
    """Tap; this thread stays on one CPU meanwhile. `inside` enters a namespace by its fd."""
    assert callable(inside)
    cpus = os.sched_getaffinity(0)
    with ExitStack() as stack:
        os.sched_setaffinity(0, {min(cpus)})
        stack.callback(os.sched_setaffinity, 0, cpus)
        sockets = {}
        for name, tap in taps.items():
            with inside(tap.fd):
                each = socket.socket(
                    socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING)
                )
            stack.enter_context(each)
            each.bind((tap.link, EVERYTHING))
            each.setblocking(False)
            sockets[name] = each
        yield Wiretap(sockets, taps)
