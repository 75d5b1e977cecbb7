"""Addresses as objects."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.vcn.model.resource import Resource


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
    """An IPv6 address (`cidr_prefix_length` None) or an aligned block of them, on a VNIC or free."""

    subnet_id: str
    vcn_id: str
    ip_address: IPv6Address
    cidr_prefix_length: int | None = None
    vnic_id: str | None = None
    lifetime: str = "EPHEMERAL"
    hostname: str | None = None
    route_table_id: str | None = None

    @property
    def block(self) -> IPv6Network:
        """All addresses of the object."""
        return IPv6Network((int(self.ip_address), self.cidr_prefix_length or 128))
