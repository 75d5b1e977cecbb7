"""One packet at one VCN's router: who may send it, which way it goes, what allows it.

A packet from a VNIC passes the source check, gets its way (a private IP of the VCN, or by
the route table a gateway or a VNIC that forwards), must be allowed by the sender's egress
rules and, when it arrives at a VNIC of the VCN, by the receiver's ingress rules. Both sides
judge for themselves. What comes in by a gateway has no sender here: it is delivered, or follows
the gateway's own route table. What leaves for a network beside the VCN is `Onward`; where
that leads, `forwarding` says.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.vcn.packets.packet import (
    DISCOVERY,
    ECHO,
    ECHO6,
    INTERNET,
    Packet,
    Place,
    Tuple,
)
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    LINK_LOCAL6,
    METADATA,
    METADATA6,
    Address,
    Closed,
    Drg,
    Gate,
    Hop,
    Internet,
    Nat,
    Peer,
    Port,
    Router,
    Services,
    Way,
    link_local,
)
from mooring.core.vcn.packets.security import (
    EGRESS,
    INGRESS,
    in_force,
    permitting,
    tracking,
)
from mooring.core.vcn.packets.services import ICMP, ICMPV6, TCP, UDP
from mooring.core.vcn.packets.ways import longest
from mooring.core.vcn.world import World

ROUTER = "router"
# Nothing else could be told apart behind one address.
SHARED_PROTOCOLS = (ICMP, TCP, UDP)
METADATA_PORT, RESOLVER_PORT = 80, 53
# What no router forwards, from or to: this network, loopback, multicast, broadcast (RFC 1812
# 5.3.7; RFC 4291 2.5, 2.7). Link-local addresses are routed nowhere either.
MARTIANS = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/127"),
    IPv6Network("ff00::/8"),
    LINK_LOCAL6,
)
ON_LINK = IPv6Network("ff02::/16")  # multicast that no router forwards
# What there is at the metadata address; over IPv6 only HTTP.
LINK_SERVICES = {
    (TCP, METADATA_PORT): "instance metadata",
    (TCP, RESOLVER_PORT): "the VCN's resolver",
    (UDP, RESOLVER_PORT): "the VCN's resolver",
}
PINGS = {(ICMP, ECHO * 256), (ICMPV6, ECHO6 * 256)}


class Word(Enum):
    """What happens to a packet."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a packet, and why.

    `reason` names the rule, list or route that decided. An accepted packet goes `to` a VNIC (its
    OCID), the `ROUTER` itself, the `INTERNET`, Oracle's services (the service gateway's OCID) or an
    on-premises site (its DRG attachment's), and arrives with `head`, translated or not.
    """

    word: Word
    reason: str
    to: str = ""
    head: Tuple | None = None


@dataclass(frozen=True, slots=True)
class Onward:
    """A packet that leaves its VCN for a network beside it, and what let it."""

    way: Services | Peer | Drg
    reason: str


def drop(reason: str) -> Verdict:
    """Give the verdict that a packet ends here."""
    return Verdict(Word.DROP, reason)


@dataclass(frozen=True, slots=True)
class Turn:
    """A packet at a router; `place` is its place among the flows that this router knows."""

    world: World
    router: Router
    packet: Packet
    place: Place | None

    # -- the three ways in

    def leave(self, port: Port) -> Verdict | Onward:
        """Judge a packet that a VNIC sends."""
        source, destination = self.packet.head.source, self.packet.head.destination
        if self._is_discovery(port):
            return self._accept("neighbour discovery", ROUTER)
        if not self._may_send(port):
            return drop(f"source check: {source} is not of {port.spoken_for}")
        if destination in {METADATA, METADATA6}:
            return self._metadata(port)
        if destination in (*self.router.routers(), _own_router(port)):
            return self._at_router()
        strange = self._strange()
        return drop(strange) if strange else self._forward(port)

    def come(self, gate: Gate) -> Verdict | Onward:
        """Judge a packet that comes in by a gateway from a network beside the VCN."""
        head = self.packet.head
        if self.router.inside(head.source):
            return drop(f"source check: {head.source} is inside of the VCN")
        if isinstance(gate.way, Services) and not self._is_reply():
            return drop("a service gateway takes no packets that begin a flow")
        if self.place is not None and self.place.flow.is_translated:
            return drop("this flow is of the internet")
        strange = self._strange()
        way = Closed(strange) if strange else self._way_from(gate)
        return drop(way.reason) if isinstance(way, Closed) else self._go(way, "a route")

    def enter(self) -> Verdict:
        """Judge a packet that comes from the internet."""
        head = self.packet.head
        if self.router.inside(head.source):
            return drop(f"source check: {head.source} is inside of the VCN")
        if isinstance(head.destination, IPv6Address):
            return self._enter_as_it_is(head.destination)
        behind = self._behind(head.destination)
        if behind is None:
            return drop(f"{head.destination} takes no packets that begin a flow")
        if not self._stands_for(head.destination, behind):
            return drop(f"{head.destination} stands for {behind} no longer")
        port = self.router.port_at(behind)
        if port is None:
            return drop(f"no private IP covers {behind}")
        return self._deliver(port, head._replace(destination=behind))

    # -- what the router itself answers

    def _is_discovery(self, port: Port) -> bool:
        head = self.packet.head
        near = head.destination in LINK_LOCAL6 or head.destination in ON_LINK
        kind, _ = divmod(head.destination_port, 256)
        is_asked = head.protocol == ICMPV6 and kind in DISCOVERY and near
        return is_asked and bool(port.subnet.ipv6_cidr_blocks)

    def _may_send(self, port: Port) -> bool:
        head = self.packet.head
        if port.vnic.skip_source_dest_check or port.has(head.source):
            return True
        is_its_own = head.source == link_local(port.vnic.mac_address)
        return is_its_own and head.destination == _own_router(port)

    def _metadata(self, port: Port) -> Verdict:
        head = self.packet.head
        asked = LINK_SERVICES.get((head.protocol, head.destination_port))
        if head.destination == METADATA6 and head.destination_port != METADATA_PORT:
            asked = None
        if asked and head.source in {port.primary, port.primary6}:
            return self._accept(asked, ROUTER)
        return drop("metadata answers HTTP and DNS from primary addresses only")

    def _at_router(self) -> Verdict:
        if (self.packet.head.protocol, self.packet.head.destination_port) in PINGS:
            return self._accept("the router answers pings", ROUTER)
        return drop("the router answers pings only")

    def _strange(self) -> str | None:
        """Say what is wrong with addresses that no router forwards."""
        head = self.packet.head
        for address, those in (
            (head.destination, (LINK_LOCAL, *MARTIANS)),
            (head.source, MARTIANS),
        ):
            if any(address in each for each in those):
                return f"{address} is not routed"
        return None

    # -- ways

    def _forward(self, port: Port) -> Verdict | Onward:
        head = self.packet.head
        way = self._way_of(port)
        if isinstance(way, Closed):
            return drop(way.reason)
        allowed = self._allowed(port, EGRESS, head)
        if allowed is None:
            return drop(f"no egress rule of {port.spoken_for} allows {head}")
        if not self._agrees(way):
            return drop(f"{port.spoken_for} has this flow behind another address")
        return self._go(way, allowed)

    def _go(self, way: Way, reason: str) -> Verdict | Onward:
        head = self.packet.head
        match way:
            case Hop(port):
                return self._deliver(port, head)
            case Nat(face):
                return self._accept(reason, INTERNET, head._replace(source=face))
            case Internet():
                return self._accept(reason, INTERNET)
            case Closed(why):
                return drop(why)
            case Services() | Peer() | Drg():
                return Onward(way, reason)

    def _way_of(self, port: Port) -> Way:
        """Give the way of a packet that a VNIC sends, by the address where it has one."""
        head = self.packet.head
        if self.router.inside(head.destination):
            return self._to_port(head.destination)
        found = self.router.way(port.table_for(head.source), head.destination)
        if found is None:
            title = f"the table of {port.spoken_for}"
            return Closed(f"no route to {head.destination} in {title}")
        return self._out(found)

    def _way_from(self, gate: Gate) -> Way:
        """Give the way of a packet that came in by a gateway."""
        destination = self.packet.head.destination
        if self.router.inside(destination):
            return self._to_port(destination)
        found = longest((*gate.routes, *gate.routes6), destination)
        return found or Closed(
            f"no route to {destination} for what comes in by {gate.id}"
        )

    def _to_port(self, address: Address) -> Way:
        found = self.router.port_at(address)
        return Hop(found) if found else Closed(f"no private IP covers {address}")

    def _out(self, way: Way) -> Way:
        """Give a way as it is for this packet: whose face it gets, whether it may take it."""
        head = self.packet.head
        if isinstance(way, Nat) and head.protocol not in SHARED_PROTOCOLS:
            return Closed("a NAT gateway carries TCP, UDP and ICMP only")
        if not isinstance(way, Internet):
            return way
        if isinstance(head.source, IPv4Address):
            face = self.router.public_of(head.source)
            return Nat(face) if face else Closed(f"{head.source} has no public address")
        if any(head.source in prefix for prefix in self.router.global6):
            return way
        return Closed(f"{head.source} is no global address of the VCN")

    def _agrees(self, way: Way) -> bool:
        """Tell whether connection tracking translates this packet as its way wants it."""
        if self.place is None:
            # What it knows nothing of, and cannot begin to, is not translated.
            return self.packet.can_begin() or not isinstance(way, Nat)
        flow = self.place.flow
        if not isinstance(way, Nat):
            inside = self.router.inside(self.packet.head.destination)
            return inside or not flow.is_translated
        first, reply = flow.original.destination, flow.reply.destination
        return way.face == (first if self.place.is_reply else reply)

    # -- from the internet

    def _enter_as_it_is(self, address: IPv6Address) -> Verdict:
        port = self.router.port_at(address)
        if port is None:
            return drop(f"no IPv6 covers {address}")
        is_open = any(address in prefix for prefix in self.router.receiving6)
        if not is_open and not self._is_reply():
            return drop(f"{address} takes no packets that begin a flow")
        return self._deliver(port, self.packet.head)

    def _behind(self, address: IPv4Address) -> Address | None:
        """Give the address to which translation leads; None when nothing is there."""
        if self.place is not None:
            flow = self.place.flow
            return flow.original.source if self.place.is_reply else flow.reply.source
        # What connection tracking knows nothing of is not translated.
        return self.router.behind.get(address) if self.packet.can_begin() else None

    def _stands_for(self, address: IPv4Address, behind: Address) -> bool:
        if self._is_reply() and address in self.router.faces:
            return True
        open_for = self._is_reply() or address in self.router.receiving
        return open_for and self.router.public_of(behind) == address

    # -- rules

    def _deliver(self, port: Port, head: Tuple) -> Verdict:
        allowed = self._allowed(port, INGRESS, head)
        if allowed is None:
            return drop(f"no ingress rule of {port.spoken_for} allows {head}")
        return self._accept(allowed, port.vnic.id, head)

    def _allowed(self, port: Port, direction: str, head: Tuple) -> str | None:
        """Say what lets the packet pass one side of a VNIC; None when nothing does."""
        peer = head.destination if direction == EGRESS else head.source
        rules = in_force(self.world, port, direction)
        rule = permitting(rules, self.router, peer, head)
        return str(rule) if rule else self._tracked(port, direction)

    def _tracked(self, port: Port, direction: str) -> str | None:
        at = self.place
        if at is None or not (self.packet.is_too_big if at.is_about else at.is_reply):
            return None
        original = at.flow.original
        began = direction if not at.is_reply else _other(direction)
        peer = original.destination if began == EGRESS else original.source
        rules = in_force(self.world, port, began)
        rule = tracking(rules, self.router, peer, original)
        return None if rule is None else f"flow tracked by {rule}"

    def _is_reply(self) -> bool:
        return self.place is not None and self.place.is_reply

    def _accept(self, reason: str, to: str, head: Tuple | None = None) -> Verdict:
        return Verdict(Word.ACCEPT, reason, to, head or self.packet.head)


def _own_router(port: Port) -> IPv6Address | None:
    """Give the router's address on a VNIC's link, where IPv6 is spoken there."""
    return port.subnet.ipv6_router if port.subnet.ipv6_cidr_blocks else None


def _other(direction: str) -> str:
    return INGRESS if direction == EGRESS else EGRESS
