"""Private IPs."""

from mooring.core.vcn.acts import addresses, listing
from mooring.core.vcn.api.fields import HOSTNAME, PAGE, RENAME, ROUTE_TABLE_OR_NONE
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    network,
    ocid,
    one_of,
    unbuilt,
    whole,
)
from mooring.core.vcn.limits import NARROWEST_CIDR_ADDRESS, WIDEST_CIDR_ADDRESS
from mooring.core.vcn.model import PrivateIp

_PRIVATE_IP: Fields = {
    **RENAME,
    "vnicId": Field(ocid),
    "hostnameLabel": Field(HOSTNAME),
    "lifetime": Field(one_of("EPHEMERAL", "RESERVED")),
    "routeTableId": Field(ROUTE_TABLE_OR_NONE),
}

CREATE_PRIVATE_IP: Fields = {
    **_PRIVATE_IP,
    "subnetId": Field(ocid),
    "ipAddress": Field(address),
    "cidrPrefixLength": Field(whole(WIDEST_CIDR_ADDRESS, NARROWEST_CIDR_ADDRESS)),
    "ipv4SubnetCidrAtCreation": Field(network()),
    "vlanId": Field(unbuilt),
}

UPDATE_PRIVATE_IP: Fields = _PRIVATE_IP

LIST_PRIVATE_IPS: Fields = {
    **PAGE,
    "vnicId": Field(ocid),
    "subnetId": Field(ocid),
    "ipAddress": Field(address),
    "ipState": Field(one_of("ASSIGNED", "AVAILABLE")),
    "lifetime": Field(one_of("EPHEMERAL", "RESERVED")),
    "vlanId": Field(unbuilt),
}


ROUTES = routes(
    Crud(
        path="privateIps",
        name="PrivateIp",
        kind=PrivateIp,
        create=(CREATE_PRIVATE_IP, addresses.create),
        update=(UPDATE_PRIVATE_IP, addresses.update),
        delete=addresses.delete,
        list=(LIST_PRIVATE_IPS, listing.list_private_ips),
    ),
) | {
    ("POST", "/privateIps/{id}/actions/detach"): Operation(
        name="PrivateIpVnicDetach", kind=PrivateIp, act=addresses.detach
    ),
}
