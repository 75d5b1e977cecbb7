"""A VCN's ways out."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class InternetGateway(Resource):
    """Public addresses, one to one."""

    vcn_id: str
    is_enabled: bool = True
    route_table_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NatGateway(Resource):
    """Outbound connections share `nat_ip`; `public_ip_id` is the reserved one that it was made with."""

    vcn_id: str
    nat_ip: IPv4Address
    public_ip_id: str | None = None
    block_traffic: bool = False
    route_table_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceGateway(Resource):
    """Oracle's services without the internet; `services` are the ids of those that are enabled."""

    vcn_id: str
    services: tuple[str, ...] = ()
    block_traffic: bool = False
    route_table_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPeeringGateway(Resource):
    """One end between two VCNs of the region; packets pass while it is PEERED.

    `peering_status` is NEW (then there is no peer), PENDING, PEERED or REVOKED (the peer is gone).
    """

    vcn_id: str
    peer_id: str | None = None
    peering_status: str = "NEW"
    route_table_id: str | None = None
