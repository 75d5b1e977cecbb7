"""VCNs, subnets, route tables, DHCP options."""

from collections.abc import Mapping

from mooring.core.vcn.acts import cidrs, gateways, listing, networks
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
from mooring.core.vcn.api.operation import Act, Crud, Operation, Route, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    distinct,
    flag,
    group,
    network,
    network6,
    ocid,
    one_of,
    text,
    unbuilt,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import (
    BLOCKS_PER_SUBNET,
    BLOCKS_PER_VCN,
    IPV6_SUBNET,
    PREFIXES_PER_SUBNET,
    PREFIXES_PER_VCN,
    ROUTES_PER_TABLE,
    SECURITY_LISTS_PER_SUBNET,
    WIDEST_PRIVATE_PREFIX,
)
from mooring.core.vcn.model import DhcpOptions, Resource, RouteTable, Subnet, Vcn

_PREFIX = network6(IPV6_SUBNET, IPV6_SUBNET)

_PRIVATE = network6(WIDEST_PRIVATE_PREFIX, IPV6_SUBNET)

_ZERO_TRUST: Fields = dict.fromkeys(("isZprOnly", "securityAttributes"), Field(unbuilt))

CREATE_VCN: Fields = {
    **CREATE,
    "cidrBlock": Field(CIDR),
    "cidrBlocks": Field(list_of(CIDR, 1, BLOCKS_PER_VCN)),
    "dnsLabel": Field(DNS_LABEL),
    "isIpv6Enabled": Field(flag),
    "isOracleGuaAllocationEnabled": Field(flag),
    "ipv6PrivateCidrBlocks": Field(list_of(_PRIVATE, 1, PREFIXES_PER_VCN)),
    "byoipv6CidrDetails": Field(unbuilt),
    **_ZERO_TRUST,
}

UPDATE_VCN: Fields = {**RENAME, **_ZERO_TRUST}

_SUBNET: Fields = {
    "routeTableId": Field(ocid),
    "securityListIds": Field(
        distinct(list_of(ocid, 0, SECURITY_LISTS_PER_SUBNET)),
    ),
    "dhcpOptionsId": Field(ocid),
    "ipv6CidrBlock": Field(_PREFIX),
    "ipv6CidrBlocks": Field(list_of(_PREFIX, 1, PREFIXES_PER_SUBNET)),
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

UPDATE_SUBNET: Fields = {**RENAME, **_SUBNET, "cidrBlock": Field(CIDR)}

ADD_VCN_CIDR: Fields = {"cidrBlock": need(CIDR)}

MODIFY_VCN_CIDR: Fields = {
    "originalCidrBlock": need(network()),
    "newCidrBlock": need(CIDR),
}

REMOVE_VCN_CIDR: Fields = {"cidrBlock": need(network())}

ADD_VCN_IPV6_CIDR: Fields = {
    "ipv6PrivateCidrBlock": Field(_PRIVATE),
    "isOracleGuaAllocationEnabled": Field(flag),
    "byoipv6CidrDetail": Field(unbuilt),
}

REMOVE_VCN_IPV6_CIDR: Fields = {"ipv6CidrBlock": need(network6())}

ADD_SUBNET_CIDR: Fields = {"ipv4CidrBlock": need(CIDR)}

MODIFY_SUBNET_CIDR: Fields = {
    "ipv4CidrBlock": need(network()),
    "updatedIpv4CidrBlock": need(CIDR),
}

REMOVE_SUBNET_CIDR: Fields = {"ipv4CidrBlock": need(network())}

ADD_SUBNET_IPV6_CIDR: Fields = {"ipv6CidrBlock": need(_PREFIX)}

REMOVE_SUBNET_IPV6_CIDR: Fields = {"ipv6CidrBlock": need(network6())}

_OPTION: Fields = {
    "type": need(one_of("DomainNameServer", "SearchDomain")),
    "serverType": Field(one_of("VcnLocal", "VcnLocalPlusInternet", "CustomDnsServer")),
    "customDnsServers": Field(list_of(address, 0, 3)),
    "searchDomainNames": Field(list_of(text(), 0, 6)),
}

_OPTIONS = list_of(group(_OPTION), 0, 8)

_DOMAIN: Fields = {
    "domainNameType": Field(one_of("SUBNET_DOMAIN", "VCN_DOMAIN", "CUSTOM_DOMAIN"))
}

CREATE_DHCP: Fields = {**CREATE_IN_VCN, **_DOMAIN, "options": need(_OPTIONS)}

UPDATE_DHCP: Fields = {**RENAME, **_DOMAIN, "options": Field(_OPTIONS)}

_ROUTE: Fields = {
    "destination": Field(text()),
    "destinationType": Field(one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK")),
    "cidrBlock": Field(network()),
    "networkEntityId": need(ocid),
    "routeType": Field(one_of("STATIC", "LOCAL")),
    "description": DESCRIPTION,
}

_ROUTES = list_of(group(_ROUTE), 0, ROUTES_PER_TABLE)

CREATE_ROUTE_TABLE: Fields = {**CREATE_IN_VCN, "routeRules": need(_ROUTES)}

UPDATE_ROUTE_TABLE: Fields = {**RENAME, "routeRules": Field(_ROUTES)}


def _actions(
    kind: type[Resource], path: str, calls: Mapping[str, tuple[str, Fields, Act]]
) -> dict[Route, Operation]:
    """Make a kind's actions; the SDK leaves the body of some of them out."""
    return {
        ("POST", f"/{path}/{{id}}/actions/{action}"): Operation(
            name=name,
            kind=kind,
            body=body,
            may_be_bare=name.endswith("Ipv6VcnCidr"),
            act=act,
        )
        for action, (name, body, act) in calls.items()
    }


ROUTES = routes(
    Crud(
        path="vcns",
        name="Vcn",
        kind=Vcn,
        create=(CREATE_VCN, networks.create_vcn),
        update=(UPDATE_VCN, networks.update_vcn),
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
    **_actions(
        Vcn,
        "vcns",
        {
            "addCidr": ("AddVcnCidr", ADD_VCN_CIDR, cidrs.add_vcn_block),
            "modifyCidr": ("ModifyVcnCidr", MODIFY_VCN_CIDR, cidrs.modify_vcn_block),
            "removeCidr": ("RemoveVcnCidr", REMOVE_VCN_CIDR, cidrs.remove_vcn_block),
            "addIpv6Cidr": ("AddIpv6VcnCidr", ADD_VCN_IPV6_CIDR, cidrs.add_vcn_prefix),
            "removeIpv6Cidr": (
                "RemoveIpv6VcnCidr",
                REMOVE_VCN_IPV6_CIDR,
                cidrs.remove_vcn_prefix,
            ),
        },
    ),
    **_actions(
        Subnet,
        "subnets",
        {
            "addIpv4Cidr": (
                "AddIpv4SubnetCidr",
                ADD_SUBNET_CIDR,
                cidrs.add_subnet_block,
            ),
            "modifyIpv4Cidr": (
                "ModifyIpv4SubnetCidr",
                MODIFY_SUBNET_CIDR,
                cidrs.modify_subnet_block,
            ),
            "removeIpv4Cidr": (
                "RemoveIpv4SubnetCidr",
                REMOVE_SUBNET_CIDR,
                cidrs.remove_subnet_block,
            ),
            "addIpv6Cidr": (
                "AddIpv6SubnetCidr",
                ADD_SUBNET_IPV6_CIDR,
                cidrs.add_subnet_prefix,
            ),
            "removeIpv6Cidr": (
                "RemoveIpv6SubnetCidr",
                REMOVE_SUBNET_IPV6_CIDR,
                cidrs.remove_subnet_prefix,
            ),
        },
    ),
}
