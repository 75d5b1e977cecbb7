"""The cloud network's objects as frozen records.

Field names are the API's in snake case (oci-facts section 10; OCI Core Services API 20160918).
Every record carries its OCID, its lifecycle state and a `version` from which the etag is made.
`settles_at` is when a record in a passing state (PROVISIONING, ATTACHING, DETACHING, TERMINATING,
UPDATING) moves on by itself; None for a state that stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

Tags = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What every object of the cloud has."""

    id: str
    compartment_id: str
    display_name: str
    time_created: datetime
    lifecycle_state: str = "AVAILABLE"
    freeform_tags: Tags = field(default_factory=dict)
    defined_tags: Tags = field(default_factory=dict)
    version: int = 1
    settles_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vcn(Resource):
    """A virtual cloud network."""

    cidr_blocks: tuple[IPv4Network, ...]
    ipv6_cidr_blocks: tuple[IPv6Network, ...] = ()
    default_route_table_id: str
    default_security_list_id: str
    default_dhcp_options_id: str
    dns_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet(Resource):
    """A subnet; `availability_domain` None is a regional one.

    `first_block_split` tells that CIDR addresses were given out of the first block: the
    first of them put the subnet in UPDATING, the next ones do not (oci-facts 3.2).
    """

    vcn_id: str
    ipv4_cidr_blocks: tuple[IPv4Network, ...]
    ipv6_cidr_blocks: tuple[IPv6Network, ...] = ()
    route_table_id: str
    security_list_ids: tuple[str, ...]
    dhcp_options_id: str
    prohibit_public_ip_on_vnic: bool = False
    prohibit_internet_ingress: bool = False
    availability_domain: str | None = None
    dns_label: str | None = None
    virtual_router_mac: str
    first_block_split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    """Where packets for `destination` go: `network_entity_id` is a gateway's or private IP's OCID."""

    destination: str
    destination_type: str  # CIDR_BLOCK | SERVICE_CIDR_BLOCK
    network_entity_id: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable(Resource):
    """A route table; packets inside the VCN's CIDRs never ask it."""

    vcn_id: str
    route_rules: tuple[RouteRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Ports:
    """An inclusive port range."""

    min: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityRule:
    """One allow rule of a security list (`id` None) or a network security group.

    `protocol` is "all" or an IANA number as text. `peer` is the source of an INGRESS and the
    destination of an EGRESS rule; `peer_type` is CIDR_BLOCK, SERVICE_CIDR_BLOCK or
    NETWORK_SECURITY_GROUP. None for ports or ICMP type means any.
    """

    id: str | None = None
    direction: str  # INGRESS | EGRESS
    protocol: str
    peer: str
    peer_type: str = "CIDR_BLOCK"
    is_stateless: bool = False
    source_ports: Ports | None = None
    destination_ports: Ports | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    description: str | None = None
    time_created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityList(Resource):
    """A subnet's rules."""

    vcn_id: str
    rules: tuple[SecurityRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSecurityGroup(Resource):
    """A group's rules; VNICs join it by their `nsg_ids`."""

    vcn_id: str
    rules: tuple[SecurityRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InternetGateway(Resource):
    """Public addresses, one to one."""

    vcn_id: str
    is_enabled: bool = True
    route_table_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NatGateway(Resource):
    """Outbound connections share `nat_ip`."""

    vcn_id: str
    nat_ip: IPv4Address
    block_traffic: bool = False
    route_table_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpOptions(Resource):
    """Kept as it was written."""

    vcn_id: str
    options: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance(Resource):
    """A compute instance; lifecycle PROVISIONING, RUNNING, STOPPING, STOPPED, STARTING, TERMINATING, TERMINATED."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateIp(Resource):
    """An IPv4 address (`cidr_prefix_length` None) or an aligned block of them, on a VNIC or free."""

    subnet_id: str
    vcn_id: str
    ip_address: IPv4Address
    cidr_prefix_length: int | None = None
    vnic_id: str | None = None
    is_primary: bool = False
    lifetime: str = "EPHEMERAL"
    hostname_label: str | None = None
    availability_domain: str | None = None
    route_table_id: str | None = None

    @property
    def block(self) -> IPv4Network:
        """All addresses of the object, first and last included."""
        return IPv4Network((int(self.ip_address), self.cidr_prefix_length or 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6(Resource):
    """An IPv6 address or block on a VNIC."""

    subnet_id: str
    vcn_id: str
    ip_address: IPv6Address
    cidr_prefix_length: int | None = None
    vnic_id: str | None = None
    lifetime: str = "EPHEMERAL"
    route_table_id: str | None = None

    @property
    def block(self) -> IPv6Network:
        """All addresses of the object."""
        return IPv6Network((int(self.ip_address), self.cidr_prefix_length or 128))
