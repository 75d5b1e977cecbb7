"""An elastic pool on the VNICs: which objects are listed, and what a slot then holds.

What the status lists is the record of what is on offer; an object is listed when one of its
addresses is, or is the host's. A host without an address takes one that no pod was ever offered:
not of an object that the status lists, nor one that the agent names. When there is no status, what
the agent does not name among the addresses of an object that it uses is the host's.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from mooring.core.npn.elastic import Piece, PoolPlan, Shelf
from mooring.core.npn.families import IPV4
from mooring.core.npn.holding import Address, Holding, listed_before
from mooring.core.npn.record import VnicStatus
from mooring.core.npn.seen import AddressSeen
from mooring.core.npn.slots import Slot
from mooring.core.npn.usage import Usage


def shelf(
    slot: Slot,
    addresses: Iterable[AddressSeen] | None,
    before: VnicStatus | None,
    usage: Usage | None,
) -> Shelf:
    """See a slot's VNIC as a shelf; `addresses` None when there is no VNIC, or none ready."""
    if addresses is None:
        return Shelf(most=slot.pods, hostless=not slot.host_on_primary, there=False)
    objects = _objects(addresses)
    host = _host(slot, [block for _, block in objects], before, usage)
    _, listed = listed_before(before, IPV4)
    pieces = tuple(
        Piece(
            id=seen.id,
            block=block,
            host=host is not None and host in block,
            listed=any(a in block for a in (host, *listed) if a is not None),
        )
        for seen, block in objects
    )
    return Shelf(
        most=slot.pods,
        pieces=pieces,
        hostless=host is None and not slot.host_on_primary,
    )


def hold_listed(
    slot: Slot,
    addresses: Iterable[AddressSeen],
    before: VnicStatus | None,
    told: tuple[Usage | None, PoolPlan],
) -> Holding:
    """Say what a slot holds when just what the plan lists is on offer.

    `told` is what the agent said, and the plan that was made of it.
    """
    usage, plan = told
    known = tuple(addresses)
    objects = _objects(known)
    host = _host(slot, [block for _, block in objects], before, usage)
    pods = sorted(
        address
        for seen, block in objects
        if seen.id in plan.listed[slot.key]
        for address in block
        if address != host
    )
    if slot.host_on_primary:
        host = next(
            (s.block[0] for s in known if s.is_primary and s.block.version == 4), None
        )
    return Holding(
        host=host,
        pods=tuple(pods[: slot.pods]),
        missing=plan.grow.get(slot.key, 0),
        spare=0,
        sizes=tuple(block.num_addresses for _, block in objects),
    )


def _objects(
    addresses: Iterable[AddressSeen],
) -> tuple[tuple[AddressSeen, IPv4Network], ...]:
    return tuple(
        (seen, seen.block)
        for seen in sorted(addresses, key=lambda a: a.id)
        if isinstance(seen.block, IPv4Network) and not seen.is_primary
    )


def _host(
    slot: Slot,
    blocks: list[IPv4Network],
    before: VnicStatus | None,
    usage: Usage | None,
) -> IPv4Address | None:
    """Find the host's address among the secondary ones; it may be a new one."""
    if slot.host_on_primary:
        return None
    old, listed = listed_before(before, IPV4)
    if isinstance(old, IPv4Address) and any(old in block for block in blocks):
        return old
    offered = {address for address in listed if address is not None}
    named = usage.known if usage else frozenset()
    if old is None and not offered:
        return _forgotten(blocks, named)
    untouched = [
        block
        for block in blocks
        if not any(address in block for address in offered | named)
    ]
    smallest = min(untouched, key=lambda b: (b.num_addresses, b), default=None)
    return None if smallest is None else smallest[0]


def _forgotten(
    blocks: list[IPv4Network], named: frozenset[Address]
) -> IPv4Address | None:
    """Choose when no status says who had what: it may have been lost, with pods running.

    The host's object was the first, so a large one, and pods have got others of its addresses.
    """

    def first(block: IPv4Network) -> tuple[bool, int, IPv4Network]:
        used = any(address in block for address in named)
        return not used, -block.num_addresses, block

    unnamed = (a for block in sorted(blocks, key=first) for a in block)
    return next((a for a in unnamed if a not in named), None)
