"""Private IPs and IPv6 objects."""

from mooring.core.vcn.acts import addresses, ipv6, listing
from mooring.core.vcn.api.fields import HOSTNAME, PAGE, RENAME, ROUTE_TABLE_OR_NONE
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    address6,
    network,
    network6,
    ocid,
    one_of,
    stepped,
    unbuilt,
    whole,
)
from mooring.core.vcn.limits import (
    IPV6_SUBNET,
    NARROWEST_CIDR_ADDRESS,
    NARROWEST_IPV6_BLOCK,
    NIBBLE,
    SINGLE_IPV6S,
    WIDEST_CIDR_ADDRESS,
)
from mooring.core.vcn.model import Ipv6, PrivateIp

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

_IPV6: Fields = {
    **RENAME,
    "vnicId": Field(ocid),
    "hostname": Field(HOSTNAME),
    "lifetime": Field(one_of("EPHEMERAL", "RESERVED")),
    "routeTableId": Field(ROUTE_TABLE_OR_NONE),
}

CREATE_IPV6: Fields = {
    **_IPV6,
    "subnetId": Field(ocid),
    "ipAddress": Field(address6),
    "cidrPrefixLength": Field(stepped(SINGLE_IPV6S, NARROWEST_IPV6_BLOCK, NIBBLE)),
    "ipv6SubnetCidr": Field(network6(IPV6_SUBNET, IPV6_SUBNET)),
}

UPDATE_IPV6: Fields = _IPV6

LIST_IPV6S: Fields = {
    **PAGE,
    "vnicId": Field(ocid),
    "subnetId": Field(ocid),
    "ipAddress": Field(address6),
    "ipState": Field(one_of("ASSIGNED", "AVAILABLE")),
    "lifetime": Field(one_of("EPHEMERAL", "RESERVED")),
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
    Crud(
        path="ipv6",
        name="Ipv6",
        kind=Ipv6,
        create=(CREATE_IPV6, ipv6.create),
        update=(UPDATE_IPV6, ipv6.update),
        delete=ipv6.delete,
        list=(LIST_IPV6S, ipv6.list_ipv6s),
    ),
) | {
    ("POST", "/privateIps/{id}/actions/detach"): Operation(
        name="PrivateIpVnicDetach", kind=PrivateIp, act=addresses.detach
    ),
    ("POST", "/ipv6/{id}/actions/detach"): Operation(
        name="Ipv6VnicDetach", kind=Ipv6, act=ipv6.detach
    ),
}
