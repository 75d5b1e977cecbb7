"""Deleting what others may use: who stands in the way is said in `model.kinds`."""

from mooring.core.vcn.api.errors import conflict, in_use
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.indexes import addresses6
from mooring.core.vcn.model import (
    Drg,
    DrgRouteDistribution,
    DrgRouteTable,
    Ipv6,
    Resource,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

ENDED = ("DETACHED", "TERMINATED")  # still shown; needs nothing any more


def delete(call: Call) -> Answer:
    """Delete the object that the path names, unless it is needed."""
    target = call.target
    assert target is not None  # noqa: S101 - the routes promise it
    along = _along(call.world, target)
    _check_default(call.world, target)
    for kind in KINDS[type(target)].needed_by:
        for other in call.world.referring(kind, target.id):
            if other.id not in along and other.lifecycle_state not in ENDED:
                raise _blocked(target, other)
    _check_addresses(call.world, target)
    draft = call.draft.drop(target)
    for name in along:
        draft = draft.drop(draft.world.records[name])
    return Answer(draft=draft, status=204)


def _along(world: World, target: Resource) -> tuple[str, ...]:
    """Give what goes with an object: a VCN's defaults, a DRG's tables and distributions."""
    if not isinstance(target, Drg):
        return _defaults(target)
    tables = world.referring(DrgRouteTable, target.id)
    distributions = world.referring(DrgRouteDistribution, target.id)
    return (*(one.id for one in tables), *(one.id for one in distributions))


def _check_default(world: World, target: Resource) -> None:
    """Refuse what was made along with a VCN or DRG and is what new parts of it get."""
    for kind, field in ((Vcn, "vcn_id"), (Drg, "drg_id")):
        owner = world.find(kind, getattr(target, field, ""))
        if owner is not None and target.id in _defaults(owner):
            title = KINDS[kind].title
            rule = f"is a default of {title} {owner.id} and goes with it."
            raise conflict(f"{target.id} {rule}")


def _defaults(resource: Resource) -> tuple[str, ...]:
    """Give what was made along with a VCN or a DRG."""
    if isinstance(resource, Vcn):
        return (
            resource.default_route_table_id,
            resource.default_security_list_id,
            resource.default_dhcp_options_id,
        )
    if isinstance(resource, Drg):
        return (
            resource.vcn_table_id,
            resource.ipsec_tunnel_table_id,
            resource.virtual_circuit_table_id,
            resource.remote_peering_connection_table_id,
            resource.default_export_drg_route_distribution_id,
        )
    return ()


def _blocked(target: Resource, other: Resource) -> Exception:
    title, by = KINDS[type(target)].title, KINDS[type(other)].title
    return in_use(title, target.id, by, other.id)


def _check_addresses(world: World, target: Resource) -> None:
    """Refuse a subnet in which reserved private IPs or IPv6s are left."""
    if isinstance(target, Subnet):
        for other in world.private_ips_in(target.id):
            raise _blocked(target, other)
        for six in world.walk(Ipv6, addresses6(target.id)):
            raise _blocked(target, six)
