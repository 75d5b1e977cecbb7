"""What CIDR blocks of VCNs and subnets must be, beside others and around what is in use."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import combinations
from typing import Any, TypeVar

from mooring.core.net.blocks import Entry, Space
from mooring.core.vcn.api.errors import (
    conflict,
    incorrect_state,
    invalid,
    not_built,
)
from mooring.core.vcn.api.turns import Call
from mooring.core.vcn.drg_routes import Network, attachment_of, site_networks
from mooring.core.vcn.indexes import (
    NOBODY,
    ORACLE,
    addresses,
    addresses6,
    reserved,
)
from mooring.core.vcn.limits import (
    KEPT_BY_ORACLE,
    KEPT_BY_ORACLE_IPV6,
    ORACLE_PREFIX,
    ORACLE_PREFIXES,
)
from mooring.core.vcn.model import (
    DrgAttachment,
    LocalPeeringGateway,
    RouteTable,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

N = TypeVar("N", IPv4Network, IPv6Network)

AVAILABLE, UPDATING = "AVAILABLE", "UPDATING"
GLOBAL, LOCAL = IPv6Network("2000::/3"), IPv6Network("fc00::/7")


def ready(one: Vcn | Subnet) -> None:
    """Refuse for now what a VCN or subnet does not do while it is UPDATING."""
    if one.lifecycle_state != AVAILABLE:
        title, state = KINDS[type(one)].title, one.lifecycle_state
        raise incorrect_state(title, one.id, state, AVAILABLE)


def updating(call: Call, one: Vcn | Subnet) -> dict[str, Any]:
    """Give the change of state that goes with a change of blocks."""
    delays = call.world.settings.delays
    takes = delays.vcn_update if isinstance(one, Vcn) else delays.subnet_update
    return {"lifecycle_state": UPDATING, "settles_at": call.now + takes}


# -- what a block must be


def apart(where: str, blocks: Sequence[N]) -> None:
    """Refuse blocks that overlap each other."""
    for one, two in combinations(blocks, 2):
        if one.overlaps(two):
            raise invalid(where, str(two), f"must not overlap {one}.")


def permitted(where: str, block: IPv4Network) -> None:
    """Refuse what the cloud keeps for itself, and what is for groups of receivers."""
    for kept in KEPT_BY_ORACLE:
        if block.overlaps(kept):
            raise invalid(where, str(block), f"must not overlap {kept}.")


def permitted6(where: str, block: IPv6Network) -> None:
    """Refuse a private prefix that is not a unique local one, or is the cloud's own."""
    if block.subnet_of(GLOBAL):
        raise not_built(f"{where} outside of {LOCAL}")
    if not block.subnet_of(LOCAL):
        raise invalid(where, str(block), f"must lie inside of {LOCAL}.")
    if block.overlaps(KEPT_BY_ORACLE_IPV6):
        raise invalid(where, str(block), f"must not overlap {KEPT_BY_ORACLE_IPV6}.")


def fit(
    call: Call, vcn: Vcn, where: str, blocks: Sequence[IPv4Network], but: str = ""
) -> None:
    """Refuse blocks for a subnet that are not free inside of its VCN."""
    others = [s for s in call.world.subnets_of(vcn.id) if s.id != but]
    taken = [(b, s.id) for s in others for b in s.ipv4_cidr_blocks]
    for block in blocks:
        _fit(where, block, vcn.cidr_blocks, taken)


def fit6(
    call: Call, vcn: Vcn, where: str, blocks: Sequence[IPv6Network], but: str = ""
) -> None:
    """Refuse prefixes for a subnet that are not free inside of its VCN."""
    if blocks and not vcn.prefixes:
        raise invalid(where, str(blocks[0]), f"needs VCN {vcn.id} enabled for IPv6.")
    others = [s for s in call.world.subnets_of(vcn.id) if s.id != but]
    taken = [(b, s.id) for s in others for b in s.ipv6_cidr_blocks]
    for block in blocks:
        _fit(where, block, vcn.prefixes, taken)


def _fit(
    where: str, block: N, outer: Sequence[N], taken: Iterable[tuple[N, str]]
) -> None:
    if not any(block.subnet_of(one) for one in outer):
        rule = f"must lie inside of {', '.join(map(str, outer))}."
        raise invalid(where, str(block), rule)
    for other, name in taken:
        if block.overlaps(other):
            raise invalid(
                where, str(block), f"must not overlap {other} of subnet {name}."
            )


def unreached(call: Call, vcn: Vcn, where: str, block: N) -> None:
    """Refuse a block that a peered VCN has, or the premises that the VCN reaches by its DRG."""
    neighbours = (*_peers(call.world, vcn), *_premises(call.world, vcn))
    for theirs, whose in neighbours:
        if isinstance(theirs, type(block)) and block.overlaps(theirs):
            rule = f"must not overlap {theirs} of the {whose}."
            raise invalid(where, str(block), rule)


def _peers(world: World, vcn: Vcn) -> Iterator[tuple[Network, str]]:
    for gateway in world.referring(LocalPeeringGateway, vcn.id):
        peer = world.find(LocalPeeringGateway, gateway.peer_id or "")
        other = world.find(Vcn, peer.vcn_id) if peer else None
        if other is not None:
            yield from ((block, f"peered VCN {other.id}") for block in other.blocks)


def _premises(world: World, vcn: Vcn) -> Iterator[tuple[Network, str]]:
    """Give the networks of the sites at a VCN's DRG; a default route is no network."""
    mine = attachment_of(world, vcn.id)
    others = world.referring(DrgAttachment, mine.drg_id) if mine else ()
    for attachment in others:
        for block in site_networks(world, attachment):
            if block.prefixlen:
                yield block, f"on-premises network behind {attachment.id}"


def oracle_prefix(world: World, dice: int) -> IPv6Network:
    """Choose a prefix that Oracle has not given to a VCN yet."""
    within = int(ORACLE_PREFIXES[0]), 128 - ORACLE_PREFIXES.prefixlen
    found = world.space(ORACLE).pick(within, 128 - ORACLE_PREFIX, dice)
    if found is None:
        raise conflict("There are no IPv6 prefixes left.")
    return IPv6Network((found, ORACLE_PREFIX))


def beside(where: str, block: N, others: Sequence[N]) -> None:
    """Refuse a block that overlaps one of others."""
    for other in others:
        if block.overlaps(other):
            raise invalid(where, str(block), f"must not overlap {other}.")


# -- around what is in use


def resized(
    call: Call, subnet: Subnet, where: str, old: IPv4Network, new: IPv4Network
) -> tuple[IPv4Network, ...]:
    """Give a subnet's blocks with one of them changed, if all its addresses bear it."""
    beside(where, new, [b for b in subnet.ipv4_cidr_blocks if b != old])
    fit(call, call.parent(Vcn, subnet.vcn_id), where, (new,), but=subnet.id)
    kept = tuple(map(IPv4Address, reserved(new)))
    for entry in held(call.world.space(addresses(subnet.id)), old):
        part = IPv4Network((entry.base, 32 - entry.bits))
        if not part.subnet_of(new) or any(address in part for address in kept):
            raise in_use(where, new, part[0], entry.owner)
    keep_routes(call, subnet.vcn_id, old, new)
    return swapped(subnet.ipv4_cidr_blocks, old, new)


def rewritten6(
    call: Call, subnet: Subnet, where: str, blocks: tuple[IPv6Network, ...]
) -> tuple[IPv6Network, ...]:
    """Check the prefixes that a subnet shall have instead of those that it has."""
    apart(where, blocks)
    fit6(call, call.parent(Vcn, subnet.vcn_id), where, blocks, but=subnet.id)
    for old in subnet.ipv6_cidr_blocks:
        if old not in blocks:
            unheld6(call, subnet, where, old)
    return blocks


def unheld6(call: Call, subnet: Subnet, where: str, block: IPv6Network) -> None:
    """Refuse to take a prefix away in which addresses are in use."""
    for entry in held(call.world.space(addresses6(subnet.id)), block):
        raise in_use(where, block, IPv6Address(entry.base), entry.owner)


def held(space: Space, block: IPv4Network | IPv6Network) -> Iterator[Entry]:
    """Give what somebody has of a block's addresses."""
    last = int(block.broadcast_address)
    for entry in space.items(int(block.network_address)):
        if entry.base > last:
            return
        if entry.owner != NOBODY:
            yield entry


def in_use(
    where: str,
    block: IPv4Network | IPv6Network,
    address: IPv4Address | IPv6Address,
    owner: str,
) -> Exception:
    """Say that a block cannot change because of an address in it."""
    return conflict(f"{where} {block}: {address} of {owner} is in use.")


def keep_routes(call: Call, vcn_id: str, old: IPv4Network, new: IPv4Network) -> None:
    """Refuse to leave a route rule's destination inside of the old block outside of the new."""
    for table in call.world.referring(RouteTable, vcn_id):
        for rule in table.route_rules:
            if rule.destination_type != "CIDR_BLOCK" or ":" in rule.destination:
                continue
            target = IPv4Network(rule.destination)
            if target.subnet_of(old) and not target.subnet_of(new):
                raise conflict(
                    f"{new} must contain {target}, a destination in route table {table.id}."
                )


def swapped(blocks: Sequence[N], old: N, new: N) -> tuple[N, ...]:
    """Give blocks with one of them changed."""
    return tuple(new if block == old else block for block in blocks)
