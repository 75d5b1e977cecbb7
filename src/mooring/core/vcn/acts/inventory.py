"""The IP inventory: which addresses of VCNs and subnets are used, by whom, and which overlap.

The cloud gathers it now and then; here it is read off the World, so that it is always of the moment.
Utilization is a share in percent: of a subnet's block what has an owner (what the cloud keeps for
itself has one), of a VCN's block what its subnets have.
"""

import json
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network

from mooring.core.vcn.acts import publicips
from mooring.core.vcn.api.errors import not_found
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.api.views import view
from mooring.core.vcn.iam.evaluate import sight
from mooring.core.vcn.indexes import addresses, addresses6
from mooring.core.vcn.model import Instance, Ipv6, PrivateIp, Subnet, Vcn, Vnic
from mooring.core.vcn.shown.forms import Json, moment
from mooring.core.vcn.world import World

Block = IPv4Network | IPv6Network

PRIVATE = "Private_IPv4"
LOCAL6, GLOBAL6 = "ULA_IPv6", "Oracle_Allocated_GUA_IPv6"
ADDRESS_TYPES = (
    *(PRIVATE, "Oracle_Allocated_Public_IPv4", "BYOIP_IPv4"),
    *(LOCAL6, GLOBAL6, "BYOIP_IPv6"),
)
MESSAGE = "The data is of this moment."
ULA = IPv6Network("fc00::/7")
DIGITS = 2


def type_of(block: Block) -> str:
    """Give the address type of a block inside of a VCN."""
    if isinstance(block, IPv4Network):
        return PRIVATE
    return LOCAL6 if block.subnet_of(ULA) else GLOBAL6


def _collection(call: Call, **more: object) -> Json:
    return {"lastUpdatedTimestamp": moment(call.now), "message": MESSAGE, **more}


# -- how much is used


def _parts(subnet: Subnet) -> tuple[Block, ...]:
    return (*subnet.ipv4_cidr_blocks, *subnet.ipv6_cidr_blocks)


def _share(used: int, block: Block) -> float:
    return round(100 * used / block.num_addresses, DIGITS)


def _used_of_part(world: World, subnet: Subnet, block: Block) -> float:
    is_four = isinstance(block, IPv4Network)
    space = world.space(addresses(subnet.id) if is_four else addresses6(subnet.id))
    bits = block.num_addresses.bit_length() - 1
    free = space.free(int(block.network_address), bits)
    return _share(block.num_addresses - free, block)


def _used_of_block(world: World, vcn: Vcn, block: Block) -> float:
    parts = (part for subnet in world.subnets_of(vcn.id) for part in _parts(subnet))
    return _share(sum(p.num_addresses for p in parts if p.overlaps(block)), block)


# -- VCNs, subnets and what is in them


def _vcn(world: World, vcn: Vcn, types: frozenset[str], subnet_id: str = "") -> Json:
    """Give a VCN's part of the inventory, with all of its subnets or one."""
    return {
        "vcnId": vcn.id,
        "vcnName": vcn.display_name,
        "resourceType": "VCN",
        "inventoryVcnCidrBlockCollection": [
            {"ipCidrBlock": str(b), "utilization": _used_of_block(world, vcn, b)}
            for b in vcn.blocks
            if type_of(b) in types
        ],
        "dnsDomainName": view(world, vcn)["vcnDomainName"],
        "region": world.settings.region,
        "compartmentId": vcn.compartment_id,
        "inventorySubnetcollection": [
            _subnet(world, subnet, types)
            for subnet in world.subnets_of(vcn.id)
            if subnet_id in ("", subnet.id)
        ],
    }


def _subnet(world: World, subnet: Subnet, types: frozenset[str]) -> Json:
    return {
        "subnetId": subnet.id,
        "subnetName": subnet.display_name,
        "resourceType": "Subnet",
        "inventorySubnetCidrCollection": [
            {"ipCidrBlock": str(p), "utilization": _used_of_part(world, subnet, p)}
            for p in _parts(subnet)
            if type_of(p) in types
        ],
        "dnsDomainName": view(world, subnet)["subnetDomainName"],
        "region": world.settings.region,
        "compartmentId": subnet.compartment_id,
        "inventoryResourceSummary": [
            _resource(world, vnic, types) for vnic in world.vnics_of_subnet(subnet.id)
        ],
    }


def _resource(world: World, vnic: Vnic, types: frozenset[str]) -> Json:
    found: tuple[PrivateIp | Ipv6, ...] = (
        *world.private_ips_of(vnic.id),
        *world.ipv6s_of(vnic.id),
    )
    return {
        "resourceName": _owner(world, vnic),
        "resourceType": "Resource",
        "macAddress": vnic.mac_address,
        "ipAddressCollection": [
            {
                "ipAddress": _address(ip),
                "vnicId": vnic.id,
                "vnicName": vnic.display_name,
                "dnsHostName": _host(ip),
            }
            for ip in found
            if type_of(ip.block) in types
        ],
        "region": world.settings.region,
        "compartmentId": vnic.compartment_id,
    }


def _owner(world: World, vnic: Vnic) -> str:
    """Give the name of the instance that has a VNIC."""
    attachment = world.attachment_of_vnic(vnic.id)
    instance = attachment and world.find(Instance, attachment.instance_id)
    return instance.display_name if instance else vnic.display_name


def _address(ip: PrivateIp | Ipv6) -> str:
    return str(ip.ip_address if ip.cidr_prefix_length is None else ip.block)


def _host(ip: PrivateIp | Ipv6) -> str | None:
    return ip.hostname_label if isinstance(ip, PrivateIp) else ip.hostname


# -- the calls


def list_all(call: Call) -> Answer:
    """Give the inventory of the VCNs of some compartments, as far as it is asked for."""
    body, world = call.body, call.world
    types = frozenset(body.many("addressTypeList", str) or ADDRESS_TYPES)
    vcns = list(_chosen(call))
    if body.get("overlappingVcnsOnly", bool):
        vcns = [one for one in vcns if any(_overlaps(one, two) for two in vcns)]
    found = [_vcn(world, vcn, types) for vcn in vcns]
    least = body.get("utilization", float) or 0
    keyword = (body.get("searchKeyword", str) or "").lower()
    found = [
        one
        for one in found
        if _most(one) >= least and keyword in json.dumps(one).lower()
    ]
    found.sort(key=_ORDERS[body.get("sortBy", str) or "DISPLAYNAME"])
    if body.get("sortOrder", str) == "DESC":
        found.reverse()
    start, size = (
        body.get("paginationOffset", int) or 0,
        body.get("paginationLimit", int),
    )
    page = found[start : None if size is None else start + size]
    return _inventory(call, page)


def _inventory(call: Call, vcns: list[Json]) -> Answer:
    compartments = {vcn["compartmentId"] for vcn in vcns}
    shown = _collection(
        call,
        count=len(vcns),
        compartmentsPerTenant=len(compartments),
        inventoryVcnCollection=vcns,
    )
    return Answer(draft=call.draft, shown=shown)


def _chosen(call: Call) -> Iterator[Vcn]:
    """Give the VCNs of the regions and compartments that a body lists, as far as they may be seen."""
    if call.world.settings.region in (call.body.many("regionList", str) or ()):
        wanted = call.body.many("compartmentList", str) or ()
        visible = sight(call.world, call.request.caller, call.operation)
        for vcn in call.world.of(Vcn):
            if vcn.compartment_id in wanted and (visible is None or visible(vcn)):
                yield vcn


def _most(vcn: Json) -> float:
    """Give the utilization of a VCN's fullest block."""
    blocks = vcn["inventoryVcnCidrBlockCollection"]
    assert isinstance(blocks, list)  # noqa: S101 - made above
    return max((block["utilization"] for block in blocks), default=0.0)


_ORDERS: dict[str, Callable[[Json], tuple[float, str]]] = {
    "DISPLAYNAME": lambda vcn: (0, str(vcn["vcnName"])),
    "UTILIZATION": lambda vcn: (_most(vcn), str(vcn["vcnName"])),
    "DNS_HOSTNAME": lambda vcn: (0, str(vcn["dnsDomainName"] or "")),
    "REGION": lambda vcn: (0, str(vcn["region"])),
}


def of_resource(call: Call) -> Answer:
    """Give the inventory of a VCN, or of a subnet inside of its VCN."""
    id = call.request.path.rstrip("/").rpartition("/")[2]
    subnet = call.world.find(Subnet, id)
    vcn = call.world.find(Vcn, id if subnet is None else subnet.vcn_id)
    if vcn is None:
        raise not_found(id)
    only = "" if subnet is None else subnet.id
    return _inventory(call, [_vcn(call.world, vcn, frozenset(ADDRESS_TYPES), only)])


def of_subnet(call: Call) -> Answer:
    """Give the addresses of a subnet that have an object, each with its owner."""
    subnet, world = call.about(Subnet), call.world
    fours = world.private_ips_in(subnet.id)
    sixes = world.walk(Ipv6, addresses6(subnet.id))
    found = [_entry(world, subnet, ip) for ips in (fours, sixes) for ip in ips]
    shown = _collection(
        call,
        count=len(found),
        ipInventorySubnetResourceSummary=found,
        compartmentId=subnet.compartment_id,
    )
    return Answer(draft=call.draft, shown=shown)


def _entry(world: World, subnet: Subnet, ip: PrivateIp | Ipv6) -> Json:
    vnic = world.find(Vnic, ip.vnic_id or "")
    public = publicips.of(world, ip.id)
    parent = next((part for part in _parts(subnet) if ip.ip_address in part), None)
    return {
        "ipId": ip.id,
        "ipAddress": _address(ip),
        "ipAddressLifetime": ip.lifetime.capitalize(),
        "parentCidr": None if parent is None else str(parent),
        "associatedPublicIp": None if public is None else str(public.ip_address),
        "publicIpLifetime": None if public is None else public.lifetime.capitalize(),
        "associatedPublicIpPool": None if public is None else "ORACLE",
        "dnsHostName": _host(ip),
        "assignedResourceName": None if vnic is None else _owner(world, vnic),
        "isPrimary": isinstance(ip, PrivateIp) and ip.is_primary,
        "assignedResourceType": None if vnic is None else "Resource",
        "addressType": type_of(ip.block),
        "assignedTime": None if vnic is None else moment(ip.time_created),
    }


def utilization(call: Call) -> Answer:
    """Give how much of each of a subnet's blocks is used."""
    subnet = call.about(Subnet)
    found = [
        {
            "cidr": str(part),
            "utilization": _used_of_part(call.world, subnet, part),
            "addressType": type_of(part),
        }
        for part in _parts(subnet)
    ]
    shown = _collection(
        call,
        count=len(found),
        ipInventoryCidrUtilizationSummary=found,
        compartmentId=subnet.compartment_id,
    )
    return Answer(draft=call.draft, shown=shown)


def overlaps(call: Call) -> Answer:
    """Give the VCNs of some compartments that have addresses of a VCN too."""
    vcn = call.about(Vcn)
    found = [
        {
            "overlappingVcnId": other.id,
            "overlappingVcnName": other.display_name,
            "overlappingCidr": str(two),
            "cidr": str(one),
        }
        for other in _chosen(call)
        for one, two in _overlaps(vcn, other)
    ]
    shown = _collection(
        call, overlapCount=len(found), ipInventoryVcnOverlapSummary=found
    )
    return Answer(draft=call.draft, shown=shown)


def _overlaps(vcn: Vcn, other: Vcn) -> list[tuple[Block, Block]]:
    """Give the pairs of two VCNs' blocks that share addresses; none with itself."""
    if vcn.id == other.id:
        return []
    return [(a, b) for a in vcn.blocks for b in other.blocks if a.overlaps(b)]
