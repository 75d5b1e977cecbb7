"""What the VCN does with a packet: the plain answer, and why.

`verdict` judges one packet, `track` remembers the flow that it begins. Both are pure and
read rule by rule, table by table. The kernel's fabric is compiled from the same World
quite differently; tests send packets through it and ask here what should have happened.
`mooring trace` explains with the same words.

A packet passes one VCN's router (`turn`) or several: a local peering gateway leads into the
next VCN, a DRG, by the route table of the attachment that the packet came in by, to the next
attachment: a VCN, an on-premises site, or through a remote peering another DRG. A DRG
has no rules. Every router passed tracks flows for itself. TCP's own state is not looked at.
"""

from dataclasses import dataclass, field

from mooring.core.vcn.drg_routes import SITES, VCN, across, attached, next_attachment
from mooring.core.vcn.model import Drg, DrgAttachment, ServiceGateway, Vcn, Vnic
from mooring.core.vcn.packets.messages import (
    SITE_MTU,
    VOICES,
    message,
    open_at,
    own_routes,
    tables_of,
    too_long,
)
from mooring.core.vcn.packets.packet import INTERNET, Flow, Flows, Packet
from mooring.core.vcn.packets.passing import Onward, Step, Verdict, Word, ends
from mooring.core.vcn.packets.router import Drg as ToDrg
from mooring.core.vcn.packets.router import Peer, Services, router
from mooring.core.vcn.packets.turn import (
    A_ROUTE,
    METADATA_PORT,
    RESOLVER_PORT,
    ROUTER,
    SHARED_PROTOCOLS,
    Turn,
    martian,
)
from mooring.core.vcn.world import World

__all__ = [
    "METADATA_PORT",
    "RESOLVER_PORT",
    "ROUTER",
    "SHARED_PROTOCOLS",
    "Verdict",
    "Word",
    "track",
    "verdict",
]

A_WORD = "a DRG's own word"
OWN_OF_DRGS = frozenset(VOICES.values())  # nothing is sent there


def verdict(world: World, flows: Flows, packet: Packet) -> Verdict:
    """Judge a packet, given the flows that began before it."""
    return _Journey(world, flows, packet).whole()[0]


def track(world: World, flows: Flows, packet: Packet) -> Flows:
    """Give the flows that are known after a packet, whether or not it arrived."""
    return flows | _Journey(world, flows, packet).whole()[1]


@dataclass(frozen=True, slots=True)
class _Journey:
    """One packet on its way from router to router; `entered` are the gateways that it came by."""

    world: World
    flows: Flows
    packet: Packet
    entered: set[str] = field(default_factory=set)

    def whole(self) -> tuple[Verdict, Flows]:
        """Give where it ends, and the flows that it begins on the way."""
        begun: set[Flow] = set()
        step = self._first()
        while True:
            if step.begun is not None:
                begun.add(step.begun)
            if isinstance(step.found, Verdict):
                return step.found, frozenset(begun)
            step = self._next(step.found)

    def _first(self) -> Step:
        if self.packet.origin == INTERNET:
            return self._from_internet()
        match self.world.get(self.packet.origin):
            case Vnic() as vnic:
                return self._from_vnic(vnic)
            case ServiceGateway() as gateway:
                return self._into(gateway.vcn_id, gateway.id)
            case DrgAttachment() as site if site.network_type in SITES:
                return self._through(site.id, A_ROUTE)
            case Vcn() | Drg() as speaker:
                return self._said_by(speaker)
            case _:
                return ends("the VNIC is not plugged in")

    def _from_internet(self) -> Step:
        address = self.packet.head.destination
        for vcn in self.world.of(Vcn):
            turn = self._turn(vcn)
            if turn.router.is_public(address):
                return turn.enter()
        return ends(f"{address} is no public address of a VCN")

    def _from_vnic(self, vnic: Vnic) -> Step:
        vcn = self.world.find(Vcn, vnic.vcn_id)
        turn = self._turn(vcn) if vcn else None
        port = turn.router.port_of(vnic.id) if turn else None
        if turn is None or port is None:
            return ends("the VNIC is not plugged in")
        return turn.leave(port)

    def _next(self, onward: Onward) -> Step:
        match onward.way:
            case Services(gateway_id):
                return self._arrives(gateway_id, onward.reason)
            case Peer(_, vcn_id, peer_id):
                return self._into(vcn_id, peer_id)
            case ToDrg(attachment_id):
                return self._through(attachment_id, onward.reason)

    def _into(self, vcn_id: str, gate_id: str) -> Step:
        """Let it come into a VCN by a gateway."""
        vcn = self.world.find(Vcn, vcn_id)
        turn = self._turn(vcn) if vcn else None
        gate = turn.router.gates.get(gate_id) if turn else None
        if turn is None or gate is None:
            return _not_open(gate_id)
        if gate_id in self.entered:
            return ends("the routes lead round in a circle")
        self.entered.add(gate_id)
        return turn.come(gate)

    def _through(self, attachment_id: str, reason: str) -> Step:
        """Let it into a DRG by an attachment."""
        incoming, to = attached(self.world, attachment_id), self.packet.head.destination
        strange = martian(self.packet.head)
        if incoming is None:
            return _not_open(attachment_id)
        if strange or to in OWN_OF_DRGS:
            return ends(strange or f"{to} is the DRG's own")
        return self._routed(incoming, reason)

    def _routed(self, incoming: DrgAttachment, reason: str) -> Step:
        """Let it pass a DRG, and others behind remote peerings, to a VCN or a site."""
        passed: set[str] = set()
        while incoming.id not in passed:
            passed.add(incoming.id)
            found = next_attachment(self.world, incoming, self.packet.head.destination)
            if found is None:
                title = f"the table of DRG attachment {incoming.display_name}"
                return ends(f"no route to {self.packet.head.destination} in {title}")
            step = self._by(found, reason)
            if isinstance(step, Step):
                return step
            incoming = step
        return ends("the routes lead round in a circle")

    def _by(self, attachment: DrgAttachment, reason: str) -> Step | DrgAttachment:
        """Let it leave a DRG by an attachment; behind a remote peering it comes in by another."""
        if attachment.network_type == VCN:
            return self._into(attachment.network_id, attachment.id)
        if attachment.network_type in SITES:
            if why := too_long(self.packet, SITE_MTU[attachment.network_type]):
                voice = VOICES[self.packet.head.source.version]
                return ends(why, message(self.packet, attachment.drg_id, voice))
            return self._arrives(attachment.id, reason)
        other = across(self.world, attachment)
        if other is None or other.drg_id == attachment.drg_id:
            name = attachment.display_name
            return ends(f"the peer of DRG attachment {name} is not open")
        return other

    def _said_by(self, gateway: Vcn | Drg) -> Step:
        """Let out what a router itself says."""
        if isinstance(gateway, Vcn):
            return self._turn(gateway).say()
        open_ = tuple(open_at(self.world, gateway.id))
        routes = own_routes(self.world, tables_of(self.world, open_), open_)
        to = self.packet.head.destination
        fitting = [network for network in routes if to in network]
        by = max(fitting, key=lambda network: network.prefixlen, default=None)
        found = attached(self.world, routes[by]) if by is not None else None
        if found is None:
            return ends(f"no route to {to} in any table of DRG {gateway.display_name}")
        step = self._by(found, A_WORD)
        return step if isinstance(step, Step) else self._routed(step, A_WORD)

    def _turn(self, vcn: Vcn) -> Turn:
        return Turn(self.world, router(self.world, vcn), self.flows, self.packet)

    def _arrives(self, to: str, reason: str) -> Step:
        return Step(Verdict(Word.ACCEPT, reason, to, self.packet.head))


def _not_open(gateway_id: str) -> Step:
    return ends(f"{gateway_id} is not open")
