"""What an instance is told about itself at 169.254.169.254 (oci-facts 8.4).

A question comes with the VCN in whose router it arrived and the address it came from;
only the primary address of a VNIC is answered. As in the cloud, version 1 is switched
off, the header `Authorization: Bearer Oracle` is asked for, and a request that some
proxy passed on is refused. Below `identity/` stand an instance's certificate and key, which
somebody else makes: `identified` says of which instance.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.iam.regions import key_of
from mooring.core.vcn.model import Instance, Subnet, Vnic
from mooring.core.vcn.world import World

ADDRESS = IPv4Address("169.254.169.254")
ADDRESS6 = IPv6Address("fd00:c1::a9fe:a9fe")
PORT = 80
ROOT = "/opc/v2/"
BEARER = "Bearer Oracle"
IDENTITY = "identity"
CERTIFICATE = "cert.pem"
FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host"})

Json = object
Document = Callable[[], Json]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request: `source` is the peer's address, header names are lower case."""

    vcn_id: str
    source: str
    method: str
    path: str
    headers: Mapping[str, str]


Identity = Mapping[str, str]
"""What stands below `identity/`: texts by their names, as `cert.pem` and `key.pem`."""


def answer(world: World, question: Question, identity: Identity | None = None) -> Reply:
    """Tell what the path names, or why not; `identity` when the path is below it."""
    refused = _refused(question)
    if refused:
        return refused
    instance = _asking(world, question)
    if instance is None:
        return _error(404, "Not Found")
    documents: dict[str, Document] = {
        "instance": lambda: _instance(world, instance),
        "vnics": lambda: _vnics(world, instance),
    }
    if identity is not None:
        documents[IDENTITY] = lambda: identity
    found = _walk(documents, _parts(question))
    return _error(404, "Not Found") if found is None else _show(found)


def identified(world: World, question: Question) -> Instance | None:
    """Give the instance that asks for its certificate; None when nobody does who may."""
    if _refused(question) or _parts(question)[0] != IDENTITY:
        return None
    return _asking(world, question)


def is_first(question: Question) -> bool:
    """Tell whether a new certificate may be given: before it, the key that goes with it was not asked."""
    return _parts(question)[1:] == [CERTIFICATE]


def _refused(question: Question) -> Reply | None:
    if question.method not in {"GET", "HEAD"}:
        return _error(405, "Method Not Allowed")
    if not question.path.startswith(ROOT):
        return _error(404, "Not Found")
    if question.headers.get("authorization") != BEARER:
        return _error(403, f"Forbidden: the header Authorization: {BEARER} is required")
    if FORWARDED & question.headers.keys():
        return _error(403, "Forbidden: forwarded requests are not answered")
    return None


def _parts(question: Question) -> list[str]:
    words = question.path.removeprefix(ROOT).split("/")
    return [word for word in words if word] or [""]


def _asking(world: World, question: Question) -> Instance | None:
    """Find the instance behind a source address, if it is a VNIC's primary one."""
    try:
        source = ip_address(question.source)
    except ValueError:
        return None
    for subnet in world.subnets_of(question.vcn_id):
        vnic_id = _vnic_at(world, subnet.id, source)
        if vnic_id is not None:
            attachment = world.attachment_of_vnic(vnic_id)
            if attachment is not None:
                return world.find(Instance, attachment.instance_id)
    return None


def _vnic_at(
    world: World, subnet_id: str, source: IPv4Address | IPv6Address
) -> str | None:
    """Find the VNIC that asks from an address; of IPv4 ones only the primary may."""
    if isinstance(source, IPv4Address):
        ip = world.private_ip_at(subnet_id, source)
        return ip.vnic_id if ip is not None and ip.is_primary else None
    ipv6 = world.ipv6_at(subnet_id, source)
    return None if ipv6 is None else ipv6.vnic_id


def _walk(documents: Mapping[str, Document], path: list[str]) -> Json:
    first, *rest = path
    if first not in documents:
        return None
    found = documents[first]()
    for part in rest:
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _show(found: Json) -> Reply:
    if isinstance(found, str):
        return _reply(200, "text/plain", found)
    if isinstance(found, Mapping | list):
        return _reply(200, "application/json", json.dumps(found, indent=2))
    return _reply(200, "text/plain", json.dumps(found))


def _error(status: int, words: str) -> Reply:
    return _reply(status, "text/plain", f"{status} {words}\n")


def _reply(status: int, kind: str, text: str) -> Reply:
    headers = {"content-type": f"{kind}; charset=utf-8"}
    return Reply(status=status, body=text.encode(), headers=headers)


def _instance(world: World, instance: Instance) -> dict[str, Json]:
    vnics = [world.find(Vnic, name) for name in _vnic_ids(world, instance)]
    label = next((v.hostname_label for v in vnics if v and v.is_primary), None)
    return {
        "availabilityDomain": instance.availability_domain,
        "canonicalRegionName": instance.region,
        "compartmentId": instance.compartment_id,
        "definedTags": dict(instance.defined_tags),
        "displayName": instance.display_name,
        "faultDomain": instance.fault_domain,
        "freeformTags": dict(instance.freeform_tags),
        "hostname": label or instance.display_name,
        "id": instance.id,
        "image": instance.image_id,
        "metadata": {**instance.metadata, **instance.extended_metadata},
        "ociAdName": instance.availability_domain.rpartition(":")[2].lower(),
        "region": instance.region,
        "regionInfo": {
            "realmDomainComponent": "oraclecloud.com",
            "realmKey": "oc1",
            "regionIdentifier": instance.region,
            "regionKey": key_of(instance.region),
        },
        "shape": instance.shape,
        "shapeConfig": {
            "maxVnicAttachments": instance.max_vnic_attachments,
            "memoryInGBs": instance.memory_in_gbs,
            # the cloud gives flexible shapes one gigabit per second and OCPU
            "networkingBandwidthInGbps": float(instance.ocpus),
            "ocpus": instance.ocpus,
        },
        "state": instance.lifecycle_state.capitalize(),
        "timeCreated": (instance.time_created - _EPOCH) // timedelta(milliseconds=1),
    }


def _vnics(world: World, instance: Instance) -> list[dict[str, Json]]:
    vnics = (world.find(Vnic, name) for name in _vnic_ids(world, instance))
    return [_vnic(world, instance, vnic) for vnic in vnics if vnic is not None]


def _vnic_ids(world: World, instance: Instance) -> list[str]:
    """Name the instance's VNICs in the order of their slots, the primary first."""
    attached = (
        attachment
        for attachment in world.attachments_of(instance.id)
        if attachment.lifecycle_state == "ATTACHED"
    )
    return [a.vnic_id for a in sorted(attached, key=lambda a: a.slot)]


def _vnic(world: World, instance: Instance, vnic: Vnic) -> dict[str, Json]:
    found: dict[str, Json] = {
        "vnicId": vnic.id,
        "macAddr": vnic.mac_address.upper(),
        "vlanTag": 0,
    }
    if instance.shape.startswith("BM."):
        attachment = world.attachment_of_vnic(vnic.id)
        found["nicIndex"] = attachment.nic_index if attachment else 0
    subnet = world.find(Subnet, vnic.subnet_id)
    primary = next((ip for ip in world.private_ips_of(vnic.id) if ip.is_primary), None)
    if primary is not None and subnet is not None:
        block = _block_of(subnet, primary.ip_address)
        found["privateIp"] = str(primary.ip_address)
        found["subnetCidrBlock"] = str(block)
        found["virtualRouterIp"] = str(block.network_address + 1)
    if subnet is not None and subnet.ipv6_cidr_blocks:
        found |= _ipv6(world, vnic, subnet)
    return found


def _ipv6(world: World, vnic: Vnic, subnet: Subnet) -> dict[str, Json]:
    """Tell a subnet's prefix and router, and the VNIC's single addresses when it has any."""
    ours = [
        ip.ip_address for ip in world.ipv6s_of(vnic.id) if not ip.cidr_prefix_length
    ]
    blocks = subnet.ipv6_cidr_blocks
    block = next((b for b in blocks if ours and ours[0] in b), blocks[0])
    shown: dict[str, Json] = {
        "ipv6SubnetCidrBlock": str(block),
        "ipv6VirtualRouterIp": str(subnet.ipv6_router),
    }
    return {"ipv6Addresses": [str(one) for one in ours], **shown} if ours else shown


def _block_of(subnet: Subnet, address: IPv4Address) -> IPv4Network:
    return next(block for block in subnet.ipv4_cidr_blocks if address in block)
