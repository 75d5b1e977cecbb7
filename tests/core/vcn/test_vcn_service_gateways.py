"""Service gateways, the services list, and the public addresses of NAT gateways."""

import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub, route

RELATED = "RelatedResourceNotAuthorizedOrNotFound"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


def test_the_services_are_everything_and_object_storage(cloud: Cloud, hub: Hub) -> None:
    every, storage = hub.services

    assert every["cidrBlock"] == "all-local-1-services-in-oracle-services-network"
    assert storage["cidrBlock"] == "oci-local-1-objectstorage"
    assert cloud.get(f"/services/{storage['id']}") == storage
    assert cloud.refused("GET", "/services/x")[:2] == (404, "NotAuthorizedOrNotFound")


def test_services_are_attached_and_detached(cloud: Cloud, hub: Hub) -> None:
    every, storage = hub.services
    gateway = hub.service_gateway(cloud.vcn(), every, every)
    path = f"/serviceGateways/{gateway['id']}"
    wanted = {"serviceId": storage["id"]}

    assert gateway["services"] == [
        {"serviceId": every["id"], "serviceName": every["name"]}
    ]
    for _ in range(2):  # attached twice is attached once
        shown = cloud.post(f"{path}/actions/attachService", wanted)
        assert [one["serviceId"] for one in shown["services"]] == [
            every["id"],
            storage["id"],
        ]
    shown = cloud.post(f"{path}/actions/detachService", wanted)
    assert [one["serviceId"] for one in shown["services"]] == [every["id"]]
    assert cloud.refused("POST", f"{path}/actions/detachService", wanted)[1] == RELATED
    unknown = {"serviceId": "ocid1.service.oc1..x"}
    assert cloud.refused("POST", f"{path}/actions/attachService", unknown)[1] == RELATED


def test_a_service_gateway_changes(cloud: Cloud, hub: Hub) -> None:
    every, storage = hub.services
    gateway = hub.service_gateway(cloud.vcn(), every)
    path = f"/serviceGateways/{gateway['id']}"

    assert gateway["blockTraffic"] is False
    assert cloud.put(path, {"blockTraffic": True})["blockTraffic"] is True
    assert cloud.put(path, {"displayName": "x"})["services"] == gateway["services"]
    assert cloud.put(path, {"services": []})["services"] == []
    body = {"services": [{"serviceId": storage["id"]}, {"serviceId": "x"}]}
    assert "services[1].serviceId" in cloud.refused("PUT", path, body)[2]


def test_a_vcn_has_one_service_gateway(cloud: Cloud, hub: Hub) -> None:
    vcn = cloud.vcn()
    hub.service_gateway(vcn)
    body = {**hub.inside(vcn), "services": []}

    assert cloud.refused("POST", "/serviceGateways", body)[:2] == (409, "Conflict")


def test_a_rule_names_a_service_that_the_gateway_has(cloud: Cloud, hub: Hub) -> None:
    vcn, (every, storage) = cloud.vcn(), hub.services
    gateway = hub.service_gateway(vcn, storage)
    table = hub.table(vcn, (storage["cidrBlock"], gateway))
    path = f"/routeTables/{table['id']}"

    def refused(destination: str) -> tuple[str, str]:
        rules = [route(destination, gateway)]
        return cloud.refused("PUT", path, {"routeRules": rules})[1:]

    for destination, words in (
        (every["cidrBlock"], "enabled"),
        ("oci-elsewhere-objectstorage", "ListServices"),
        ("198.19.0.0/16", "networkEntityId"),
    ):
        code, message = refused(destination)
        assert code == "InvalidParameter"
        assert words in message
    gone = f"/serviceGateways/{gateway['id']}"
    assert cloud.refused("DELETE", gone)[:2] == (409, "Conflict")
    cloud.post(f"{gone}/actions/detachService", {"serviceId": storage["id"]})
    assert cloud.get(path)["routeRules"] == table["routeRules"]


@pytest.mark.parametrize("gateway", ["nat", "service"])
def test_ipv6_leaves_by_no_gateway_that_carries_ipv4_only(
    cloud: Cloud, hub: Hub, gateway: str
) -> None:
    vcn = cloud.vcn()
    made = {
        "nat": lambda: cloud.post("/natGateways", hub.inside(vcn)),
        "service": lambda: hub.service_gateway(vcn),
    }[gateway]()
    body = {**hub.inside(vcn), "routeRules": [route("::/0", made)]}

    status, code, message = cloud.refused("POST", "/routeTables", body)

    assert (status, code) == (400, "InvalidParameter")
    assert "routeRules[0].networkEntityId" in message


def test_only_the_cloud_makes_local_rules(cloud: Cloud, hub: Hub) -> None:
    vcn = cloud.vcn()
    nat = cloud.post("/natGateways", hub.inside(vcn))
    rule = {**route("0.0.0.0/0", nat), "routeType": "LOCAL"}

    message = cloud.refused(
        "POST", "/routeTables", {**hub.inside(vcn), "routeRules": [rule]}
    )[2]

    assert "routeRules[0].routeType" in message


# -- tables that gateways ask


def test_a_gateway_s_table_leads_where_the_gateway_s_packets_may_go(
    cloud: Cloud, hub: Hub
) -> None:
    vcn = cloud.vcn()
    subnet = cloud.subnet(vcn)
    ip = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    nat = cloud.post("/natGateways", hub.inside(vcn))
    inspected = hub.table(vcn, ("10.0.1.0/24", ip))
    outward = hub.table(vcn, ("0.0.0.0/0", nat))
    gateways = {
        "natGateways": nat["id"],
        "internetGateways": cloud.post(
            "/internetGateways", {**hub.inside(vcn), "isEnabled": True}
        )["id"],
        "serviceGateways": hub.service_gateway(vcn)["id"],
        "localPeeringGateways": hub.peering(vcn)["id"],
    }

    for kind, name in gateways.items():
        path = f"/{kind}/{name}"
        shown = cloud.put(path, {"routeTableId": inspected["id"]})
        assert shown["routeTableId"] == inspected["id"]
        wrong = {"routeTableId": outward["id"]}
        assert cloud.refused("PUT", path, wrong)[1] == "InvalidParameter"
    body = {"routeRules": [route("0.0.0.0/0", nat)]}
    message = cloud.refused("PUT", f"/routeTables/{inspected['id']}", body)[2]
    assert "0.0.0.0/0" in message
    for kind, name in gateways.items():
        assert (
            cloud.put(f"/{kind}/{name}", {"routeTableId": ""})["routeTableId"] is None
        )
    cloud.put(f"/routeTables/{inspected['id']}", body)


def test_a_rule_whose_target_is_gone_hinders_nobody(cloud: Cloud, hub: Hub) -> None:
    vcn = cloud.vcn()
    ip = cloud.post("/privateIps", {"subnetId": cloud.subnet(vcn)["id"]})
    table = hub.table(vcn, ("10.0.1.0/24", ip))
    cloud.delete(f"/privateIps/{ip['id']}")

    assert hub.peering(vcn, routeTableId=table["id"])["routeTableId"] == table["id"]


# -- NAT gateways' public addresses


def test_a_nat_gateway_takes_a_reserved_address_and_gives_it_back(
    cloud: Cloud, hub: Hub
) -> None:
    public = cloud.post("/publicIps", {**hub.home, "lifetime": "RESERVED"})
    cloud.wait(1)
    vcn = cloud.vcn()
    body = {**hub.inside(vcn), "publicIpId": public["id"]}
    nat = cloud.post("/natGateways", body)
    path = f"/publicIps/{public['id']}"

    assert (nat["natIp"], nat["publicIpId"]) == (public["ipAddress"], public["id"])
    assert cloud.get(path)["assignedEntityId"] == nat["id"]
    assert cloud.refused("POST", "/natGateways", body)[:2] == (409, "Conflict")
    cloud.delete(f"/natGateways/{nat['id']}")
    assert cloud.get(path)["lifecycleState"] == "AVAILABLE"


def test_a_nat_gateway_s_own_address_goes_with_it(cloud: Cloud, hub: Hub) -> None:
    nat = cloud.post("/natGateways", hub.inside(cloud.vcn()))
    path = f"/publicIps/{nat['publicIpId']}"

    assert cloud.get(path)["ipAddress"] == nat["natIp"]
    cloud.delete(f"/natGateways/{nat['id']}")
    assert cloud.refused("GET", path)[0] == 404
