"""Packets by hand: built from what the model calls a packet, sent and caught on real links.

`Wiretap` holds one raw socket on each VNIC's interface and one wherever else packets come out. All
sends happen on one CPU, whose backlog is a queue, so a packet that was sent first is dealt
with first: when the fence that follows a packet has come through, the packet has come
through or never will. A packet that passes more links than the fence needs as many fences more,
one after the other. No clock decides.
"""

import os
import select
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from mooring.core.vcn.packets.packet import Packet, Tuple
from mooring.core.vcn.packets.services import ICMPV6, OWN_ICMP, TCP, UDP

ETHERNET = {4: 0x0800, 6: 0x86DD}
EVERYTHING = 0x0003
IP_HEADER = struct.Struct("!BBHHHBBHII")
IPV6_HEADER = struct.Struct("!IHBB16s16s")
FENCE = 253  # a protocol number for experiments (RFC 3692)
SYN, SYN_ACK, ACK = 0x02, 0x12, 0x10
GENEROUS = 20.0


def checksum(data: bytes) -> int:
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def ip_packet(head: Tuple, payload: bytes, number: int) -> bytes:
    """Write a whole packet; IPv4 has the number as its identification, IPv6 as its flow label."""
    if head.source.version == 6:
        ends = head.source.packed, head.destination.packed
        first = 6 << 28 | number
        return IPV6_HEADER.pack(first, len(payload), head.protocol, 64, *ends) + payload
    length = IP_HEADER.size + len(payload)
    fields = (0x45, 0, length, number, 0, 64, head.protocol)
    ends = (int(head.source), int(head.destination))
    summed = checksum(IP_HEADER.pack(*fields, 0, *ends))
    return IP_HEADER.pack(*fields, summed, *ends) + payload


def transport(head: Tuple, flags: int, data: bytes) -> bytes:
    """Give what stands behind the IP header."""
    if head.is_icmp:
        kind, code = divmod(head.destination_port, 256)
        body = struct.pack("!HH", head.source_port, 1) if not data else b"\0" * 4 + data
        message = struct.pack("!BBH", kind, code, 0) + body
        if head.protocol == ICMPV6:
            return _summed(head, message, 2)
        return message[:2] + struct.pack("!H", checksum(message)) + body
    ports = struct.pack("!HH", head.source_port, head.destination_port)
    if head.protocol == UDP:
        return _summed(head, ports + struct.pack("!HH", 8, 0), 6)
    if head.protocol == TCP:
        rest = struct.pack("!IIBBHHH", 1, 1, 5 << 4, flags, 4096, 0, 0)
        return _summed(head, ports + rest, 16)
    return bytes(8)


def _summed(head: Tuple, segment: bytes, place: int) -> bytes:
    # The same sum for both families: their pseudo-headers differ in zeroes only.
    pseudo = head.source.packed + head.destination.packed
    pseudo += struct.pack("!BBH", 0, head.protocol, len(segment))
    value = checksum(pseudo + segment) or 0xFFFF
    return segment[:place] + struct.pack("!H", value) + segment[place + 2 :]


def on_the_wire(packet: Packet, number: int, flags: int = SYN) -> bytes:
    quoted = b""
    if packet.quoted is not None:
        inner = transport(packet.quoted, ACK, b"")[:8]
        quoted = ip_packet(packet.quoted, inner, 1)
    return ip_packet(packet.head, transport(packet.head, flags, quoted), number)


def read(data: bytes) -> tuple[int, Tuple] | None:
    """Give a packet's number and head; None for what is no IP."""
    if len(data) >= 28 and data[0] == 0x45:
        fields = IP_HEADER.unpack_from(data)
        ends = IPv4Address(fields[8]), IPv4Address(fields[9])
        return fields[3], _head(fields[6], ends, data[IP_HEADER.size :])
    if len(data) >= 48 and data[0] >> 4 == 6:
        first, _, protocol, _, source, destination = IPV6_HEADER.unpack_from(data)
        ends6 = IPv6Address(source), IPv6Address(destination)
        return first & 0xFFFFF, _head(protocol, ends6, data[IPV6_HEADER.size :])
    return None


def _head(
    protocol: int,
    ends: tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address],
    payload: bytes,
) -> Tuple:
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
        self.fence: tuple[str, Packet] | None = None
        self.fences = 1

    def send(self, packet: Packet, flags: int = SYN) -> dict[str, Tuple]:
        """Send a packet; give where it came out, and how it looked there.

        What has no link to send by comes out nowhere.
        """
        if packet.origin not in self._taps:
            return {}
        number = self._emit(packet.origin, packet, flags)
        found: dict[str, Tuple] = {}
        for _ in range(self.fences):
            found |= self._fenced(number)
        for name in self._sockets:
            seen = dict(self._caught(name))
            if number in seen:
                found[name] = seen[number]
        return found

    def _fenced(self, number: int) -> dict[str, Tuple]:
        """Wait for a fence; give the packet of this number where it came out beside it."""
        assert self.fence is not None
        at, fence = self.fence
        goal = self._emit(fence.origin, fence, 0)
        seen: dict[int, Tuple] = {}
        while goal not in seen:
            ready, _, _ = select.select([self._sockets[at]], [], [], GENEROUS)
            assert ready, "the fence never came"
            seen |= dict(self._caught(at))
        return {at: seen[number]} if number in seen else {}

    def _emit(self, origin: str, packet: Packet, flags: int) -> int:
        self._number = self._number % 0xFFFF + 1
        tap = self._taps[origin]
        ends = bytes.fromhex((tap.router_mac + tap.mac).replace(":", ""))
        frame = ends + struct.pack("!H", ETHERNET[packet.head.source.version])
        frame += on_the_wire(packet, self._number, flags)
        self._sockets[origin].send(frame)
        return self._number

    def _caught(self, name: str) -> Iterator[tuple[int, Tuple]]:
        while True:
            try:
                data, (_, _, kind, *_) = self._sockets[name].recvfrom(65535)
            except BlockingIOError:
                return
            if kind != socket.PACKET_OUTGOING and (seen := read(data[14:])):
                yield seen


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
