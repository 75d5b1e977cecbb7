"""What lets a packet pass a router: the rules at both ends, and the flow that it belongs to.

Flows are looked for only among those behind the same address outside (`Outside`): what the
router knows of a flow behind one address says nothing of a packet that takes another way.
"""

from dataclasses import dataclass
from enum import Enum

from mooring.core.vcn.packets.packet import (
    INTERNET,
    Flow,
    Outside,
    Packet,
    Place,
    Tuple,
)
from mooring.core.vcn.packets.router import (
    Closed,
    Drg,
    Hop,
    Internet,
    Nat,
    Peer,
    Port,
    Router,
    Services,
    Way,
)
from mooring.core.vcn.packets.security import (
    EGRESS,
    INGRESS,
    in_force,
    permitting,
    tracking,
)
from mooring.core.vcn.world import World


class Word(Enum):
    """What happens to a packet."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a packet, and why.

    `reason` names the rule, list or route that decided. An accepted packet goes `to` a VNIC (its
    OCID), the `ROUTER` itself, the `INTERNET`, Oracle's services (the service gateway's OCID) or an
    on-premises site (its DRG attachment's), and arrives with `head`, translated or not. Of a dropped
    one that is too long a router says something (`said`).
    """

    word: Word
    reason: str
    to: str = ""
    head: Tuple | None = None
    said: Packet | None = None


@dataclass(frozen=True, slots=True)
class Onward:
    """A packet that leaves its VCN for a network beside it, and what let it."""

    way: Services | Peer | Drg
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one router makes of a packet, and the flow that it knows from then on."""

    found: Verdict | Onward
    begun: Flow | None = None


def ends(reason: str, said: Packet | None = None) -> Step:
    """Give the step that drops a packet, and what is said of it."""
    return Step(Verdict(Word.DROP, reason, said=said))


@dataclass(frozen=True, slots=True)
class Passing:
    """A packet whose way through a router is known.

    `outside` is the address behind which it is translated here; `place` its place among the flows
    that the router knows behind that address.
    """

    world: World
    router: Router
    packet: Packet
    outside: Outside | None
    place: Place | None

    @property
    def is_reply(self) -> bool:
        """Tell whether it goes the way of a flow's replies."""
        return self.place is not None and self.place.is_reply

    def is_translated_by(self, way: Way) -> bool:
        """Tell whether connection tracking gives it the address that its way wants."""
        if not isinstance(way, Nat):
            return True
        if self.place is None:
            # What it knows nothing of, and cannot begin to, is not translated.
            return self.packet.can_begin()
        flow = self.place.flow
        first, reply = flow.original.destination, flow.reply.destination
        return way.face == (first if self.is_reply else reply)

    def go(self, way: Way, reason: str, changed: Tuple | None = None) -> Step:
        """Let it take its way, with another destination if it is `changed`."""
        head = changed or self.packet.head
        match way:
            case Hop(port):
                return self.deliver(port, head)
            case Nat(face):
                return self._accept(reason, INTERNET, head._replace(source=face))
            case Internet():
                return self._accept(reason, INTERNET, head)
            case Closed(why):
                return ends(why)
            case Services() | Peer() | Drg():
                return Step(Onward(way, reason), self._begun(head))

    def deliver(self, port: Port, head: Tuple) -> Step:
        """Let it arrive at a VNIC, if the VNIC's rules do."""
        allowed = self.allowed(port, INGRESS, head)
        if allowed is None:
            return ends(f"no ingress rule of {port.spoken_for} allows {head}")
        return self._accept(allowed, port.vnic.id, head)

    def allowed(self, port: Port, direction: str, head: Tuple) -> str | None:
        """Say what lets it pass one side of a VNIC; None when nothing does."""
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

    def _accept(self, reason: str, to: str, head: Tuple) -> Step:
        return Step(Verdict(Word.ACCEPT, reason, to, head), self._begun(head))

    def _begun(self, head: Tuple) -> Flow | None:
        """Give the flow that begins with this packet, which leaves as `head`."""
        if self.place is not None or not self.packet.can_begin():
            return None
        original, reply = self.packet.head, head.inverse()
        return Flow(self.router.vcn.id, original, reply, self.outside)


def _other(direction: str) -> str:
    return INGRESS if direction == EGRESS else EGRESS
