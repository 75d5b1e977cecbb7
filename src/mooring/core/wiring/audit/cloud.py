"""The object and the ledger beside the cloud: VNICs and addresses that one of them lacks."""

from collections.abc import Iterator, Mapping

from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Npn, VnicStatus
from mooring.core.npn.seen import MINE, AddressSeen
from mooring.core.wiring.audit.difference import Difference, of
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.pods import address, held
from mooring.core.wiring.audit.sides import CloudTold, Side, Sides


def compare(sides: Sides) -> Iterator[Difference]:
    """Compare object, ledger and cloud."""
    npn = sides.npn.npn if sides.npn else None
    if npn is None:
        return
    listed = {v.vnic_id: v for v in npn.status.vnics}
    if sides.cloud is not None:
        yield from _vnics(npn, sides.cloud)
        elastic = npn.status.pool is not None
        for vnic in listed.values():
            if vnic.vnic_id in sides.cloud.vnics:
                yield from _missing(sides, sides.cloud, vnic)
                yield from _spare(sides.cloud, vnic, elastic=elastic)
    for lease in sides.wired:
        yield from of(lease.attachment, _lease(sides, lease, listed))


def _vnics(npn: Npn, cloud: CloudTold) -> Iterator[Difference]:
    listed = {v.vnic_id for v in npn.status.vnics}
    surplus = " ".join(c.message for c in npn.status.conditions if c.type == "Surplus")
    for ident in sorted(listed - cloud.vnics.keys()):
        says = {Side.NPN: "lists it", Side.CLOUD: "has not attached it"}
        yield Difference(Code.VNIC_NOT_IN_CLOUD, ident, says)
    for ident, vnic in cloud.vnics.items():
        ours = vnic.tags.get(MINE) == npn.name and not vnic.is_primary
        if ours and ident not in listed:
            says = {
                Side.CLOUD: f"has attached it with tag {MINE}={npn.name}",
                Side.NPN: "does not list it",
            }
            if npn.status.state == "SUCCESS" or ident in surplus:
                yield Difference(Code.VNIC_NOT_LISTED, ident, says)
            else:
                yield Difference(
                    Code.VNIC_NOT_LISTED,
                    ident,
                    says,
                    because="its attachment is under way",
                    advice="the controller lists it when its host's address is there",
                    whose=By.CONTROLLER,
                )


def _missing(sides: Sides, cloud: CloudTold, vnic: VnicStatus) -> Iterator[Difference]:
    """Name what the object lists on a VNIC and the cloud lacks; addresses of leases come later."""
    there = cloud.addresses.get(vnic.vnic_id, ())
    held_here = {a for lease in sides.wired for a in parts(lease.addresses)}
    for one in sorted(_listed(vnic) - held_here, key=str):
        if not _has(there, one):
            says = {Side.NPN: f"lists it on {vnic.vnic_id}"}
            says[Side.CLOUD] = _elsewhere(cloud, one)
            yield Difference(Code.ADDRESS_NOT_IN_CLOUD, str(one), says)


def _spare(
    cloud: CloudTold, vnic: VnicStatus, *, elastic: bool
) -> Iterator[Difference]:
    """Name what the cloud has on a VNIC and the object does not list.

    Not IPv4 of an elastic pool: it takes an object off its status at any time and gives it back when
    the agent has let go of it, which nobody sees here. IPv6 is never given back.
    """
    listed = _listed(vnic)
    for seen in cloud.addresses.get(vnic.vnic_id, ()):
        if elastic and seen.block.version == 4:
            continue
        size = seen.block.num_addresses
        spare = size - sum(a in seen.block for a in listed)
        if spare and not (seen.is_primary or _is_rounded(seen, spare)):
            says = {
                Side.CLOUD: f"has {seen.block} on {vnic.vnic_id} ({seen.id})",
                Side.NPN: f"does not list {spare} of its {size} addresses",
            }
            yield Difference(Code.ADDRESS_NOT_LISTED, str(seen.block), says)


def _listed(vnic: VnicStatus) -> set[Ip]:
    pairs = (vnic.host, *vnic.pod_addresses)
    return {a for pair in pairs for a in parts(pair)}


def _is_rounded(seen: AddressSeen, spare: int) -> bool:
    """Tell whether a block is in use and only larger than needed, as IPv6's blocks are."""
    return seen.block.version == 6 and spare < seen.block.num_addresses


def _lease(
    sides: Sides, lease: Lease, listed: Mapping[str, VnicStatus]
) -> Iterator[Difference]:
    cloud = sides.cloud
    vnic = listed.get(lease.vnic_id)
    offered = {a for pair in vnic.pod_addresses for a in parts(pair)} if vnic else set()
    for one in parts(lease.addresses):
        says = {Side.LEDGER: f"{held(sides, lease)} on {lease.vnic_id}"}
        if one not in offered:
            says[Side.NPN] = "does not list it there"
        if cloud is not None and not _has(cloud.addresses.get(lease.vnic_id, ()), one):
            says[Side.CLOUD] = _elsewhere(cloud, one)
            yield Difference(Code.LEASE_NOT_IN_CLOUD, str(one), says)
        elif one not in offered:
            if cloud is not None:
                says[Side.CLOUD] = "has it there"
            yield Difference(Code.WITHDRAWN_ADDRESS, address(lease), says)


def _has(there: tuple[AddressSeen, ...], one: Ip) -> bool:
    return any(one in seen.block for seen in there)


def _elsewhere(cloud: CloudTold, one: Ip) -> str:
    homes = [vnic for vnic, there in cloud.addresses.items() if _has(there, one)]
    return f"has it on {', '.join(homes)}" if homes else "does not have it there"
