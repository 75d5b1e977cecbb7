"""Internet, NAT, service and local peering gateways."""

from mooring.core.vcn.acts import gateways, listing, peering
from mooring.core.vcn.api.fields import (
    CREATE_IN_VCN,
    LIST_IN_VCN,
    PAGE,
    RENAME,
    ROUTE_TABLE_OR_NONE,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import Field, Fields, flag, group, ocid, unbuilt
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import SERVICES_PER_GATEWAY
from mooring.core.vcn.model import (
    InternetGateway,
    LocalPeeringGateway,
    NatGateway,
    ServiceGateway,
)

_GATEWAY: Fields = {"routeTableId": Field(ROUTE_TABLE_OR_NONE)}

CREATE_INTERNET_GATEWAY: Fields = {
    **CREATE_IN_VCN,
    **_GATEWAY,
    "isEnabled": need(flag),
}

UPDATE_INTERNET_GATEWAY: Fields = {**RENAME, **_GATEWAY, "isEnabled": Field(flag)}

CREATE_NAT_GATEWAY: Fields = {
    **CREATE_IN_VCN,
    **_GATEWAY,
    "blockTraffic": Field(flag),
    "publicIpId": Field(ocid),
}

UPDATE_NAT_GATEWAY: Fields = {**RENAME, **_GATEWAY, "blockTraffic": Field(flag)}

SERVICE_ID: Fields = {"serviceId": need(ocid)}

_SERVICES = list_of(group(SERVICE_ID), 0, SERVICES_PER_GATEWAY)

CREATE_SERVICE_GATEWAY: Fields = {
    **CREATE_IN_VCN,
    **_GATEWAY,
    "services": need(_SERVICES),
}

UPDATE_SERVICE_GATEWAY: Fields = {
    **RENAME,
    **_GATEWAY,
    "blockTraffic": Field(flag),
    "services": Field(_SERVICES),
}

CREATE_LOCAL_PEERING: Fields = {
    **CREATE_IN_VCN,
    **_GATEWAY,
    "securityAttributes": Field(unbuilt),
}

UPDATE_LOCAL_PEERING: Fields = {
    **RENAME,
    **_GATEWAY,
    "securityAttributes": Field(unbuilt),
}

CONNECT_LOCAL: Fields = {"peerId": need(ocid)}


ROUTES = routes(
    Crud(
        path="internetGateways",
        name="InternetGateway",
        kind=InternetGateway,
        create=(CREATE_INTERNET_GATEWAY, gateways.create_internet_gateway),
        update=(UPDATE_INTERNET_GATEWAY, gateways.update_internet_gateway),
        list=(LIST_IN_VCN, listing.lister(InternetGateway)),
    ),
    Crud(
        path="natGateways",
        name="NatGateway",
        kind=NatGateway,
        create=(CREATE_NAT_GATEWAY, gateways.create_nat_gateway),
        update=(UPDATE_NAT_GATEWAY, gateways.update_nat_gateway),
        delete=gateways.delete_nat_gateway,
        list=(LIST_IN_VCN, listing.lister(NatGateway)),
    ),
    Crud(
        path="serviceGateways",
        name="ServiceGateway",
        kind=ServiceGateway,
        create=(CREATE_SERVICE_GATEWAY, gateways.create_service_gateway),
        update=(UPDATE_SERVICE_GATEWAY, gateways.update_service_gateway),
        list=(LIST_IN_VCN, listing.lister(ServiceGateway)),
    ),
    Crud(
        path="localPeeringGateways",
        name="LocalPeeringGateway",
        kind=LocalPeeringGateway,
        create=(CREATE_LOCAL_PEERING, peering.create_local),
        update=(UPDATE_LOCAL_PEERING, peering.update_local),
        delete=peering.delete_local,
        list=(LIST_IN_VCN, listing.lister(LocalPeeringGateway)),
    ),
) | {
    ("GET", "/services"): Operation(
        name="ListServices", query=PAGE, act=gateways.list_services
    ),
    ("GET", "/services/{id}"): Operation(name="GetService", act=gateways.get_service),
    ("POST", "/serviceGateways/{id}/actions/attachService"): Operation(
        name="AttachServiceId",
        kind=ServiceGateway,
        body=SERVICE_ID,
        act=gateways.attach_service,
    ),
    ("POST", "/serviceGateways/{id}/actions/detachService"): Operation(
        name="DetachServiceId",
        kind=ServiceGateway,
        body=SERVICE_ID,
        act=gateways.detach_service,
    ),
    ("POST", "/localPeeringGateways/{id}/actions/connect"): Operation(
        name="ConnectLocalPeeringGateways",
        kind=LocalPeeringGateway,
        body=CONNECT_LOCAL,
        act=peering.connect_local,
    ),
}
