"""The fields of every operation's body and query, each with its rule.

Names and bounds are the API's (oci-facts 10.3, models of the SDK). `unbuilt` marks what
the cloud has and the local VCN does not have yet: to use it is refused with 501, so that
nothing is silently left out.
"""

from mooring.core.vcn.limits import (
    BLOCKS_PER_SUBNET,
    BLOCKS_PER_VCN,
    LARGEST_PAGE,
    NARROWEST_CIDR_ADDRESS,
    NARROWEST_NETWORK,
    NSGS_PER_VNIC,
    ROUTES_PER_TABLE,
    RULES_PER_CALL,
    RULES_PER_LIST,
    SECURITY_LISTS_PER_SUBNET,
    WIDEST_CIDR_ADDRESS,
    WIDEST_NETWORK,
)
from mooring.core.vcn.schema import (
    DEFINED_TAGS,
    TAGS,
    Field,
    Fields,
    Rule,
    address,
    digits,
    distinct,
    flag,
    group,
    listing,
    mapping,
    network,
    number,
    ocid,
    one_of,
    plain,
    text,
    unbuilt,
    whole,
)


def need(rule: Rule) -> Field:
    """Make a field that must be given."""
    return Field(rule, required=True)


CIDR = network(WIDEST_NETWORK, NARROWEST_NETWORK)
ROUTE_TABLE_OR_NONE = text(least=0)  # "" takes the table away
HOSTNAME = text(
    most=63,
    shape=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
    says="must be a host name's label: letters, digits, hyphens inside.",
)
DNS_LABEL = text(
    most=15,
    shape=r"[A-Za-z][A-Za-z0-9]*",
    says="must be letters and digits, a letter first.",
)
DESCRIPTION = Field(text(least=0))
NSG_IDS = Field(distinct(listing(ocid, 0, NSGS_PER_VNIC)))

RENAME: Fields = {
    "displayName": Field(text()),
    "freeformTags": Field(TAGS),
    "definedTags": Field(DEFINED_TAGS),
}
CREATE: Fields = {**RENAME, "compartmentId": need(ocid)}
CREATE_IN_VCN: Fields = {**CREATE, "vcnId": need(ocid)}

CREATE_VCN: Fields = {
    **CREATE,
    "cidrBlock": Field(CIDR),
    "cidrBlocks": Field(listing(CIDR, 1, BLOCKS_PER_VCN)),
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
        distinct(listing(ocid, 0, SECURITY_LISTS_PER_SUBNET)),
    ),
    "dhcpOptionsId": Field(ocid),
    "ipv6CidrBlock": Field(unbuilt),
    "ipv6CidrBlocks": Field(unbuilt),
}
CREATE_SUBNET: Fields = {
    **CREATE_IN_VCN,
    **_SUBNET,
    "cidrBlock": Field(CIDR),
    "ipv4CidrBlocks": Field(listing(CIDR, 1, BLOCKS_PER_SUBNET)),
    "availabilityDomain": Field(text()),
    "dnsLabel": Field(DNS_LABEL),
    "prohibitInternetIngress": Field(flag),
    "prohibitPublicIpOnVnic": Field(flag),
}
UPDATE_SUBNET: Fields = {**RENAME, **_SUBNET, "cidrBlock": Field(unbuilt)}

_OPTION: Fields = {
    "type": need(one_of("DomainNameServer", "SearchDomain")),
    "serverType": Field(one_of("VcnLocal", "VcnLocalPlusInternet", "CustomDnsServer")),
    "customDnsServers": Field(listing(address, 0, 3)),
    "searchDomainNames": Field(listing(text(), 0, 6)),
}
_OPTIONS = listing(group(_OPTION), 0, 8)
CREATE_DHCP: Fields = {**CREATE_IN_VCN, "options": need(_OPTIONS)}
UPDATE_DHCP: Fields = {**RENAME, "options": Field(_OPTIONS)}

_ROUTE: Fields = {
    "destination": Field(text()),
    "destinationType": Field(one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK")),
    "cidrBlock": Field(network()),
    "networkEntityId": need(ocid),
    "description": DESCRIPTION,
}
_ROUTES = listing(group(_ROUTE), 0, ROUTES_PER_TABLE)
CREATE_ROUTE_TABLE: Fields = {**CREATE_IN_VCN, "routeRules": need(_ROUTES)}
UPDATE_ROUTE_TABLE: Fields = {**RENAME, "routeRules": Field(_ROUTES)}

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
_INGRESSES = listing(group(_INGRESS), 0, RULES_PER_LIST)
_EGRESSES = listing(group(_EGRESS), 0, RULES_PER_LIST)
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
    "securityRules": need(listing(group(_GROUP_RULE), 1, RULES_PER_CALL)),
}
UPDATE_RULES: Fields = {
    "securityRules": need(
        listing(group({**_GROUP_RULE, "id": need(text())}), 1, RULES_PER_CALL),
    ),
}
REMOVE_RULES: Fields = {
    "securityRuleIds": need(distinct(listing(text(), 1, RULES_PER_CALL))),
}

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

_VNIC: Fields = {
    **RENAME,
    "hostnameLabel": Field(HOSTNAME),
    "nsgIds": NSG_IDS,
    "skipSourceDestCheck": Field(flag),
}
CREATE_VNIC: Fields = {
    **_VNIC,
    "subnetId": Field(ocid),
    "privateIp": Field(address),
    "subnetCidr": Field(network()),
    "assignPublicIp": Field(flag),
    "assignIpv6Ip": Field(unbuilt),
    "ipv6AddressIpv6SubnetCidrPairDetails": Field(unbuilt),
    "privateIpId": Field(unbuilt),
    "vlanId": Field(unbuilt),
}
UPDATE_VNIC: Fields = {**_VNIC, "routeTableId": Field(ROUTE_TABLE_OR_NONE)}
ATTACH_VNIC: Fields = {
    "createVnicDetails": need(group(CREATE_VNIC)),
    "instanceId": need(ocid),
    "displayName": Field(text()),
    "nicIndex": Field(whole(0, 1)),
}

_METADATA: Fields = {
    "metadata": Field(mapping(text(least=0, most=32_000))),
    "extendedMetadata": Field(mapping(plain)),
}
LAUNCH: Fields = {
    **CREATE,
    **_METADATA,
    "availabilityDomain": need(text()),
    "shape": need(text()),
    "shapeConfig": Field(
        group(
            {
                "ocpus": Field(number(1, 1024)),
                "memoryInGBs": Field(number(1, 16_384)),
            }
        )
    ),
    "createVnicDetails": Field(group(CREATE_VNIC)),
    "subnetId": Field(ocid),
    "hostnameLabel": Field(HOSTNAME),
    "faultDomain": Field(text()),
    "imageId": Field(ocid),
    "sourceDetails": Field(group({"imageId": Field(ocid)})),
}
UPDATE_INSTANCE: Fields = {
    **RENAME,
    **_METADATA,
    "shape": Field(unbuilt),
    "shapeConfig": Field(unbuilt),
}

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

# -- queries

PAGE: Fields = {"limit": Field(digits(1, LARGEST_PAGE)), "page": Field(text(most=512))}
IN_COMPARTMENT: Fields = {**PAGE, "compartmentId": need(ocid)}
SORTED: Fields = {
    **IN_COMPARTMENT,
    "displayName": Field(text()),
    "sortBy": Field(one_of("TIMECREATED", "DISPLAYNAME")),
    "sortOrder": Field(one_of("ASC", "DESC")),
    "lifecycleState": Field(text()),
}
LIST_IN_VCN: Fields = {**SORTED, "vcnId": Field(ocid)}
LIST_NSGS: Fields = {**LIST_IN_VCN, "compartmentId": Field(ocid)}
LIST_INSTANCES: Fields = {**SORTED, "availabilityDomain": Field(text())}
LIST_ATTACHMENTS: Fields = {
    **IN_COMPARTMENT,
    "instanceId": Field(ocid),
    "vnicId": Field(ocid),
    "availabilityDomain": Field(text()),
}
LIST_PRIVATE_IPS: Fields = {
    **PAGE,
    "vnicId": Field(ocid),
    "subnetId": Field(ocid),
    "ipAddress": Field(address),
    "ipState": Field(one_of("ASSIGNED", "AVAILABLE")),
    "lifetime": Field(one_of("EPHEMERAL", "RESERVED")),
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
LIST_SHAPES: Fields = {
    **IN_COMPARTMENT,
    "availabilityDomain": Field(text()),
    "shape": Field(text()),
}
ACTION: Fields = {"action": need(text())}
