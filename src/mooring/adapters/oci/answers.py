"""Answers of the SDK as core's values: its models and its errors."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar

from oci.exceptions import ServiceError

from mooring.core.npn.errors import Answer
from mooring.core.npn.seen import (
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    SubnetSeen,
    VnicSeen,
)

T = TypeVar("T")


def answer_of(name: str, error: ServiceError, *, block: bool) -> Answer:
    """Say what an error was."""
    headers = error.headers or {}
    after = str(headers.get("retry-after", ""))
    return Answer(
        call=name,
        status=error.status,
        code=error.code or f"HTTP {error.status}",
        message=str(error.message or ""),
        retry_after=float(after) if after.isdecimal() else None,
        block=block,
    )


def instance(data: Any) -> InstanceSeen:
    """Read an instance."""
    shape = data.shape_config
    return InstanceSeen(
        id=data.id,
        compartment_id=data.compartment_id,
        state=data.lifecycle_state,
        most_vnics=shape.max_vnic_attachments if shape else None,
        display_name=data.display_name or "",
        metadata=dict(data.metadata or {}),
    )


def attachment(data: Any) -> AttachmentSeen:
    """Read an attachment."""
    return AttachmentSeen(
        id=data.id,
        state=data.lifecycle_state,
        vnic_id=data.vnic_id,
        nic_index=data.nic_index or 0,
        vlan_tag=data.vlan_tag,
        created=data.time_created,
    )


def vnic(data: Any) -> VnicSeen:
    """Read a VNIC."""
    six = (data.ipv6_addresses or ()) if data.is_primary else ()
    return VnicSeen(
        id=data.id,
        state=data.lifecycle_state,
        mac_address=data.mac_address or "",
        subnet_id=data.subnet_id or "",
        is_primary=bool(data.is_primary),
        display_name=data.display_name or "",
        nsg_ids=tuple(data.nsg_ids or ()),
        skip_source_dest_check=bool(data.skip_source_dest_check),
        tags=dict(data.freeform_tags or {}),
        private_ip=_read(IPv4Address, data.private_ip),
        ipv6_addresses=tuple(map(IPv6Address, six)),
    )


def address(data: Any) -> AddressSeen:
    """Read a private IP."""
    length = data.cidr_prefix_length or 32
    return AddressSeen(
        id=data.id,
        vnic_id=data.vnic_id or "",
        block=IPv4Network(f"{data.ip_address}/{length}", strict=False),
        is_primary=bool(data.is_primary),
    )


def ipv6(data: Any) -> AddressSeen:
    """Read an IPv6 object."""
    length = data.cidr_prefix_length or 128
    return AddressSeen(
        id=data.id,
        vnic_id=data.vnic_id or "",
        block=IPv6Network(f"{data.ip_address}/{length}", strict=False),
    )


def subnet(data: Any) -> SubnetSeen:
    """Read a subnet."""
    v4 = data.ipv4_cidr_blocks or [data.cidr_block]
    v6 = data.ipv6_cidr_blocks or [data.ipv6_cidr_block]
    return SubnetSeen(
        id=data.id,
        state=data.lifecycle_state,
        v4=tuple(IPv4Network(b) for b in v4 if _is_block(b)),
        v6=tuple(IPv6Network(b) for b in v6 if b),
        router_v4=_read(IPv4Address, data.virtual_router_ip),
        router_v6=_read(IPv6Address, data.ipv6_virtual_router_ip),
    )


def _is_block(text: str | None) -> bool:
    """Tell a block from nothing; a subnet without IPv4 shows a word in its place."""
    return bool(text) and text != "<null>"


def _read(kind: Callable[[str], T], text: str | None) -> T | None:
    return kind(text) if text else None
