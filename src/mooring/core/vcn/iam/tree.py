"""The tree of compartments, with the tenancy as its root.

A compartment that was never made counts as a child of the tenancy: scripts may write any text as a compartment.
"""

from collections.abc import Iterable

from mooring.core.vcn.iam.statement import Place
from mooring.core.vcn.model import Compartment, Ipv6, PrivateIp, Resource, Subnet, Vnic
from mooring.core.vcn.world import World

TENANCY = "ocid1.tenancy.oc1..aaaaaaaamooring"  # of calls that nobody signed
TENANCY_NAME = "mooring"
GONE = "DELETED"


def lineage(world: World, id: str, tenancy: str) -> tuple[str, ...]:
    """Give a compartment, its parent, and so on up to the tenancy."""
    found = []
    compartment = world.find(Compartment, id)
    while compartment is not None:
        found.append(compartment.id)
        id = compartment.compartment_id
        compartment = world.find(Compartment, id)
    found.append(id)
    return tuple(found if id == tenancy else [*found, tenancy])


def name_of(world: World, id: str, tenancy: str) -> str:
    """Give a compartment's name; empty when it was never made."""
    compartment = world.find(Compartment, id)
    if compartment is not None:
        return compartment.display_name
    return TENANCY_NAME if id == tenancy else ""


def children(world: World, id: str) -> Iterable[Compartment]:
    """Give the compartments right inside of one that are not deleted."""
    inside = world.referring(Compartment, id)
    return (child for child in inside if child.lifecycle_state != GONE)


def located(world: World, place: Place, home: str, tenancy: str) -> str | None:
    """Give the compartment that a statement of a policy in `home` means; None when it is not there.

    A path begins below `home`, or with the name of `home` itself. What is meant must lie in `home`.
    """
    if place.id is not None:
        inside = home in lineage(world, place.id, tenancy)
        return place.id if inside else None
    if not place.path:
        return tenancy if home == tenancy else None
    first, *rest = place.path
    found = _child(world, home, first)
    if found is None and name_of(world, home, tenancy).lower() == first:
        found = home
    for name in rest:
        found = None if found is None else _child(world, found, name)
    return found


def _child(world: World, id: str, name: str) -> str | None:
    return next(
        (c.id for c in children(world, id) if c.display_name.lower() == name), None
    )


def homes(world: World, record: Resource) -> tuple[str, ...]:
    """Give the compartments in which permissions on an object may be held.

    VNICs and their addresses may be used by whoever may in the compartment of their subnet: a
    network's compartment and the instances' one may differ. A compartment is its own.
    """
    if isinstance(record, Compartment):
        return (record.id,)
    if isinstance(record, Vnic | PrivateIp | Ipv6):
        subnet = world.find(Subnet, record.subnet_id)
        if subnet is not None and subnet.compartment_id != record.compartment_id:
            return record.compartment_id, subnet.compartment_id
    return (record.compartment_id,)
