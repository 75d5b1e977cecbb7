"""Dynamic routing gateways, what is attached to them, and what on-premises sites have.

Each attachment joins a DRG with one network: a VCN, an IPSec tunnel, a virtual circuit or a
remote peering connection. What comes in by an attachment is routed by the DRG route table that
the attachment is assigned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Drg(Resource):
    """A router between networks; the four tables are what new attachments of a type are assigned."""

    vcn_table_id: str
    ipsec_tunnel_table_id: str
    virtual_circuit_table_id: str
    remote_peering_connection_table_id: str
    default_export_drg_route_distribution_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgAttachment(Resource):
    """A network at a DRG; packets pass while it is ATTACHED.

    `network_id` is the OCID of a VCN (type VCN), an IpSecTunnel (IPSEC_TUNNEL), a VirtualCircuit
    (VIRTUAL_CIRCUIT) or a RemotePeeringConnection (REMOTE_PEERING_CONNECTION). `route_table_id`,
    only of VCNs, is the VCN's route table for what comes in from the DRG; `vcn_route_type`
    VCN_CIDRS or SUBNET_CIDRS says which prefixes of the VCN the DRG learns.
    """

    drg_id: str
    network_id: str
    network_type: str = "VCN"
    drg_route_table_id: str
    route_table_id: str | None = None
    vcn_route_type: str = "SUBNET_CIDRS"
    export_drg_route_distribution_id: str | None = None

    @property
    def vcn_id(self) -> str | None:
        """The VCN that is attached, if it is one."""
        return self.network_id if self.network_type == "VCN" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgRouteRule:
    """A static rule of a DRG route table."""

    id: str
    destination: str
    next_hop_drg_attachment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgRouteTable(Resource):
    """Static rules, and routes learnt through a distribution of type IMPORT."""

    drg_id: str
    route_rules: tuple[DrgRouteRule, ...] = ()
    import_drg_route_distribution_id: str | None = None
    is_ecmp_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgCriterion:
    """Whose routes match: a type's, an attachment's, or, with MATCH_ALL, everybody's."""

    match_type: str  # DRG_ATTACHMENT_TYPE | DRG_ATTACHMENT_ID | MATCH_ALL
    attachment_type: str | None = None
    drg_attachment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgStatement:
    """Accepts the routes that match every criterion; without any, all do."""

    id: str
    priority: int
    criteria: tuple[DrgCriterion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrgRouteDistribution(Resource):
    """Statements by which routes are learnt (IMPORT) or told (EXPORT)."""

    drg_id: str
    distribution_type: str = "IMPORT"
    statements: tuple[DrgStatement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpe(Resource):
    """The router of an on-premises site, by its public address."""

    ip_address: IPv4Address
    cpe_device_shape_id: str | None = None
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IpSecConnection(Resource):
    """Two tunnels between a DRG and a CPE; `static_routes` are the site's networks, as CIDR blocks."""

    cpe_id: str
    drg_id: str
    static_routes: tuple[str, ...] = ()
    cpe_local_identifier: str | None = None
    cpe_local_identifier_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpSecTunnel(Resource):
    """The n-th tunnel of an IPSec connection, from 0; `routing` is BGP, STATIC or POLICY.

    `bgp`, `domains`, `phase_one`, `phase_two` and `dpd` are configurations as they were written.
    """

    ip_sec_connection_id: str
    number: int = 0
    vpn_ip: IPv4Address
    routing: str = "STATIC"
    ike_version: str = "V1"
    shared_secret: str = ""
    oracle_initiation: str = "INITIATOR_OR_RESPONDER"
    nat_translation_enabled: str = "AUTO"
    bgp: Mapping[str, Any] | None = None
    domains: Mapping[str, Any] | None = None
    phase_one: Mapping[str, Any] | None = None
    phase_two: Mapping[str, Any] | None = None
    dpd: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualCircuit(Resource):
    """A private line to a DRG (`gateway_id`); `mappings` are its cross-connects and BGP addresses."""

    gateway_id: str | None = None
    type: str = "PRIVATE"
    bandwidth_shape_name: str | None = None
    customer_asn: int | None = None
    mappings: tuple[Mapping[str, Any], ...] = ()
    more: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePeeringConnection(Resource):
    """One end between two DRGs; packets pass while it is PEERED (see LocalPeeringGateway)."""

    drg_id: str
    peer_id: str | None = None
    peer_region_name: str | None = None
    peering_status: str = "NEW"
