"""Lists: what is wanted of what there is, and in which order.

A list follows an index as far as a page goes. Only a list that is sorted by wish (`sortBy`,
`sortOrder`) is put in order as a whole. Without a wish the order is that of creation; private IPs
of a subnet come by address. `paging` has the pages.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import TypeVar

from mooring.core.vcn import shapes
from mooring.core.vcn.acts.paging import in_order, numbered, ordered, paged
from mooring.core.vcn.api.errors import invalid, missing
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.indexes import WIDEST, Key, addresses, listed, order
from mooring.core.vcn.model import (
    NetworkSecurityGroup,
    PrivateIp,
    Resource,
    Subnet,
    Vnic,
)
from mooring.core.vcn.shapes import (
    LEAST_MEMORY_PER_OCPU,
    MOST_MEMORY_PER_OCPU,
    Shape,
)
from mooring.core.vcn.shown.forms import Json

T = TypeVar("T")

# Which field of a record a query parameter is compared with.
FILTERS = {
    "compartmentId": "compartment_id",
    "displayName": "display_name",
    "lifecycleState": "lifecycle_state",
    "availabilityDomain": "availability_domain",
    "vcnId": "vcn_id",
    "instanceId": "instance_id",
    "vnicId": "vnic_id",
    "lifetime": "lifetime",
    "drgId": "drg_id",
    "cpeId": "cpe_id",
    "networkId": "network_id",
    "attachmentType": "network_type",
    "drgRouteTableId": "drg_route_table_id",
    "importDrgRouteDistributionId": "import_drg_route_distribution_id",
    "scope": "scope",
}
# Parameters that name an index of their own.
NARROWING = ("instanceId", "vnicId", "vcnId", "networkId", "drgId", "cpeId")


def lister(kind: type[Resource]) -> Callable[[Call], Answer]:
    """Make the list operation of a kind."""

    def operation(call: Call) -> Answer:
        narrow = next((name for name in NARROWING if name in call.query), None)
        parent = "" if narrow is None else call.query.need(narrow, str)
        return _records(call, kind, listed(kind, parent))

    return operation


def _records(call: Call, kind: type[Resource], key: Key) -> Answer:
    wanted = {f: call.query.items[n] for n, f in FILTERS.items() if n in call.query}

    def fits(record: Resource) -> bool:
        return all(getattr(record, field) == want for field, want in wanted.items())

    def scan(start: int) -> Iterator[tuple[int, object]]:
        for entry, record in call.world.scan(kind, key, start):
            if fits(record):
                yield entry.base, record

    if "sortBy" in call.query or "sortOrder" in call.query:
        found = (record for _, record in call.world.scan(kind, key) if fits(record))
        return by_wish(call, found)
    return paged(call, numbered(scan))


def by_wish(call: Call, found: Iterable[Resource], name: str = "DISPLAYNAME") -> Answer:
    """Answer with a page of records sorted as the cloud does: by time the latest first, by name from A."""
    by_name = call.query.get("sortBy", str) == name
    default = "ASC" if by_name else "DESC"
    turned = (call.query.get("sortOrder", str) or default) == "DESC"
    return paged(call, ordered(found, by_name=by_name, latest_first=turned))


def list_private_ips(call: Call) -> Answer:
    """List private IPs by VNIC, by subnet, or by address in a subnet."""
    query = call.query
    vnic_id, subnet_id = query.get("vnicId", str), query.get("subnetId", str)
    if vnic_id is None and subnet_id is None:
        raise missing("vnicId", "subnetId", "vlanId")
    if vnic_id is not None:
        call.parent(Vnic, vnic_id)
        return paged(call, numbered(lambda start: _on_vnic(call, vnic_id, start)))
    call.parent(Subnet, subnet_id or "")
    return paged(call, numbered(lambda start: _in_subnet(call, subnet_id or "", start)))


def _on_vnic(call: Call, vnic_id: str, start: int) -> Iterator[tuple[int, PrivateIp]]:
    """Give a VNIC's private IPs, the primary first, then in order of creation."""
    subnet_id = call.query.get("subnetId", str)
    for ip in call.world.private_ips_of(vnic_id):
        number = order(ip.time_created, ip.id).base
        if not ip.is_primary:
            number += 1 << WIDEST
        if number >= start and subnet_id in (None, ip.subnet_id) and _fit(call, ip):
            yield number, ip


def _in_subnet(
    call: Call, subnet_id: str, start: int
) -> Iterator[tuple[int, PrivateIp]]:
    for entry, ip in call.world.scan(PrivateIp, addresses(subnet_id), start):
        if _fit(call, ip):
            yield entry.base, ip


def _fit(call: Call, ip: PrivateIp) -> bool:
    """Tell whether a private IP is wanted; an address inside a block is not it."""
    state = "AVAILABLE" if ip.vnic_id is None else "ASSIGNED"
    return (
        call.query.get("ipAddress", IPv4Address) in (None, ip.ip_address)
        and call.query.get("ipState", str) in (None, state)
        and call.query.get("lifetime", str) in (None, ip.lifetime)
    )


def list_rules(call: Call) -> Answer:
    """List a group's rules, of one direction or both."""
    direction = call.query.get("direction", str)
    rules = [
        rule
        for rule in call.about(NetworkSecurityGroup).rules
        if direction in (None, rule.direction)
    ]
    return paged(call, in_order(_turned(call, rules)))


def list_group_vnics(call: Call) -> Answer:
    """List the VNICs in a group, each with the instance that has it."""
    group = call.about(NetworkSecurityGroup)
    members = [_member(call, vnic) for vnic in call.world.referring(Vnic, group.id)]
    return paged(call, in_order(_turned(call, members)))


def _turned(call: Call, items: Sequence[T]) -> Sequence[T]:
    """Turn a list that stands by time, when the latest are wanted first."""
    return items[::-1] if call.query.get("sortOrder", str) == "DESC" else items


def _member(call: Call, vnic: Vnic) -> Json:
    attachment = call.world.attachment_of_vnic(vnic.id)
    return {
        "vnicId": vnic.id,
        "resourceId": None if attachment is None else attachment.instance_id,
        "timeAssociated": vnic.time_created,
    }


def list_shapes(call: Call) -> Answer:
    """List the shapes of the catalogue, or the one that is named."""
    domain = call.query.get("availabilityDomain", str)
    known = call.world.settings.availability_domains
    if domain is not None and domain not in known:
        rule = f"must be of {', '.join(known)}."
        raise invalid("availabilityDomain", domain, rule)
    wanted = call.query.get("shape", str)
    found = [_shape(s) for s in shapes.SHAPES.values() if wanted in (None, s.name)]
    return paged(call, in_order(found))


def _shape(shape: Shape) -> Json:
    least = shape.least_ocpus if shape.flexible else shape.ocpus
    return {
        "shape": shape.name,
        "ocpus": least,
        "memoryInGBs": least * shape.memory_per_ocpu,
        "maxVnicAttachments": shape.max_vnics(least),
        "networkPorts": shape.network_ports,
        "networkingBandwidthInGbps": shape.bandwidth,
        "gpus": shape.gpus,
        "isFlexible": shape.flexible,
        "isSubcore": False,
        "billingType": "ALWAYS_FREE" if shape.name.endswith(".Micro") else "PAID",
        "resizeCompatibleShapes": list(shape.resizes_to()),
        **_options(shape),
    }


def _options(shape: Shape) -> Json:
    """Give what may be chosen of a flexible shape; nothing of another one."""
    names = ("ocpuOptions", "memoryOptions", "maxVnicAttachmentOptions")
    if not shape.flexible:
        return dict.fromkeys(names)
    least, most = shape.least_ocpus, shape.ocpus
    ocpus = {"min": least, "max": most}
    memory = {
        "minInGBs": least * LEAST_MEMORY_PER_OCPU,
        "maxInGBs": most * MOST_MEMORY_PER_OCPU,
        "defaultPerOcpuInGBs": shape.memory_per_ocpu,
        "minPerOcpuInGBs": float(LEAST_MEMORY_PER_OCPU),
        "maxPerOcpuInGBs": float(MOST_MEMORY_PER_OCPU),
    }
    vnics = {
        "min": shape.max_vnics(least),
        "max": float(shape.max_vnics(most)),
        "defaultPerOcpu": float(shape.vnics_per_ocpu or 0),
    }
    return dict(zip(names, (ocpus, memory, vnics), strict=True))


def list_domains(call: Call) -> Answer:
    """List the availability domains (of the identity service, on the same server)."""
    compartment = call.query.need("compartmentId", str)
    found = [
        {
            "name": name,
            "id": f"ocid1.availabilitydomain.oc1..{name.lower()}",
            "compartmentId": compartment,
        }
        for name in call.world.settings.availability_domains
    ]
    return paged(call, in_order(found))
