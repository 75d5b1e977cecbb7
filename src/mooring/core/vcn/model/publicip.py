"""Public addresses as objects."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicIp(Resource):
    """A public address and whose it is.

    States: PROVISIONING, AVAILABLE, ASSIGNING, ASSIGNED, UNASSIGNING, TERMINATING. An EPHEMERAL one
    lives as long as what it is assigned to; a RESERVED one (always of scope REGION) stays. The
    entity is the PRIVATE_IP or NAT_GATEWAY that has it, None while nobody has.
    """

    ip_address: IPv4Address
    lifetime: str
    scope: str
    availability_domain: str | None = None
    assigned_entity_id: str | None = None
    assigned_entity_type: str | None = None
