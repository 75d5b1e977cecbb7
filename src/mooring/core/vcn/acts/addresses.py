"""Private IPs: chosen, made, moved, given back.

A subnet's addresses are one `Space` (see `indexes`), so that a free one, or an aligned
free block, is found by one walk. With several blocks in a subnet and none named, single
addresses come out of the first and CIDR addresses out of the others; with one block both
come out of it, and the first CIDR address there puts the subnet in UPDATING for a moment,
in which it gives and takes nothing (oci-facts 3.2, 10.3).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from mooring.core.vcn.acts.blocks import ready, updating
from mooring.core.vcn.acts.gateways import table_choice
from mooring.core.vcn.acts.publicips import freed
from mooring.core.vcn.api.errors import (
    conflict,
    incorrect_state,
    invalid,
    limit,
    missing,
)
from mooring.core.vcn.api.turns import Answer, Call, Draft, renamed
from mooring.core.vcn.indexes import NOBODY, addresses, hostname, listed
from mooring.core.vcn.limits import SECONDARY_IPS_PER_VNIC
from mooring.core.vcn.model import PrivateIp, Subnet, Vnic
from mooring.core.vcn.world import World

EPHEMERAL, RESERVED = "EPHEMERAL", "RESERVED"
AVAILABLE = "AVAILABLE"


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
        raise conflict(f"There are no available IP addresses in subnet {subnet.id}.")
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
        raise conflict(f"{where} {wanted} is already in use by {found.owner}.")
    return wanted


def named(world: World, subnet: Subnet, label: str | None) -> str | None:
    """Check a host name: the subnet must have a DNS label and no such name yet."""
    if label is None:
        return None
    if subnet.dns_label is None:
        rule = f"needs a dnsLabel, which subnet {subnet.id} has not."
        raise invalid("hostnameLabel", label, rule)
    if world.space(listed(PrivateIp, hostname(subnet.id, label))).count:
        raise conflict(f"hostnameLabel {label} is already in use in {subnet.id}.")
    return label


def create(call: Call) -> Answer:
    """Make a secondary private IP on a VNIC, or a reserved one on none."""
    body = call.body
    vnic, subnet = _home(call)
    wish = Wish(
        address=body.get("ipAddress", IPv4Address),
        prefix=body.get("cidrPrefixLength", int),
        block=body.get("ipv4SubnetCidrAtCreation", IPv4Network),
    )
    if wish.prefix is not None and "hostnameLabel" in body:
        rule = "must not be given with cidrPrefixLength."
        raise invalid("hostnameLabel", body.need("hostnameLabel", str), rule)
    found = choose(call.world, subnet, wish, call.dice.number("address"))
    compartment = subnet.compartment_id if vnic is None else vnic.compartment_id
    ip = PrivateIp(
        **call.common(PrivateIp, body, compartment),
        **table_choice(call, subnet.vcn_id),
        subnet_id=subnet.id,
        vcn_id=subnet.vcn_id,
        ip_address=found.network_address,
        cidr_prefix_length=wish.prefix,
        vnic_id=None if vnic is None else vnic.id,
        lifetime=_lifetime(call, vnic),
        hostname_label=named(call.world, subnet, body.get("hostnameLabel", str)),
        availability_domain=subnet.availability_domain,
    )
    return Answer(draft=_split(call, subnet, ip).put(ip), subject=ip)


def _home(call: Call) -> tuple[Vnic | None, Subnet]:
    """Give the VNIC and the subnet of a new private IP."""
    vnic_id, subnet_id = call.body.get("vnicId", str), call.body.get("subnetId", str)
    if vnic_id is None:
        if subnet_id is None:
            raise missing("subnetId", "vnicId", "vlanId")
        return None, call.parent(Subnet, subnet_id)
    vnic = call.parent(Vnic, vnic_id)
    if subnet_id not in (None, vnic.subnet_id):
        raise invalid("subnetId", subnet_id, f"must be that of the VNIC {vnic.id}.")
    _usable(call.world, vnic)
    return vnic, call.parent(Subnet, vnic.subnet_id)


def _usable(world: World, vnic: Vnic) -> None:
    """Refuse a VNIC that cannot take one more private IP."""
    if vnic.lifecycle_state != AVAILABLE:
        raise incorrect_state("VNIC", vnic.id, vnic.lifecycle_state)
    if world.space(listed(PrivateIp, vnic.id)).count > SECONDARY_IPS_PER_VNIC:
        raise limit(f"secondary private IPs on VNIC {vnic.id}", SECONDARY_IPS_PER_VNIC)


def _lifetime(call: Call, vnic: Vnic | None) -> str:
    lifetime = call.body.get("lifetime", str)
    if vnic is None and lifetime == EPHEMERAL:
        raise invalid("lifetime", lifetime, "must be RESERVED without a vnicId.")
    return lifetime or (RESERVED if vnic is None else EPHEMERAL)


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
    body = call.body
    changes = {**renamed(body), **table_choice(call, ip.vcn_id), **_move(call, ip)}
    if "lifetime" in body:
        changes["lifetime"] = body.need("lifetime", str)
    changes.update(_rename_host(call, ip))
    vnic_id = changes.get("vnic_id", ip.vnic_id)
    if changes.get("lifetime") == EPHEMERAL and vnic_id is None:
        raise invalid("lifetime", EPHEMERAL, "must be RESERVED without a vnicId.")
    return Answer(draft=call.draft.change(ip, **changes), subject=ip)


def _secondary(call: Call) -> PrivateIp:
    ip = call.about(PrivateIp)
    if ip.is_primary:
        rule = "is a primary private IP, which changes and goes only with its VNIC."
        raise invalid("privateIpId", ip.id, rule)
    return ip


def _move(call: Call, ip: PrivateIp) -> dict[str, Any]:
    vnic_id = call.body.get("vnicId", str)
    if vnic_id in (None, ip.vnic_id):
        return {}
    vnic = call.parent(Vnic, vnic_id)
    if vnic.subnet_id != ip.subnet_id:
        raise invalid("vnicId", vnic.id, f"must be in subnet {ip.subnet_id}.")
    ready(call.parent(Subnet, ip.subnet_id))
    _usable(call.world, vnic)
    return {"vnic_id": vnic.id}


def _rename_host(call: Call, ip: PrivateIp) -> dict[str, Any]:
    label = call.body.get("hostnameLabel", str)
    if label in (None, ip.hostname_label):
        return {}
    if ip.cidr_prefix_length is not None:
        rule = "must not be given to a private IP with a cidrPrefixLength."
        raise invalid("hostnameLabel", label, rule)
    subnet = call.parent(Subnet, ip.subnet_id)
    return {"hostname_label": named(call.world, subnet, label)}


def delete(call: Call) -> Answer:
    """Give a secondary private IP back to the subnet's pool."""
    ip = _secondary(call)
    ready(call.parent(Subnet, ip.subnet_id))
    return Answer(draft=freed(call.draft, ip.id).drop(ip), status=204)


def detach(call: Call) -> Answer:
    """Take a secondary private IP off its VNIC; its address stays taken."""
    ip = _secondary(call)
    if ip.vnic_id is None:
        raise conflict(f"The private IP {ip.id} is not assigned to a VNIC.")
    ready(call.parent(Subnet, ip.subnet_id))
    return Answer(draft=call.draft.change(ip, vnic_id=None), subject=ip)
