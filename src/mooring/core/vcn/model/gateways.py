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
    """Outbound connections share `nat_ip`."""

    vcn_id: str
    nat_ip: IPv4Address
    block_traffic: bool = False
    route_table_id: str | None = None
