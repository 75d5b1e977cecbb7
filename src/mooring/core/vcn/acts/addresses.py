"""Private IPs: chosen, made, moved, given back.

A subnet's addresses are one `Space` (see `indexes`), so that a free one, or an aligned
free block, is found by one walk. With several blocks in a subnet and none named, single
addresses come out of the first and CIDR addresses out of the others; with one block both
come out of it, and the first CIDR address there puts the subnet in UPDATING for a moment,
in which it gives and takes nothing (oci-facts 3.2, 10.3).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from mooring.core.vcn.acts.blocks import ready, updating
from mooring.core.vcn.acts.homes import changes, common, home, host, settled, unassigned
from mooring.core.vcn.acts.publicips import freed
from mooring.core.vcn.api.errors import conflict, invalid
from mooring.core.vcn.api.turns import Answer, Call, Draft
from mooring.core.vcn.indexes import NOBODY, addresses
from mooring.core.vcn.model import PrivateIp, Subnet
from mooring.core.vcn.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which address is wanted of a subnet, and what the request calls its parts."""

    address: IPv4Address | None = None
    prefix: int | None = None
    block: IPv4Network | None = None
    address_field: str = "ipAddress"
    block_field: str = "ipv4SubnetCidrAtCreation"


def choose(world: World, subnet: Subnet, wish: Wish, dice: int) -> IPv4Network:
    """Find what is wanted among a subnet's free addresses, by chance where it is free."""
    ready(subnet)
    if wish.address is not None:
        return _requested(world, subnet, wish, wish.address)
    bits = 32 - (wish.prefix or 32)
    for block in _sources(subnet, wish):
        within = int(block.network_address), 32 - block.prefixlen
        found = world.space(addresses(subnet.id)).pick(within, bits, dice)
        if found is not None:
            return IPv4Network((found, 32 - bits))
    if wish.prefix is None:
        where = ", ".join(map(str, _sources(subnet, wish)))
        raise conflict(
            f"There are no available IP addresses in {where} of subnet {subnet.id}."
        )
    raise conflict(
        f"There is no available IP CIDR of prefix length {wish.prefix} in subnet "
        f"{subnet.id}."
    )


def _sources(subnet: Subnet, wish: Wish) -> tuple[IPv4Network, ...]:
    """Give the blocks of a subnet out of which a wish may be granted."""
    blocks = subnet.ipv4_cidr_blocks
    if wish.block is not None:
        if wish.block not in blocks:
            rule = f"must be a CIDR block of subnet {subnet.id}."
            raise invalid(wish.block_field, str(wish.block), rule)
        return (wish.block,)
    return blocks[:1] if wish.prefix is None else blocks[1:] or blocks


def _requested(
    world: World, subnet: Subnet, wish: Wish, address: IPv4Address
) -> IPv4Network:
    """Check the address that was asked for."""
    where, prefix = wish.address_field, wish.prefix or 32
    try:
        wanted = IPv4Network((address, prefix))
    except ValueError:
        rule = f"must be a multiple of the size of a /{prefix}."
        raise invalid(where, str(address), rule) from None
    blocks = subnet.ipv4_cidr_blocks if wish.block is None else _sources(subnet, wish)
    if not any(wanted.subnet_of(block) for block in blocks):
        rule = f"must lie inside of {', '.join(map(str, blocks))}."
        raise invalid(where, str(address), rule)
    space = world.space(addresses(subnet.id))
    found = space.first_in(int(wanted.network_address), 32 - prefix)
    if found is not None and found.owner == NOBODY:
        raise invalid(where, str(address), "must not be or contain a reserved address.")
    if found is not None:
        what = address if wish.prefix is None else wanted
        raise conflict(f"{where} {what} is already in use by {found.owner}.")
    return wanted


def create(call: Call) -> Answer:
    """Make a secondary private IP on a VNIC, or a reserved one on none."""
    body = call.body
    vnic, subnet = home(call, PrivateIp)
    wish = Wish(
        address=body.get("ipAddress", IPv4Address),
        prefix=body.get("cidrPrefixLength", int),
        block=body.get("ipv4SubnetCidrAtCreation", IPv4Network),
    )
    found = choose(call.world, subnet, wish, call.dice.number("address"))
    ip = PrivateIp(
        **common(call, PrivateIp, vnic, subnet),
        ip_address=found.network_address,
        hostname_label=host(call, PrivateIp, subnet),
        availability_domain=subnet.availability_domain,
    )
    return Answer(draft=_split(call, subnet, ip).put(ip), subject=ip)


def _split(call: Call, subnet: Subnet, ip: PrivateIp) -> Draft:
    """Begin the draft; the first CIDR address of the first block moves the subnet."""
    first = subnet.ipv4_cidr_blocks[0]
    if ip.cidr_prefix_length is None or ip.ip_address not in first:
        return call.draft
    if subnet.first_block_split:
        return call.draft
    state = updating(call, subnet)
    return call.draft.change(subnet, **state, first_block_split=True)


def update(call: Call) -> Answer:
    """Move a secondary private IP inside its subnet, or change what is said of it."""
    ip = _secondary(call)
    return Answer(draft=call.draft.change(ip, **changes(call, ip)), subject=ip)


def _secondary(call: Call) -> PrivateIp:
    ip = call.about(PrivateIp)
    if ip.is_primary:
        rule = "is a primary private IP, which changes and goes only with its VNIC."
        raise invalid("privateIpId", ip.id, rule)
    return ip


def delete(call: Call) -> Answer:
    """Give a secondary private IP back to the subnet's pool."""
    ip = _secondary(call)
    settled(call, ip)
    return Answer(draft=freed(call.draft, ip.id).drop(ip), status=204)


def detach(call: Call) -> Answer:
    """Take a secondary private IP off its VNIC; its address stays taken."""
    return unassigned(call, _secondary(call))
