"""Which permissions each operation needs, and where: the cloud's table, by the operation's name.

A need is PERMISSION, asked in the compartment of the object that the path names, or
PERMISSION@where. `where` is a field of body or query that holds ids (`createVnicDetails.nsgIds`;
a field of a list's elements likewise), a field of the path's object (`:vcn_id`), or of the object
that a field names (`vnicId:subnet_id`). `a|b` is the first of them that is given, `a+b` both:
then the permission may be held in either compartment. `root` is the tenancy, `self` the
compartment that the path names, `attached` an instance's VNICs, `address` the public IP of the
address that is given. `…?field` is only needed when the field is given. `ROUTE_TARGETS` stands
for ATTACH on what new routes lead to and DETACH on what removed ones led to.

An operation that has no row needs everything (`manage all-resources`). That of a public IP has one row
for each lifetime.
"""

import re
from dataclasses import dataclass

from mooring.core.vcn.iam.verbs import EVERYTHING

ROUTE_TARGETS = "ROUTE_TARGETS"
_LISTED_IN = "compartmentId|vcnId|drgId|root"

# noun ; permissions begin with ; reading ; making it also needs ; deleting it also needs
_REGULAR = """
Vcn ; VCN ; READ ; ;
Subnet ; SUBNET ; READ ; VCN_ATTACH@vcnId ROUTE_TABLE_ATTACH@routeTableId|vcnId \
SECURITY_LIST_ATTACH@securityListIds|vcnId DHCP_ATTACH@dhcpOptionsId|vcnId \
; VCN_DETACH@:vcn_id ROUTE_TABLE_DETACH@:route_table_id SECURITY_LIST_DETACH@:security_list_ids \
DHCP_DETACH@:dhcp_options_id
RouteTable ; ROUTE_TABLE ; READ ; VCN_ATTACH@vcnId ROUTE_TARGETS ; VCN_DETACH@:vcn_id ROUTE_TARGETS
SecurityList ; SECURITY_LIST ; READ ; VCN_ATTACH@vcnId ; VCN_DETACH@:vcn_id
DhcpOptions ; DHCP ; READ ; VCN_ATTACH@vcnId ; VCN_DETACH@:vcn_id
NetworkSecurityGroup ; NETWORK_SECURITY_GROUP ; READ ; VCN_ATTACH@vcnId ; VCN_DETACH@:vcn_id
InternetGateway ; INTERNET_GATEWAY ; READ ; VCN_ATTACH@vcnId ROUTE_TABLE_ATTACH@routeTableId ; VCN_DETACH@:vcn_id
NatGateway ; NAT_GATEWAY ; READ ; VCN_READ@vcnId VCN_ATTACH@vcnId ROUTE_TABLE_ATTACH@routeTableId \
PUBLIC_IP_ASSIGN_PRIVATE_IP@publicIpId \
; VCN_READ@:vcn_id VCN_DETACH@:vcn_id
ServiceGateway ; SERVICE_GATEWAY ; READ ; VCN_READ@vcnId VCN_ATTACH@vcnId ROUTE_TABLE_ATTACH@routeTableId \
; VCN_READ@:vcn_id VCN_DETACH@:vcn_id
LocalPeeringGateway ; LOCAL_PEERING_GATEWAY ; READ ; VCN_ATTACH@vcnId ROUTE_TABLE_ATTACH@routeTableId \
; VCN_DETACH@:vcn_id
RemotePeeringConnection ; REMOTE_PEERING_CONNECTION ; READ ; DRG_ATTACH@drgId ; DRG_DETACH@:drg_id
Drg ; DRG ; READ ; ;
Cpe ; CPE ; READ ; ;
IpSecConnection ; IPSEC_CONNECTION ; READ ; DRG_ATTACH@drgId CPE_ATTACH@cpeId ; DRG_DETACH@:drg_id CPE_DETACH@:cpe_id
VirtualCircuit ; VIRTUAL_CIRCUIT ; READ ; DRG_ATTACH@gatewayId ; DRG_DETACH@:gateway_id
User ; USER ; INSPECT ; ;
Group ; GROUP ; INSPECT ; ;
DynamicGroup ; DYNAMIC_GROUP ; INSPECT ; ;
Policy ; POLICY ; READ ; ;
Compartment ; COMPARTMENT ; INSPECT ; ;
"""

_LISTS = {
    "Policy": "ListPolicies",
    "DhcpOptions": "ListDhcpOptions",
}

_MOVES = {
    "Cpe": "CPE_RESOURCE_MOVE",
    "VirtualCircuit": "VIRTUAL_CIRCUIT_RESOURCE_MOVE",
    "RemotePeeringConnection": "REMOTE_PEERING_CONNECTION_RESOURCE_MOVE",
    "IpSecConnection": "IPSEC_CONNECTION_UPDATE",
}

_FIXED = (
    "User",
    "Group",
    "DynamicGroup",
    "Policy",
    "Compartment",
)  # they never move so

_VNIC = "instanceId+createVnicDetails.subnetId"
_FIRST_VNIC = "compartmentId+createVnicDetails.subnetId|subnetId"
_NSGS = "createVnicDetails.nsgIds"

# What differs from the regular rows, and all other operations.
_OTHERS = f"""
UpdateSubnet ; SUBNET_UPDATE ROUTE_TABLE_ATTACH@routeTableId ROUTE_TABLE_DETACH@:route_table_id?routeTableId \
SECURITY_LIST_ATTACH@securityListIds SECURITY_LIST_DETACH@:security_list_ids?securityListIds \
DHCP_ATTACH@dhcpOptionsId DHCP_DETACH@:dhcp_options_id?dhcpOptionsId
UpdateRouteTable ; ROUTE_TABLE_UPDATE ROUTE_TARGETS
UpdateInternetGateway ; INTERNET_GATEWAY_UPDATE ROUTE_TABLE_ATTACH@routeTableId
UpdateNatGateway ; NAT_GATEWAY_UPDATE ROUTE_TABLE_ATTACH@routeTableId
UpdateServiceGateway ; SERVICE_GATEWAY_UPDATE ROUTE_TABLE_ATTACH@routeTableId
UpdateLocalPeeringGateway ; LOCAL_PEERING_GATEWAY_UPDATE ROUTE_TABLE_ATTACH@routeTableId
UpdateVirtualCircuit ; VIRTUAL_CIRCUIT_UPDATE DRG_ATTACH@gatewayId DRG_DETACH@:gateway_id?gatewayId
AddVcnCidr ; VCN_UPDATE
ModifyVcnCidr ; VCN_UPDATE
RemoveVcnCidr ; VCN_UPDATE
AddIpv6VcnCidr ; VCN_UPDATE
RemoveIpv6VcnCidr ; VCN_UPDATE
AddIpv4SubnetCidr ; SUBNET_UPDATE
ModifyIpv4SubnetCidr ; SUBNET_UPDATE
RemoveIpv4SubnetCidr ; SUBNET_UPDATE
AddIpv6SubnetCidr ; SUBNET_UPDATE
RemoveIpv6SubnetCidr ; SUBNET_UPDATE
AttachServiceId ; SERVICE_GATEWAY_ADD_SERVICE
DetachServiceId ; SERVICE_GATEWAY_DELETE_SERVICE
ListServices ;
GetService ;
ConnectLocalPeeringGateways ; LOCAL_PEERING_GATEWAY_CONNECT_FROM LOCAL_PEERING_GATEWAY_CONNECT_TO@peerId
ConnectRemotePeeringConnections ; REMOTE_PEERING_CONNECTION_CONNECT_FROM REMOTE_PEERING_CONNECTION_CONNECT_TO@peerId
ListAllowedPeerRegionsForRemotePeering ;
ListNetworkSecurityGroupSecurityRules ; NETWORK_SECURITY_GROUP_LIST_SECURITY_RULES
ListNetworkSecurityGroupVnics ; NETWORK_SECURITY_GROUP_LIST_MEMBERS
AddNetworkSecurityGroupSecurityRules ; NETWORK_SECURITY_GROUP_UPDATE_SECURITY_RULES \
NETWORK_SECURITY_GROUP_INSPECT@securityRules.source NETWORK_SECURITY_GROUP_INSPECT@securityRules.destination
UpdateNetworkSecurityGroupSecurityRules ; NETWORK_SECURITY_GROUP_UPDATE_SECURITY_RULES \
NETWORK_SECURITY_GROUP_INSPECT@securityRules.source NETWORK_SECURITY_GROUP_INSPECT@securityRules.destination
RemoveNetworkSecurityGroupSecurityRules ; NETWORK_SECURITY_GROUP_UPDATE_SECURITY_RULES
ListPrivateIps ; PRIVATE_IP_READ@vnicId|subnetId|root
GetPrivateIp ; PRIVATE_IP_READ
CreatePrivateIp ; PRIVATE_IP_CREATE@vnicId|subnetId PRIVATE_IP_ASSIGN@vnicId|subnetId VNIC_ASSIGN@vnicId \
SUBNET_ATTACH@subnetId|vnicId:subnet_id ROUTE_TABLE_ATTACH@routeTableId
UpdatePrivateIp ; PRIVATE_IP_UPDATE VNIC_ASSIGN@vnicId|:vnic_id VNIC_UNASSIGN@:vnic_id ROUTE_TABLE_ATTACH@routeTableId
PrivateIpVnicDetach ; PRIVATE_IP_UPDATE PRIVATE_IP_UNASSIGN VNIC_UNASSIGN@:vnic_id
DeletePrivateIp ; PRIVATE_IP_DELETE PRIVATE_IP_UNASSIGN VNIC_UNASSIGN@:vnic_id SUBNET_DETACH@:subnet_id
BulkCreatePrivateIps ; PRIVATE_IP_CREATE@vnicId|subnetId PRIVATE_IP_ASSIGN@vnicId|subnetId VNIC_ASSIGN@vnicId \
SUBNET_ATTACH@subnetId|vnicId:subnet_id ROUTE_TABLE_ATTACH@bulkCreatePrivateIpItem.routeTableId
BulkUpdatePrivateIps ; PRIVATE_IP_UPDATE@bulkUpdatePrivateIpItem.privateIpId VNIC_ASSIGN@vnicId \
VNIC_UNASSIGN@bulkUpdatePrivateIpItem.privateIpId:vnic_id ROUTE_TABLE_ATTACH@bulkUpdatePrivateIpItem.routeTableId
BulkDetachPrivateIps ; PRIVATE_IP_UPDATE@bulkDetachPrivateIpItem.privateIpId \
PRIVATE_IP_UNASSIGN@bulkDetachPrivateIpItem.privateIpId VNIC_UNASSIGN@bulkDetachPrivateIpItem.privateIpId:vnic_id
BulkDeletePrivateIps ; PRIVATE_IP_DELETE@bulkDeletePrivateIpItem.privateIpId \
PRIVATE_IP_UNASSIGN@bulkDeletePrivateIpItem.privateIpId VNIC_UNASSIGN@bulkDeletePrivateIpItem.privateIpId:vnic_id \
SUBNET_DETACH@bulkDeletePrivateIpItem.privateIpId:subnet_id
ListIpv6s ; IPV6_READ@vnicId|subnetId|root VNIC_READ@vnicId SUBNET_READ@subnetId
GetIpv6 ; IPV6_READ
CreateIpv6 ; IPV6_CREATE@vnicId|subnetId VNIC_ASSIGN@vnicId SUBNET_ATTACH@subnetId|vnicId:subnet_id \
ROUTE_TABLE_ATTACH@routeTableId
UpdateIpv6 ; IPV6_UPDATE VNIC_ASSIGN@vnicId VNIC_UNASSIGN@:vnic_id?vnicId ROUTE_TABLE_ATTACH@routeTableId
Ipv6VnicDetach ; IPV6_UPDATE VNIC_UNASSIGN@:vnic_id
DeleteIpv6 ; IPV6_DELETE VNIC_UNASSIGN@:vnic_id SUBNET_DETACH@:subnet_id
BulkCreateIpv6s ; IPV6_CREATE@vnicId|subnetId VNIC_ASSIGN@vnicId SUBNET_ATTACH@subnetId|vnicId:subnet_id \
ROUTE_TABLE_ATTACH@bulkCreateIpv6sItem.routeTableId
BulkUpdateIpv6s ; IPV6_UPDATE@bulkUpdateIpv6sItem.ipv6Id VNIC_ASSIGN@vnicId \
VNIC_UNASSIGN@bulkUpdateIpv6sItem.ipv6Id:vnic_id?vnicId ROUTE_TABLE_ATTACH@bulkUpdateIpv6sItem.routeTableId
BulkDetachIpv6s ; IPV6_UPDATE@bulkDetachIpv6sItem.ipv6Id VNIC_UNASSIGN@bulkDetachIpv6sItem.ipv6Id:vnic_id
BulkDeleteIpv6s ; IPV6_DELETE@bulkDeleteIpv6sItem.ipv6Id VNIC_UNASSIGN@bulkDeleteIpv6sItem.ipv6Id:vnic_id \
SUBNET_DETACH@bulkDeleteIpv6sItem.ipv6Id:subnet_id
ListPublicIps ;
ListPublicIps=RESERVED ; PUBLIC_IP_READ
ListPublicIps=EPHEMERAL ; PRIVATE_IP_READ
GetPublicIp=RESERVED ; PUBLIC_IP_READ
GetPublicIp=EPHEMERAL ; PRIVATE_IP_READ
GetPublicIpByIpAddress ; PUBLIC_IP_READ@address
GetPublicIpByPrivateIpId ; PRIVATE_IP_READ@privateIpId
CreatePublicIp=RESERVED ; PUBLIC_IP_CREATE PUBLIC_IP_ASSIGN_PRIVATE_IP?privateIpId \
PRIVATE_IP_ASSIGN_PUBLIC_IP@privateIpId
CreatePublicIp=EPHEMERAL ; PRIVATE_IP_ASSIGN_PUBLIC_IP@privateIpId
UpdatePublicIp=RESERVED ; PUBLIC_IP_UPDATE PUBLIC_IP_ASSIGN_PRIVATE_IP?privateIpId \
PUBLIC_IP_UNASSIGN_PRIVATE_IP?privateIpId PRIVATE_IP_ASSIGN_PUBLIC_IP@privateIpId \
PRIVATE_IP_UNASSIGN_PUBLIC_IP@:assigned_entity_id?privateIpId
UpdatePublicIp=EPHEMERAL ; PRIVATE_IP_UPDATE PRIVATE_IP_ASSIGN_PUBLIC_IP@privateIpId \
PRIVATE_IP_UNASSIGN_PUBLIC_IP@:assigned_entity_id?privateIpId
DeletePublicIp=RESERVED ; PUBLIC_IP_DELETE PUBLIC_IP_UNASSIGN_PRIVATE_IP \
PRIVATE_IP_UNASSIGN_PUBLIC_IP@:assigned_entity_id
DeletePublicIp=EPHEMERAL ; PRIVATE_IP_UNASSIGN_PUBLIC_IP@:assigned_entity_id
ChangePublicIpCompartment ; PUBLIC_IP_MOVE PUBLIC_IP_MOVE@compartmentId
GetVnic ; VNIC_READ
UpdateVnic ; VNIC_UPDATE NETWORK_SECURITY_GROUP_UPDATE_MEMBERS@nsgIds \
NETWORK_SECURITY_GROUP_UPDATE_MEMBERS@:nsg_ids?nsgIds VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP?nsgIds \
ROUTE_TABLE_ATTACH@routeTableId
AttachVnic ; INSTANCE_ATTACH_SECONDARY_VNIC@instanceId VNIC_ATTACH@{_VNIC} VNIC_CREATE@{_VNIC} \
SUBNET_ATTACH@createVnicDetails.subnetId NETWORK_SECURITY_GROUP_UPDATE_MEMBERS@{_NSGS} \
VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP@{_VNIC}?{_NSGS} ROUTE_TABLE_ATTACH@createVnicDetails.routeTableId \
PRIVATE_IP_ASSIGN@createVnicDetails.privateIpId
DetachVnic ; INSTANCE_DETACH_SECONDARY_VNIC@:instance_id VNIC_DETACH@:vnic_id VNIC_DELETE@:vnic_id \
SUBNET_DETACH@:subnet_id
GetVnicAttachment ; VNIC_ATTACHMENT_READ
ListVnicAttachments ; VNIC_ATTACHMENT_READ@compartmentId INSTANCE_INSPECT@compartmentId
LaunchInstance ; INSTANCE_CREATE@compartmentId INSTANCE_IMAGE_READ@compartmentId VNIC_CREATE@{_FIRST_VNIC} \
VNIC_ATTACH@{_FIRST_VNIC} SUBNET_ATTACH@createVnicDetails.subnetId|subnetId \
NETWORK_SECURITY_GROUP_UPDATE_MEMBERS@{_NSGS} VNIC_ASSOCIATE_NETWORK_SECURITY_GROUP@{_FIRST_VNIC}?{_NSGS} \
PRIVATE_IP_ASSIGN@createVnicDetails.privateIpId
ListInstances ; INSTANCE_READ@compartmentId
GetInstance ; INSTANCE_READ
UpdateInstance ; INSTANCE_UPDATE
InstanceAction ; INSTANCE_POWER_ACTIONS
ChangeInstanceCompartment ; INSTANCE_MOVE INSTANCE_MOVE@compartmentId
TerminateInstance ; INSTANCE_DELETE VNIC_DELETE@attached SUBNET_DETACH@attached:subnet_id
ListShapes ; INSTANCE_INSPECT@compartmentId
ListImages ; INSTANCE_IMAGE_READ@compartmentId
GetImage ;
ListIpInventory ; IPAM_READ@compartmentList|root
GetVcnOverlap ; IPAM_READ
GetSubnetIpInventory ; IPAM_READ
GetSubnetCidrUtilization ; IPAM_READ
GetResourceIpInventory ; IPAM_READ@root
GetVcnTopology ; VCN_READ@vcnId|compartmentId
GetSubnetTopology ; SUBNET_READ@subnetId|compartmentId
GetNetworkingTopology ; VCN_READ@compartmentId
ListDrgAttachments ; DRG_ATTACHMENT_READ@compartmentId|drgId|root
GetDrgAttachment ; DRG_ATTACHMENT_READ
CreateDrgAttachment ; DRG_ATTACH@drgId VCN_ATTACH@vcnId|networkDetails.id \
DRG_ROUTE_TABLE_ATTACH@drgRouteTableId ROUTE_TABLE_ATTACH@routeTableId|networkDetails.routeTableId
UpdateDrgAttachment ; DRG_ATTACHMENT_UPDATE DRG_ROUTE_TABLE_ATTACH@drgRouteTableId \
ROUTE_TABLE_ATTACH@routeTableId|networkDetails.routeTableId
DeleteDrgAttachment ; DRG_DETACH@:drg_id VCN_DETACH@:network_id
GetAllDrgAttachments ; DRG_READ
UpgradeDrg ; DRG_UPDATE
GetUpgradeStatus ; DRG_READ
GetDrgRedundancyStatus ; DRG_READ
ListDrgRouteTables ; DRG_ROUTE_TABLE_READ@drgId|root
GetDrgRouteTable ; DRG_ROUTE_TABLE_READ
CreateDrgRouteTable ; DRG_ROUTE_TABLE_CREATE@drgId DRG_ROUTE_DISTRIBUTION_ASSIGN@importDrgRouteDistributionId
UpdateDrgRouteTable ; DRG_ROUTE_TABLE_UPDATE DRG_ROUTE_DISTRIBUTION_ASSIGN@importDrgRouteDistributionId
DeleteDrgRouteTable ; DRG_ROUTE_TABLE_DELETE
ListDrgRouteRules ; DRG_ROUTE_RULE_READ
AddDrgRouteRules ; DRG_ROUTE_RULE_UPDATE
UpdateDrgRouteRules ; DRG_ROUTE_RULE_UPDATE
RemoveDrgRouteRules ; DRG_ROUTE_RULE_UPDATE
ListDrgRouteDistributions ; DRG_ROUTE_DISTRIBUTION_READ@drgId|root
GetDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_READ
CreateDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_CREATE@drgId
UpdateDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_UPDATE
DeleteDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_DELETE
ListDrgRouteDistributionStatements ; DRG_ROUTE_DISTRIBUTION_STATEMENT_READ
AddDrgRouteDistributionStatements ; DRG_ROUTE_DISTRIBUTION_STATEMENT_UPDATE
UpdateDrgRouteDistributionStatements ; DRG_ROUTE_DISTRIBUTION_STATEMENT_UPDATE
RemoveDrgRouteDistributionStatements ; DRG_ROUTE_DISTRIBUTION_STATEMENT_UPDATE
RemoveExportDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_ASSIGN
RemoveImportDrgRouteDistribution ; DRG_ROUTE_DISTRIBUTION_ASSIGN
ListIpSecConnectionTunnels ; IPSEC_CONNECTION_READ
GetIpSecConnectionTunnel ; IPSEC_CONNECTION_READ
UpdateIpSecConnectionTunnel ; IPSEC_CONNECTION_UPDATE
GetIpSecConnectionTunnelSharedSecret ; IPSEC_CONNECTION_DEVICE_CONFIG_READ
UpdateIpSecConnectionTunnelSharedSecret ; IPSEC_CONNECTION_DEVICE_CONFIG_UPDATE
ListIpSecConnectionTunnelRoutes ; IPSEC_CONNECTION_READ
ListVirtualCircuitBandwidthShapes ;
GetIpSecConnectionDeviceStatus ; IPSEC_CONNECTION_READ
GetIpSecConnectionDeviceConfig ; IPSEC_CONNECTION_DEVICE_CONFIG_READ
ListWorkRequests ; WORKREQUEST_INSPECT@compartmentId
GetWorkRequest ;
ListWorkRequestErrors ;
ListWorkRequestLogs ;
ListLimitServices ; LIMITS_INSPECT@compartmentId
ListLimitDefinitions ; LIMITS_INSPECT@compartmentId
ListLimitValues ; LIMITS_INSPECT@compartmentId
GetResourceAvailability ; RESOURCE_AVAILABILITY_INSPECT@compartmentId
GetCompartment ; COMPARTMENT_INSPECT@self
MoveCompartment ; {EVERYTHING} {EVERYTHING}@targetCompartmentId
ListApiKeys ; USER_READ
UploadApiKey ; USER_UPDATE USER_APIKEY_ADD
DeleteApiKey ; USER_UPDATE USER_APIKEY_REMOVE
ListUserGroupMemberships ; GROUP_INSPECT@root USER_INSPECT@root
GetUserGroupMembership ; GROUP_INSPECT USER_INSPECT
AddUserToGroup ; GROUP_UPDATE@groupId|root USER_UPDATE@userId|root
RemoveUserFromGroup ; GROUP_UPDATE USER_UPDATE
GetTenancy ; TENANCY_INSPECT@root
ListRegions ; TENANCY_INSPECT@root
ListRegionSubscriptions ; TENANCY_INSPECT@root
ListAvailabilityDomains ; COMPARTMENT_INSPECT@compartmentId
ListFaultDomains ; COMPARTMENT_INSPECT@compartmentId
"""

# What one must have to see an object in a list, by the word of its kind.
_SEEN = """
vcn VCN_READ | subnet SUBNET_READ | routetable ROUTE_TABLE_READ | securitylist SECURITY_LIST_READ |
networksecuritygroup NETWORK_SECURITY_GROUP_READ | internetgateway INTERNET_GATEWAY_READ |
natgateway NAT_GATEWAY_READ | servicegateway SERVICE_GATEWAY_READ | localpeeringgateway LOCAL_PEERING_GATEWAY_READ |
dhcpoptions DHCP_READ | instance INSTANCE_READ | vnicattachment VNIC_ATTACHMENT_READ | vnic VNIC_READ |
privateip PRIVATE_IP_READ | ipv6 IPV6_READ | publicip PUBLIC_IP_READ | drg DRG_READ |
drgattachment DRG_ATTACHMENT_READ | drgroutetable DRG_ROUTE_TABLE_READ |
drgroutedistribution DRG_ROUTE_DISTRIBUTION_READ | cpe CPE_READ |
ipsecconnection IPSEC_CONNECTION_READ | ipsectunnel IPSEC_CONNECTION_READ | virtualcircuit VIRTUAL_CIRCUIT_READ |
remotepeeringconnection REMOTE_PEERING_CONNECTION_READ | coreservicesworkrequest WORKREQUEST_INSPECT |
compartment COMPARTMENT_INSPECT | user USER_INSPECT | apikey USER_READ | group GROUP_INSPECT |
groupmembership GROUP_INSPECT | dynamicgroup DYNAMIC_GROUP_INSPECT | policy POLICY_READ
"""


@dataclass(frozen=True, slots=True)
class Need:
    """One permission; held in one of `places` it is held. `given` is the field without which it is not asked."""

    permission: str
    places: tuple[tuple[str, ...], ...] = ()
    given: str = ""


_TOKEN = re.compile(r"([A-Z0-9_*]+)(?:@([^?]+))?(?:\?(.+))?")


def _needs(text: str) -> tuple[Need, ...]:
    found = []
    for word in text.split():
        match = _TOKEN.fullmatch(word)
        assert match is not None, word  # noqa: S101 - the tables are ours
        permission, where, given = match.groups()
        parts = where.split("+") if where else []
        places = tuple(tuple(part.split("|")) for part in parts)
        found.append(Need(permission, places, given or ""))
    return tuple(found)


def _regular(row: str) -> dict[str, str]:
    """Give the rows of the calls that a kind has as most kinds have them."""
    noun, prefix, reading, making, deleting = (cell.strip() for cell in row.split(";"))
    move = _MOVES.get(noun, f"{prefix}_MOVE")
    moving = {f"Change{noun}Compartment": f"{move} {move}@compartmentId"}
    return {
        **(moving if noun not in _FIXED else {}),
        _LISTS.get(noun, f"List{noun}s"): f"{prefix}_{reading}@{_LISTED_IN}",
        f"Get{noun}": f"{prefix}_{reading}",
        f"Create{noun}": f"{prefix}_CREATE {making}",
        f"Update{noun}": f"{prefix}_UPDATE",
        f"Delete{noun}": f"{prefix}_DELETE {deleting}",
    }


def _table() -> dict[str, tuple[Need, ...]]:
    texts: dict[str, str] = {}
    for row in _REGULAR.strip().splitlines():
        texts |= _regular(row)
    for row in _OTHERS.strip().splitlines():
        name, _, text = row.partition(";")
        texts[name.strip()] = text
    return {name: _needs(text) for name, text in texts.items()}


NEEDS = _table()
ALL: tuple[Need, ...] = (Need(EVERYTHING),)
SEEN = dict(pair.split() for pair in _SEEN.split("|"))


def needs(operation: str, lifetime: object = None) -> tuple[Need, ...]:
    """Give what an operation needs; it may depend on the lifetime of what it is about."""
    found = NEEDS.get(f"{operation}={lifetime}")
    return NEEDS.get(operation, ALL) if found is None else found


def seen(word: str, lifetime: object = None) -> str:
    """Give the permission by which objects of a kind are seen in a list."""
    if word == "publicip" and lifetime == "EPHEMERAL":
        return "PRIVATE_IP_READ"
    return SEEN.get(word, EVERYTHING)
