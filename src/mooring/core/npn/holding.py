"""What a slot has of a family: the host's address, the pods', and what is missing.

Whoever was given an address in the status keeps it: a pod may use any that the status lists,
so the host's replacement is one that no pod was ever offered. An IPv6 block is larger than
the need (`capacity.blocks6`); what stands in it beyond the need is nobody's surplus.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.npn.families import IPV4, VERSION
from mooring.core.npn.record import Pair, VnicStatus
from mooring.core.npn.seen import AddressSeen
from mooring.core.npn.slots import Slot

Address = IPv4Address | IPv6Address
Block = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A slot's addresses of one family.

    `spare` counts what is on the VNIC and nobody asked for: addresses, or whole IPv6
    objects. `sizes` are the blocks they come in, single addresses as 1. `single` tells that
    the host lacks its address, and that it must be a single one.
    """

    host: Address | None
    pods: tuple[Address, ...]
    missing: int
    spare: int
    sizes: tuple[int, ...]
    single: bool = False


def hold(
    slot: Slot,
    family: str,
    addresses: Iterable[AddressSeen],
    before: VnicStatus | None,
) -> Holding:
    """Choose the host's address and the pods'; what the status gave them they keep."""
    mine = [a for a in addresses if a.block.version == VERSION[family]]
    blocks = [a.block for a in mine if not a.is_primary]
    old_host, listed = listed_before(before, family)
    usable = sorted(_usable(blocks, slot.pods + 1, {old_host, *listed}))
    primary = next((a.block[0] for a in mine if a.is_primary), None)
    own = slot.host_on_primary and family == IPV4
    if own:
        host = primary
    else:
        fit = _singles(blocks) if slot.host_on_primary else usable
        fresh = next((a for a in fit if a not in listed), None)
        host = old_host if old_host in fit else fresh
    rest = [a for a in usable if a != host]
    pods = sorted(rest, key=lambda a: (a not in listed, a))[: slot.pods]
    alone = slot.host_on_primary and not own
    return Holding(
        host=host,
        pods=tuple(sorted(pods)),
        missing=slot.pods - len(pods) + (host is None and not own),
        spare=_spare(family, blocks, {host, *pods}),
        sizes=tuple(b.num_addresses for b in blocks if not (alone and b[0] == host)),
        single=alone and host is None,
    )


def listed_before(
    before: VnicStatus | None, family: str
) -> tuple[Address | None, set[Address | None]]:
    """Give what the status gave the host and the pods."""
    if before is None:
        return None, set()
    return _one(before.host, family), {_one(p, family) for p in before.pod_addresses}


def _one(pair: Pair, family: str) -> Address | None:
    return pair.v4 if family == IPV4 else pair.v6


def _usable(
    blocks: Iterable[Block], most: int, known: set[Address | None]
) -> Iterator[Address]:
    """Give a block's first addresses and those in use; a large block has too many."""
    for block in blocks:
        first = [block[n] for n in range(min(most, block.num_addresses))]
        yield from {*first, *(a for a in known if a is not None and a in block)}


def _singles(blocks: Iterable[Block]) -> list[Address]:
    return [block[0] for block in blocks if block.num_addresses == 1]


def _spare(family: str, blocks: list[Block], used: set[Address | None]) -> int:
    taken = [sum(a is not None and a in block for a in used) for block in blocks]
    if family == IPV4:
        return sum(block.num_addresses for block in blocks) - sum(taken)
    return taken.count(0)
