"""What an earlier copy of some VCNs leaves behind when a new one takes its place."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from mooring.core.vcn.model import (
    Cpe,
    Drg,
    DrgAttachment,
    IpSecConnection,
    IpSecTunnel,
    PublicIp,
    Resource,
    VirtualCircuit,
    VnicAttachment,
)

RESERVED, AVAILABLE = "RESERVED", "AVAILABLE"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What goes, and what stays and is then nobody's."""

    gone: tuple[Resource, ...]
    freed: tuple[PublicIp, ...]


def earlier(
    kept: Sequence[Resource], coming: Collection[Resource], vcns: Collection[str]
) -> Earlier:
    """Take some VCNs with everything in them out of what is kept, for a new copy of them.

    With them go their instances and ephemeral public IPs, and DRGs with their tables and premises,
    unless another VCN is attached to them. A reserved public IP stays; it is assigned to nobody
    when the new copy does not say to whom.
    """
    whole, new = set(vcns), {record.id for record in coming}
    ids = {r.id for r in kept if r.id in whole or getattr(r, "vcn_id", "") in whole}
    if not ids:
        return Earlier((), ())
    plugs = [r for r in kept if isinstance(r, VnicAttachment) and r.vnic_id in ids]
    ids |= {plug.id for plug in plugs} | {plug.instance_id for plug in plugs}
    ids |= set(_beyond(kept, _drgs(kept, coming, whole)))
    publics = [
        r for r in kept if isinstance(r, PublicIp) and r.assigned_entity_id in ids
    ]
    ids |= {public.id for public in publics if public.lifetime != RESERVED}
    freed = (
        replace(
            public,
            lifecycle_state=AVAILABLE,
            settles_at=None,
            assigned_entity_id=None,
            assigned_entity_type=None,
        )
        for public in publics
        if public.id not in ids | new
    )
    return Earlier(tuple(r for r in kept if r.id in ids), tuple(freed))


def _drgs(
    kept: Sequence[Resource], coming: Collection[Resource], vcns: Collection[str]
) -> set[str]:
    """Give the DRGs of these VCNs to which no other VCN is attached."""
    at = [r for r in kept if isinstance(r, DrgAttachment) and r.vcn_id]
    mine = {each.drg_id for each in at if each.vcn_id in vcns}
    mine |= {record.id for record in coming if isinstance(record, Drg)}
    return mine - {each.drg_id for each in at if each.vcn_id not in vcns}


def _beyond(kept: Sequence[Resource], drgs: Collection[str]) -> Iterator[str]:
    """Name DRGs, what is of them, and the on-premises sites that no other DRG has."""
    yield from drgs
    connections = [r for r in kept if isinstance(r, IpSecConnection)]
    mine = {each.id for each in connections if each.drg_id in drgs}
    others = {each.cpe_id for each in connections if each.id not in mine}
    sites = {each.cpe_id for each in connections if each.id in mine} - others
    for record in kept:
        if isinstance(record, VirtualCircuit):
            goes = record.gateway_id in drgs
        elif isinstance(record, IpSecTunnel):
            goes = record.ip_sec_connection_id in mine
        elif isinstance(record, Cpe):
            goes = record.id in sites
        else:
            goes = getattr(record, "drg_id", None) in drgs
        if goes:
            yield record.id
