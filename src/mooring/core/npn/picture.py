"""What is wanted beside what is there: slots, their VNICs, and who uses which address."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from mooring.core.npn.record import Npn, VnicStatus
from mooring.core.npn.seen import AddressSeen, Sighting
from mooring.core.npn.slots import Match, Slot, match, slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A slot's IPv4 addresses. `spare` are those on the VNIC that nobody asked for.

    `sizes` are the blocks they come in, single addresses as 1.
    """

    host: IPv4Address | None
    pods: tuple[IPv4Address, ...]
    missing: int
    spare: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One object against one look. `holdings` has the slots whose VNIC is ready."""

    npn: Npn
    seen: Sighting
    slots: tuple[Slot, ...]
    match: Match
    holdings: Mapping[str, Holding]

    @property
    def complete(self) -> bool:
        """Tell whether every slot has its VNIC and all its addresses."""
        return all(
            slot.key in self.holdings and not self.holdings[slot.key].missing
            for slot in self.slots
        )


def draw(npn: Npn, seen: Sighting) -> Picture:
    """Put the object and the look beside each other."""
    wanted = slots(npn) if serves_ipv4(npn) else ()
    found = match(npn, wanted, seen)
    before = {v.vnic_id: v for v in npn.status.vnics}
    holdings = {
        slot.key: hold(
            slot, seen.addresses.get(nic.vnic.id, ()), before.get(nic.vnic.id)
        )
        for slot in wanted
        if (nic := found.placed.get(slot.key)) and nic.ready
    }
    return Picture(npn=npn, seen=seen, slots=wanted, match=found, holdings=holdings)


def serves_ipv4(npn: Npn) -> bool:
    """Tell whether pods are to have IPv4 addresses."""
    return "IPv4" in npn.spec.ip_families


def wants_ipv6(npn: Npn) -> bool:
    """Tell whether IPv6 is asked for, by the families or by a profile."""
    profiles = npn.spec.secondary_vnics
    return "IPv6" in npn.spec.ip_families or any(p.assign_ipv6_ip for p in profiles)


def hold(
    slot: Slot, addresses: tuple[AddressSeen, ...], before: VnicStatus | None
) -> Holding:
    """Choose the host's address and the pods'; what the status gave them they keep.

    A pod may use any address that the status lists, so the host's replacement is one that
    no pod was ever offered: when there is none, one more is missing.
    """
    blocks = [
        (address.block, address.is_primary)
        for address in addresses
        if isinstance(address.block, IPv4Network)
    ]
    spare = sorted(a for block, primary in blocks if not primary for a in block)
    listed = {p.v4 for p in before.pod_addresses} if before else set()
    if slot.host_on_primary:
        host = next((block[0] for block, primary in blocks if primary), None)
    else:
        old = before.host.v4 if before else None
        fresh = next((a for a in spare if a not in listed), None)
        host = old if old in spare else fresh
        spare = [a for a in spare if a != host]
    pods = sorted(spare, key=lambda a: (a not in listed, a))[: slot.pods]
    homeless = host is None and not slot.host_on_primary
    return Holding(
        host=host,
        pods=tuple(sorted(pods)),
        missing=slot.pods - len(pods) + homeless,
        spare=len(spare) - len(pods),
        sizes=tuple(block.num_addresses for block, primary in blocks if not primary),
    )
