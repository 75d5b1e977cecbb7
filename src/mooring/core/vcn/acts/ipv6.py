"""IPv6 objects: chosen, made, moved, given back.

They live as private IPs do (`homes`), with three differences. A subnet with several prefixes
must be told which. Single addresses come out of the first /80 of a prefix and blocks out of the
rest (oci-facts 8.3), so that they never stand in each other's way. And none of a VNIC's IPv6
objects is bound to it: each can be moved, detached and deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network

from mooring.core.vcn.acts.blocks import ready
from mooring.core.vcn.acts.homes import (
    RESERVED,
    changes,
    common,
    home,
    host,
    settled,
    unassigned,
)
from mooring.core.vcn.acts.paging import numbered, paged
from mooring.core.vcn.api.errors import conflict, invalid, missing
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, Draft
from mooring.core.vcn.indexes import NOBODY, addresses6, listed
from mooring.core.vcn.limits import SINGLE_IPV6S
from mooring.core.vcn.model import Ipv6, Subnet, Vnic
from mooring.core.vcn.world import World

SINGLE_BITS = 128 - SINGLE_IPV6S
PAIRS = "createVnicDetails.ipv6AddressIpv6SubnetCidrPairDetails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which address is wanted of a subnet's prefix; `where` stands before the fields' names."""

    block: IPv6Network
    address: IPv6Address | None = None
    prefix: int | None = None
    where: str = ""


def singles(block: IPv6Network) -> IPv6Network:
    """Give the part of a subnet's prefix out of which single addresses come."""
    return IPv6Network((int(block.network_address), SINGLE_IPV6S))


def rest(block: IPv6Network) -> Iterator[IPv6Network]:
    """Give the parts of a subnet's prefix out of which blocks come, the widest first."""
    for bits in range(127 - block.prefixlen, SINGLE_BITS - 1, -1):
        yield IPv6Network((int(block.network_address) + (1 << bits), 128 - bits))


def choose(world: World, subnet: Subnet, wish: Wish, dice: int) -> IPv6Network:
    """Find what is wanted among a subnet's free addresses, by chance where it is free."""
    ready(subnet)
    if wish.address is not None:
        return _requested(world, subnet, wish, wish.address)
    parts = [singles(wish.block)] if wish.prefix is None else list(rest(wish.block))
    space, bits = world.space(addresses6(subnet.id)), 128 - (wish.prefix or 128)
    rooms = [(int(part[0]), 128 - part.prefixlen) for part in parts]
    free = [space.free(*r) if space.largest(*r) >= bits else 0 for r in rooms]
    left = dice % (sum(free) or 1)
    for room, there in zip(rooms, free, strict=True):
        if left < there:
            found = space.pick(room, bits, left)
            assert found is not None  # noqa: S101 - there is room for it
            return IPv6Network((found, 128 - bits))
        left -= there
    what = "IPv6 address" if bits == 0 else f"IPv6 CIDR of prefix length {wish.prefix}"
    raise conflict(f"There is no available {what} in {wish.block} of {subnet.id}.")


def _requested(
    world: World, subnet: Subnet, wish: Wish, address: IPv6Address
) -> IPv6Network:
    """Check the address that was asked for."""
    where, prefix = f"{wish.where}ipAddress", wish.prefix or 128
    if wish.where:
        where = f"{wish.where}ipv6Address"
    if int(address) & ((1 << (128 - prefix)) - 1):
        rule = f"must be a multiple of the size of a /{prefix}."
        raise invalid(where, str(address), rule)
    wanted = IPv6Network((int(address), prefix))
    if not wanted.subnet_of(wish.block):
        raise invalid(where, str(address), f"must lie inside of {wish.block}.")
    single = singles(wish.block)
    if (wish.prefix is None) != (address in single):
        part = "inside" if wish.prefix is None else "outside"
        raise invalid(where, str(address), f"must lie {part} of {single}.")
    found = world.space(addresses6(subnet.id)).first_in(int(address), 128 - prefix)
    if found is not None and found.owner == NOBODY:
        raise invalid(where, str(address), "must not be a reserved address.")
    if found is not None:
        what = address if wish.prefix is None else wanted
        raise conflict(f"{where} {what} is already in use by {found.owner}.")
    return wanted


def _prefix(subnet: Subnet, wanted: IPv6Network | None) -> IPv6Network:
    """Give the prefix of a subnet that is meant; of several it must be said."""
    blocks, where = subnet.ipv6_cidr_blocks, "ipv6SubnetCidr"
    if not blocks:
        raise invalid("subnetId", subnet.id, "must be a subnet enabled for IPv6.")
    if wanted is None:
        if len(blocks) > 1:
            raise missing(where)
        return blocks[0]
    if wanted not in blocks:
        raise invalid(where, str(wanted), f"must be an IPv6 prefix of {subnet.id}.")
    return wanted


def create(call: Call) -> Answer:
    """Make an IPv6 object on a VNIC, or a reserved one on none."""
    body = call.body
    vnic, subnet = home(call, Ipv6)
    wish = Wish(
        block=_prefix(subnet, body.get("ipv6SubnetCidr", IPv6Network)),
        address=body.get("ipAddress", IPv6Address),
        prefix=body.get("cidrPrefixLength", int),
    )
    found = choose(call.world, subnet, wish, call.dice.number("address"))
    six = Ipv6(
        **common(call, Ipv6, vnic, subnet),
        ip_address=found.network_address,
        hostname=host(call, Ipv6, subnet),
    )
    return Answer(draft=call.draft.put(six), subject=six)


def update(call: Call) -> Answer:
    """Move an IPv6 object inside its subnet, or change what is said of it."""
    six = call.about(Ipv6)
    return Answer(draft=call.draft.change(six, **changes(call, six)), subject=six)


def delete(call: Call) -> Answer:
    """Give an IPv6 object's addresses back."""
    six = call.about(Ipv6)
    settled(call, six)
    return Answer(draft=call.draft.drop(six), status=204)


def detach(call: Call) -> Answer:
    """Take an IPv6 object off its VNIC; its addresses stay taken."""
    return unassigned(call, call.about(Ipv6))


def list_ipv6s(call: Call) -> Answer:
    """List IPv6 objects by VNIC, by subnet, or by address in a subnet."""
    vnic_id, subnet_id = call.query.get("vnicId", str), call.query.get("subnetId", str)
    if vnic_id is not None:
        key = listed(Ipv6, call.parent(Vnic, vnic_id).id)
    elif subnet_id is not None:
        key = addresses6(call.parent(Subnet, subnet_id).id)
    else:
        raise missing("vnicId", "subnetId")

    def scan(start: int) -> Iterator[tuple[int, Ipv6]]:
        for entry, six in call.world.scan(Ipv6, key, start):
            if _fits(call, six):
                yield entry.base, six

    return paged(call, numbered(scan))


def _fits(call: Call, six: Ipv6) -> bool:
    """Tell whether an object is wanted; an address inside a block is not it."""
    query = call.query
    state = "AVAILABLE" if six.vnic_id is None else "ASSIGNED"
    return (
        query.get("ipAddress", IPv6Address) in (None, six.ip_address)
        and query.get("subnetId", str) in (None, six.subnet_id)
        and query.get("ipState", str) in (None, state)
        and query.get("lifetime", str) in (None, six.lifetime)
    )


# -- along with a new VNIC


def along(call: Call, draft: Draft, details: Values, vnic: Vnic) -> Draft:
    """Give a new VNIC the IPv6 addresses that its details ask for."""
    where, wanted = "createVnicDetails.assignIpv6Ip", details.get("assignIpv6Ip", bool)
    pairs = details.many("ipv6AddressIpv6SubnetCidrPairDetails", Values) or ()
    if pairs and wanted is False:
        raise invalid(where, wanted, "must be true when addresses are asked for.")
    subnet = call.parent(Subnet, vnic.subnet_id)
    if (pairs or wanted) and not subnet.ipv6_cidr_blocks:
        rule = f"needs a subnet enabled for IPv6, which {subnet.id} is not."
        raise invalid(where, True, rule)  # noqa: FBT003 - the field's value
    if wanted and not pairs:
        pairs = (Values({}),)
    for n, pair in enumerate(pairs):
        now = replace(call, world=draft.world)
        if "ipv6Id" in pair:
            draft = draft.change(_reserved(now, n, pair, subnet), vnic_id=vnic.id)
        else:
            draft = draft.put(_one(now, n, pair, vnic))
    return draft


def _one(call: Call, n: int, pair: Values, vnic: Vnic) -> Ipv6:
    """Make one of a new VNIC's IPv6 objects."""
    subnet = call.parent(Subnet, vnic.subnet_id)
    where, address = f"{PAIRS}[{n}].", pair.get("ipv6Address", IPv6Address)
    wish = Wish(
        block=_block(subnet, where, pair, address), address=address, where=where
    )
    found = choose(call.world, subnet, wish, call.dice.number(f"ipv6 {n}"))
    return Ipv6(
        **call.common(Ipv6, Values({}), vnic.compartment_id),
        subnet_id=subnet.id,
        vcn_id=subnet.vcn_id,
        ip_address=found.network_address,
        vnic_id=vnic.id,
    )


def _block(
    subnet: Subnet, where: str, pair: Values, address: IPv6Address | None
) -> IPv6Network:
    """Give the prefix that a pair means: the named one, the address's, else the first."""
    blocks, named = subnet.ipv6_cidr_blocks, pair.get("ipv6SubnetCidr", IPv6Network)
    if named is None:
        return next((b for b in blocks if address and address in b), blocks[0])
    if named not in blocks:
        rule = f"must be an IPv6 prefix of {subnet.id}."
        raise invalid(f"{where}ipv6SubnetCidr", str(named), rule)
    return named


def _reserved(call: Call, n: int, pair: Values, subnet: Subnet) -> Ipv6:
    """Give the reserved IPv6 object that a new VNIC shall have."""
    where, six_id = f"{PAIRS}[{n}].ipv6Id", pair.need("ipv6Id", str)
    if len(pair.items) > 1:
        raise invalid(where, six_id, "must be alone in its pair.")
    six = call.related(Ipv6, where, six_id)
    if six.subnet_id != subnet.id:
        raise invalid(where, six_id, f"must be in subnet {subnet.id}.")
    if six.lifetime != RESERVED or six.cidr_prefix_length is not None:
        rule = f"must be a single address with the lifetime {RESERVED}."
        raise invalid(where, six_id, rule)
    if six.vnic_id is not None:
        raise conflict(f"{where} {six_id} is assigned to VNIC {six.vnic_id}.")
    ready(subnet)
    return six
