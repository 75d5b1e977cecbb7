"""How a ready VNIC comes to its addresses: the next piece of a family, or what is in the way.

The families are independent of each other. What keeps one from being had (the subnet has no
block of it, it is used up, the cloud refuses) is told and holds up no other one.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Network
from itertools import zip_longest

from mooring.core.npn.capacity import MOST_OBJECTS, MOST_OBJECTS6, blocks, blocks6
from mooring.core.npn.changes import (
    NOT_CREATED,
    CreateAddress,
    CreateAddressBlock,
    CreateAddresses,
    Failed,
    Wait,
    token,
)
from mooring.core.npn.families import IPV4, IPV6, served
from mooring.core.npn.memory import Memory, cap_of, next_pause
from mooring.core.npn.picture import Picture
from mooring.core.npn.seen import MINE, SubnetSeen
from mooring.core.npn.slots import Slot

NAMES = {IPV4: "IPv4 block", IPV6: "IPv6 prefix"}
OBJECTS = {IPV4: "private-IP", IPV6: "IPv6"}
BULK = 32
"""Addresses that are asked for by one call; how many the cloud bears is not documented."""
MOST = {IPV4: MOST_OBJECTS, IPV6: MOST_OBJECTS6}


def pieces(
    picture: Picture, memory: Memory
) -> Iterator[CreateAddress | CreateAddressBlock | CreateAddresses]:
    """Give what is to be taken next, preferred families before the others.

    Of single addresses several at once, then, if that was refused, one.
    """
    for slot, family in _lacking(picture):
        if obstacle(picture, slot, family, memory) is None:
            piece = _piece(picture, slot, family, memory)
            holding = picture.holdings[slot.key][family]
            room = MOST[family] - len(holding.sizes)
            count = min(holding.missing, room, BULK)
            if isinstance(piece, CreateAddress) and family == IPV4 and count > 1:
                yield CreateAddresses(
                    vnic_id=piece.vnic_id,
                    slot=piece.slot,
                    subnet_id=piece.subnet_id,
                    count=count,
                    tags=piece.tags,
                    token=token(count, piece.token),
                )
            yield piece


def obstacles(picture: Picture, memory: Memory) -> Iterator[Failed | Wait]:
    """Say what keeps VNICs from getting addresses."""
    for slot, family in _lacking(picture):
        found = obstacle(picture, slot, family, memory)
        if found:
            yield found
    for family in picture.families:
        gap = unserved(picture, family)
        if gap:
            yield Failed(reason="FailedToGetNPN_IPFamilies", message=gap)


def unserved(picture: Picture, family: str) -> str:
    """Say why a family that the object asks for can come from no subnet; "" when it can."""
    asking = [slot for slot in picture.slots if family in slot.families]
    if not asking:
        return (
            f"{family} is asked for, and no profile with assignIpv6Ip is in a subnet"
            f" that has it"
        )
    for slot in asking:
        subnet = picture.subnet(slot)
        if subnet is not None and not subnet.has(family):
            return f"subnet {subnet.id} has no {NAMES[family]}"
    return ""


def obstacle(
    picture: Picture, slot: Slot, family: str, memory: Memory
) -> Failed | Wait | None:
    """Say what keeps a VNIC from getting addresses of a family that its subnet has."""
    nic, holding = picture.match.placed[slot.key], picture.holdings[slot.key][family]
    subnet = picture.subnet(slot)
    if subnet is not None and subnet.state == "UPDATING":
        message = f"subnet {subnet.id} is being updated"
        return Wait(
            seconds=next_pause(memory), message=message, reason=NOT_CREATED[family]
        )
    if len(holding.sizes) >= MOST[family]:
        return Failed(
            reason="FailedToAllocatePrivateIP",
            message=f"VNIC {nic.vnic.id} holds {len(holding.sizes)} {OBJECTS[family]}"
            f" objects, the most there can be, and still lacks {holding.missing}"
            " addresses",
        )
    return None


def _lacking(picture: Picture) -> Iterator[tuple[Slot, str]]:
    """Give the gaps: every slot's first family, then every slot's second."""
    ranks = zip_longest(*(slot.families for slot in picture.slots))
    lacking = {f: {s.key for s in picture.lacking(f)} for f in picture.families}
    for families in ranks:
        for slot, family in zip(picture.slots, families, strict=True):
            if family is not None and slot.key in lacking[family]:
                yield slot, family


def _piece(
    picture: Picture, slot: Slot, family: str, memory: Memory
) -> CreateAddressBlock | CreateAddress:
    """Ask for the largest piece of what is missing that the subnet may have."""
    vnic, holding = (
        picture.match.placed[slot.key].vnic,
        picture.holdings[slot.key][family],
    )
    split = blocks if family == IPV4 else blocks6
    cap = memory.caps.get(cap_of(vnic.subnet_id, family), holding.missing * 16)
    size = 1 if holding.single else split(holding.missing, cap)[0]
    held = sorted(
        a.id
        for a in picture.seen.addresses.get(vnic.id, ())
        if (a.block.version == 4) == (family == IPV4)
    )
    words = ("address", picture.npn.name, vnic.id, size, *held, memory.salt)
    single = CreateAddress(
        vnic_id=vnic.id,
        slot=slot.key,
        subnet_id=vnic.subnet_id,
        tags={MINE: picture.npn.name},
        token=token(*words) if family == IPV4 else token(family, *words),
        family=family,
        ipv6_prefix=_prefix(slot, picture.subnet(slot)) if family == IPV6 else None,
    )
    if size == 1:
        return single
    return CreateAddressBlock(
        vnic_id=single.vnic_id,
        slot=single.slot,
        subnet_id=single.subnet_id,
        size=size,
        tags=single.tags,
        token=single.token,
        family=family,
        ipv6_prefix=single.ipv6_prefix,
    )


def _prefix(slot: Slot, subnet: SubnetSeen | None) -> IPv6Network | None:
    """Give the prefix that the profile names, else the subnet's first."""
    named = [choice.subnet_cidr for choice in slot.vnic.ipv6_choices]
    there = subnet.v6 if subnet else ()
    return next(iter([*(p for p in named if p), *there]), None)


def newborn(picture: Picture, slot: Slot) -> Slot:
    """Let a VNIC come with an IPv6 address where its host needs a single one.

    That is so with profiles, and where there is no other family. A subnet that does not have
    the family is not asked: it would refuse the whole VNIC.
    """
    families = served(slot.families, picture.subnet(slot))
    if IPV6 not in families or not (slot.host_on_primary or IPV4 not in families):
        return replace(slot, vnic=replace(slot.vnic, ipv6_choices=()))
    return replace(slot, vnic=replace(slot.vnic, assign_ipv6_ip=True))
