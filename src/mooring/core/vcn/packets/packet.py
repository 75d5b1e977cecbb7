"""Packets and flows, as far as the VCN looks at them.

A `Tuple` is what connection tracking knows a flow by, in the kernel's own terms: for ICMP
the source port is the identifier and the destination port type * 256 + code. A `Flow` is
one that was seen begin: the tuple of its first packet, and that of its replies, which
differ where an address was translated. The model keeps source ports; the kernel changes
one when two flows would clash behind one address.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from mooring.core.vcn.packets.services import ICMP, TCP, UDP

INTERNET = "internet"
ECHO, ECHO_REPLY = 8, 0
UNREACHABLE, FRAGMENTATION_NEEDED = 3, 4
ANSWERS = {8: 0, 13: 14, 15: 16, 17: 18}
INVERSE = ANSWERS | {answer: question for question, answer in ANSWERS.items()}


class Tuple(NamedTuple):
    """One direction of a flow."""

    protocol: int
    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int

    def inverse(self) -> "Tuple":
        """Give the other direction, were nothing translated."""
        if self.protocol != ICMP:
            return Tuple(
                self.protocol,
                self.destination,
                self.destination_port,
                self.source,
                self.source_port,
            )
        kind, code = divmod(self.destination_port, 256)
        back = INVERSE.get(kind, kind) * 256 + code
        return Tuple(ICMP, self.destination, self.source_port, self.source, back)

    def opens(self) -> bool:
        """Tell whether a packet like this can begin a flow that has replies."""
        return self.protocol != ICMP or self.destination_port // 256 in ANSWERS

    def service(self) -> tuple[int, int, int]:
        """Give protocol, destination and source port; of ICMP protocol, type, code."""
        if self.protocol == ICMP:
            return ICMP, *divmod(self.destination_port, 256)
        if self.protocol in {TCP, UDP}:
            return self.protocol, self.destination_port, self.source_port
        return self.protocol, 0, 0

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        protocol, first, second = self.service()
        if protocol == ICMP:
            return f"ICMP {first},{second} {self.source} to {self.destination}"
        word = {TCP: "TCP", UDP: "UDP"}.get(protocol)
        if word is None:
            return f"protocol {protocol} {self.source} to {self.destination}"
        return f"{word} {self.source}:{second} to {self.destination}:{first}"


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that leaves a VNIC (its OCID) or comes from the `INTERNET`.

    `quoted` is what an ICMP error says it is about: the head of the packet that it answers.
    """

    origin: str
    head: Tuple
    quoted: Tuple | None = None

    @property
    def is_too_big(self) -> bool:
        """Tell whether it reports that fragmentation is needed (type 3, code 4)."""
        wanted = UNREACHABLE * 256 + FRAGMENTATION_NEEDED
        return self.head.protocol == ICMP and self.head.destination_port == wanted


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that connection tracking knows: what began it and what its replies look like."""

    original: Tuple
    reply: Tuple

    @property
    def is_translated(self) -> bool:
        """Tell whether one of its addresses has another in its place."""
        return self.reply != self.original.inverse()


Flows = frozenset[Flow]
NO_FLOWS: Flows = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A packet's place in a flow: on the way of the first packet or of the replies.

    `is_about` says that it is an error about the flow, not a part of it.
    """

    flow: Flow
    is_reply: bool
    is_about: bool = False


def place(flows: Flows, packet: Packet) -> Place | None:
    """Find a packet's place among the flows; None for the first of a new one."""
    if packet.quoted is not None:
        # An error about the packet travels against it.
        return _find(flows, packet.quoted.inverse(), is_about=True)
    return _find(flows, packet.head, is_about=False)


def _find(flows: Flows, wanted: Tuple, *, is_about: bool) -> Place | None:
    for flow in flows:
        if wanted in {flow.original, flow.reply}:
            return Place(flow, wanted == flow.reply, is_about)
    return None


def tcp(source: str, source_port: int, destination: str, port: int) -> Tuple:
    """Name a TCP segment."""
    return _transport(TCP, (source, source_port), (destination, port))


def udp(source: str, source_port: int, destination: str, port: int) -> Tuple:
    """Name a UDP datagram."""
    return _transport(UDP, (source, source_port), (destination, port))


def icmp(
    source: str, destination: str, kind: int, code: int = 0, number: int = 1
) -> Tuple:
    """Name an ICMP message; `number` is its identifier."""
    return _transport(ICMP, (source, number), (destination, kind * 256 + code))


def _transport(protocol: int, one: tuple[str, int], two: tuple[str, int]) -> Tuple:
    return Tuple(protocol, IPv4Address(one[0]), one[1], IPv4Address(two[0]), two[1])
