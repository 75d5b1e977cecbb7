"""Deleting what others may use: who stands in the way is said in `model.kinds`."""

from itertools import chain

from mooring.core.vcn.api.errors import conflict, in_use
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.model import (
    Resource,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World


def delete(call: Call) -> Answer:
    """Delete the object that the path names, unless it is needed."""
    target = call.target
    assert target is not None  # noqa: S101 - the routes promise it
    along = _defaults(target)
    vcn = call.world.find(Vcn, getattr(target, "vcn_id", ""))
    if vcn is not None and target.id in _defaults(vcn):
        raise conflict(f"{target.id} is a default of VCN {vcn.id} and goes with it.")
    for kind in KINDS[type(target)].needed_by:
        for other in call.world.referring(kind, target.id):
            if other.id not in along:
                raise _blocked(target, other)
    _check_addresses(call.world, target)
    draft = call.draft.drop(target)
    for name in along:
        draft = draft.drop(draft.world.records[name])
    return Answer(draft=draft, status=204)


def _defaults(resource: Resource) -> tuple[str, ...]:
    """Give what was made along with a VCN and goes with it."""
    if not isinstance(resource, Vcn):
        return ()
    return (
        resource.default_route_table_id,
        resource.default_security_list_id,
        resource.default_dhcp_options_id,
    )


def _blocked(target: Resource, other: Resource) -> Exception:
    title, by = KINDS[type(target)].title, KINDS[type(other)].title
    return in_use(title, target.id, by, other.id)


def _check_addresses(world: World, target: Resource) -> None:
    """Refuse a subnet in which reserved private IPs or IPv6 objects are left."""
    if isinstance(target, Subnet):
        for other in chain(world.private_ips_in(target.id), world.ipv6s_in(target.id)):
            raise _blocked(target, other)
