"""What the cloud has, as frozen records; one module for each family of kinds."""

from mooring.core.vcn.model.addresses import Ipv6, PrivateIp
from mooring.core.vcn.model.compute import Instance, Vnic, VnicAttachment
from mooring.core.vcn.model.drg import (
    Cpe,
    Drg,
    DrgAttachment,
    DrgCriterion,
    DrgRouteDistribution,
    DrgRouteRule,
    DrgRouteTable,
    DrgStatement,
    IpSecConnection,
    IpSecTunnel,
    RemotePeeringConnection,
    VirtualCircuit,
)
from mooring.core.vcn.model.gateways import (
    InternetGateway,
    LocalPeeringGateway,
    NatGateway,
    ServiceGateway,
)
from mooring.core.vcn.model.identity import (
    ApiKey,
    Compartment,
    DynamicGroup,
    Group,
    Policy,
    User,
    UserGroupMembership,
)
from mooring.core.vcn.model.networks import (
    DhcpOptions,
    RouteRule,
    RouteTable,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.publicip import PublicIp
from mooring.core.vcn.model.resource import Resource, Tags
from mooring.core.vcn.model.rules import (
    NetworkSecurityGroup,
    Ports,
    SecurityList,
    SecurityRule,
)
from mooring.core.vcn.model.work import WorkRequest

__all__ = [
    "ApiKey",
    "Compartment",
    "Cpe",
    "DhcpOptions",
    "Drg",
    "DrgAttachment",
    "DrgCriterion",
    "DrgRouteDistribution",
    "DrgRouteRule",
    "DrgRouteTable",
    "DrgStatement",
    "DynamicGroup",
    "Group",
    "Instance",
    "InternetGateway",
    "IpSecConnection",
    "IpSecTunnel",
    "Ipv6",
    "LocalPeeringGateway",
    "NatGateway",
    "NetworkSecurityGroup",
    "Policy",
    "Ports",
    "PrivateIp",
    "PublicIp",
    "RemotePeeringConnection",
    "Resource",
    "RouteRule",
    "RouteTable",
    "SecurityList",
    "SecurityRule",
    "ServiceGateway",
    "Subnet",
    "Tags",
    "User",
    "UserGroupMembership",
    "Vcn",
    "VirtualCircuit",
    "Vnic",
    "VnicAttachment",
    "WorkRequest",
]
