"""The IP inventory and topologies."""

from mooring.core.vcn.acts import inventory, topologies
from mooring.core.vcn.acts.inventory import ADDRESS_TYPES
from mooring.core.vcn.api.fields import need
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    flag,
    number,
    ocid,
    one_of,
    text,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import LARGEST_PAGE
from mooring.core.vcn.model import Subnet, Vcn

MOST_NAMES = 1000

WHERE: Fields = {
    "regionList": need(list_of(text(), 1, MOST_NAMES)),
    "compartmentList": need(list_of(ocid, 1, MOST_NAMES)),
}

LIST_INVENTORY: Fields = {
    **WHERE,
    "overrideFilters": Field(flag),
    "utilization": Field(number(0, 100)),
    "overlappingVcnsOnly": Field(flag),
    "addressTypeList": Field(list_of(one_of(*ADDRESS_TYPES), 0, len(ADDRESS_TYPES))),
    "resourceTypeList": Field(list_of(one_of("Resource"), 0, 1)),
    "searchKeyword": Field(text(least=0)),
    "sortBy": Field(one_of("DISPLAYNAME", "UTILIZATION", "DNS_HOSTNAME", "REGION")),
    "sortOrder": Field(one_of("ASC", "DESC")),
    "paginationOffset": Field(whole(0, 1 << 31)),
    "paginationLimit": Field(whole(1, LARGEST_PAGE)),
}

TOPOLOGY: Fields = {
    "compartmentId": need(ocid),
    "accessLevel": Field(one_of("ANY", "ACCESSIBLE")),
    "queryCompartmentSubtree": Field(one_of("true", "false", "True", "False")),
}

VCN_TOPOLOGY: Fields = {**TOPOLOGY, "vcnId": need(ocid)}

SUBNET_TOPOLOGY: Fields = {**TOPOLOGY, "subnetId": need(ocid)}


ROUTES: dict[Route, Operation] = {
    ("POST", "/ipInventory"): Operation(
        name="ListIpInventory", body=LIST_INVENTORY, act=inventory.list_all
    ),
    ("GET", "/ipInventory/subnets/{id}"): Operation(
        name="GetSubnetIpInventory", kind=Subnet, id_at=2, act=inventory.of_subnet
    ),
    ("GET", "/ipInventory/subnets/{id}/cidrs"): Operation(
        name="GetSubnetCidrUtilization",
        kind=Subnet,
        id_at=2,
        act=inventory.utilization,
    ),
    ("POST", "/ipInventory/vcns/{id}/overlaps"): Operation(
        name="GetVcnOverlap", kind=Vcn, id_at=2, body=WHERE, act=inventory.overlaps
    ),
    ("GET", "/ipinventory/DataRequestId/{id}"): Operation(
        name="GetResourceIpInventory", id_at=2, act=inventory.of_resource
    ),
    ("GET", "/networkingTopology"): Operation(
        name="GetNetworkingTopology", query=TOPOLOGY, act=topologies.of_region
    ),
    ("GET", "/vcnTopology"): Operation(
        name="GetVcnTopology", query=VCN_TOPOLOGY, act=topologies.of_vcn
    ),
    ("GET", "/subnetTopology"): Operation(
        name="GetSubnetTopology", query=SUBNET_TOPOLOGY, act=topologies.of_subnet
    ),
}
