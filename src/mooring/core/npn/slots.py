"""The VNICs that an object wants, and which of the instance's VNICs fill them.

A slot is one wanted VNIC; its key is "0", "1", … in classic mode and the profile's name with
`secondaryVnics`. Ours is a VNIC that carries our two tags, or one that our own status lists
under the slot's display name (somebody removed the tags). All others are foreign: they count
for the shape's limit and are never touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mooring.core.npn.capacity import spread
from mooring.core.npn.changes import NewVnic
from mooring.core.npn.families import asked
from mooring.core.npn.record import Npn, SecondaryVnic
from mooring.core.npn.seen import (
    DEAD,
    GOING,
    MINE,
    SLOT,
    AttachmentSeen,
    Sighting,
    VnicSeen,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A wanted VNIC. `host_on_primary`: the host uses the VNIC's primary address.

    `families` are those that are asked for, the preferred one first (`families.asked`).
    """

    key: str
    pods: int
    vnic: NewVnic
    host_on_primary: bool = False
    application_resources: tuple[str, ...] = ()
    families: tuple[str, ...] = ("IPv4",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """A VNIC of ours with its attachment."""

    attachment: AttachmentSeen
    vnic: VnicSeen

    @property
    def ready(self) -> bool:
        """Tell whether addresses can be put on it."""
        return self.attachment.state == "ATTACHED" and self.vnic.state == "AVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Slots with their VNICs, ours beyond them, and attachments still under way."""

    placed: Mapping[str, Nic]
    surplus: tuple[Nic, ...] = ()
    coming: tuple[AttachmentSeen, ...] = ()
    live: int = 0


def slots(npn: Npn) -> tuple[Slot, ...]:
    """Give the wanted VNICs in the order in which they are attached."""
    spec = npn.spec
    if spec.secondary_vnics:
        return tuple(
            replace(_profiled(npn.name, profile), families=asked(spec, profile))
            for profile in spec.secondary_vnics
        )
    return tuple(
        Slot(
            key=str(index),
            pods=pods,
            vnic=NewVnic(
                subnet_id=spec.pod_subnet_ids[0],
                display_name=f"mooring-{npn.name}-{index}",
                attachment_name=f"mooring-{npn.name}-{index}",
                nsg_ids=spec.network_security_group_ids,
                tags={MINE: npn.name, SLOT: str(index)},
            ),
            families=spec.ip_families,
        )
        for index, pods in enumerate(spread(spec.max_pod_count))
    )


def _profiled(name: str, profile: SecondaryVnic) -> Slot:
    return Slot(
        key=profile.display_name,
        pods=profile.ip_count,
        host_on_primary=True,
        application_resources=profile.application_resources,
        vnic=NewVnic(
            subnet_id=profile.subnet_id,
            display_name=profile.display_name,
            attachment_name=profile.attachment_name,
            nsg_ids=profile.nsg_ids,
            skip_source_dest_check=profile.skip_source_dest_check,
            assign_public_ip=profile.assign_public_ip,
            ipv6_choices=profile.ipv6_choices,
            nic_index=profile.nic_index,
            tags={**profile.freeform_tags, MINE: name, SLOT: profile.display_name},
            defined_tags=profile.defined_tags,
            security_attributes=profile.security_attributes,
        ),
    )


def match(npn: Npn, wanted: tuple[Slot, ...], seen: Sighting) -> Match:
    """Find each slot's VNIC; of several the one that the status lists, else the oldest."""
    listed = {v.vnic_id for v in npn.status.vnics}
    keys = {slot.vnic.display_name: slot.key for slot in wanted}
    live = [a for a in seen.attachments if lives(a, seen)]
    placed: dict[str, Nic] = {}
    surplus: list[Nic] = []
    for nic in sorted(_nics(live, seen), key=lambda n: _rank(n, listed)):
        key = _slot_of(nic.vnic, npn.name, keys if nic.vnic.id in listed else {})
        if key is None:
            continue
        if key in placed or key not in keys.values():
            surplus.append(nic)
        else:
            placed[key] = nic
    return Match(
        placed=placed,
        surplus=tuple(surplus),
        coming=tuple(a for a in live if _coming(a, seen)),
        live=len(seen.attachments) - _count_detached(seen),
    )


def ours(name: str, vnic: VnicSeen, listed: frozenset[str]) -> bool:
    """Tell whether a look should show a VNIC's addresses."""
    return not vnic.is_primary and (vnic.tags.get(MINE) == name or vnic.id in listed)


def _slot_of(vnic: VnicSeen, name: str, by_name: Mapping[str, str]) -> str | None:
    """Tell which slot a VNIC was made for; None for a foreign one."""
    if vnic.is_primary:
        return None
    if vnic.tags.get(MINE) == name and SLOT in vnic.tags:
        return vnic.tags[SLOT]
    return by_name.get(vnic.display_name)


def lives(attachment: AttachmentSeen, seen: Sighting) -> bool:
    """Tell whether an attachment and its VNIC are there, or on their way in."""
    vnic = seen.vnics.get(attachment.vnic_id or "")
    return attachment.state not in DEAD and (vnic is None or vnic.state not in GOING)


def _coming(attachment: AttachmentSeen, seen: Sighting) -> bool:
    vnic = seen.vnics.get(attachment.vnic_id or "")
    return vnic is None or not Nic(attachment=attachment, vnic=vnic).ready


def _count_detached(seen: Sighting) -> int:
    return sum(a.state == "DETACHED" for a in seen.attachments)


def _nics(live: list[AttachmentSeen], seen: Sighting) -> Iterator[Nic]:
    for attachment in live:
        vnic = seen.vnics.get(attachment.vnic_id or "")
        if vnic is not None:
            yield Nic(attachment=attachment, vnic=vnic)


def _rank(nic: Nic, listed: set[str]) -> tuple[bool, str, str]:
    created = nic.attachment.created
    born = created.isoformat() if created else ""
    return nic.vnic.id not in listed, born, nic.attachment.id
