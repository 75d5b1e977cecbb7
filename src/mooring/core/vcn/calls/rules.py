"""Security lists and network security groups."""

from mooring.core.vcn.acts import listing, rulebooks
from mooring.core.vcn.api.fields import (
    CREATE_IN_VCN,
    DESCRIPTION,
    LIST_IN_VCN,
    PAGE,
    RENAME,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    distinct,
    flag,
    group,
    ocid,
    one_of,
    text,
    unbuilt,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import RULES_PER_CALL, RULES_PER_LIST
from mooring.core.vcn.model import NetworkSecurityGroup, SecurityList

_GROUP = "/networkSecurityGroups/{id}"

_PORT = whole(1, 65535)

_PORTS = Field(group({"min": need(_PORT), "max": need(_PORT)}))

_TWO_PORTS = Field(
    group({"sourcePortRange": _PORTS, "destinationPortRange": _PORTS}),
)

_RULE: Fields = {
    "protocol": need(text()),
    "isStateless": Field(flag),
    "tcpOptions": _TWO_PORTS,
    "udpOptions": _TWO_PORTS,
    "icmpOptions": Field(
        group({"type": need(whole(0, 255)), "code": Field(whole(0, 255))}),
    ),
    "description": DESCRIPTION,
}

_LIST_PEER = one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK")

_GROUP_PEER = one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP")

_INGRESS: Fields = {
    **_RULE,
    "source": need(text()),
    "sourceType": Field(_LIST_PEER),
}

_EGRESS: Fields = {
    **_RULE,
    "destination": need(text()),
    "destinationType": Field(_LIST_PEER),
}

_INGRESSES = list_of(group(_INGRESS), 0, RULES_PER_LIST)

_EGRESSES = list_of(group(_EGRESS), 0, RULES_PER_LIST)

CREATE_SECURITY_LIST: Fields = {
    **CREATE_IN_VCN,
    "ingressSecurityRules": need(_INGRESSES),
    "egressSecurityRules": need(_EGRESSES),
}

UPDATE_SECURITY_LIST: Fields = {
    **RENAME,
    "ingressSecurityRules": Field(_INGRESSES),
    "egressSecurityRules": Field(_EGRESSES),
}

_GROUP_RULE: Fields = {
    **_RULE,
    "direction": need(one_of("INGRESS", "EGRESS")),
    "source": Field(text()),
    "sourceType": Field(_GROUP_PEER),
    "destination": Field(text()),
    "destinationType": Field(_GROUP_PEER),
}

ADD_RULES: Fields = {
    "securityRules": need(list_of(group(_GROUP_RULE), 1, RULES_PER_CALL)),
}

UPDATE_RULES: Fields = {
    "securityRules": need(
        list_of(group({**_GROUP_RULE, "id": need(text())}), 1, RULES_PER_CALL),
    ),
}

REMOVE_RULES: Fields = {
    "securityRuleIds": need(distinct(list_of(text(), 1, RULES_PER_CALL))),
}

LIST_NSGS: Fields = {
    **LIST_IN_VCN,
    "compartmentId": Field(ocid),
    "vlanId": Field(unbuilt),
}

LIST_RULES: Fields = {
    **PAGE,
    "direction": Field(one_of("INGRESS", "EGRESS")),
    "sortBy": Field(one_of("TIMECREATED")),
    "sortOrder": Field(one_of("ASC", "DESC")),
}

LIST_GROUP_VNICS: Fields = {
    **PAGE,
    "sortBy": Field(one_of("TIMEASSOCIATED")),
    "sortOrder": Field(one_of("ASC", "DESC")),
}


ROUTES = routes(
    Crud(
        path="securityLists",
        name="SecurityList",
        kind=SecurityList,
        create=(CREATE_SECURITY_LIST, rulebooks.create_security_list),
        update=(UPDATE_SECURITY_LIST, rulebooks.update_security_list),
        list=(LIST_IN_VCN, listing.lister(SecurityList)),
    ),
    Crud(
        path="networkSecurityGroups",
        name="NetworkSecurityGroup",
        kind=NetworkSecurityGroup,
        create=(CREATE_IN_VCN, rulebooks.create_group),
        update=(RENAME, rulebooks.update_group),
        list=(LIST_NSGS, listing.lister(NetworkSecurityGroup)),
    ),
) | {
    ("POST", f"{_GROUP}/actions/addSecurityRules"): Operation(
        name="AddNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=ADD_RULES,
        act=rulebooks.add_rules,
    ),
    ("POST", f"{_GROUP}/actions/updateSecurityRules"): Operation(
        name="UpdateNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=UPDATE_RULES,
        act=rulebooks.update_rules,
    ),
    ("POST", f"{_GROUP}/actions/removeSecurityRules"): Operation(
        name="RemoveNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        body=REMOVE_RULES,
        act=rulebooks.remove_rules,
    ),
    ("GET", f"{_GROUP}/securityRules"): Operation(
        name="ListNetworkSecurityGroupSecurityRules",
        kind=NetworkSecurityGroup,
        query=LIST_RULES,
        act=listing.list_rules,
    ),
    ("GET", f"{_GROUP}/vnics"): Operation(
        name="ListNetworkSecurityGroupVnics",
        kind=NetworkSecurityGroup,
        query=LIST_GROUP_VNICS,
        act=listing.list_group_vnics,
    ),
}
