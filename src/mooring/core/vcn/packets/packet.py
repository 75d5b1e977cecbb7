"""Packets and flows, as far as the VCN looks at them.

A `Tuple` is what connection tracking knows a flow by, in the kernel's own terms: for ICMP
the source port is the identifier and the destination port type * 256 + code. A `Flow` is
one that a VCN's router saw begin: the tuple of its first packet, and that of its replies, which
differ where an address was translated. The model keeps source ports; the kernel changes
one when two flows would clash behind one address. Packets here are whole: the fabric puts
fragments together before it judges them, so that each of them fares as the whole does.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple

from mooring.core.vcn.packets.ports import Address
from mooring.core.vcn.packets.services import ICMP, ICMPV6, OWN_ICMP, TCP, UDP

INTERNET = "internet"
ECHO, ECHO_REPLY = 8, 0
ECHO6, ECHO_REPLY6 = 128, 129
# Destination unreachable: fragmentation needed (RFC 792); packet too big (RFC 4443).
UNREACHABLE, FRAGMENTATION_NEEDED, TOO_BIG6 = 3, 4, 2
# Router solicitation, neighbour solicitation and advertisement (RFC 4861).
DISCOVERY = frozenset({133, 135, 136})
ANSWERS = {ICMP: {8: 0, 13: 14, 15: 16, 17: 18}, ICMPV6: {128: 129, 139: 140}}
INVERSE = {
    protocol: kinds | {answer: question for question, answer in kinds.items()}
    for protocol, kinds in ANSWERS.items()
}


class Tuple(NamedTuple):
    """One direction of a flow; both addresses are of one family."""

    protocol: int
    source: Address
    source_port: int
    destination: Address
    destination_port: int

    @property
    def is_icmp(self) -> bool:
        """Tell whether it is of its family's ICMP; the other family's is like any protocol."""
        return self.protocol == OWN_ICMP[self.source.version]

    def inverse(self) -> "Tuple":
        """Give the other direction, were nothing translated."""
        ports = self.destination_port, self.source_port
        if self.is_icmp:
            kind, code = divmod(self.destination_port, 256)
            back = INVERSE[self.protocol].get(kind, kind) * 256 + code
            ports = self.source_port, back
        return Tuple(self.protocol, self.destination, ports[0], self.source, ports[1])

    def opens(self) -> bool:
        """Tell whether a packet like this can begin a flow that has replies.

        The other family's ICMP cannot: connection tracking does not know what it says.
        """
        if self.is_icmp:
            return self.destination_port // 256 in ANSWERS[self.protocol]
        return self.protocol not in ANSWERS

    def service(self) -> tuple[int, int, int]:
        """Give protocol, destination and source port; of ICMP protocol, type, code."""
        if self.is_icmp:
            return self.protocol, *divmod(self.destination_port, 256)
        if self.protocol in {TCP, UDP}:
            return self.protocol, self.destination_port, self.source_port
        return self.protocol, 0, 0

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        protocol, first, second = self.service()
        ends = f"{self.source} to {self.destination}"
        if self.is_icmp:
            word = "ICMP" if protocol == ICMP else "ICMPv6"
            return f"{word} {first},{second} {ends}"
        if protocol not in {TCP, UDP}:
            return f"protocol {protocol} {ends}"
        word = "TCP" if protocol == TCP else "UDP"
        return f"{word} {_end(self.source, second)} to {_end(self.destination, first)}"


def _end(address: Address, port: int) -> str:
    plain = isinstance(address, IPv4Address)
    return f"{address}:{port}" if plain else f"[{address}]:{port}"


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that leaves a VNIC, or comes from outside of the VCNs.

    `origin` is the VNIC's OCID, the `INTERNET`, for an on-premises site the OCID of its DRG
    attachment, for Oracle's services that of the service gateway, and for what a router says itself
    that of its VCN or DRG. `quoted` is what an ICMP error says it is about: the head of the packet that
    it answers. `length` is that of a long packet that must not be cut, in bytes.
    """

    origin: str
    head: Tuple
    quoted: Tuple | None = None
    length: int = 0

    @property
    def is_too_big(self) -> bool:
        """Tell whether it is a path-MTU message: fragmentation needed, or packet too big."""
        protocol, kind, code = self.head.service()
        if protocol == ICMPV6:
            return kind == TOO_BIG6
        return (protocol, kind, code) == (ICMP, UNREACHABLE, FRAGMENTATION_NEEDED)

    def can_begin(self) -> bool:
        """Tell whether it can begin a flow."""
        return self.quoted is None and self.head.opens()


# The address outside behind which a flow is translated, and the private one that it stands for;
# None there for a NAT gateway's, behind which are many.
Outside = tuple[IPv4Address, IPv4Address | None]


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that a VCN's router knows: what began it and what its replies look like.

    Flows behind different addresses know nothing of each other (docs/decisions/0015); `outside` is
    None for all that is not translated.
    """

    vcn_id: str
    original: Tuple
    reply: Tuple
    outside: Outside | None = None


# A value: what connection tracking has forgotten is taken out by subtraction.
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


def place(
    flows: Flows, vcn_id: str, packet: Packet, outside: Outside | None = None
) -> Place | None:
    """Find a packet's place among a VCN's flows by one way out; None for the first of a new one."""
    # An error about a packet travels against it.
    is_about = packet.quoted is not None
    wanted = packet.quoted.inverse() if packet.quoted else packet.head
    for flow in flows:
        is_there = (flow.vcn_id, flow.outside) == (vcn_id, outside)
        if is_there and wanted in {flow.original, flow.reply}:
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
    """Name a message of the family's ICMP; `number` is its identifier."""
    protocol = OWN_ICMP[ip_address(source).version]
    return _transport(protocol, (source, number), (destination, kind * 256 + code))


def _transport(protocol: int, one: tuple[str, int], two: tuple[str, int]) -> Tuple:
    return Tuple(protocol, ip_address(one[0]), one[1], ip_address(two[0]), two[1])
