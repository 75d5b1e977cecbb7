"""The NativePodNetwork's JSON form, both ways (oci-facts 1.1 to 1.3).

The schema has two generations of field names: `subnet` and `subnetId`, `nsgs` and
`networkSecurityGroupIds`, `addresses` and `podAddresses`, `routerIp` and `routerIps`,
`hostAddress` and `hostAddresses`, `subnetCidr` and `subnetCidrs`. Both are read, the
newer one when both say something (Go writes an empty list for nothing), and both are
written. Where old bounds and new ones differ the wider holds.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from mooring.core.npn import policy
from mooring.core.npn.fields import Field, T, Unreadable
from mooring.core.npn.record import (
    Condition,
    Ipv6Choice,
    Npn,
    NpnSpec,
    NpnStatus,
    Pair,
    PoolStatus,
    SecondaryVnic,
    VnicStatus,
)
from mooring.core.npn.written import API_VERSION, KIND, render, render_status

__all__ = [
    "API_VERSION",
    "KIND",
    "Unreadable",
    "named",
    "parse",
    "parse_status",
    "render",
    "render_status",
]

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
INSTANCE = re.compile(r"ocid1\.instance\.\S+")
MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
FAMILIES = ("IPv4", "IPv6")
STATES = ("", "BACKOFF", "IN_PROGRESS", "SUCCESS")
MOST_PODS = 256
"""Pods per node, addresses per VNIC (the first schema's bounds were 110 and 32)."""
DEFAULT_IP_COUNT = 32
DEFAULT_IP_COUNT_V6_ONLY = 256


def parse(document: object) -> Npn:
    """Read a whole object, status included; raise Unreadable at the first fault."""
    root = Field("", document)
    if not isinstance(document, dict):
        raise Unreadable("object", document, "must be a JSON object")
    root.at("apiVersion").one_of(API_VERSION)
    root.at("kind").one_of(KIND)
    metadata = root.at("metadata")
    return Npn(
        name=named(metadata.at("name").value),
        spec=_spec(root.at("spec")),
        status=parse_status(root.at("status").value),
        generation=metadata.at("generation").either(lambda f: f.whole(0, 2**63 - 1), 1),
        deleting=not metadata.at("deletionTimestamp").absent,
        pool=_pool_said(metadata.at("annotations")),
    )


def named(name: object) -> str:
    """Read an object's name."""
    return Field("metadata.name", name).matching(
        NAME,
        "must be 1 to 253 of a-z, 0-9, '-' and '.', a letter or digit at both ends",
    )


def parse_status(document: object) -> NpnStatus:
    """Read what stands below `status`; None is the status before the first look."""
    status = Field("status", document)
    return NpnStatus(
        state=status.at("state").either(lambda f: f.one_of(*STATES), ""),
        reason=status.at("reason").either(lambda f: f.text(least=0), ""),
        message=status.at("message").either(lambda f: f.text(32768, 0), ""),
        observed_generation=status.at("observedGeneration").either(
            lambda f: f.whole(0, 2**63 - 1), 0
        ),
        vnics=tuple(_vnic(f) for f in status.at("vnics").items(64)),
        conditions=tuple(_condition(f) for f in status.at("conditions").items(64)),
        pool=status.at("pool").either(_pool, None),
        compartment=status.at("compartmentId").either(lambda f: f.text(255, 0), ""),
        work=status.at("workRequestId").either(lambda f: f.text(255, 0), ""),
    )


def _pool_said(annotations: Field) -> str | None:
    """Read what the annotation says of the pool, having seen that it can be followed."""
    said = annotations.at(policy.ANNOTATION)
    if said.absent:
        return None
    text = said.text()
    policy.parse(text)
    return text


def _pool(field: Field) -> PoolStatus:
    values = (
        f"{name}={field.at(name).value}"
        for name in policy.NAMES
        if not field.at(name).absent
    )
    found = policy.elastic(",".join(values), field.path)
    serial = field.at("serial").either(lambda f: f.whole(0, 2**63 - 1), 0)
    return PoolStatus(policy=found, serial=serial)


def _spec(spec: Field) -> NpnSpec:
    if spec.absent:
        raise spec.wrong("is required")
    families = _families(spec.at("ipFamilies"), least=0)
    profiles = spec.at("secondaryVnics")
    count = DEFAULT_IP_COUNT if "IPv4" in families else DEFAULT_IP_COUNT_V6_ONLY
    vnics = tuple(_profile(f, i, count) for i, f in enumerate(profiles.items(64)))
    _profiles_fit(profiles, vnics)
    subnets = spec.at("podSubnetIds")
    found = NpnSpec(
        id=_instance(spec.at("id")),
        max_pod_count=spec.at("maxPodCount").either(
            lambda f: f.whole(1, MOST_PODS), 31
        ),
        pod_subnet_ids=subnets.texts(5),
        network_security_group_ids=spec.at("networkSecurityGroupIds").texts(5),
        ip_families=families,
        secondary_vnics=vnics,
    )
    if not vnics and not found.pod_subnet_ids:
        raise subnets.wrong("needs a subnet when there are no secondaryVnics")
    return found


def _instance(field: Field) -> str:
    """Read the instance's OCID."""
    field.text(128)
    return field.matching(INSTANCE, "must be the OCID of an instance")


def _profiles_fit(profiles: Field, vnics: tuple[SecondaryVnic, ...]) -> None:
    """Check what one profile cannot know of the others."""
    names = [v.display_name for v in vnics]
    for name in names:
        if names.count(name) > 1:
            raise Unreadable(
                f"{profiles.path}[{len(names) - 1 - names[::-1].index(name)}]"
                ".createVnicDetails.displayName",
                name,
                "must differ from the other profiles' names",
            )
    total = sum(v.ip_count for v in vnics)
    if total > MOST_PODS:
        raise Unreadable(
            f"{profiles.path}[*].createVnicDetails.ipCount",
            total,
            f"must not add up to more than {MOST_PODS}",
        )


def _families(field: Field, least: int) -> tuple[str, ...]:
    """Read families in order of preference; an empty list is the old form of IPv4."""
    found = tuple(f.one_of(*FAMILIES) for f in field.items(2, least))
    if len(set(found)) < len(found):
        raise field.wrong("must not name a family twice")
    return found or ("IPv4",)


def _profile(entry: Field, index: int, ip_count: int) -> SecondaryVnic:
    details = entry.at("createVnicDetails")
    if details.absent:
        raise details.wrong("is required")
    attachment = entry.at("displayName").either(lambda f: f.text(255), None)
    return SecondaryVnic(
        display_name=details.at("displayName").either(
            lambda f: f.text(255), attachment or f"SVnic {index}"
        ),
        attachment_name=attachment,
        subnet_id=details.at("subnetId").text(255),
        ip_count=details.at("ipCount").either(
            lambda f: f.whole(1, MOST_PODS), ip_count
        ),
        nsg_ids=details.at("nsgIds").texts(5),
        skip_source_dest_check=details.at("skipSourceDestCheck").flag(absent=True),
        assign_ipv6_ip=details.at("assignIpv6Ip").flag(),
        assign_public_ip=details.at("assignPublicIp").flag(),
        ipv6_choices=tuple(
            _ipv6_choice(f)
            for f in details.at("ipv6AddressIpv6SubnetCidrPairDetails").items(32)
        ),
        application_resources=details.at("applicationResources").texts(1),
        nic_index=entry.at("nicIndex").either(lambda f: f.whole(0, 255), 0),
        freeform_tags=_freeform(details.at("freeformTags")),
        defined_tags=_namespaced(details.at("definedTags")),
        security_attributes=_namespaced(details.at("securityAttributes")),
    )


def _ipv6_choice(field: Field) -> Ipv6Choice:
    return Ipv6Choice(
        field.at("ipv6Address").either(_ipv6, None),
        field.at("ipv6SubnetCidr").either(_ipv6_block, None),
    )


def _ipv6(field: Field) -> IPv6Address:
    """Read an address that the cloud can be asked for: no zone, no IPv4 in disguise."""
    found = field.ipv6()
    if found.scope_id or found.ipv4_mapped:
        raise field.wrong("must be an IPv6 address")
    return found


def _ipv6_block(field: Field) -> IPv6Network:
    """Read a block with its prefix."""
    found = field.ipv6_block()
    if "/" not in field.text(64):
        raise field.wrong("must be an IPv6 CIDR block")
    return found


def _freeform(field: Field) -> Mapping[str, str]:
    return {key: field.at(key).text(256, 0) for key in field.mapping()}


def _namespaced(field: Field) -> Mapping[str, Any]:
    return {key: dict(field.at(key).mapping()) for key in field.mapping()}


def _vnic(field: Field) -> VnicStatus:
    nic = field.at("nicConfiguration")
    cidrs, old_cidr = field.at("subnetCidrs"), field.at("subnetCidr")
    pods = _addresses(field)
    return VnicStatus(
        vnic_id=field.at("vnicId").text(255),
        mac_address=field.at("macAddress")
        .matching(MAC, "must be a MAC address")
        .lower(),
        subnet_id=nic.at("subnetId", "subnet").either(lambda f: f.text(255), ""),
        nsg_ids=_groups(nic),
        ip_count=nic.at("ipCount").either(lambda f: f.whole(1, MOST_PODS), 31),
        ip_families=_families(nic.at("ipFamilies"), least=0),
        subnet_v4=_first(cidrs, "v4", Field.ipv4_block)
        or old_cidr.either(Field.ipv4_block, None),
        subnet_v6=_first(cidrs, "v6", Field.ipv6_block),
        router=_pair(field.at("routerIps"), field.at("routerIp")),
        host=_pair(field.at("hostAddresses"), field.at("hostAddress")),
        pod_addresses=pods,
        application_resources=nic.at("applicationResources").texts(1),
        nic_index=field.at("nicIndex").either(lambda f: f.whole(0, 255), 0),
        vlan_tag=field.at("vlanTag").either(lambda f: f.whole(0, 4095), None),
    )


def _groups(nic: Field) -> tuple[str, ...]:
    return nic.at("networkSecurityGroupIds").texts(5) or nic.at("nsgs").texts(5)


def _addresses(vnic: Field) -> tuple[Pair, ...]:
    new = tuple(_both(f) for f in vnic.at("podAddresses").items(MOST_PODS))
    if any(pair != Pair() for pair in new):
        return new
    old = vnic.at("addresses").items(MOST_PODS)
    return tuple(Pair(v4=f.ipv4()) for f in old) or new


def _both(field: Field) -> Pair:
    return Pair(
        field.at("v4").either(Field.ipv4, None), field.at("v6").either(Field.ipv6, None)
    )


def _pair(new: Field, old: Field) -> Pair:
    v4 = _first(new, "v4", Field.ipv4) or old.either(Field.ipv4, None)
    return Pair(v4, _first(new, "v6", Field.ipv6))


def _first(items: Field, family: str, read: Callable[[Field], T]) -> T | None:
    """Read the first value of a family in a list of {v4, v6}."""
    values = [f.at(family).either(read, None) for f in items.items(32)]
    return next((v for v in values if v is not None), None)


def _condition(field: Field) -> Condition:
    return Condition(
        type=field.at("type").text(316),
        status=field.at("status").one_of("True", "False", "Unknown"),
        reason=field.at("reason").either(lambda f: f.text(least=0), ""),
        message=field.at("message").either(lambda f: f.text(32768, 0), ""),
    )
