"""The IP inventory and topologies."""

from typing import Any

import pytest
from iam_tenancy import Tenancy
from vcn_cloud import COMPARTMENT, Cloud

from mooring.core.vcn.iam.tree import TENANCY

Json = dict[str, Any]
NOT_FOUND = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def vcn(cloud: Cloud) -> Json:
    """A VCN with IPv6, settled."""
    made = cloud.vcn("10.0.0.0/16", dnsLabel="net", isIpv6Enabled=True, displayName="b")
    cloud.wait()
    return cloud.get(f"/vcns/{made['id']}")


@pytest.fixture
def subnet(cloud: Cloud, vcn: Json) -> Json:
    return cloud.subnet(
        vcn,
        "10.0.0.0/24",
        "10.0.128.0/18",
        dnsLabel="pods",
        displayName="pods",
        prohibitPublicIpOnVnic=False,
        ipv6CidrBlocks=[vcn["ipv6CidrBlocks"][0].replace("/56", "/64")],
    )


def inventory(cloud: Cloud, **more: object) -> list[Json]:
    region = cloud.world.settings.region
    body = {"regionList": [region], "compartmentList": [cloud.compartment], **more}
    found = cloud.post("/ipInventory", body)
    assert found["count"] == len(found["inventoryVcnCollection"])
    return found["inventoryVcnCollection"]


# -- the inventory


def test_it_tells_who_has_which_address(cloud: Cloud, vcn: Json, subnet: Json) -> None:
    instance = cloud.instance(subnet, displayName="node")
    vnic = cloud.attach(instance, subnet, displayName="nic", hostnameLabel="pod")
    block = cloud.ip(vnic, cidrPrefixLength=24)
    six = cloud.post("/ipv6", {"vnicId": vnic["id"], "hostname": "six"})

    (found,) = inventory(cloud)
    assert (found["vcnId"], found["vcnName"]) == (vcn["id"], "b")
    assert found["dnsDomainName"] == "net.oraclevcn.com"
    blocks = found["inventoryVcnCidrBlockCollection"]
    assert blocks[0] == {"ipCidrBlock": "10.0.0.0/16", "utilization": 25.39}
    assert blocks[1]["utilization"] == 0.39

    (part,) = found["inventorySubnetcollection"]
    assert part["dnsDomainName"] == "pods.net.oraclevcn.com"
    shares = {
        one["ipCidrBlock"]: one["utilization"]
        for one in part["inventorySubnetCidrCollection"]
    }
    assert shares["10.0.0.0/24"] == 1.95  # three kept, two primaries
    assert shares["10.0.128.0/18"] == 1.58
    resource = part["inventoryResourceSummary"][1]
    assert (resource["resourceName"], resource["macAddress"]) == (
        "node",
        vnic["macAddress"],
    )
    held = {one["ipAddress"]: one for one in resource["ipAddressCollection"]}
    assert held[vnic["privateIp"]]["dnsHostName"] == "pod"
    assert held[six["ipAddress"]]["dnsHostName"] == "six"
    assert f"{block['ipAddress']}/24" in held
    assert {one["vnicName"] for one in held.values()} == {"nic"}


def test_it_is_asked_for_by_region_and_compartment(cloud: Cloud, vcn: Json) -> None:
    assert len(inventory(cloud)) == 1
    assert inventory(cloud, regionList=["elsewhere"]) == []
    assert inventory(cloud, compartmentList=["other"]) == []
    assert cloud.refused("POST", "/ipInventory", {})[1] == "MissingParameter"
    body = {"regionList": [], "compartmentList": []}
    assert cloud.refused("POST", "/ipInventory", body)[:2] == INVALID


def test_it_is_narrowed(cloud: Cloud, vcn: Json, subnet: Json) -> None:
    cloud.vcn("172.16.0.0/16", displayName="lone")
    twin = cloud.vcn("10.0.64.0/20", displayName="a")

    def names(**more: object) -> list[str]:
        return [one["vcnName"] for one in inventory(cloud, **more)]

    assert names() == ["a", "b", "lone"]
    assert names(overlappingVcnsOnly=True) == ["a", "b"]
    assert names(utilization=10) == ["b"]
    assert names(searchKeyword="LON") == ["lone"]
    assert names(searchKeyword=subnet["id"]) == ["b"]
    assert names(sortOrder="DESC") == ["lone", "b", "a"]
    assert names(sortBy="UTILIZATION", sortOrder="DESC")[0] == "b"
    assert names(sortBy="DNS_HOSTNAME")[-1] == "b"
    assert set(names(sortBy="REGION")) == {"a", "b", "lone"}
    assert names(paginationOffset=1, paginationLimit=1) == ["b"]
    assert names(paginationOffset=9) == []
    assert cloud.get(f"/vcns/{twin['id']}")["displayName"] == "a"


def test_it_is_narrowed_by_type(cloud: Cloud, vcn: Json, subnet: Json) -> None:
    cloud.instance(subnet)

    (found,) = inventory(cloud, addressTypeList=["Oracle_Allocated_GUA_IPv6"])

    blocks = found["inventoryVcnCidrBlockCollection"]
    assert [one["ipCidrBlock"] for one in blocks] == vcn["ipv6CidrBlocks"]
    (part,) = found["inventorySubnetcollection"]
    assert part["inventoryResourceSummary"][0]["ipAddressCollection"] == []
    (found,) = inventory(cloud, addressTypeList=["BYOIP_IPv4"])
    assert found["inventoryVcnCidrBlockCollection"] == []


def test_it_is_given_for_a_vcn_or_a_subnet(
    cloud: Cloud, vcn: Json, subnet: Json
) -> None:
    other = cloud.subnet(vcn, "10.0.9.0/24")
    path = "/ipinventory/DataRequestId"

    whole = cloud.get(f"{path}/{vcn['id']}")["inventoryVcnCollection"][0]
    part = cloud.get(f"{path}/{other['id']}/")["inventoryVcnCollection"][0]

    assert len(whole["inventorySubnetcollection"]) == 2
    assert [s["subnetId"] for s in part["inventorySubnetcollection"]] == [other["id"]]
    assert cloud.refused("GET", f"{path}/gone")[:2] == NOT_FOUND


def test_a_subnet_s_addresses_are_listed(cloud: Cloud, subnet: Json) -> None:
    vnic = cloud.primary(cloud.instance(subnet, displayName="node"))
    loose = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    six = cloud.post("/ipv6", {"vnicId": vnic["id"]})
    block = cloud.ip(vnic, cidrPrefixLength=28)

    found = cloud.get(f"/ipInventory/subnets/{subnet['id']}")

    assert (found["count"], found["compartmentId"]) == (4, cloud.compartment)
    shown = {one["ipId"]: one for one in found["ipInventorySubnetResourceSummary"]}
    mine = next(one for one in shown.values() if one["isPrimary"])
    assert mine["associatedPublicIp"] == vnic["publicIp"]
    assert (mine["publicIpLifetime"], mine["ipAddressLifetime"]) == (
        "Ephemeral",
        "Ephemeral",
    )
    assert (mine["assignedResourceName"], mine["parentCidr"]) == ("node", "10.0.0.0/24")
    free = shown[loose["id"]]
    assert (free["ipAddressLifetime"], free["assignedResourceName"]) == (
        "Reserved",
        None,
    )
    assert shown[six["id"]]["addressType"] == "Oracle_Allocated_GUA_IPv6"
    assert shown[block["id"]]["ipAddress"].endswith("/28")
    assert shown[block["id"]]["associatedPublicIp"] is None


def test_a_subnet_s_utilization(cloud: Cloud, subnet: Json) -> None:
    path = f"/ipInventory/subnets/{subnet['id']}/cidrs"

    found = cloud.get(path)

    assert found["count"] == 3
    first, second, six = found["ipInventoryCidrUtilizationSummary"]
    assert first == {
        "cidr": "10.0.0.0/24",
        "utilization": 1.17,
        "addressType": "Private_IPv4",
    }
    assert second["utilization"] == 0.02
    assert six["addressType"] == "Oracle_Allocated_GUA_IPv6"
    assert cloud.refused("GET", "/ipInventory/subnets/gone/cidrs")[:2] == NOT_FOUND
    assert cloud.refused("PUT", path)[:2] == (405, "MethodNotAllowed")


def test_overlaps_of_vcns(cloud: Cloud, vcn: Json) -> None:
    twin = cloud.vcn("10.0.64.0/20", displayName="twin")
    cloud.vcn("172.16.0.0/16")
    path = f"/ipInventory/vcns/{vcn['id']}/overlaps"
    region = cloud.world.settings.region
    body = {"regionList": [region], "compartmentList": [cloud.compartment]}

    found = cloud.post(path, body)

    assert found["overlapCount"] == 1
    assert found["ipInventoryVcnOverlapSummary"] == [
        {
            "overlappingVcnId": twin["id"],
            "overlappingVcnName": "twin",
            "overlappingCidr": "10.0.64.0/20",
            "cidr": "10.0.0.0/16",
        }
    ]
    assert cloud.refused("POST", path, {})[1] == "MissingParameter"


def test_local_ipv6_has_a_type_of_its_own(cloud: Cloud) -> None:
    cloud.vcn(isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd00:1234::/48"])
    cloud.wait()

    (found,) = inventory(cloud, addressTypeList=["ULA_IPv6"])

    blocks = found["inventoryVcnCidrBlockCollection"]
    assert [one["ipCidrBlock"] for one in blocks] == ["fd00:1234::/48"]


# -- topologies


def topology(cloud: Cloud, path: str, **query: str) -> Json:
    return cloud.get(path, compartmentId=COMPARTMENT, **query)


def edges(found: Json, kind: str) -> set[tuple[str, str]]:
    every = found["relationships"]
    return {(e["id1"], e["id2"]) for e in every if e["type"] == kind}


def inside(cloud: Cloud, vcn: Json, **more: object) -> Json:
    return {"compartmentId": cloud.compartment, "vcnId": vcn["id"], **more}


def test_of_a_vcn(cloud: Cloud, vcn: Json, subnet: Json) -> None:
    gate = cloud.post("/internetGateways", inside(cloud, vcn, isEnabled=True))
    nat = cloud.post("/natGateways", inside(cloud, vcn))
    rules = [
        {"destination": "0.0.0.0/0", "networkEntityId": gate["id"]},
        {"destination": "9.0.0.0/8", "networkEntityId": nat["id"]},
    ]
    table = f"/routeTables/{vcn['defaultRouteTableId']}"
    cloud.put(table, {"routeRules": rules})

    found = topology(cloud, "/vcnTopology", vcnId=vcn["id"])

    assert (found["type"], found["vcnId"]) == ("VCN", vcn["id"])
    assert found["limitedEntities"] == []
    kinds = {one["id"]: one["type"] for one in found["entities"]}
    assert (kinds[vcn["id"]], kinds[gate["id"]]) == ("vcn", "internetgateway")
    assert (vcn["id"], subnet["id"]) in edges(found, "CONTAINS")
    used = edges(found, "ASSOCIATED_WITH")
    assert (subnet["id"], vcn["defaultSecurityListId"]) in used
    assert edges(found, "ROUTES_TO") == {
        (subnet["id"], gate["id"]),
        (subnet["id"], nat["id"]),
    }
    route = next(
        e
        for e in found["relationships"]
        if e["id2"] == gate["id"] and e["type"] == "ROUTES_TO"
    )
    assert route["routeRuleDetails"] == {
        "destinationType": "CIDR_BLOCK",
        "destination": "0.0.0.0/0",
        "routeTableId": vcn["defaultRouteTableId"],
        "routeType": "STATIC",
    }
    query = {"compartmentId": COMPARTMENT, "vcnId": "gone"}
    assert cloud.refused("GET", "/vcnTopology", query=query)[:2] == NOT_FOUND


def test_of_a_subnet(cloud: Cloud, vcn: Json, subnet: Json) -> None:
    group = cloud.nsg(vcn)
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, subnet, nsgIds=[group["id"]])
    gone = cloud.attach(instance, subnet)
    attachment = cloud.world.attachment_of_vnic(vnic["id"])
    former = cloud.world.attachment_of_vnic(gone["id"])
    assert attachment is not None
    assert former is not None

    found = topology(cloud, "/subnetTopology", subnetId=subnet["id"])

    assert (found["type"], found["subnetId"]) == ("SUBNET", subnet["id"])
    assert (subnet["id"], vnic["id"]) in edges(found, "CONTAINS")
    used = edges(found, "ASSOCIATED_WITH")
    assert {(vnic["id"], group["id"]), (instance["id"], group["id"])} <= used
    via = next(
        e["associatedWithDetails"]["via"]
        for e in found["relationships"]
        if (e["id1"], e["id2"]) == (instance["id"], group["id"])
    )
    assert via == [attachment.id, vnic["id"]]


def test_of_a_region(cloud: Cloud, vcn: Json) -> None:
    drg = cloud.post("/drgs", {"compartmentId": cloud.compartment})
    body = {"drgId": drg["id"], "networkDetails": {"type": "VCN", "id": vcn["id"]}}
    attachment = cloud.post("/drgAttachments", body)
    peers = [
        cloud.post("/localPeeringGateways", inside(cloud, one))
        for one in (vcn, cloud.vcn("10.9.0.0/16"))
    ]
    connect = f"/localPeeringGateways/{peers[0]['id']}/actions/connect"
    cloud.post(connect, {"peerId": peers[1]["id"]})
    remote = cloud.post(
        "/remotePeeringConnections",
        {"compartmentId": cloud.compartment, "drgId": drg["id"]},
    )
    cloud.wait()

    found = topology(cloud, "/networkingTopology")

    assert found["type"] == "NETWORKING"
    assert (drg["id"], vcn["id"]) in edges(found, "ASSOCIATED_WITH")
    assert (peers[0]["id"], peers[1]["id"]) in edges(found, "ASSOCIATED_WITH")
    inner = edges(found, "CONTAINS")
    assert {(drg["id"], attachment["id"]), (drg["id"], remote["id"])} <= inner
    assert cloud.get("/networkingTopology", compartmentId="other")["entities"] == []
    of_vcn = topology(cloud, "/vcnTopology", vcnId=vcn["id"])
    assert attachment["id"] in {one["id"] for one in of_vcn["entities"]}
    assert drg["id"] in {one["id"] for one in of_vcn["entities"]}


def test_premises_are_in_it(cloud: Cloud) -> None:
    mine = {"compartmentId": cloud.compartment}
    drg = cloud.post("/drgs", mine)
    other = cloud.post("/drgs", mine)
    cpe = cloud.post("/cpes", {**mine, "ipAddress": "192.0.2.1"})
    cloud.post(
        "/ipsecConnections",
        {
            **mine,
            "cpeId": cpe["id"],
            "drgId": drg["id"],
            "staticRoutes": ["10.8.0.0/16"],
        },
    )
    circuit = cloud.post(
        "/virtualCircuits", {**mine, "type": "PRIVATE", "gatewayId": drg["id"]}
    )
    cloud.post("/virtualCircuits", {**mine, "type": "PRIVATE"})
    ends = [
        cloud.post("/remotePeeringConnections", {**mine, "drgId": one["id"]})
        for one in (drg, other)
    ]
    region = cloud.world.settings.region
    cloud.post(
        f"/remotePeeringConnections/{ends[0]['id']}/actions/connect",
        {"peerId": ends[1]["id"], "peerRegionName": region},
    )

    found = edges(topology(cloud, "/networkingTopology"), "ASSOCIATED_WITH")

    assert {(drg["id"], cpe["id"]), (drg["id"], circuit["id"])} <= found
    assert (ends[0]["id"], ends[1]["id"]) in found


def test_what_lies_below_a_compartment(cloud: Cloud) -> None:
    top = cloud.post(
        "/compartments",
        {"compartmentId": TENANCY, "name": "top", "description": "x"},
    )
    low = cloud.post(
        "/compartments", {"compartmentId": top["id"], "name": "low", "description": "x"}
    )
    low = cloud.post(
        "/compartments",
        {"compartmentId": low["id"], "name": "last", "description": "x"},
    )
    vcn = cloud.post("/vcns", {"compartmentId": low["id"], "cidrBlock": "10.0.0.0/16"})
    cloud.vcn()

    def seen(**query: str) -> list[str]:
        shown = cloud.get("/networkingTopology", compartmentId=top["id"], **query)
        return [one["id"] for one in shown["entities"]]

    assert seen() == []
    assert seen(queryCompartmentSubtree="false") == []
    assert seen(queryCompartmentSubtree="True", accessLevel="ANY") == [vcn["id"]]


def test_detached_vnics_are_not_associated(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(subnet)
    gone = cloud.attach(instance, subnet)
    former = cloud.world.attachment_of_vnic(gone["id"])
    assert former is not None
    cloud.delete(f"/vnicAttachments/{former.id}")

    before = topology(cloud, "/subnetTopology", subnetId=subnet["id"])
    cloud.wait()
    after = topology(cloud, "/subnetTopology", subnetId=subnet["id"])

    assert gone["id"] in {one["id"] for one in before["entities"]}
    assert gone["id"] not in {one["id"] for one in after["entities"]}


def test_what_one_may_not_see_is_left_out() -> None:
    town = Tenancy()
    ann = town.user("ann", "watch")
    town.policy("Allow group watch to read ipam in tenancy")
    town.policy("Allow group watch to read vcns in compartment network")
    seen = town.vcn()
    town.subnet(seen)
    hidden = town.vcn("10.0.0.0/20", compartmentId=town.nodes)
    where = {
        "regionList": [town.world.settings.region],
        "compartmentList": [town.network, town.nodes],
    }

    with town.acting(ann):
        listed = town.post("/ipInventory", where)["inventoryVcnCollection"]
        path = f"/ipInventory/vcns/{seen['id']}/overlaps"
        overlaps = town.post(path, where)["overlapCount"]
        query = {"compartmentId": town.network, "vcnId": seen["id"]}
        entities = town.get("/vcnTopology", **query)["entities"]

    assert [one["vcnId"] for one in listed] == [seen["id"]]
    assert overlaps == 0
    assert {one["type"] for one in entities} == {"vcn"}
    assert len(town.post("/ipInventory", where)["inventoryVcnCollection"]) == 2
    assert town.get(f"/vcns/{hidden['id']}")
