"""VCNs, subnets, route tables, DHCP options."""

from mooring.core.vcn.acts import gateways, listing, networks
from mooring.core.vcn.api.fields import (
    CIDR,
    CREATE,
    CREATE_IN_VCN,
    DESCRIPTION,
    DNS_LABEL,
    IN_COMPARTMENT,
    LIST_IN_VCN,
    RENAME,
    SORTED,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    distinct,
    flag,
    group,
    network,
    ocid,
    one_of,
    text,
    unbuilt,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import (
    BLOCKS_PER_SUBNET,
    BLOCKS_PER_VCN,
    ROUTES_PER_TABLE,
    SECURITY_LISTS_PER_SUBNET,
)
from mooring.core.vcn.model import DhcpOptions, RouteTable, Subnet, Vcn

CREATE_VCN: Fields = {
    **CREATE,
    "cidrBlock": Field(CIDR),
    "cidrBlocks": Field(list_of(CIDR, 1, BLOCKS_PER_VCN)),
    "dnsLabel": Field(DNS_LABEL),
    "isIpv6Enabled": Field(unbuilt),
    "isOracleGuaAllocationEnabled": Field(flag),
    "ipv6PrivateCidrBlocks": Field(unbuilt),
    "byoipv6CidrDetails": Field(unbuilt),
    "isZprOnly": Field(unbuilt),
}

_SUBNET: Fields = {
    "routeTableId": Field(ocid),
    "securityListIds": Field(
        distinct(list_of(ocid, 0, SECURITY_LISTS_PER_SUBNET)),
    ),
    "dhcpOptionsId": Field(ocid),
    "ipv6CidrBlock": Field(unbuilt),
    "ipv6CidrBlocks": Field(unbuilt),
}

CREATE_SUBNET: Fields = {
    **CREATE_IN_VCN,
    **_SUBNET,
    "cidrBlock": Field(CIDR),
    "ipv4CidrBlocks": Field(list_of(CIDR, 1, BLOCKS_PER_SUBNET)),
    "availabilityDomain": Field(text()),
    "dnsLabel": Field(DNS_LABEL),
    "prohibitInternetIngress": Field(flag),
    "prohibitPublicIpOnVnic": Field(flag),
}

UPDATE_SUBNET: Fields = {**RENAME, **_SUBNET, "cidrBlock": Field(unbuilt)}

_OPTION: Fields = {
    "type": need(one_of("DomainNameServer", "SearchDomain")),
    "serverType": Field(one_of("VcnLocal", "VcnLocalPlusInternet", "CustomDnsServer")),
    "customDnsServers": Field(list_of(address, 0, 3)),
    "searchDomainNames": Field(list_of(text(), 0, 6)),
}

_OPTIONS = list_of(group(_OPTION), 0, 8)

CREATE_DHCP: Fields = {**CREATE_IN_VCN, "options": need(_OPTIONS)}

UPDATE_DHCP: Fields = {**RENAME, "options": Field(_OPTIONS)}

_ROUTE: Fields = {
    "destination": Field(text()),
    "destinationType": Field(one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK")),
    "cidrBlock": Field(network()),
    "networkEntityId": need(ocid),
    "description": DESCRIPTION,
}

_ROUTES = list_of(group(_ROUTE), 0, ROUTES_PER_TABLE)

CREATE_ROUTE_TABLE: Fields = {**CREATE_IN_VCN, "routeRules": need(_ROUTES)}

UPDATE_ROUTE_TABLE: Fields = {**RENAME, "routeRules": Field(_ROUTES)}


ROUTES = routes(
    Crud(
        path="vcns",
        name="Vcn",
        kind=Vcn,
        create=(CREATE_VCN, networks.create_vcn),
        update=(RENAME, networks.update_vcn),
        list=(SORTED, listing.lister(Vcn)),
    ),
    Crud(
        path="subnets",
        name="Subnet",
        kind=Subnet,
        create=(CREATE_SUBNET, networks.create_subnet),
        update=(UPDATE_SUBNET, networks.update_subnet),
        list=(LIST_IN_VCN, listing.lister(Subnet)),
    ),
    Crud(
        path="routeTables",
        name="RouteTable",
        kind=RouteTable,
        create=(CREATE_ROUTE_TABLE, gateways.create_route_table),
        update=(UPDATE_ROUTE_TABLE, gateways.update_route_table),
        list=(LIST_IN_VCN, listing.lister(RouteTable)),
    ),
    Crud(
        path="dhcps",
        name="DhcpOptions",
        names={"List": "ListDhcpOptions"},
        kind=DhcpOptions,
        create=(CREATE_DHCP, networks.create_dhcp),
        update=(UPDATE_DHCP, networks.update_dhcp),
        list=(LIST_IN_VCN, listing.lister(DhcpOptions)),
    ),
) | {
    ("GET", "/availabilityDomains"): Operation(
        name="ListAvailabilityDomains",
        query=IN_COMPARTMENT,
        act=listing.list_domains,
    ),
}
