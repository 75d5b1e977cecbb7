"""Peerings: two gateways connected, by which two VCNs or two DRGs reach each other.

NEW -> PENDING (when they are connected) -> PEERED; the end that is left when the other is deleted is
REVOKED and of no more use.
"""

from itertools import product

from mooring.core.vcn.acts import drgs, removal, servicelimits
from mooring.core.vcn.acts.blocks import ready
from mooring.core.vcn.acts.gateways import table_choice
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.api.errors import conflict, invalid
from mooring.core.vcn.api.turns import Answer, Call, Draft, renamed
from mooring.core.vcn.drg_routes import REMOTE_PEERING
from mooring.core.vcn.model import (
    Drg,
    LocalPeeringGateway,
    RemotePeeringConnection,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS

NEW, PENDING, PEERED, REVOKED = "NEW", "PENDING", "PEERED", "REVOKED"

End = LocalPeeringGateway | RemotePeeringConnection


# -- between VCNs


def create_local(call: Call) -> Answer:
    """Make a local peering gateway, connected with nothing yet."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    ready(vcn)
    servicelimits.check_vcn(call, vcn, "local-peering-gateway-count")
    compartment = call.body.need("compartmentId", str)
    gateway = LocalPeeringGateway(
        **call.common(LocalPeeringGateway, call.body, compartment),
        vcn_id=vcn.id,
        **table_choice(call, vcn.id, LocalPeeringGateway),
    )
    return Answer(draft=call.draft.put(gateway), subject=gateway)


def update_local(call: Call) -> Answer:
    """Change a gateway's table, name and tags."""
    gateway = call.about(LocalPeeringGateway)
    ready(call.parent(Vcn, gateway.vcn_id))
    table = table_choice(call, gateway.vcn_id, LocalPeeringGateway)
    changes = renamed(call.body) | table
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def connect_local(call: Call) -> Answer:
    """Connect two gateways of different VCNs that do not overlap."""
    ours = call.about(LocalPeeringGateway)
    peer = call.related(LocalPeeringGateway, "peerId", call.body.need("peerId", str))
    check_new(ours, peer)
    one, two = call.parent(Vcn, ours.vcn_id), call.parent(Vcn, peer.vcn_id)
    ready(one)
    ready(two)
    if one.id == two.id:
        rule = f"must be of another VCN than {one.id}."
        raise invalid("peerId", peer.id, rule)
    for other in call.world.referring(LocalPeeringGateway, one.id):
        facing = call.world.find(LocalPeeringGateway, other.peer_id or "")
        if facing is not None and facing.vcn_id == two.id:
            raise conflict(f"VCN {one.id} is peered with {two.id} by {other.id}.")
    _check_apart(one, two, peer)
    return Answer(draft=connected(call, ours, peer), status=204)


def check_new(ours: End, peer: End) -> None:
    """Refuse to connect what is, or was, connected already."""
    for end in (ours, peer):
        if end.peering_status != NEW:
            title, status = KINDS[type(end)].title, end.peering_status
            raise conflict(f"The {title} {end.id} is {status}; it must be {NEW}.")


def _check_apart(one: Vcn, two: Vcn, peer: LocalPeeringGateway) -> None:
    for ours, theirs in product(one.blocks, two.blocks):
        if ours.version == theirs.version and ours.overlaps(theirs):
            rule = f"must be of a VCN that does not overlap {ours}; it has {theirs}."
            raise invalid("peerId", peer.id, rule)


def connected(call: Call, ours: End, peer: End, **more: object) -> Draft:
    """Begin to connect two ends; they are PEERED by themselves after a while."""
    soon = call.now + call.world.settings.delays.peering
    begun = {"peering_status": PENDING, "settles_at": soon, **more}
    draft = call.draft.change(ours, peer_id=peer.id, **begun)
    return draft.change(peer, peer_id=ours.id, **begun)


def delete_local(call: Call) -> Answer:
    """Delete a gateway that no route needs; its peer is left REVOKED."""
    answer = removal.delete(call)
    gateway = call.about(LocalPeeringGateway)
    return Answer(draft=revoked(answer.draft, gateway), status=answer.status)


def revoked(draft: Draft, gone: End) -> Draft:
    """Tell the other end of what was deleted, if there is one."""
    peer = draft.world.find(type(gone), gone.peer_id or "")
    if peer is None:
        return draft
    return draft.change(peer, peering_status=REVOKED, settles_at=None)


# -- between DRGs


def create_remote(call: Call) -> Answer:
    """Make a remote peering connection of a DRG, with its attachment, connected with nothing yet."""
    drg = call.parent(Drg, call.body.need("drgId", str))
    compartment = call.body.need("compartmentId", str)
    connection = RemotePeeringConnection(
        **call.common(RemotePeeringConnection, call.body, compartment), drg_id=drg.id
    )
    draft = call.draft.put(connection)
    draft = drgs.joined(call, draft, (drg, REMOTE_PEERING), connection)
    return Answer(draft=draft, subject=connection)


def update_remote(call: Call) -> Answer:
    """Change a connection's name and tags."""
    connection = call.about(RemotePeeringConnection)
    draft = call.draft.change(connection, **renamed(call.body))
    return Answer(draft=draft, subject=connection)


def connect_remote(call: Call) -> Answer:
    """Connect two DRGs; there are those of this region only."""
    ours = call.about(RemotePeeringConnection)
    region, here = call.body.need("peerRegionName", str), call.world.settings.region
    if region != here:
        raise invalid("peerRegionName", region, f"must be {here}: it is all there is.")
    wanted = call.body.need("peerId", str)
    peer = call.related(RemotePeeringConnection, "peerId", wanted)
    check_new(ours, peer)
    if ours.drg_id == peer.drg_id:
        raise invalid("peerId", peer.id, f"must be of another DRG than {ours.drg_id}.")
    draft = connected(call, ours, peer, peer_region_name=region)
    return Answer(draft=draft, status=204)


def delete_remote(call: Call) -> Answer:
    """Delete a connection with its attachment; its peer is left REVOKED."""
    connection = call.about(RemotePeeringConnection)
    answer = removal.delete(call)
    draft = revoked(drgs.parted(answer.draft, connection.id), connection)
    return Answer(draft=draft, status=answer.status)


def list_regions(call: Call) -> Answer:
    """List the regions whose DRGs may be peered with: this one."""
    return paged(call, in_order([{"name": call.world.settings.region}]))
