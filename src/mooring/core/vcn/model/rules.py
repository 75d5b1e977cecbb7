"""Security rules and what holds them."""

from dataclasses import dataclass
from datetime import datetime

from mooring.core.vcn.model.resource import Resource


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
