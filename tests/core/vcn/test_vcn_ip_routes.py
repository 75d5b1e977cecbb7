"""Route tables of single private IPs and IPv6 objects: set, shown, taken away, in the way of a deletion."""

from typing import Any

import pytest
from vcn_cloud import Cloud

Json = dict[str, Any]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def vcn(cloud: Cloud) -> Json:
    made = cloud.vcn(isIpv6Enabled=True)
    cloud.wait()
    return cloud.get(f"/vcns/{made['id']}")


@pytest.fixture
def vnic(cloud: Cloud, vcn: Json) -> Json:
    block = vcn["ipv6CidrBlocks"][0].replace("/56", "/64")
    return cloud.primary(cloud.instance(cloud.subnet(vcn, ipv6CidrBlocks=[block])))


@pytest.fixture
def table(cloud: Cloud, vcn: Json) -> str:
    body = {"compartmentId": cloud.compartment, "vcnId": vcn["id"], "routeRules": []}
    return cloud.post("/routeTables", body)["id"]


@pytest.mark.parametrize("kind", ["/privateIps", "/ipv6"])
def test_it_is_set_at_birth_and_taken_away(
    cloud: Cloud, vnic: Json, table: str, kind: str
) -> None:
    made = cloud.post(kind, {"vnicId": vnic["id"], "routeTableId": table})
    path = f"{kind}/{made['id']}"

    assert made["routeTableId"] == table
    assert table in {ip["routeTableId"] for ip in cloud.get(kind, vnicId=vnic["id"])}
    busy = cloud.refused("DELETE", f"/routeTables/{table}")
    assert busy[:2] == (409, "Conflict")
    assert cloud.put(path, {"displayName": "x"})["routeTableId"] == table
    assert cloud.put(path, {"routeTableId": ""})["routeTableId"] is None
    assert cloud.put(path, {"routeTableId": table})["routeTableId"] == table
    cloud.delete(path)
    cloud.delete(f"/routeTables/{table}")


@pytest.mark.parametrize("kind", ["/privateIps", "/ipv6"])
def test_it_must_be_of_the_same_vcn(cloud: Cloud, vnic: Json, kind: str) -> None:
    other = cloud.vcn("10.9.0.0/16")["defaultRouteTableId"]
    for table in (other, "gone"):
        body = {"vnicId": vnic["id"], "routeTableId": table}
        assert cloud.refused("POST", kind, body)[:2] == (
            400,
            "RelatedResourceNotAuthorizedOrNotFound",
        )


def test_a_bulk_action_sets_and_takes_it_away(
    cloud: Cloud, vnic: Json, table: str
) -> None:
    items: list[Json] = [{"routeTableId": table}, {}]
    path = "/privateIps/actions/bulk{}PrivateIps"
    cloud.post(
        path.format("Create"),
        {"vnicId": vnic["id"], "bulkCreatePrivateIpItem": items},
    )
    cloud.wait()
    made = cloud.get("/privateIps", vnicId=vnic["id"])[1:]
    assert {ip["routeTableId"] for ip in made} == {table, None}

    items = [{"privateIpId": ip["id"], "routeTableId": ""} for ip in made]
    cloud.post(path.format("Update"), {"bulkUpdatePrivateIpItem": items})
    cloud.wait()
    made = cloud.get("/privateIps", vnicId=vnic["id"])[1:]
    assert {ip["routeTableId"] for ip in made} == {None}
