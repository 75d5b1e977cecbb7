"""Networks, rules, instances, addresses: what their records have in another form than the API."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from mooring.core.vcn import model
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.compute import KEPT
from mooring.core.vcn.twin.snapshot import Json
from mooring.core.vcn.twin.sources import Source

Plain: TypeAlias = dict[str, object]
PEERS = {"INGRESS": "source", "EGRESS": "destination"}


def _subnet(shown: Json, source: Source) -> Plain:
    blocks = shown.get("ipv4CidrBlocks") or _one(shown.get("cidrBlock"))
    sixes = shown.get("ipv6CidrBlocks") or _one(shown.get("ipv6CidrBlock"))
    split = shown["id"] in source.split_subnets
    return {
        "ipv4_cidr_blocks": blocks,
        "ipv6_cidr_blocks": sixes,
        "first_block_split": split,
    }


def _vcn(shown: Json, _: Source) -> Plain:
    return {"cidr_blocks": shown.get("cidrBlocks") or _one(shown.get("cidrBlock"))}


def _one(value: object) -> list[object]:
    return [] if value is None else [value]


def _route_table(shown: Json, source: Source) -> Plain:
    return {"route_rules": [_route(r, source) for r in objects(shown, "routeRules")]}


def _route(rule: Json, source: Source) -> Plain:
    destination = rule.get("destination") or rule["cidrBlock"]
    return {
        "destination": source.label(str(destination)),
        "destination_type": rule.get("destinationType") or "CIDR_BLOCK",
        "network_entity_id": rule["networkEntityId"],
        "description": rule.get("description"),
    }


def objects(shown: Json, name: str) -> list[Json]:
    """Give a list of objects inside of one; none for none."""
    given = shown.get(name) or []
    if not isinstance(given, list) or not all(isinstance(g, dict) for g in given):
        raise ValueError(f"{name} must be a list of objects")
    return cast("list[Json]", given)


def inside(shown: Json, name: str) -> Json:
    """Give an object inside of one; an empty one for none."""
    given = shown.get(name) or {}
    if not isinstance(given, dict):
        raise TypeError(f"{name} must be an object")
    return given


def _security_list(shown: Json, source: Source) -> Plain:
    into = [_rule(r, "INGRESS", source) for r in objects(shown, "ingressSecurityRules")]
    out = [_rule(r, "EGRESS", source) for r in objects(shown, "egressSecurityRules")]
    return {"rules": [*into, *out]}


def _group(shown: Json, source: Source) -> Plain:
    rules = objects(shown, "securityRules")
    return {
        "rules": [
            {
                **_rule(r, str(r["direction"]), source),
                "id": r.get("id"),
                "time_created": r.get("timeCreated"),
            }
            for r in rules
        ]
    }


def _rule(rule: Json, direction: str, source: Source) -> Plain:
    peer = PEERS[direction]
    ports = inside(rule, "tcpOptions") or inside(rule, "udpOptions")
    icmp = inside(rule, "icmpOptions")
    return {
        "direction": direction,
        "protocol": rule["protocol"],
        "peer": source.label(str(rule[peer])),
        "peer_type": rule.get(f"{peer}Type") or "CIDR_BLOCK",
        "is_stateless": bool(rule.get("isStateless")),
        "source_ports": ports.get("sourcePortRange"),
        "destination_ports": ports.get("destinationPortRange"),
        "icmp_type": icmp.get("type"),
        "icmp_code": icmp.get("code"),
        "description": rule.get("description"),
    }


def _instance(shown: Json, _: Source) -> Plain:
    config = inside(shown, "shapeConfig")
    image = inside(shown, "sourceDetails").get("imageId") or shown.get("imageId")
    return {
        "ocpus": config.get("ocpus") or 1.0,
        "memory_in_gbs": config.get("memoryInGBs") or 16.0,
        "max_vnic_attachments": config.get("maxVnicAttachments") or 24,
        "image_id": image,
        "more": {name: shown[name] for name in KEPT if shown.get(name) is not None},
    }


def _attachment(shown: Json, source: Source) -> Plain:
    return {"vnic_id": shown["vnicId"], "slot": source.slots[str(shown["id"])]}


def _in_subnet(shown: Json, source: Source) -> Plain:
    return {"vcn_id": source.vcn_of_subnet[str(shown["subnetId"])]}


def _private_ip(shown: Json, source: Source) -> Plain:
    return {**_in_subnet(shown, source), "lifecycle_state": "AVAILABLE"}


def _service_gateway(shown: Json, source: Source) -> Plain:
    names = [str(s["serviceName"]) for s in objects(shown, "services")]
    return {"services": [source.service(name) for name in names]}


NETWORK: Mapping[type[Resource], Callable[[Json, Source], Plain]] = {
    model.Vcn: _vcn,
    model.Subnet: _subnet,
    model.RouteTable: _route_table,
    model.SecurityList: _security_list,
    model.NetworkSecurityGroup: _group,
    model.ServiceGateway: _service_gateway,
    model.Instance: _instance,
    model.VnicAttachment: _attachment,
    model.Vnic: _in_subnet,
    model.PrivateIp: _private_ip,
    model.Ipv6: _in_subnet,
}
