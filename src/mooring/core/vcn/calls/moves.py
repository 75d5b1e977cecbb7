"""Moves from compartment to compartment, of whatever may be moved."""

from mooring.core.vcn.acts import moving
from mooring.core.vcn.api.fields import need
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.api.schema import Fields, ocid
from mooring.core.vcn.model import (
    Cpe,
    DhcpOptions,
    Drg,
    Instance,
    InternetGateway,
    IpSecConnection,
    LocalPeeringGateway,
    NatGateway,
    NetworkSecurityGroup,
    RemotePeeringConnection,
    Resource,
    RouteTable,
    SecurityList,
    ServiceGateway,
    Subnet,
    Vcn,
    VirtualCircuit,
)

CHANGE_COMPARTMENT: Fields = {"compartmentId": need(ocid)}

_MOVABLE: dict[str, type[Resource]] = {
    "vcns": Vcn,
    "subnets": Subnet,
    "routeTables": RouteTable,
    "securityLists": SecurityList,
    "dhcps": DhcpOptions,
    "networkSecurityGroups": NetworkSecurityGroup,
    "internetGateways": InternetGateway,
    "natGateways": NatGateway,
    "serviceGateways": ServiceGateway,
    "localPeeringGateways": LocalPeeringGateway,
    "drgs": Drg,
    "cpes": Cpe,
    "ipsecConnections": IpSecConnection,
    "virtualCircuits": VirtualCircuit,
    "remotePeeringConnections": RemotePeeringConnection,
    "instances": Instance,
}

ROUTES: dict[Route, Operation] = {
    ("POST", f"/{path}/{{id}}/actions/changeCompartment"): Operation(
        name=f"Change{kind.__name__}Compartment",
        kind=kind,
        body=CHANGE_COMPARTMENT,
        act=moving.move,
    )
    for path, kind in _MOVABLE.items()
}
