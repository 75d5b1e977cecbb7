"""What the VCN does with a packet: the plain answer, and why.

`verdict` judges one packet, `track` remembers the flow that it begins. Both are pure and
read rule by rule, table by table. The kernel's fabric is compiled from the same World
quite differently; tests send packets through it and ask here what should have happened.
`mooring trace` explains with the same words.

A packet from a VNIC passes the source check, gets its way (a private IP of the VCN, or by
the route table a gateway or a VNIC that forwards), must be allowed by the sender's egress
rules and, when it arrives at a VNIC of the VCN, by the receiver's ingress rules. Both sides
judge for themselves. TCP's own state is not looked at.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from mooring.core.vcn.model import Vcn, Vnic
from mooring.core.vcn.packets.packet import (
    ECHO,
    INTERNET,
    Flow,
    Flows,
    Packet,
    Place,
    Tuple,
    place,
)
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA,
    Closed,
    Hop,
    Internet,
    Nat,
    Port,
    Router,
    Way,
    router,
)
from mooring.core.vcn.packets.security import (
    EGRESS,
    INGRESS,
    in_force,
    permitting,
    tracking,
)
from mooring.core.vcn.packets.services import ICMP, TCP, UDP
from mooring.core.vcn.world import World

ROUTER = "router"
# Nothing else could be told apart behind one address.
SHARED_PROTOCOLS = (ICMP, TCP, UDP)
METADATA_PORT = 80
# What no router forwards: this network, loopback, multicast, broadcast (RFC 1812 5.3.7).
MARTIANS = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
)


class Word(Enum):
    """What happens to a packet."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a packet, and why.

    `reason` names the rule, list or route that decided. An accepted packet goes `to` a VNIC (its
    OCID), the `ROUTER` itself or the `INTERNET`, and arrives with `head`, translated or not.
    """

    word: Word
    reason: str
    to: str = ""
    head: Tuple | None = None


def verdict(world: World, flows: Flows, packet: Packet) -> Verdict:
    """Judge a packet, given the flows that began before it."""
    at = place(flows, packet)
    if packet.origin == INTERNET:
        return _arrive(world, packet, at)
    vnic = world.find(Vnic, packet.origin)
    vcn = None if vnic is None else world.find(Vcn, vnic.vcn_id)
    turn = None if vcn is None else _Turn(world, router(world, vcn), packet, at)
    port = None if turn is None else turn.router.port_of(packet.origin)
    if turn is None or port is None:
        return _drop("the VNIC is not plugged in")
    return turn.leave(port)


def track(world: World, flows: Flows, packet: Packet) -> Flows:
    """Give the flows that are known after a packet."""
    begins = packet.quoted is None and packet.head.opens()
    if not begins or place(flows, packet) is not None:
        return flows
    found = verdict(world, flows, packet)
    if found.head is None or found.to == ROUTER:
        return flows
    return flows | {Flow(packet.head, found.head.inverse())}


def _arrive(world: World, packet: Packet, at: Place | None) -> Verdict:
    address = packet.head.destination
    for vcn in world.of(Vcn):
        found = router(world, vcn)
        if address in found.faces or address in found.published:
            return _Turn(world, found, packet, at).enter(address)
    return _drop(f"{address} is no public address of a VCN")


@dataclass(frozen=True, slots=True)
class _Turn:
    """One packet at one router."""

    world: World
    router: Router
    packet: Packet
    place: Place | None

    def leave(self, port: Port) -> Verdict:
        """Judge a packet that a VNIC sends."""
        head = self.packet.head
        if not port.vnic.skip_source_dest_check and not port.has(head.source):
            return _drop(f"source check: {head.source} is not of {port.spoken_for}")
        if head.destination == METADATA or head.destination in self.router.routers():
            return self._at_router(port)
        if any(head.destination in each for each in (LINK_LOCAL, *MARTIANS)):
            return _drop(f"{head.destination} is not routed")
        return self._forward(port)

    def _forward(self, port: Port) -> Verdict:
        head = self.packet.head
        way = self._way(port)
        if isinstance(way, Closed):
            return _drop(way.reason)
        allowed = self._allowed(port, EGRESS, head)
        if allowed is None:
            return _drop(f"no egress rule of {port.spoken_for} allows {head}")
        if not self._agrees(way):
            return _drop(f"{port.spoken_for} has this flow behind another address")
        if isinstance(way, Hop):
            return self._deliver(way.port, head)
        return Verdict(Word.ACCEPT, allowed, INTERNET, head._replace(source=way.face))

    def enter(self, address: IPv4Address) -> Verdict:
        """Judge a packet that comes from the internet to a public address."""
        head = self.packet.head
        if self.router.inside(head.source):
            return _drop(f"source check: {head.source} is inside of the VCN")
        behind = self._behind(address)
        if behind is None:
            return _drop(f"{address} takes no packets that begin a flow")
        if not self._stands_for(address, behind):
            return _drop(f"{address} stands for {behind} no longer")
        port = self.router.port_at(behind)
        if port is None:
            return _drop(f"no private IP covers {behind}")
        return self._deliver(port, head._replace(destination=behind))

    def _behind(self, address: IPv4Address) -> IPv4Address | None:
        """Give the address to which translation leads; None when nothing is there."""
        if self.place is not None:
            flow = self.place.flow
            return flow.original.source if self.place.is_reply else flow.reply.source
        # What connection tracking knows nothing of is not translated.
        can_begin = self.packet.quoted is None and self.packet.head.opens()
        port = self.router.published.get(address) if can_begin else None
        return None if port is None else port.primary

    def _stands_for(self, address: IPv4Address, behind: IPv4Address) -> bool:
        is_reply = self.place is not None and self.place.is_reply
        if is_reply and address in self.router.faces:
            return True
        open_for = is_reply or address in self.router.receiving
        return open_for and self._public(behind) == address

    def _at_router(self, port: Port) -> Verdict:
        head = self.packet.head
        if head.destination == METADATA:
            wanted = head.protocol == TCP and head.destination_port == METADATA_PORT
            if wanted and head.source == port.primary:
                return Verdict(Word.ACCEPT, "instance metadata", ROUTER, head)
            return _drop("metadata answers HTTP from primary addresses only")
        if head.protocol == ICMP and head.destination_port == ECHO * 256:
            return Verdict(Word.ACCEPT, "the router answers pings", ROUTER, head)
        return _drop("the router answers pings only")

    def _way(self, port: Port) -> Hop | Nat | Closed:
        """Give the VNIC to which a packet goes, or the address behind which it leaves."""
        address = self.packet.head.destination
        if self.router.inside(address):
            found = self.router.port_at(address)
            return Hop(found) if found else Closed(f"no private IP covers {address}")
        table = self.router.routes.get(port.route_table_id, ())
        fitting = [route for route in table if address in route[0]]
        if not fitting:
            return Closed(f"no route to {address} in the table of {port.spoken_for}")
        return self._out(max(fitting, key=lambda route: route[0].prefixlen)[1])

    def _out(self, way: Way) -> Hop | Nat | Closed:
        head = self.packet.head
        if isinstance(way, Internet):
            face = self._public(head.source)
            return Nat(face) if face else Closed(f"{head.source} has no public address")
        if isinstance(way, Nat) and head.protocol not in SHARED_PROTOCOLS:
            return Closed("a NAT gateway carries TCP, UDP and ICMP only")
        if not isinstance(way, Hop | Nat | Closed):
            return Closed("no packets pass this gateway yet")
        return way

    def _agrees(self, way: Hop | Nat) -> bool:
        """Tell whether connection tracking translates this packet as its way wants it."""
        if self.place is None:
            # What it knows nothing of, and cannot begin to, is not translated.
            can_begin = self.packet.quoted is None and self.packet.head.opens()
            return can_begin or isinstance(way, Hop)
        flow = self.place.flow
        if isinstance(way, Hop):
            return not flow.is_translated or self.router.inside(
                self.packet.head.destination
            )
        face = (
            flow.original.destination if self.place.is_reply else flow.reply.destination
        )
        return face == way.face

    def _deliver(self, port: Port, head: Tuple) -> Verdict:
        allowed = self._allowed(port, INGRESS, head)
        if allowed is None:
            return _drop(f"no ingress rule of {port.spoken_for} allows {head}")
        return Verdict(Word.ACCEPT, allowed, port.vnic.id, head)

    def _public(self, address: IPv4Address) -> IPv4Address | None:
        published = self.router.published.items()
        return next((p for p, port in published if port.primary == address), None)

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


def _other(direction: str) -> str:
    return INGRESS if direction == EGRESS else EGRESS


def _drop(reason: str) -> Verdict:
    return Verdict(Word.DROP, reason)
