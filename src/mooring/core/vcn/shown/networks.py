"""VCNs, subnets and route tables as they are shown."""

from mooring.core.vcn.model import RouteRule, RouteTable, Subnet, Vcn
from mooring.core.vcn.shown.forms import Json, More, first
from mooring.core.vcn.world import World


def _vcn(vcn: Vcn, _: World) -> Json:
    return {
        "cidrBlock": first(vcn.cidr_blocks),
        "byoipv6CidrBlocks": [],
        "vcnDomainName": vcn.dns_label and f"{vcn.dns_label}.oraclevcn.com",
    }


def _subnet(subnet: Subnet, world: World) -> Json:
    vcn = world.find(Vcn, subnet.vcn_id)
    zone = vcn and vcn.dns_label
    return {
        "cidrBlock": first(subnet.ipv4_cidr_blocks),
        "ipv6CidrBlock": first(subnet.ipv6_cidr_blocks),
        "virtualRouterIp": str(subnet.ipv4_cidr_blocks[0][1]),
        "ipv6VirtualRouterIp": str(subnet.ipv6_router)
        if subnet.ipv6_cidr_blocks
        else None,
        "subnetDomainName": f"{subnet.dns_label}.{zone}.oraclevcn.com"
        if subnet.dns_label and zone
        else None,
    }


def _route_table(table: RouteTable, _: World) -> Json:
    return {"routeRules": [_route(rule) for rule in table.route_rules]}


def _route(rule: RouteRule) -> Json:
    is_block = rule.destination_type == "CIDR_BLOCK" and ":" not in rule.destination
    return {
        "cidrBlock": rule.destination if is_block else None,
        "destination": rule.destination,
        "destinationType": rule.destination_type,
        "networkEntityId": rule.network_entity_id,
        "description": rule.description,
        "routeType": "STATIC",
    }


MORE: More = {
    Vcn: _vcn,
    Subnet: _subnet,
    RouteTable: _route_table,
}
