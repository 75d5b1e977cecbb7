"""What the cloud has, as frozen records; one module for each family of kinds."""

from mooring.core.vcn.model.addresses import Ipv6, PrivateIp
from mooring.core.vcn.model.compute import Instance, Vnic, VnicAttachment
from mooring.core.vcn.model.gateways import InternetGateway, NatGateway
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
    "DhcpOptions",
    "DynamicGroup",
    "Group",
    "Instance",
    "InternetGateway",
    "Ipv6",
    "NatGateway",
    "NetworkSecurityGroup",
    "Policy",
    "Ports",
    "PrivateIp",
    "Resource",
    "RouteRule",
    "RouteTable",
    "SecurityList",
    "SecurityRule",
    "Subnet",
    "Tags",
    "User",
    "UserGroupMembership",
    "Vcn",
    "Vnic",
    "VnicAttachment",
    "WorkRequest",
]
