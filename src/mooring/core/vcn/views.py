"""Records as the API shows them: its field names, its forms.

Every field of a record is shown under its name in camel case, except those in `HIDDEN`;
`_more` adds what follows from other fields or other records. The contract test holds
every key against the SDK's models.
"""

from dataclasses import fields
from datetime import datetime
from functools import singledispatch
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.vcn.kinds import KINDS
from mooring.core.vcn.model import (
    Instance,
    Ipv6,
    NetworkSecurityGroup,
    Ports,
    PrivateIp,
    Resource,
    RouteRule,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.turns import Json
from mooring.core.vcn.world import World

NETWORKS = (IPv4Address, IPv4Network, IPv6Address, IPv6Network)
ALWAYS_HIDDEN = {"version", "settles_at"}
HIDDEN: dict[type[Resource], set[str]] = {
    Subnet: {"first_block_split"},
    RouteTable: {"route_rules"},
    SecurityList: {"rules"},
    NetworkSecurityGroup: {"rules"},
    Instance: {"ocpus", "memory_in_gbs", "max_vnic_attachments"},
    VnicAttachment: {"slot", "vnic_id", "freeform_tags", "defined_tags"},
    Vnic: {"vcn_id"},
    PrivateIp: {"vcn_id", "lifecycle_state"},
    Ipv6: {"vcn_id"},
}


def render(world: World, thing: object) -> object:
    """Give anything that an answer shows as plain JSON."""
    if isinstance(thing, Resource):
        return view(world, thing)
    if isinstance(thing, SecurityRule):
        return _group_rule(world, thing)
    if isinstance(thing, dict):
        return {name: render(world, value) for name, value in thing.items()}
    if isinstance(thing, tuple):
        return [render(world, one) for one in thing]
    return _plain(thing)


def view(world: World, resource: Resource) -> Json:
    """Show one record."""
    shown = {
        name: _plain(getattr(resource, field)) for field, name in NAMES[type(resource)]
    }
    shown.update(_more(resource, world))
    return shown


def etag(resource: Resource) -> str:
    """Give the mark of a record's version."""
    return f"{resource.id[-8:]}-{resource.version}"


def moment(when: datetime) -> str:
    """Give a time as the API writes it."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


NAMES: dict[type[Resource], list[tuple[str, str]]] = {
    kind: [
        (f.name, _camel(f.name))
        for f in fields(kind)
        if f.name not in ALWAYS_HIDDEN | HIDDEN.get(kind, set())
    ]
    for kind in KINDS
}


def _plain(value: object) -> object:
    if isinstance(value, NETWORKS):
        return str(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _first(values: tuple[object, ...]) -> str | None:
    return str(values[0]) if values else None


@singledispatch
def _more(_: Resource, __: World) -> Json:
    return {}


@_more.register
def _(vcn: Vcn, _: World) -> Json:
    return {
        "cidrBlock": _first(vcn.cidr_blocks),
        "vcnDomainName": vcn.dns_label and f"{vcn.dns_label}.oraclevcn.com",
    }


@_more.register
def _(subnet: Subnet, world: World) -> Json:
    vcn = world.find(Vcn, subnet.vcn_id)
    zone = vcn and vcn.dns_label
    return {
        "cidrBlock": _first(subnet.ipv4_cidr_blocks),
        "ipv6CidrBlock": _first(subnet.ipv6_cidr_blocks),
        "virtualRouterIp": str(subnet.ipv4_cidr_blocks[0][1]),
        "subnetDomainName": f"{subnet.dns_label}.{zone}.oraclevcn.com"
        if subnet.dns_label and zone
        else None,
    }


@_more.register
def _(table: RouteTable, _: World) -> Json:
    return {"routeRules": [_route(rule) for rule in table.route_rules]}


def _route(rule: RouteRule) -> Json:
    is_block = rule.destination_type == "CIDR_BLOCK"
    return {
        "cidrBlock": rule.destination if is_block else None,
        "destination": rule.destination,
        "destinationType": rule.destination_type,
        "networkEntityId": rule.network_entity_id,
        "description": rule.description,
        "routeType": "STATIC",
    }


@_more.register
def _(rules: SecurityList, _: World) -> Json:
    return {
        f"{direction.lower()}SecurityRules": [
            _rule(rule) for rule in rules.rules if rule.direction == direction
        ]
        for direction in ("INGRESS", "EGRESS")
    }


def _rule(rule: SecurityRule) -> Json:
    """Show what rules of lists and of groups have in common."""
    peer = "source" if rule.direction == "INGRESS" else "destination"
    return {
        "protocol": rule.protocol,
        peer: rule.peer,
        f"{peer}Type": rule.peer_type,
        "isStateless": rule.is_stateless,
        "description": rule.description,
        "tcpOptions": _ports(rule) if rule.protocol == "6" else None,
        "udpOptions": _ports(rule) if rule.protocol == "17" else None,
        "icmpOptions": None
        if rule.icmp_type is None
        else {"type": rule.icmp_type, "code": rule.icmp_code},
    }


def _ports(rule: SecurityRule) -> Json | None:
    if rule.source_ports is None and rule.destination_ports is None:
        return None
    return {
        "sourcePortRange": _range(rule.source_ports),
        "destinationPortRange": _range(rule.destination_ports),
    }


def _range(ports: Ports | None) -> Json | None:
    return None if ports is None else {"min": ports.min, "max": ports.max}


def _group_rule(world: World, rule: SecurityRule) -> Json:
    """Show a group's rule; it is invalid when the group that it names is gone."""
    refers = rule.peer_type == "NETWORK_SECURITY_GROUP"
    return {
        **_rule(rule),
        "id": rule.id,
        "direction": rule.direction,
        "isValid": not refers or world.get(rule.peer) is not None,
        "timeCreated": rule.time_created and moment(rule.time_created),
    }


@_more.register
def _(instance: Instance, _: World) -> Json:
    return {
        "launchMode": "PARAVIRTUALIZED",
        "shapeConfig": {
            "ocpus": instance.ocpus,
            "vcpus": int(instance.ocpus * 2),
            "memoryInGBs": instance.memory_in_gbs,
            "maxVnicAttachments": instance.max_vnic_attachments,
        },
        "sourceDetails": instance.image_id
        and {"sourceType": "image", "imageId": instance.image_id},
    }


@_more.register
def _(attachment: VnicAttachment, _: World) -> Json:
    is_there = attachment.lifecycle_state != "ATTACHING"
    return {"vnicId": attachment.vnic_id if is_there else None}


@_more.register
def _(vnic: Vnic, world: World) -> Json:
    ips = world.private_ips_of(vnic.id)
    return {
        "privateIp": str(ips[0].ip_address) if ips else None,
        "ipv6Addresses": [str(ip.ip_address) for ip in world.ipv6s_of(vnic.id)],
    }


@_more.register
def _(ip: PrivateIp, world: World) -> Json:
    subnet = world.find(Subnet, ip.subnet_id)
    blocks = subnet.ipv4_cidr_blocks if subnet else ()
    return {
        "ipState": "AVAILABLE" if ip.vnic_id is None else "ASSIGNED",
        "ipv4SubnetCidrAtCreation": next(
            (str(block) for block in blocks if ip.ip_address in block), None
        ),
    }


@_more.register
def _(ip: Ipv6, _: World) -> Json:
    return {"ipState": "AVAILABLE" if ip.vnic_id is None else "ASSIGNED"}
