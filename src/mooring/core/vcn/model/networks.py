"""VCNs, subnets, route tables, DHCP options."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Any

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Vcn(Resource):
    """A virtual cloud network; `ipv6_cidr_blocks` are Oracle's, the private ones its owner's (ULA)."""

    cidr_blocks: tuple[IPv4Network, ...]
    ipv6_cidr_blocks: tuple[IPv6Network, ...] = ()
    ipv6_private_cidr_blocks: tuple[IPv6Network, ...] = ()
    default_route_table_id: str
    default_security_list_id: str
    default_dhcp_options_id: str
    dns_label: str | None = None

    @property
    def prefixes(self) -> tuple[IPv6Network, ...]:
        """All IPv6 prefixes, Oracle's first."""
        return (*self.ipv6_cidr_blocks, *self.ipv6_private_cidr_blocks)

    @property
    def blocks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """All CIDR blocks of both families."""
        return (*self.cidr_blocks, *self.prefixes)


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

    @property
    def ipv6_router(self) -> IPv6Address:
        """The virtual router's link-local address: the EUI-64 of its MAC address."""
        mac = bytes.fromhex(self.virtual_router_mac.replace(":", ""))
        eui = bytes((mac[0] ^ 2, *mac[1:3], 0xFF, 0xFE, *mac[3:]))
        return IPv6Address(b"\xfe\x80" + bytes(6) + eui)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpOptions(Resource):
    """Kept as it was written."""

    vcn_id: str
    options: tuple[Mapping[str, Any], ...] = ()
    domain_name_type: str | None = None
