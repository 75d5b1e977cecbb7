"""One packet at one VCN's router: who may send it, and which way it goes.

A packet from a VNIC passes the source check, gets its way (a private IP of the VCN, or by
the route table a gateway or a VNIC that forwards), must be allowed by the sender's egress
rules and, when it arrives at a VNIC of the VCN, by the receiver's ingress rules. Both sides
judge for themselves (`passing`). What comes in by a gateway has no sender here: it is
delivered, or follows the gateway's own route table. What leaves for a network beside the VCN is
`Onward`; where that leads, `forwarding` says.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.vcn.packets.messages import (
    INTERNET_MTU,
    VNIC_MTU,
    message,
    too_long,
)
from mooring.core.vcn.packets.packet import (
    DISCOVERY,
    ECHO,
    ECHO6,
    Flows,
    Outside,
    Packet,
    Tuple,
    place,
)
from mooring.core.vcn.packets.passing import Passing, Step, Verdict, Word, ends
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    LINK_LOCAL6,
    METADATA,
    METADATA6,
    Address,
    Closed,
    Gate,
    Hop,
    Internet,
    Nat,
    Port,
    Router,
    Services,
    Way,
    block_of,
    first,
    link_local,
)
from mooring.core.vcn.packets.security import EGRESS
from mooring.core.vcn.packets.services import ICMP, ICMPV6, TCP, UDP
from mooring.core.vcn.packets.ways import longest
from mooring.core.vcn.world import World

ROUTER = "router"
A_ROUTE = "a route of what comes in by a gateway"
# Nothing else could be told apart behind one address.
SHARED_PROTOCOLS = (ICMP, TCP, UDP)
METADATA_PORT, RESOLVER_PORT = 80, 53
# What there is at the metadata addresses; over IPv6 only HTTP.
LINK_SERVICES = {
    (TCP, METADATA_PORT): "instance metadata",
    (TCP, RESOLVER_PORT): "the VCN's resolver",
    (UDP, RESOLVER_PORT): "the VCN's resolver",
}
# What no router forwards, from or to: no address, loopback, multicast, broadcast (RFC 1812 5.3.7;
# RFC 4291 2.5, 2.7), and IPv6's link-local addresses. The rest of 0.0.0.0/8 is like any other.
MARTIANS = (
    IPv4Network("0.0.0.0/32"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/127"),
    IPv6Network("ff00::/8"),
    LINK_LOCAL6,
)
# Where the router and metadata are: no packet comes from there from outside.
ROUTERS_OWN = (LINK_LOCAL, LINK_LOCAL6, IPv6Network(METADATA6))
NEARBY = (LINK_LOCAL6, IPv6Network("ff02::/16"))  # a link, and multicast on it
PINGS = {(ICMP, ECHO * 256), (ICMPV6, ECHO6 * 256)}


@dataclass(frozen=True, slots=True)
class Turn:
    """A packet at a router that knows flows."""

    world: World
    router: Router
    flows: Flows
    packet: Packet

    # -- the three ways in

    def leave(self, port: Port) -> Step:
        """Judge a packet that a VNIC sends."""
        source, destination = self.packet.head.source, self.packet.head.destination
        if self._is_discovery(port):
            return self._answered("neighbour discovery")
        if not self._may_send(port):
            return ends(f"source check: {source} is not of {port.spoken_for}")
        if destination in {METADATA, METADATA6}:
            return self._metadata(port)
        if destination in (*self.router.routers(), _own_router(port)):
            return self._at_router()
        strange = _unroutable(self.packet.head)
        return ends(strange) if strange else self._forward(port)

    def come(self, gate: Gate) -> Step:
        """Judge a packet that comes in by a gateway from a network beside the VCN."""
        passing = self._passing(None)
        strange = self._forged() or _unroutable(self.packet.head)
        if strange:
            return ends(strange)
        if isinstance(gate.way, Services) and not passing.is_reply:
            return ends("a service gateway takes no packets that begin a flow")
        return passing.go(self._way_from(gate), A_ROUTE)

    def enter(self) -> Step:
        """Judge a packet that comes from the internet."""
        head = self.packet.head
        strange = self._forged() or martian(head)
        if strange:
            return ends(strange)
        if isinstance(head.destination, IPv6Address):
            return self._enter_as_it_is(head.destination)
        return self._enter_by(head.destination)

    def _forged(self) -> str | None:
        """Say what is wrong with a source that cannot be outside."""
        source = self.packet.head.source
        if self.router.inside(source) or any(source in each for each in ROUTERS_OWN):
            return f"source check: {source} is inside of the VCN"
        return None

    # -- what the router itself answers

    def _is_discovery(self, port: Port) -> bool:
        head = self.packet.head
        is_asked = head.is_icmp and head.destination_port // 256 in DISCOVERY
        is_near = any(head.destination in each for each in NEARBY)
        return is_asked and is_near and bool(port.subnet.ipv6_cidr_blocks)

    def _may_send(self, port: Port) -> bool:
        head = self.packet.head
        if port.vnic.skip_source_dest_check or port.has(head.source):
            return True
        is_its_own = head.source == link_local(port.vnic.mac_address)
        return is_its_own and head.destination == _own_router(port)

    def _metadata(self, port: Port) -> Step:
        head = self.packet.head
        asked = LINK_SERVICES.get((head.protocol, head.destination_port))
        if head.destination == METADATA6 and head.destination_port != METADATA_PORT:
            asked = None
        if asked and head.source in {port.primary, port.primary6}:
            return self._answered(asked)
        return ends("metadata answers HTTP and DNS from primary addresses only")

    def _at_router(self) -> Step:
        if (self.packet.head.protocol, self.packet.head.destination_port) in PINGS:
            return self._answered("the router answers pings")
        return ends("the router answers pings only")

    def _answered(self, reason: str) -> Step:
        return Step(Verdict(Word.ACCEPT, reason, ROUTER, self.packet.head))

    # -- ways

    def _forward(self, port: Port) -> Step:
        head = self.packet.head
        way = self._way_of(port)
        if isinstance(way, Closed):
            return ends(way.reason)
        mtu = INTERNET_MTU if isinstance(way, Internet | Nat) else VNIC_MTU
        if why := too_long(self.packet, mtu):
            return ends(why, self._too_long())
        passing = self._passing(self._outside(way))
        allowed = passing.allowed(port, EGRESS, head)
        if allowed is None:
            return ends(f"no egress rule of {port.spoken_for} allows {head}")
        if not passing.is_translated_by(way):
            return ends(f"{head} belongs to no flow that this way translates")
        return passing.go(way, allowed)

    def _too_long(self) -> Packet | None:
        """Say it to whom the packet is from, as the router of its subnet."""
        source = self.packet.head.source
        port = self.router.port_at(source)
        own: Address | None = None
        if port and isinstance(source, IPv4Address):
            own = first(block_of(port.subnet, source))
        elif port:
            own = _own_router(port)
        return message(self.packet, self.router.vcn.id, own)

    def say(self) -> Step:
        """Bring what the router itself says to a VNIC; no rules are asked."""
        head = self.packet.head
        port = self.router.port_at(head.destination)
        if port is None:
            return ends(f"no private IP covers {head.destination}")
        return Step(Verdict(Word.ACCEPT, "the router's own word", port.vnic.id, head))

    def _way_of(self, port: Port) -> Way:
        """Give the way of a packet that a VNIC sends."""
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
        address = self.packet.head.destination
        if self.router.inside(address):
            return self._to_port(address)
        found = longest((*gate.routes, *gate.routes6), address)
        return found or Closed(f"no route to {address} for what comes in by {gate.id}")

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

    def _outside(self, way: Way) -> Outside | None:
        """Say behind which address a way translates, and whom it stands for there."""
        if not isinstance(way, Nat):
            return None
        return way.face, self.router.behind.get(way.face)

    def _passing(self, outside: Outside | None) -> Passing:
        at = place(self.flows, self.router.vcn.id, self.packet, outside)
        return Passing(self.world, self.router, self.packet, outside, at)

    # -- from the internet

    def _enter_by(self, address: IPv4Address) -> Step:
        """Let it come to a public address, and be translated."""
        behind = self.router.behind.get(address)
        passing = self._passing((address, behind))
        at, is_open = passing.place, address in self.router.receiving
        if not passing.is_reply and not is_open:
            return ends(f"{address} takes no packets that begin a flow")
        if at is None and not self.packet.can_begin():
            return ends(f"{self.packet.head} belongs to no flow")
        inner = at.flow.original.source if at and at.is_reply else behind
        if not isinstance(inner, IPv4Address):
            return ends(f"no private IP is behind {address}")
        routes = self.router.inward.get(address, ())
        found = longest(routes, inner) or self._to_port(inner)
        return passing.go(found, A_ROUTE, self.packet.head._replace(destination=inner))

    def _enter_as_it_is(self, address: IPv6Address) -> Step:
        passing = self._passing(None)
        is_open = any(address in prefix for prefix in self.router.receiving6)
        if not is_open and not passing.is_reply:
            return ends(f"{address} takes no packets that begin a flow")
        if passing.place is None and not self.packet.can_begin():
            return ends(f"{self.packet.head} belongs to no flow")
        found = longest(self.router.inward6, address) or self._to_port(address)
        return passing.go(found, A_ROUTE)


def martian(head: Tuple) -> str | None:
    """Say what is wrong with addresses that no router forwards."""
    for address in (head.destination, head.source):
        if any(address in each for each in MARTIANS):
            return f"{address} is not routed"
    return None


def _unroutable(head: Tuple) -> str | None:
    """Say what is wrong with addresses that no VCN's router forwards."""
    if head.destination in LINK_LOCAL:
        return f"{head.destination} is not routed"
    return martian(head)


def _own_router(port: Port) -> IPv6Address | None:
    """Give the router's address on a VNIC's link, where IPv6 is spoken there."""
    return port.subnet.ipv6_router if port.subnet.ipv6_cidr_blocks else None
