"""On-premises sites: CPEs, IPSec connections and tunnels, virtual circuits."""

from typing import Any

import pytest
from vcn_cloud import Cloud
from vcn_hub import LINE, SESSION, Hub

from mooring.core.vcn.drg_routes import SITE_TAG
from mooring.core.vcn.limits import STATIC_ROUTES_PER_CONNECTION

RELATED = "RelatedResourceNotAuthorizedOrNotFound"
DOMAINS = {
    "oracleTrafficSelector": ["10.0.0.0/16"],
    "cpeTrafficSelector": ["192.168.0.0/16"],
}
Json = Any


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


def test_a_cpe_changes_and_stays_while_it_is_connected(cloud: Cloud, hub: Hub) -> None:
    cpe = hub.cpe()
    path = f"/cpes/{cpe['id']}"

    assert "lifecycleState" not in cpe
    assert cloud.put(path, {"displayName": "x"})["displayName"] == "x"
    shown = cloud.put(path, {"cpeDeviceShapeId": "ocid1.cpedeviceshape.oc1..a"})
    assert shown["cpeDeviceShapeId"] == "ocid1.cpedeviceshape.oc1..a"
    connection = hub.connection(hub.drg(), cpeId=cpe["id"])
    assert connection["id"] in cloud.refused("DELETE", path)[2]
    cloud.delete(f"/ipsecConnections/{connection['id']}")
    cloud.delete(path)


# -- IPSec


def test_a_connection_has_two_tunnels_that_come_up(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    made = cloud.post("/ipsecConnections", hub.connection_body(drg))
    one, two = hub.tunnels(made)
    path = f"/ipsecConnections/{made['id']}"

    assert made["lifecycleState"] == one["lifecycleState"] == "PROVISIONING"
    assert (one["status"], one["routing"]) == ("DOWN", "STATIC")
    assert one["cpeIp"] == "203.0.113.7"
    assert one["vpnIp"] != two["vpnIp"]
    assert one["phaseOneDetails"]["isIkeEstablished"] is False
    assert one["bgpSessionInfo"] is None
    cloud.wait(1)
    assert cloud.get(path)["lifecycleState"] == "AVAILABLE"
    up = cloud.get(f"{path}/tunnels/{one['id']}")
    assert (up["status"], up["lifecycleState"]) == ("UP", "AVAILABLE")
    status = cloud.get(f"{path}/deviceStatus")["tunnels"]
    assert [tunnel["lifecycleState"] for tunnel in status] == ["UP", "UP"]
    secrets = [
        tunnel["sharedSecret"]
        for tunnel in cloud.get(f"{path}/deviceConfig")["tunnels"]
    ]
    assert len(set(secrets)) == 2
    cloud.delete(path)
    assert cloud.refused("GET", f"{path}/tunnels/{one['id']}")[0] == 404
    every = f"/drgs/{drg['id']}/actions/getAllDrgAttachments"
    assert cloud.post(every) == []


def test_tunnels_are_made_as_they_are_configured(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    table = cloud.post("/drgRouteTables", {"drgId": drg["id"]})
    first = {
        "displayName": "first",
        "routing": "BGP",
        "ikeVersion": "V2",
        "sharedSecret": "open sesame",
        "bgpSessionConfig": {
            **SESSION,
            "oracleInterfaceIpv6": "fd00::/127",
            "customerInterfaceIpv6": "fd00::1/127",
        },
        "phaseOneConfig": {
            "isCustomPhaseOneConfig": True,
            "diffieHelmanGroup": "GROUP14",
        },
        "phaseTwoConfig": {"isPfsEnabled": False},
        "dpdConfig": {"dpdTimeoutInSec": 30},
        "drgRouteTableId": table["id"],
    }
    second = {"routing": "POLICY", "encryptionDomainConfig": DOMAINS}
    connection = hub.connection(
        drg, staticRoutes=[], tunnelConfiguration=[first, second]
    )
    one, two = hub.tunnels(connection)
    secret = f"/ipsecConnections/{connection['id']}/tunnels/{one['id']}/sharedSecret"

    assert (one["displayName"], one["ikeVersion"]) == ("first", "V2")
    assert one["bgpSessionInfo"]["bgpState"] == "UP"
    assert one["bgpSessionInfo"]["bgpIpv6State"] == "UP"
    assert one["phaseOneDetails"]["negotiatedDhGroup"] == "GROUP14"
    assert one["phaseTwoDetails"]["isPfsEnabled"] is False
    assert (one["dpdMode"], one["dpdTimeoutInSec"]) == ("INITIATE_AND_RESPOND", 30)
    assert hub.attachment(one)["drgRouteTableId"] == table["id"]
    assert two["encryptionDomainConfig"] == DOMAINS
    assert cloud.get(secret) == {"sharedSecret": "open sesame"}
    assert cloud.put(secret, {}) == {"sharedSecret": "open sesame"}
    assert cloud.put(secret, {"sharedSecret": "x1"}) == cloud.get(secret)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"drgId": "x"}, "NotAuthorizedOrNotFound", '"x"'),
        ({"cpeId": "x"}, RELATED, "cpeId"),
        ({"staticRoutes": None}, "MissingParameter", "staticRoutes"),
        ({"staticRoutes": ["10.0.0.1/8"]}, "InvalidParameter", "staticRoutes[0]"),
        ({"staticRoutes": ["224.0.0.0/8"]}, "InvalidParameter", "multicast"),
        ({"staticRoutes": ["240.0.0.0/8"]}, "InvalidParameter", "class E"),
        ({"staticRoutes": ["10.0.0.0/8"] * 2}, "InvalidParameter", "twice"),
        (
            {"staticRoutes": ["10.0.0.0/8"] * (STATIC_ROUTES_PER_CONNECTION + 1)},
            "InvalidParameter",
            "elements",
        ),
        ({"freeformTags": {SITE_TAG: "10.0.0.0/8, x"}}, "InvalidParameter", SITE_TAG),
        ({"tunnelConfiguration": [{}] * 3}, "InvalidParameter", "tunnelConfiguration"),
    ],
)
def test_a_connection_that_cannot_be_is_refused(
    cloud: Cloud, hub: Hub, change: dict[str, object], code: str, words: str
) -> None:
    body = hub.connection_body(hub.drg(), **change)

    _, got, message = cloud.refused("POST", "/ipsecConnections", body)

    assert got == code
    assert words in message


@pytest.mark.parametrize(
    ("tunnel", "code", "words"),
    [
        ({"routing": "BGP"}, "MissingParameter", "bgpSessionConfig.oracleInterfaceIp"),
        (
            {"routing": "BGP", "bgpSessionConfig": {**SESSION, "customerBgpAsn": None}},
            "MissingParameter",
            "bgpSessionConfig.customerBgpAsn",
        ),
        (
            {"bgpSessionConfig": {"customerBgpAsn": "0"}},
            "InvalidParameter",
            "bgpSessionConfig.customerBgpAsn",
        ),
        (
            {"bgpSessionConfig": {"oracleInterfaceIp": "10.0.0.1/24"}},
            "InvalidParameter",
            "/30 to /31",
        ),
        (
            {"bgpSessionConfig": {"oracleInterfaceIp": "fd00::1/30"}},
            "InvalidParameter",
            "oracleInterfaceIp",
        ),
        (
            {"bgpSessionConfig": {"oracleInterfaceIpv6": "fd00::1"}},
            "InvalidParameter",
            "oracleInterfaceIpv6",
        ),
        (
            {
                "bgpSessionConfig": {
                    "oracleInterfaceIp": "10.0.0.1/30",
                    "customerInterfaceIp": "10.0.0.5/30",
                }
            },
            "InvalidParameter",
            "customerInterfaceIp",
        ),
        ({"routing": "POLICY"}, "MissingParameter", "oracleTrafficSelector"),
        (
            {"encryptionDomainConfig": {"cpeTrafficSelector": ["x"]}},
            "InvalidParameter",
            "encryptionDomainConfig.cpeTrafficSelector[0]",
        ),
        ({"drgRouteTableId": "x"}, RELATED, "drgRouteTableId"),
        ({"sharedSecret": "a-b"}, "InvalidParameter", "sharedSecret"),
    ],
)
def test_a_tunnel_that_cannot_be_is_refused(
    cloud: Cloud, hub: Hub, tunnel: dict[str, object], code: str, words: str
) -> None:
    body = hub.connection_body(hub.drg(), tunnelConfiguration=[{}, tunnel])

    _, got, message = cloud.refused("POST", "/ipsecConnections", body)

    assert got == code
    assert "tunnelConfiguration[1]." in message
    assert words in message


def test_a_connection_changes(cloud: Cloud, hub: Hub) -> None:
    connection = hub.connection(hub.drg())
    path = f"/ipsecConnections/{connection['id']}"
    shown = cloud.put(
        path,
        {
            "staticRoutes": ["192.168.0.0/16"],
            "cpeLocalIdentifier": "router",
            "cpeLocalIdentifierType": "HOSTNAME",
        },
    )

    assert shown["staticRoutes"] == ["192.168.0.0/16"]
    assert shown["cpeLocalIdentifier"] == "router"
    assert cloud.put(path, {"displayName": "x"})["staticRoutes"] == ["192.168.0.0/16"]
    assert "staticRoutes" in cloud.refused("PUT", path, {"staticRoutes": []})[2]
    for tunnel in hub.tunnels(connection):
        bgp = {"routing": "BGP", "bgpSessionConfig": SESSION}
        cloud.put(f"{path}/tunnels/{tunnel['id']}", bgp)
    assert cloud.put(path, {"staticRoutes": []})["staticRoutes"] == []


def test_a_tunnel_changes_its_routing(cloud: Cloud, hub: Hub) -> None:
    connection = hub.connection(
        hub.drg(),
        staticRoutes=[],
        tunnelConfiguration=[{"routing": "BGP", "bgpSessionConfig": SESSION}] * 2,
    )
    tunnel = hub.tunnels(connection)[0]
    path = f"/ipsecConnections/{connection['id']}/tunnels/{tunnel['id']}"
    etag = cloud.send("GET", path).reply.headers["etag"]

    assert "staticRoutes" in cloud.refused("PUT", path, {"routing": "STATIC"})[2]
    policy = {"routing": "POLICY", "encryptionDomainConfig": DOMAINS}
    headers = {"if-match": etag}
    shown = cloud.put(path, policy, headers=headers)
    assert shown["routing"] == "POLICY"
    assert shown["bgpSessionInfo"]["bgpState"] == "DOWN"
    assert cloud.refused("PUT", path, policy, headers=headers)[0] == 412
    other = hub.connection(hub.drg())
    foreign = f"/ipsecConnections/{other['id']}/tunnels/{tunnel['id']}"
    assert cloud.refused("GET", foreign)[0] == 404


def test_a_tunnel_s_routes_are_those_of_both_ends(cloud: Cloud, hub: Hub) -> None:
    drg, vcn = hub.drg(), cloud.vcn()
    cloud.subnet(vcn)
    hub.attached(drg, vcn)
    connection = hub.connection(drg)
    tunnel = hub.tunnels(connection)[0]
    path = f"/ipsecConnections/{connection['id']}/tunnels/{tunnel['id']}/routes"

    def prefixes(**query: str) -> list[str]:
        return [route["prefix"] for route in cloud.get(path, **query)]

    assert prefixes() == ["10.0.1.0/24", "172.16.0.0/12"]
    assert prefixes(advertiser="ORACLE") == ["10.0.1.0/24"]
    assert prefixes(advertiser="CUSTOMER") == ["172.16.0.0/12"]


def test_a_tunnel_without_its_connection_is_shown_still(cloud: Cloud, hub: Hub) -> None:
    connection = hub.connection(hub.drg())
    tunnel = hub.tunnels(connection)[0]
    cloud.world = cloud.world.drop(connection["cpeId"])

    path = f"/ipsecConnections/{connection['id']}/tunnels/{tunnel['id']}"
    assert cloud.get(path)["cpeIp"] is None


# -- virtual circuits


def test_a_circuit_is_provisioned_and_attached(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    circuit = hub.circuit(drg, customerAsn=65000, routingPolicy=["REGIONAL"])
    path = f"/virtualCircuits/{circuit['id']}"

    assert circuit["lifecycleState"] == "PROVISIONED"
    assert circuit["bgpSessionState"] == "UP"
    assert circuit["bgpIpv6SessionState"] == "DOWN"
    assert circuit["crossConnectMappings"] == [LINE]
    assert circuit["customerBgpAsn"] == circuit["customerAsn"] == 65000
    assert circuit["routingPolicy"] == ["REGIONAL"]
    assert hub.attachment(circuit)["drgId"] == drg["id"]
    cloud.delete(path)
    assert cloud.post(f"/drgs/{drg['id']}/actions/getAllDrgAttachments") == []


def test_a_circuit_moves_to_another_drg(cloud: Cloud, hub: Hub) -> None:
    circuit = hub.circuit(None)
    path = f"/virtualCircuits/{circuit['id']}"
    one, two = hub.drg(), hub.drg()

    assert circuit["gatewayId"] is None
    cloud.delete(f"/virtualCircuits/{hub.circuit(None)['id']}")
    for drg in (one, one, two):
        shown = cloud.put(
            path, {"gatewayId": drg["id"], "bandwidthShapeName": "2 Gbps"}
        )
        assert shown["gatewayId"] == drg["id"]
        assert hub.attachment(circuit)["drgId"] == drg["id"]
    assert cloud.post(f"/drgs/{one['id']}/actions/getAllDrgAttachments") == []
    assert cloud.refused("PUT", path, {"gatewayId": "x"})[1] == RELATED
    assert cloud.put(path, {"isBfdEnabled": True})["isBfdEnabled"]
    assert cloud.put(path, {"trafficMode": "DRAIN"})["isBfdEnabled"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"type": "PUBLIC"}, "MethodNotImplemented", "PUBLIC"),
        ({"bandwidthShapeName": "3 Gbps"}, "InvalidParameter", "bandwidthShapeName"),
        ({"gatewayId": "x"}, RELATED, "gatewayId"),
        (
            {"crossConnectMappings": [{"customerBgpPeeringIp": "10.0.0.1/24"}]},
            "InvalidParameter",
            "crossConnectMappings[0].customerBgpPeeringIp",
        ),
        (
            {
                "crossConnectMappings": [
                    {
                        "customerBgpPeeringIp": "10.0.0.1/30",
                        "oracleBgpPeeringIp": "10.0.0.1/30",
                    }
                ]
            },
            "InvalidParameter",
            "crossConnectMappings[0].oracleBgpPeeringIp",
        ),
        ({"freeformTags": {SITE_TAG: "x"}}, "InvalidParameter", SITE_TAG),
    ],
)
def test_a_circuit_that_cannot_be_is_refused(
    cloud: Cloud, hub: Hub, change: dict[str, object], code: str, words: str
) -> None:
    body = {**hub.home, "type": "PRIVATE", **change}

    _, got, message = cloud.refused("POST", "/virtualCircuits", body)

    assert got == code
    assert words in message
