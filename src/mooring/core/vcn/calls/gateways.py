"""Internet and NAT gateways."""

from mooring.core.vcn.acts import gateways, listing
from mooring.core.vcn.api.fields import (
    CREATE_IN_VCN,
    LIST_IN_VCN,
    RENAME,
    ROUTE_TABLE_OR_NONE,
    need,
)
from mooring.core.vcn.api.operation import Crud, routes
from mooring.core.vcn.api.schema import Field, Fields, flag, unbuilt
from mooring.core.vcn.model import InternetGateway, NatGateway

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
    "publicIpId": Field(unbuilt),
}

UPDATE_NAT_GATEWAY: Fields = {**RENAME, **_GATEWAY, "blockTraffic": Field(flag)}


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
        list=(LIST_IN_VCN, listing.lister(NatGateway)),
    ),
)
