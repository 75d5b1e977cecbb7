"""The forms of bodies, held against the official SDK's models: another implementation."""

import re
from pathlib import Path
from typing import Any

import oci.core.models as sdk
import oci.identity.models as identity
import oci.work_requests.models as work_requests
import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.api import fields
from mooring.core.vcn.api.schema import Fields
from mooring.core.vcn.calls import (
    addresses,
    bulk,
    compute,
    drg,
    gateways,
    inventory,
    networks,
    onprem,
    publicips,
    rules,
)
from mooring.core.vcn.limits import NSGS_PER_VNIC

MODELS = Path(sdk.__file__).parent


def keys_of(model: type) -> set[str]:
    return set(model().attribute_map.values())


def file_of(model: type) -> Path:
    return MODELS / f"{model.__module__.rsplit('.', 1)[-1]}.py"


def required_of(model: type) -> set[str]:
    """Give the keys that the SDK's documentation calls required."""
    text = file_of(model).read_text()
    names = re.findall(r"\*\*\[Required\]\*\* Gets the (\w+) of this", text)
    return {model().attribute_map[name] for name in names}


def bulk_bodies() -> list[tuple[type, Fields]]:
    """Give the bodies of the bulk actions, by the names of their operations."""
    return [
        (getattr(sdk, f"{operation.name}Details"), operation.body or {})
        for operation in bulk.ROUTES.values()
    ]


BODIES: list[tuple[type, Fields]] = [
    (sdk.CreateVcnDetails, networks.CREATE_VCN),
    (sdk.UpdateVcnDetails, fields.RENAME),
    (sdk.CreateSubnetDetails, networks.CREATE_SUBNET),
    (sdk.UpdateSubnetDetails, networks.UPDATE_SUBNET),
    (sdk.AddVcnCidrDetails, networks.ADD_VCN_CIDR),
    (sdk.ModifyVcnCidrDetails, networks.MODIFY_VCN_CIDR),
    (sdk.RemoveVcnCidrDetails, networks.REMOVE_VCN_CIDR),
    (sdk.AddVcnIpv6CidrDetails, networks.ADD_VCN_IPV6_CIDR),
    (sdk.RemoveVcnIpv6CidrDetails, networks.REMOVE_VCN_IPV6_CIDR),
    (sdk.AddIpv4SubnetCidrDetails, networks.ADD_SUBNET_CIDR),
    (sdk.ModifyIpv4SubnetCidrDetails, networks.MODIFY_SUBNET_CIDR),
    (sdk.RemoveIpv4SubnetCidrDetails, networks.REMOVE_SUBNET_CIDR),
    (sdk.AddSubnetIpv6CidrDetails, networks.ADD_SUBNET_IPV6_CIDR),
    (sdk.RemoveSubnetIpv6CidrDetails, networks.REMOVE_SUBNET_IPV6_CIDR),
    (sdk.CreateDhcpDetails, networks.CREATE_DHCP),
    (sdk.UpdateDhcpDetails, networks.UPDATE_DHCP),
    (sdk.CreateRouteTableDetails, networks.CREATE_ROUTE_TABLE),
    (sdk.UpdateRouteTableDetails, networks.UPDATE_ROUTE_TABLE),
    (sdk.CreateSecurityListDetails, rules.CREATE_SECURITY_LIST),
    (sdk.UpdateSecurityListDetails, rules.UPDATE_SECURITY_LIST),
    (sdk.CreateNetworkSecurityGroupDetails, fields.CREATE_IN_VCN),
    (sdk.UpdateNetworkSecurityGroupDetails, fields.RENAME),
    (sdk.AddNetworkSecurityGroupSecurityRulesDetails, rules.ADD_RULES),
    (sdk.UpdateNetworkSecurityGroupSecurityRulesDetails, rules.UPDATE_RULES),
    (sdk.RemoveNetworkSecurityGroupSecurityRulesDetails, rules.REMOVE_RULES),
    (sdk.CreateInternetGatewayDetails, gateways.CREATE_INTERNET_GATEWAY),
    (sdk.UpdateInternetGatewayDetails, gateways.UPDATE_INTERNET_GATEWAY),
    (sdk.CreateNatGatewayDetails, gateways.CREATE_NAT_GATEWAY),
    (sdk.UpdateNatGatewayDetails, gateways.UPDATE_NAT_GATEWAY),
    (sdk.CreateVnicDetails, compute.CREATE_VNIC),
    (sdk.UpdateVnicDetails, compute.UPDATE_VNIC),
    (sdk.AttachVnicDetails, compute.ATTACH_VNIC),
    (sdk.LaunchInstanceDetails, compute.LAUNCH),
    (sdk.UpdateInstanceDetails, compute.UPDATE_INSTANCE),
    (sdk.CreatePrivateIpDetails, addresses.CREATE_PRIVATE_IP),
    (sdk.UpdatePrivateIpDetails, addresses.UPDATE_PRIVATE_IP),
    (sdk.CreateIpv6Details, addresses.CREATE_IPV6),
    (sdk.UpdateIpv6Details, addresses.UPDATE_IPV6),
    (sdk.Ipv6AddressIpv6SubnetCidrPairDetails, compute.IPV6_PAIR),
    (sdk.CreatePublicIpDetails, publicips.CREATE_PUBLIC_IP),
    (sdk.UpdatePublicIpDetails, publicips.UPDATE_PUBLIC_IP),
    (sdk.GetPublicIpByIpAddressDetails, publicips.BY_ADDRESS),
    (sdk.GetPublicIpByPrivateIpIdDetails, publicips.BY_PRIVATE_IP),
    (sdk.ChangePublicIpCompartmentDetails, publicips.CHANGE_COMPARTMENT),
    (sdk.CreateServiceGatewayDetails, gateways.CREATE_SERVICE_GATEWAY),
    (sdk.UpdateServiceGatewayDetails, gateways.UPDATE_SERVICE_GATEWAY),
    (sdk.ServiceIdRequestDetails, gateways.SERVICE_ID),
    (sdk.CreateLocalPeeringGatewayDetails, gateways.CREATE_LOCAL_PEERING),
    (sdk.UpdateLocalPeeringGatewayDetails, gateways.UPDATE_LOCAL_PEERING),
    (sdk.ConnectLocalPeeringGatewaysDetails, gateways.CONNECT_LOCAL),
    (sdk.CreateDrgDetails, fields.CREATE),
    (sdk.UpdateDrgDetails, drg.UPDATE_DRG),
    (sdk.CreateDrgAttachmentDetails, drg.CREATE_ATTACHMENT),
    (sdk.UpdateDrgAttachmentDetails, drg.UPDATE_ATTACHMENT),
    (sdk.CreateDrgRouteTableDetails, drg.CREATE_TABLE),
    (sdk.UpdateDrgRouteTableDetails, drg.UPDATE_TABLE),
    (sdk.AddDrgRouteRulesDetails, drg.ADD_RULES),
    (sdk.UpdateDrgRouteRulesDetails, drg.UPDATE_RULES),
    (sdk.RemoveDrgRouteRulesDetails, drg.REMOVE_RULES),
    (sdk.AddDrgRouteRuleDetails, drg.ADDED_RULE),
    (sdk.UpdateDrgRouteRuleDetails, drg.CHANGED_RULE),
    (sdk.CreateDrgRouteDistributionDetails, drg.CREATE_DISTRIBUTION),
    (sdk.UpdateDrgRouteDistributionDetails, fields.RENAME),
    (sdk.AddDrgRouteDistributionStatementsDetails, drg.ADD_STATEMENTS),
    (sdk.UpdateDrgRouteDistributionStatementsDetails, drg.UPDATE_STATEMENTS),
    (sdk.RemoveDrgRouteDistributionStatementsDetails, drg.REMOVE_STATEMENTS),
    (sdk.AddDrgRouteDistributionStatementDetails, drg.ADDED_STATEMENT),
    (sdk.UpdateDrgRouteDistributionStatementDetails, drg.CHANGED_STATEMENT),
    (sdk.CreateCpeDetails, onprem.CREATE_CPE),
    (sdk.UpdateCpeDetails, onprem.UPDATE_CPE),
    (sdk.CreateIPSecConnectionDetails, onprem.CREATE_CONNECTION),
    (sdk.UpdateIPSecConnectionDetails, onprem.UPDATE_CONNECTION),
    (sdk.CreateIPSecConnectionTunnelDetails, onprem.CREATE_TUNNEL),
    (sdk.UpdateIPSecConnectionTunnelDetails, onprem.UPDATE_TUNNEL),
    (sdk.UpdateIPSecConnectionTunnelSharedSecretDetails, onprem.SECRET),
    (sdk.CreateIPSecTunnelBgpSessionDetails, onprem.SESSION),
    (sdk.PhaseOneConfigDetails, onprem.PHASE_ONE),
    (sdk.PhaseTwoConfigDetails, onprem.PHASE_TWO),
    (sdk.CreateVirtualCircuitDetails, onprem.CREATE_CIRCUIT),
    (sdk.UpdateVirtualCircuitDetails, onprem.UPDATE_CIRCUIT),
    (sdk.CrossConnectMapping, onprem.MAPPING),
    (sdk.CreateRemotePeeringConnectionDetails, onprem.CREATE_REMOTE_PEERING),
    (sdk.UpdateRemotePeeringConnectionDetails, fields.RENAME),
    (sdk.ConnectRemotePeeringConnectionsDetails, onprem.CONNECT_REMOTE),
    (sdk.ListIpInventoryDetails, inventory.LIST_INVENTORY),
    (sdk.GetIpInventoryVcnOverlapDetails, inventory.WHERE),
    *bulk_bodies(),
    (sdk.BulkCreatePrivateIpItem, bulk.CREATE_PRIVATE_IP_ITEM),
    (sdk.BulkUpdatePrivateIpItem, bulk.UPDATE_PRIVATE_IP_ITEM),
    (sdk.BulkDetachPrivateIpItem, bulk.PRIVATE_IP_ID),
    (sdk.BulkDeletePrivateIpItem, bulk.PRIVATE_IP_ID),
    (sdk.BulkCreateIpv6sItem, bulk.CREATE_IPV6_ITEM),
    (sdk.BulkUpdateIpv6sItem, bulk.UPDATE_IPV6_ITEM),
    (sdk.BulkDetachIpv6sItem, bulk.IPV6_ID),
    (sdk.BulkDeleteIpv6sItem, bulk.IPV6_ID),
]


# What the SDK leaves optional and yet means nothing without.
MORE_REQUIRED = {
    sdk.LaunchInstanceDetails: {"shape"},
    sdk.RemoveVcnIpv6CidrDetails: {"ipv6CidrBlock"},
    sdk.AddNetworkSecurityGroupSecurityRulesDetails: {"securityRules"},
    sdk.UpdateNetworkSecurityGroupSecurityRulesDetails: {"securityRules"},
    sdk.RemoveNetworkSecurityGroupSecurityRulesDetails: {"securityRuleIds"},
}


@pytest.mark.parametrize(
    ("model", "body"), BODIES, ids=lambda x: getattr(x, "__name__", "")
)
def test_every_field_that_we_read_is_one_of_the_sdk(model: type, body: Fields) -> None:
    assert set(body) <= keys_of(model)


@pytest.mark.parametrize(
    ("model", "body"), BODIES, ids=lambda x: getattr(x, "__name__", "")
)
def test_what_the_sdk_requires_we_require(model: type, body: Fields) -> None:
    ours = {name for name, field in body.items() if field.required}

    assert required_of(model) | MORE_REQUIRED.get(model, set()) == ours


def inventory_of(cloud: Cloud, subnet: dict[str, Any]) -> dict[str, Any]:
    """Give what the IP inventory and the topologies show of a cloud."""
    region, mine = cloud.world.settings.region, cloud.compartment
    where = {"regionList": [region], "compartmentList": [mine]}
    cloud.vcn()
    whole = cloud.post("/ipInventory", where)
    vcn = next(
        v for v in whole["inventoryVcnCollection"] if v["vcnId"] == subnet["vcnId"]
    )
    part = vcn["inventorySubnetcollection"][0]
    parts = cloud.get(f"/ipInventory/subnets/{subnet['id']}/cidrs")
    ips = cloud.get(f"/ipInventory/subnets/{subnet['id']}")
    twins = cloud.post(f"/ipInventory/vcns/{subnet['vcnId']}/overlaps", where)
    query = {"compartmentId": mine, "vcnId": subnet["vcnId"]}
    of_vcn = cloud.get("/vcnTopology", **query)
    of_subnet = cloud.get("/subnetTopology", compartmentId=mine, subnetId=subnet["id"])
    edges = {e["type"]: e for e in of_vcn["relationships"]}
    return {
        "IpInventoryCollection": [whole],
        "InventoryVcnSummary": [vcn],
        "InventoryVcnCidrBlockSummary": vcn["inventoryVcnCidrBlockCollection"],
        "InventorySubnetSummary": [part],
        "InventorySubnetCidrBlockSummary": part["inventorySubnetCidrCollection"],
        "InventoryResourceSummary": part["inventoryResourceSummary"],
        "InventoryIpAddressSummary": part["inventoryResourceSummary"][0][
            "ipAddressCollection"
        ],
        "IpInventoryCidrUtilizationCollection": [parts],
        "IpInventoryCidrUtilizationSummary": parts["ipInventoryCidrUtilizationSummary"],
        "IpInventorySubnetResourceCollection": [ips],
        "IpInventorySubnetResourceSummary": ips["ipInventorySubnetResourceSummary"],
        "IpInventoryVcnOverlapCollection": [twins],
        "IpInventoryVcnOverlapSummary": twins["ipInventoryVcnOverlapSummary"],
        "NetworkingTopology": [cloud.get("/networkingTopology", compartmentId=mine)],
        "VcnTopology": [of_vcn],
        "SubnetTopology": [of_subnet],
        "TopologyContainsEntityRelationship": [edges["CONTAINS"]],
        "TopologyAssociatedWithEntityRelationship": [edges["ASSOCIATED_WITH"]],
    }


def everything() -> tuple[Cloud, dict[str, Any]]:
    """Make one of each kind, with as much set as can be."""
    cloud = Cloud()
    vcn = cloud.vcn(dnsLabel="vcn", isIpv6Enabled=True)
    inside = {"compartmentId": cloud.compartment, "vcnId": vcn["id"]}
    subnet = cloud.subnet(
        vcn,
        "10.0.0.0/24",
        "10.0.32.0/19",
        dnsLabel="pods",
        prohibitPublicIpOnVnic=False,
        ipv6CidrBlock=vcn["ipv6CidrBlocks"][0].replace("/56", "/64"),
    )
    igw = cloud.post("/internetGateways", {**inside, "isEnabled": True})
    nat = cloud.post("/natGateways", inside)
    rule = {"destination": "0.0.0.0/0", "networkEntityId": igw["id"]}
    table = cloud.post("/routeTables", {**inside, "routeRules": [rule]})
    tcp = {
        "protocol": "6",
        "tcpOptions": {"destinationPortRange": {"min": 1, "max": 2}},
    }
    icmp = {"protocol": "1", "icmpOptions": {"type": 3, "code": 4}}
    rules = cloud.post(
        "/securityLists",
        {
            **inside,
            "ingressSecurityRules": [{**tcp, "source": "10.0.0.0/16"}],
            "egressSecurityRules": [{**icmp, "destination": "0.0.0.0/0"}],
        },
    )
    dhcp = cloud.post(
        "/dhcps",
        {**inside, "options": [{"type": "SearchDomain", "searchDomainNames": ["x"]}]},
    )
    nsg = cloud.nsg(vcn)
    added = cloud.post(
        f"/networkSecurityGroups/{nsg['id']}/actions/addSecurityRules",
        {
            "securityRules": [
                {**tcp, "direction": "INGRESS", "source": "10.0.0.0/16"},
                {
                    "direction": "EGRESS",
                    "protocol": "17",
                    "udpOptions": {"sourcePortRange": {"min": 1, "max": 1}},
                    "destination": nsg["id"],
                    "destinationType": "NETWORK_SECURITY_GROUP",
                },
            ]
        },
    )
    image = {"sourceType": "image", "imageId": "ocid1.image.oc1..a"}
    instance = cloud.instance(subnet, sourceDetails=image)
    vnic = cloud.attach(
        instance, subnet, nsgIds=[nsg["id"]], hostnameLabel="host", assignIpv6Ip=True
    )
    ip = cloud.ip(vnic, hostnameLabel="pod")
    block = cloud.ip(vnic, cidrPrefixLength=28)
    cloud.post("/ipv6", {"vnicId": vnic["id"], "cidrPrefixLength": 96})
    sixes = cloud.get("/ipv6", vnicId=vnic["id"])
    attachments = cloud.get("/vnicAttachments", compartmentId=cloud.compartment)
    members = cloud.get(f"/networkSecurityGroups/{nsg['id']}/vnics")
    work = cloud.send(
        "POST",
        "/privateIps/actions/bulkCreatePrivateIps",
        {
            "vnicId": vnic["id"],
            "bulkCreatePrivateIpItem": [{}, {"ipAddress": "1.1.1.1"}],
        },
    ).reply.headers["opc-work-request-id"]
    cloud.wait()
    done = cloud.get(f"/workRequests/{work}")
    public = cloud.post(
        "/publicIps",
        {
            "compartmentId": cloud.compartment,
            "lifetime": "RESERVED",
            "privateIpId": ip["id"],
        },
    )
    shapes = cloud.get("/shapes", compartmentId=cloud.compartment)
    domains = cloud.get("/availabilityDomains", compartmentId=cloud.compartment)
    return cloud, {
        "Vcn": [vcn],
        "Subnet": [subnet],
        "InternetGateway": [igw],
        "NatGateway": [nat],
        "RouteTable": [table],
        "RouteRule": table["routeRules"],
        "SecurityList": [rules],
        "IngressSecurityRule": rules["ingressSecurityRules"],
        "EgressSecurityRule": rules["egressSecurityRules"],
        "DhcpOptions": [dhcp],
        "DhcpSearchDomainOption": dhcp["options"],
        "NetworkSecurityGroup": [nsg],
        "AddedNetworkSecurityGroupSecurityRules": [added],
        "SecurityRule": added["securityRules"],
        "TcpOptions": [added["securityRules"][0]["tcpOptions"]],
        "UdpOptions": [added["securityRules"][1]["udpOptions"]],
        "IcmpOptions": [rules["egressSecurityRules"][0]["icmpOptions"]],
        "NetworkSecurityGroupVnic": members,
        "Instance": [instance],
        "InstanceShapeConfig": [instance["shapeConfig"]],
        "InstanceSourceViaImageDetails": [instance["sourceDetails"]],
        "Vnic": [vnic],
        "PrivateIp": [ip, block],
        "Ipv6": sixes,
        "VnicAttachment": attachments,
        "Shape": shapes,
        "ShapeMaxVnicAttachmentOptions": [
            s["maxVnicAttachmentOptions"] for s in shapes if s["isFlexible"]
        ],
        "ShapeMemoryOptions": [s["memoryOptions"] for s in shapes if s["isFlexible"]],
        "ShapeOcpuOptions": [s["ocpuOptions"] for s in shapes if s["isFlexible"]],
        "AvailabilityDomain": domains,
        "PublicIp": [public],
        **inventory_of(cloud, subnet),
        "WorkRequest": [done],
        "WorkRequestSummary": cloud.get(
            "/workRequests", compartmentId=cloud.compartment
        ),
        "WorkRequestResource": done["resources"],
        "WorkRequestError": cloud.get(f"/workRequests/{work}/errors"),
        "WorkRequestLogEntry": cloud.get(f"/workRequests/{work}/logs"),
    }


CLOUD, SHOWN = everything()
SHOWN |= Hub(CLOUD).everything()


def model_of(name: str) -> type:
    for module in (sdk, identity, work_requests):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(name)


@pytest.mark.parametrize("name", SHOWN)
def test_every_key_that_we_show_is_one_of_the_sdk(name: str) -> None:
    keys = {key for shown in SHOWN[name] for key in shown}

    assert SHOWN[name]
    assert keys <= keys_of(model_of(name))


@pytest.mark.parametrize("name", [n for n in SHOWN if hasattr(sdk, n)])
def test_every_key_that_the_sdk_requires_is_shown_with_a_value(name: str) -> None:
    required = required_of(model_of(name))
    if name == "SecurityRule":  # the SDK calls both peers optional
        required |= {"id", "isValid", "timeCreated"}

    for shown in SHOWN[name]:
        assert {key for key in required if shown.get(key) is None} == set()


def test_the_limit_of_groups_is_that_of_the_field() -> None:
    ids = [f"g{n}" for n in range(NSGS_PER_VNIC + 1)]
    vnic = SHOWN["Vnic"][0]["id"]

    assert CLOUD.refused("PUT", f"/vnics/{vnic}", {"nsgIds": ids})[:2] == (
        400,
        "InvalidParameter",
    )
