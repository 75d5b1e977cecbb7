"""Service limits: told by the limits service, counted from what there is, and kept."""

from typing import Any

import pytest
from iam_tenancy import TENANCY, Tenancy
from vcn_cloud import Cloud

from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import Instance
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.servicelimits import CHOSEN, LIMITS, cores, used
from mooring.core.vcn.shapes import SHAPES
from mooring.core.vcn.world import World

Json = Any
SERVICE = "/20190729"
FULL = (400, "LimitExceeded")


def limited(**limits: int) -> Cloud:
    """Give a cloud with other limits; `_` stands for `-` in their names."""
    chosen = tuple((name.replace("_", "-"), n) for name, n in limits.items())
    return Cloud(Settings(limits=chosen))


def a_list(cloud: Cloud, what: str, **query: str) -> list[Json]:
    return cloud.get(f"{SERVICE}/{what}", compartmentId=cloud.compartment, **query)


def left(cloud: Cloud, service: str, name: str, **query: str) -> Json:
    path = f"{SERVICE}/services/{service}/limits/{name}/resourceAvailability"
    return cloud.get(path, **{"compartmentId": cloud.compartment, **query})


def not_left(cloud: Cloud, service: str, name: str, **query: str) -> Json:
    path = f"{SERVICE}/services/{service}/limits/{name}/resourceAvailability"
    return cloud.refused("GET", path, query={"compartmentId": "c", **query})


# -- told


def test_the_services_are_those_with_limits() -> None:
    cloud = Cloud()
    latest = a_list(cloud, "services", sortBy="description", sortOrder="DESC")

    assert [one["name"] for one in a_list(cloud, "services")] == [
        "compute",
        "identity",
        "vcn",
    ]
    assert latest[0]["description"] == "Virtual Cloud Network"


def test_a_definition_says_what_is_limited_and_where() -> None:
    cloud = Cloud()
    found = a_list(cloud, "limitDefinitions", limit="1000")
    by_name = {one["name"]: one for one in found}
    (one,) = a_list(cloud, "limitDefinitions", serviceName="vcn", name="subnet-count")

    assert list(by_name) == sorted(LIMITS)
    assert by_name["standard-e4-core-count"]["scopeType"] == "AD"
    assert by_name["vcn-count"]["isResourceAvailabilitySupported"] is True
    assert one == by_name["subnet-count"]
    assert (one["serviceName"], one["description"]) == ("vcn", "Subnets (per VCN)")
    assert one["isResourceAvailabilitySupported"] is False


def test_values_are_those_of_the_one_who_serves() -> None:
    cloud = limited(vcn_count=7)
    values = a_list(cloud, "limitValues", serviceName="vcn", name="vcn-count")
    compute = {"serviceName": "compute", "name": "gpu3-count"}
    each = a_list(cloud, "limitValues", **compute)
    here = a_list(cloud, "limitValues", **compute, availabilityDomain=cloud.domain)
    regional = a_list(cloud, "limitValues", serviceName="compute", scopeType="REGION")

    assert values == [
        {
            "name": "vcn-count",
            "scopeType": "REGION",
            "availabilityDomain": None,
            "value": 7,
        }
    ]
    domains = list(cloud.world.settings.availability_domains)
    assert [one["availabilityDomain"] for one in each] == domains
    assert here == each[:1]
    assert regional == []


def test_a_service_that_is_not_there_has_no_values() -> None:
    cloud = Cloud()
    query = {"compartmentId": "c", "serviceName": "streaming"}

    assert cloud.refused("GET", f"{SERVICE}/limitValues", query=query)[:2] == (
        404,
        "NotAuthorizedOrNotFound",
    )


# -- counted


def test_availability_is_what_is_left_and_what_a_compartment_uses() -> None:
    place = Tenancy()
    place.post("/vcns", {"compartmentId": place.nodes, "cidrBlock": "10.0.0.0/16"})
    place.vcn()

    whole = left(place, "vcn", "vcn-count", compartmentId=TENANCY)
    part = left(place, "vcn", "vcn-count", compartmentId=place.nodes)

    assert (whole["used"], whole["available"]) == (2, 998)
    assert (part["used"], part["available"]) == (1, 998)
    assert (part["fractionalUsage"], part["fractionalAvailability"]) == (1.0, 998.0)
    assert part["effectiveQuotaValue"] is None


def test_reserved_addresses_are_counted_and_ephemeral_ones_are_not() -> None:
    cloud = limited(reserved_public_ip_count=1)
    subnet = cloud.subnet(cloud.vcn(), prohibitPublicIpOnVnic=False)
    cloud.instance(subnet)
    body = {"compartmentId": cloud.compartment, "lifetime": "RESERVED"}
    before = left(cloud, "vcn", "reserved-public-ip-count")["used"]
    cloud.post("/publicIps", body)

    assert before == 0
    assert left(cloud, "vcn", "reserved-public-ip-count")["available"] == 0
    assert cloud.refused("POST", "/publicIps", body)[:2] == FULL


def test_cores_are_counted_in_their_domain_until_the_instance_ends() -> None:
    cloud = limited(standard_e4_core_count=9)
    subnet = cloud.subnet(cloud.vcn())
    instance = cloud.instance(subnet)
    elsewhere = cloud.world.settings.availability_domains[1]
    name = ("compute", "standard-e4-core-count")

    assert left(cloud, *name, availabilityDomain=cloud.domain)["used"] == 4
    assert left(cloud, *name, availabilityDomain=elsewhere)["available"] == 9
    cloud.delete(f"/instances/{instance['id']}")
    assert left(cloud, *name, availabilityDomain=cloud.domain)["used"] == 0


def test_a_domain_is_named_where_it_counts_and_nowhere_else() -> None:
    cloud = Cloud()
    missing = not_left(cloud, "compute", "gpu3-count")
    extra = not_left(cloud, "vcn", "vcn-count", availabilityDomain=cloud.domain)

    assert missing[:2] == extra[:2] == (400, "InvalidParameter")
    assert missing[2].startswith("availabilityDomain null must be of")
    assert "must not be given" in extra[2]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("vcn", "subnet-count"),
        ("vcn", "nonsense"),
        ("compute", "vcn-count"),
        ("identity", "statements-count"),
    ],
)
def test_what_nobody_counts_is_not_found(service: str, name: str) -> None:
    assert not_left(Cloud(), service, name)[:2] == (404, "NotAuthorizedOrNotFound")


# -- kept


def test_a_vcn_too_many_is_told_by_the_limit_s_name() -> None:
    cloud = limited(vcn_count=1)
    cloud.vcn()
    body = {"compartmentId": cloud.compartment, "cidrBlock": "10.9.0.0/16"}
    status, code, message = cloud.refused("POST", "/vcns", body)

    assert (status, code) == FULL
    assert "limits were exceeded: vcn-count. There may be 1;" in message
    assert "--limit vcn-count=" in message


@pytest.mark.parametrize(
    ("limit", "path", "more"),
    [
        ("subnet_count", "/subnets", {"cidrBlock": "10.0.9.0/24"}),
        ("route_table_count", "/routeTables", {"routeRules": []}),
        ("dhcp_option_count", "/dhcps", {"options": []}),
        (
            "security_list_count",
            "/securityLists",
            {"ingressSecurityRules": [], "egressSecurityRules": []},
        ),
        ("networksecuritygroups_count", "/networkSecurityGroups", {}),
        ("local_peering_gateway_count", "/localPeeringGateways", {}),
    ],
)
def test_a_vcn_has_so_many_of_each(limit: str, path: str, more: Json) -> None:
    has_one = path in ("/routeTables", "/dhcps", "/securityLists")
    cloud = limited(**{limit: 1 + has_one})
    vcn = cloud.vcn()
    body = {"compartmentId": cloud.compartment, "vcnId": vcn["id"], **more}
    cloud.post(path, body)

    status, code, message = cloud.refused("POST", path, body)

    assert (status, code) == FULL
    assert f"There may be {1 + has_one} in VCN {vcn['id']}" in message


def test_a_region_has_so_many_drgs() -> None:
    cloud = limited(drg_count=0)

    assert cloud.refused("POST", "/drgs", {"compartmentId": "c"})[:2] == FULL


def test_cores_end_at_launch_and_when_an_instance_grows() -> None:
    cloud = limited(standard_e4_core_count=6, standard_e5_core_count=3)
    subnet = cloud.subnet(cloud.vcn())
    path = f"/instances/{cloud.instance(subnet)['id']}"

    def size(shape: str, ocpus: int) -> Json:
        return {"shape": f"VM.Standard.{shape}.Flex", "shapeConfig": {"ocpus": ocpus}}

    assert cloud.refused("POST", "/instances", cloud.launch_body(subnet))[:2] == FULL
    assert cloud.refused("PUT", path, size("E4", 7))[:2] == FULL
    assert cloud.refused("PUT", path, size("E5", 4))[:2] == FULL
    cloud.put(path, {"displayName": "as it was"})
    cloud.put(path, size("E4", 6))
    cloud.wait()
    cloud.put(path, size("E5", 2))


def test_a_shape_of_no_series_is_not_limited() -> None:
    cloud = limited(standard_e4_core_count=0)
    body = cloud.launch_body(cloud.subnet(cloud.vcn()))
    cloud.post("/instances", {**body, "shape": "BM.GPU.H100.8", "shapeConfig": None})

    assert used(cloud.world, LIMITS["gpu3-count"], cloud.domain, None) == 0


def test_every_shape_of_the_catalogue_counts_for_a_limit() -> None:
    found = {name: cores(name, shape.ocpus) for name, shape in SHAPES.items()}

    assert None not in found.values()
    assert found["VM.GPU3.4"] == (LIMITS["gpu3-count"], 4)
    assert found["BM.Standard.E4.128"] == (LIMITS["standard-e4-core-count"], 128)
    assert found["VM.Standard.E2.1.Micro"][0].name == "standard-e2-micro-core-count"
    assert cores("nonsense", 1) is None


def test_what_is_only_told_cannot_be_chosen() -> None:
    fixed = {
        "internet-gateway-count",
        "service-gateway-count",
        "securityrules-per-networksecuritygroup-count",
        "statements-count",
    }

    assert set(LIMITS) - CHOSEN == fixed
    assert used(Cloud().world, LIMITS["statements-count"], None, None) == 0
    assert LIMITS["standard-e4-core-count"].kind is Instance


# -- who may ask


def test_policies_say_who_may_ask() -> None:
    place = Tenancy()
    ann = place.user("ann", "pilots")
    values = (
        "GET",
        f"{SERVICE}/limitValues",
        {"compartmentId": TENANCY, "serviceName": "vcn"},
    )
    usage = (
        "GET",
        f"{SERVICE}/services/vcn/limits/vcn-count/resourceAvailability",
        {"compartmentId": TENANCY},
    )

    def asked(method: str, path: str, query: dict[str, str]) -> int:
        with place.acting(ann):
            return place.send(method, path, query=query).reply.status

    assert (asked(*values), asked(*usage)) == (404, 404)
    place.policy("Allow group pilots to inspect limits in tenancy")
    assert (asked(*values), asked(*usage)) == (200, 404)
    place.policy("Allow group pilots to inspect resource-availability in tenancy")
    assert asked(*usage) == 200


def test_what_instances_take_is_counted_as_they_come_and_go() -> None:
    cloud = Cloud()
    subnet = cloud.subnet(cloud.vcn())
    shapes = ("VM.Standard2.4", "VM.GPU2.1", "VM.Standard.E4.Flex")
    made = [
        cloud.instance(
            subnet,
            shape=shape,
            **({} if shape.endswith("Flex") else {"shapeConfig": None}),
        )
        for shape in shapes * 2
    ]

    def told() -> list[float]:
        """Count by the tally, after it was held against a walk and against a new start."""
        rows = [r for r in LIMITS.values() if r.kind is Instance]
        quick = [used(cloud.world, row, cloud.domain, None) for row in rows]
        whole = cloud.compartment, cloud.compartment
        assert quick == [used(cloud.world, row, cloud.domain, whole) for row in rows]
        rows_kept = [to_row(one) for one in cloud.world.records.values()]
        assert World.load(rows_kept).sizes == cloud.world.sizes
        return [one for one in quick if one]

    assert sum(told()) == 2 * (4 + 1 + 4)
    cloud.put(f"/instances/{made[2]['id']}", {"shapeConfig": {"ocpus": 6}})
    cloud.wait()
    assert sum(told()) == 2 * (4 + 1 + 4) + 2
    for one in made[:3]:
        cloud.delete(f"/instances/{one['id']}")
    assert sum(told()) == 4 + 1 + 4
    cloud.wait(7200)
    for one in made[3:]:
        cloud.delete(f"/instances/{one['id']}")
    assert told() == []
    assert not cloud.world.sizes
