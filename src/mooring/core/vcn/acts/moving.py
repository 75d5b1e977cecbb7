"""Putting objects into other compartments: where they stand changes, nothing else."""

from collections.abc import Iterable

from mooring.core.vcn.acts.publicips import EPHEMERAL
from mooring.core.vcn.acts.removal import ENDED
from mooring.core.vcn.acts.work import finished, header, touched
from mooring.core.vcn.api.errors import incorrect_state
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.model import (
    Drg,
    Instance,
    IpSecConnection,
    IpSecTunnel,
    NatGateway,
    PublicIp,
    Resource,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

# Those whose moves the API describes as work.
_AS_WORK: tuple[type[Resource], ...] = (Vcn, Subnet, Drg, Instance)


def move(call: Call) -> Answer:
    """Put the object of the path into another compartment; what it refers to stays where it is."""
    target = call.about(Resource)
    if target.lifecycle_state in ENDED:
        title = KINDS[type(target)].title
        raise incorrect_state(title, target.id, target.lifecycle_state)
    wanted = call.body.need("compartmentId", str)
    draft = call.draft
    for record in (target, *_along(call.world, target)):
        draft = draft.change(record, compartment_id=wanted)
    if not isinstance(target, _AS_WORK):
        return Answer(draft=draft, status=204)
    draft, id = finished(call, draft, call.operation, [touched(target)])
    return Answer(draft=draft, status=202, headers=header(id))


def _along(world: World, target: Resource) -> Iterable[Resource]:
    """Give what is wherever its owner is: a connection's tunnels, a gateway's own public IP."""
    if isinstance(target, IpSecConnection):
        return world.referring(IpSecTunnel, target.id)
    if isinstance(target, NatGateway):
        public = world.referring(PublicIp, target.id)
        return [one for one in public if one.lifetime == EPHEMERAL]
    return ()
