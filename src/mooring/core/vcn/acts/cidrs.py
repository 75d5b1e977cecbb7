"""CIDR blocks of VCNs and subnets: held against each other, added, changed, taken away.

Such a change takes a moment in which the VCN or the subnet is UPDATING; a work request tells
when it is over. The subnets, route tables and peerings of an UPDATING VCN are neither made nor
changed; an UPDATING subnet gives and takes no addresses and no blocks.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, TypeVar

from mooring.core.vcn.acts.blocks import (
    beside,
    fit,
    fit6,
    held,
    in_use,
    keep_routes,
    oracle_prefix,
    permitted,
    permitted6,
    ready,
    resized,
    swapped,
    unheld6,
    unreached,
    updating,
)
from mooring.core.vcn.acts.work import accepted, header
from mooring.core.vcn.api.errors import conflict, invalid, limit, missing
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.indexes import addresses
from mooring.core.vcn.limits import (
    BLOCKS_PER_SUBNET,
    BLOCKS_PER_VCN,
    PREFIXES_PER_SUBNET,
    PREFIXES_PER_VCN,
)
from mooring.core.vcn.model import Subnet, Vcn
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

N = TypeVar("N", IPv4Network, IPv6Network)

# -- what a VCN's calls do


def add_vcn_block(call: Call) -> Answer:
    """Add an IPv4 block to a VCN."""
    vcn = _vcn(call)
    block = call.body.need("cidrBlock", IPv4Network)
    _room(f"CIDR blocks of VCN {vcn.id}", vcn.cidr_blocks, BLOCKS_PER_VCN)
    permitted("cidrBlock", block)
    beside("cidrBlock", block, vcn.cidr_blocks)
    unreached(call, vcn, "cidrBlock", block)
    return _changed(call, vcn, "ADD_VCN_CIDR", cidr_blocks=(*vcn.cidr_blocks, block))


def modify_vcn_block(call: Call) -> Answer:
    """Make a VCN's IPv4 block wider, narrower or another; what is used stays inside."""
    vcn = _vcn(call)
    old = _mine(call, "originalCidrBlock", vcn.cidr_blocks)
    new = call.body.need("newCidrBlock", IPv4Network)
    permitted("newCidrBlock", new)
    beside("newCidrBlock", new, [b for b in vcn.cidr_blocks if b != old])
    for block, name in _used(call.world, vcn, old):
        if not block.subnet_of(new):
            raise conflict(f"newCidrBlock {new} must contain {block} of subnet {name}.")
    unreached(call, vcn, "newCidrBlock", new)
    keep_routes(call, vcn.id, old, new)
    blocks = swapped(vcn.cidr_blocks, old, new)
    return _changed(call, vcn, "MODIFY_VCN_CIDR", cidr_blocks=blocks)


def remove_vcn_block(call: Call) -> Answer:
    """Take an IPv4 block that is not used from a VCN, but not its last one."""
    vcn = _vcn(call)
    old = _mine(call, "cidrBlock", vcn.cidr_blocks)
    for block, name in _used(call.world, vcn, old):
        raise conflict(f"cidrBlock {old} is in use: it has {block} of subnet {name}.")
    left = _without(vcn, old, vcn.cidr_blocks)
    return _changed(call, vcn, "REMOVE_VCN_CIDR", cidr_blocks=left)


def add_vcn_prefix(call: Call) -> Answer:
    """Add an IPv6 prefix to a VCN: Oracle's, a private one, or both."""
    vcn = _vcn(call)
    block = call.body.get("ipv6PrivateCidrBlock", IPv6Network)
    wanted = call.body.get("isOracleGuaAllocationEnabled", bool)
    changes: dict[str, Any] = {}
    if block is not None:
        permitted6("ipv6PrivateCidrBlock", block)
        beside("ipv6PrivateCidrBlock", block, vcn.ipv6_private_cidr_blocks)
        unreached(call, vcn, "ipv6PrivateCidrBlock", block)
        changes["ipv6_private_cidr_blocks"] = (*vcn.ipv6_private_cidr_blocks, block)
    if wanted or (wanted is None and block is None):
        _room(
            f"Oracle-allocated IPv6 prefixes of VCN {vcn.id}", vcn.ipv6_cidr_blocks, 1
        )
        prefix = oracle_prefix(call.world, call.dice.number("prefix"))
        changes["ipv6_cidr_blocks"] = (prefix,)
    if not changes:
        raise missing("ipv6PrivateCidrBlock", "isOracleGuaAllocationEnabled")
    room = PREFIXES_PER_VCN + 1 - len(changes)
    _room(f"IPv6 prefixes of VCN {vcn.id}", vcn.prefixes, room)
    return _changed(call, vcn, "ADD_IPV6_VCN_CIDR", **changes)


def remove_vcn_prefix(call: Call) -> Answer:
    """Take an IPv6 prefix that no subnet uses from a VCN."""
    vcn = _vcn(call)
    old = _mine(call, "ipv6CidrBlock", vcn.prefixes)
    for subnet in call.world.subnets_of(vcn.id):
        for block in subnet.ipv6_cidr_blocks:
            if block.subnet_of(old):
                raise conflict(
                    f"ipv6CidrBlock {old} is in use: it has {block} of subnet {subnet.id}."
                )
    names = ("ipv6_cidr_blocks", "ipv6_private_cidr_blocks")
    changes = {n: tuple(b for b in getattr(vcn, n) if b != old) for n in names}
    return _changed(call, vcn, "REMOVE_IPV6_VCN_CIDR", **changes)


def _vcn(call: Call) -> Vcn:
    vcn = call.about(Vcn)
    ready(vcn)
    return vcn


def _used(
    world: World, vcn: Vcn, outer: IPv4Network
) -> Iterator[tuple[IPv4Network, str]]:
    """Give the subnets' blocks inside of a VCN's block."""
    for subnet in world.subnets_of(vcn.id):
        for block in subnet.ipv4_cidr_blocks:
            if block.subnet_of(outer):
                yield block, subnet.id


# -- what a subnet's calls do


def add_subnet_block(call: Call) -> Answer:
    """Add an IPv4 block to a subnet."""
    subnet, vcn = _subnet(call)
    block = call.body.need("ipv4CidrBlock", IPv4Network)
    blocks = subnet.ipv4_cidr_blocks
    _room(f"IPv4 CIDR blocks of subnet {subnet.id}", blocks, BLOCKS_PER_SUBNET)
    fit(call, vcn, "ipv4CidrBlock", (block,))
    return _changed(
        call, subnet, "ADD_IPV4_SUBNET_CIDR", ipv4_cidr_blocks=(*blocks, block)
    )


def modify_subnet_block(call: Call) -> Answer:
    """Make a subnet's IPv4 block wider, narrower or another; what is used stays inside."""
    subnet, _ = _subnet(call)
    old = _mine(call, "ipv4CidrBlock", subnet.ipv4_cidr_blocks)
    new = call.body.need("updatedIpv4CidrBlock", IPv4Network)
    blocks = resized(call, subnet, "updatedIpv4CidrBlock", old, new)
    return _changed(call, subnet, "MODIFY_IPV4_SUBNET_CIDR", ipv4_cidr_blocks=blocks)


def remove_subnet_block(call: Call) -> Answer:
    """Take an IPv4 block without addresses in use from a subnet, but not its last one."""
    subnet, _ = _subnet(call)
    old = _mine(call, "ipv4CidrBlock", subnet.ipv4_cidr_blocks)
    for entry in held(call.world.space(addresses(subnet.id)), old):
        raise in_use("ipv4CidrBlock", old, IPv4Address(entry.base), entry.owner)
    left = _without(subnet, old, subnet.ipv4_cidr_blocks)
    return _changed(call, subnet, "REMOVE_IPV4_SUBNET_CIDR", ipv4_cidr_blocks=left)


def add_subnet_prefix(call: Call) -> Answer:
    """Add an IPv6 prefix to a subnet."""
    subnet, vcn = _subnet(call)
    block = call.body.need("ipv6CidrBlock", IPv6Network)
    blocks = subnet.ipv6_cidr_blocks
    _room(f"IPv6 prefixes of subnet {subnet.id}", blocks, PREFIXES_PER_SUBNET)
    fit6(call, vcn, "ipv6CidrBlock", (block,))
    return _changed(
        call, subnet, "ADD_IPV6_SUBNET_CIDR", ipv6_cidr_blocks=(*blocks, block)
    )


def remove_subnet_prefix(call: Call) -> Answer:
    """Take an IPv6 prefix without addresses in use from a subnet, but not its last one."""
    subnet, _ = _subnet(call)
    old = _mine(call, "ipv6CidrBlock", subnet.ipv6_cidr_blocks)
    unheld6(call, subnet, "ipv6CidrBlock", old)
    left = _without(subnet, old, subnet.ipv6_cidr_blocks)
    return _changed(call, subnet, "REMOVE_IPV6_SUBNET_CIDR", ipv6_cidr_blocks=left)


def _subnet(call: Call) -> tuple[Subnet, Vcn]:
    subnet = call.about(Subnet)
    vcn = call.parent(Vcn, subnet.vcn_id)
    ready(vcn)
    ready(subnet)
    return subnet, vcn


# -- what all of them need


def _mine(call: Call, where: str, blocks: Sequence[N]) -> N:
    """Give the block of a VCN or subnet that the body names."""
    wanted = call.body.items[where]
    for block in blocks:
        if block == wanted:
            return block
    target = call.target
    assert target is not None  # noqa: S101 - the routes promise it
    raise invalid(where, str(wanted), f"must be a CIDR block of {target.id}.")


def _room(what: str, have: Sequence[object], most: int) -> None:
    if len(have) >= most:
        raise limit(what, most)


def _without(one: Vcn | Subnet, old: N, blocks: tuple[N, ...]) -> tuple[N, ...]:
    """Give the blocks that are left, of which there must be one."""
    left = tuple(block for block in blocks if block != old)
    if not left:
        title = KINDS[type(one)].title
        raise conflict(
            f"{old} is the last CIDR block of {title} {one.id}, which stays."
        )
    return left


def _changed(call: Call, one: Vcn | Subnet, work: str, **fields: Any) -> Answer:  # noqa: ANN401 - fields of either
    """Answer with the work request of a change that takes a moment."""
    state = updating(call, one)
    draft = call.draft.change(one, **state, **fields)
    draft, name = accepted(call, draft, work, (one,), state["settles_at"] - call.now)
    return Answer(draft=draft, status=202, headers=header(name))
