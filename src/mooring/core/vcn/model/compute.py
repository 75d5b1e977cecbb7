"""Instances and their VNICs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from mooring.core.vcn.model.resource import Resource

# What an instance is told, keeps as it was written and shows again.
KEPT = (
    *("agentConfig", "availabilityConfig", "instanceOptions", "launchOptions"),
    *("platformConfig", "licensingConfigs", "isAIEnterpriseEnabled"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance(Resource):
    """A compute instance.

    Its lifecycle: PROVISIONING, RUNNING, STOPPING, STOPPED, STARTING, MOVING (to another host, and off
    meanwhile), TERMINATING, TERMINATED. `more` holds what is `KEPT`.
    """

    availability_domain: str
    shape: str
    ocpus: float
    memory_in_gbs: float
    max_vnic_attachments: int
    region: str
    fault_domain: str = "FAULT-DOMAIN-1"
    metadata: Mapping[str, str] = field(default_factory=dict)
    extended_metadata: Mapping[str, Any] = field(default_factory=dict)
    image_id: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicAttachment(Resource):
    """A VNIC's place on an instance; ATTACHING, ATTACHED, DETACHING, DETACHED.

    `vnic_id` is shown by the API only once ATTACHED. `slot` is 0 for the primary VNIC and numbers
    the instance's interfaces (`wanted interface name`: see `fabric.nic_name`).
    """

    instance_id: str
    vnic_id: str
    subnet_id: str
    availability_domain: str
    nic_index: int = 0
    slot: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vnic(Resource):
    """A virtual network interface. Its addresses are PrivateIp objects that point to it."""

    subnet_id: str
    vcn_id: str
    availability_domain: str
    mac_address: str
    is_primary: bool
    skip_source_dest_check: bool = False
    nsg_ids: tuple[str, ...] = ()
    public_ip: IPv4Address | None = None
    hostname_label: str | None = None
    route_table_id: str | None = None
