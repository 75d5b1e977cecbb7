"""Public IPs: reserved and ephemeral, assigned, moved, taken away."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from vcn_cloud import Cloud

from mooring.core.net.blocks import Entry, Space
from mooring.core.vcn.acts import publicips
from mooring.core.vcn.api.errors import Refusal
from mooring.core.vcn.api.requests import Request
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Call
from mooring.core.vcn.indexes import PUBLIC
from mooring.core.vcn.limits import PUBLIC_ADDRESSES
from mooring.core.vcn.model import NatGateway, PublicIp, Vnic
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World

Json = dict[str, Any]
NOT_FOUND = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")
CONFLICT = (409, "Conflict")
INCORRECT = (409, "IncorrectState")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def subnet(cloud: Cloud) -> Json:
    return cloud.subnet(cloud.vcn(), prohibitPublicIpOnVnic=False)


@pytest.fixture
def vnic(cloud: Cloud, subnet: Json) -> Json:
    """A VNIC without a public address in a subnet where it may have one."""
    return cloud.attach(cloud.instance(subnet), subnet, assignPublicIp=False)


def primary(cloud: Cloud, vnic: Json) -> Json:
    return cloud.get("/privateIps", vnicId=vnic["id"])[0]


def reserve(cloud: Cloud, **more: object) -> Json:
    body = {"compartmentId": cloud.compartment, "lifetime": "RESERVED", **more}
    return cloud.post("/publicIps", body)


def get(cloud: Cloud, public: Json) -> Json:
    return cloud.get(f"/publicIps/{public['id']}")


def at(cloud: Cloud, vnic: Json) -> str | None:
    return cloud.get(f"/vnics/{vnic['id']}")["publicIp"]


def by_private_ip(cloud: Cloud, id: str) -> Json:
    return cloud.post("/publicIps/actions/getByPrivateIpId", {"privateIpId": id})


# -- reserved ones


def test_a_reserved_one_is_for_nobody_at_first(cloud: Cloud) -> None:
    made = reserve(cloud, displayName="front", freeformTags={"a": "b"})

    assert made["lifecycleState"] == "PROVISIONING"
    assert IPv4Address(made["ipAddress"]) in PUBLIC_ADDRESSES
    assert (made["scope"], made["availabilityDomain"]) == ("REGION", None)
    assert (made["privateIpId"], made["assignedEntityId"]) == (None, None)
    assert (made["displayName"], made["freeformTags"]) == ("front", {"a": "b"})
    cloud.wait()
    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"


def test_one_may_be_made_for_a_private_ip(cloud: Cloud, vnic: Json) -> None:
    ip = primary(cloud, vnic)
    made = reserve(cloud, privateIpId=ip["id"])

    assert (made["lifecycleState"], made["privateIpId"]) == ("ASSIGNING", ip["id"])
    assert made["assignedEntityType"] == "PRIVATE_IP"
    cloud.wait()
    assert get(cloud, made)["lifecycleState"] == "ASSIGNED"
    assert at(cloud, vnic) == made["ipAddress"]


def test_it_is_assigned_moved_and_taken_away(
    cloud: Cloud, subnet: Json, vnic: Json
) -> None:
    other = cloud.attach(cloud.instance(subnet), subnet, assignPublicIp=False)
    made = reserve(cloud)
    path = f"/publicIps/{made['id']}"
    cloud.wait()

    first = cloud.put(path, {"privateIpId": primary(cloud, vnic)["id"]})
    cloud.wait()
    assert first["lifecycleState"] == "ASSIGNING"
    assert (at(cloud, vnic), at(cloud, other)) == (made["ipAddress"], None)

    cloud.put(path, {"privateIpId": primary(cloud, other)["id"]})
    cloud.wait()
    assert (at(cloud, vnic), at(cloud, other)) == (None, made["ipAddress"])

    last = cloud.put(path, {"privateIpId": "", "displayName": "spare"})
    assert (last["lifecycleState"], last["displayName"]) == ("UNASSIGNING", "spare")
    assert last["privateIpId"] is None
    cloud.wait()
    assert at(cloud, other) is None
    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"


def test_what_is_as_wished_stays(cloud: Cloud, vnic: Json) -> None:
    ip = primary(cloud, vnic)
    used, spare = reserve(cloud, privateIpId=ip["id"]), reserve(cloud)

    assert (
        cloud.put(f"/publicIps/{used['id']}", {"privateIpId": ip["id"]})[
            "lifecycleState"
        ]
        == "ASSIGNING"
    )
    assert (
        cloud.put(f"/publicIps/{spare['id']}", {"privateIpId": ""})["lifecycleState"]
        == "PROVISIONING"
    )


def test_a_secondary_private_ip_takes_its_public_ip_along(
    cloud: Cloud, subnet: Json, vnic: Json
) -> None:
    other = cloud.attach(cloud.instance(subnet), subnet, assignPublicIp=False)
    ip = cloud.ip(vnic)
    made = reserve(cloud, privateIpId=ip["id"])

    cloud.put(f"/privateIps/{ip['id']}", {"vnicId": other["id"]})

    assert get(cloud, made)["privateIpId"] == ip["id"]
    assert (at(cloud, vnic), at(cloud, other)) == (None, None)


def test_it_outlives_the_private_ip(cloud: Cloud, vnic: Json) -> None:
    ip = cloud.ip(vnic)
    made = reserve(cloud, privateIpId=ip["id"])

    cloud.delete(f"/privateIps/{ip['id']}")

    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"
    assert get(cloud, made)["assignedEntityId"] is None
    cloud.wait()
    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"


def test_it_outlives_the_instance(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(
        subnet, createVnicDetails={"subnetId": subnet["id"], "assignPublicIp": False}
    )
    ip = primary(cloud, cloud.primary(instance))
    made = reserve(cloud, privateIpId=ip["id"])

    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"


def test_it_is_given_back(cloud: Cloud, vnic: Json) -> None:
    spare = reserve(cloud)
    used = reserve(cloud, privateIpId=primary(cloud, vnic)["id"])
    cloud.wait()

    cloud.delete(f"/publicIps/{spare['id']}")
    cloud.delete(f"/publicIps/{used['id']}")

    assert cloud.refused("GET", f"/publicIps/{spare['id']}")[:2] == NOT_FOUND
    assert get(cloud, used)["lifecycleState"] == "TERMINATING"
    assert at(cloud, vnic) is None
    path = f"/publicIps/{used['id']}"
    assert cloud.refused("PUT", path, {"displayName": "x"})[:2] == INCORRECT
    cloud.wait()
    assert cloud.refused("GET", path)[:2] == NOT_FOUND
    assert cloud.world.space(PUBLIC).count == 1  # that of the instance's own VNIC


def test_it_changes_its_compartment(cloud: Cloud) -> None:
    made = reserve(cloud)
    path = f"/publicIps/{made['id']}/actions/changeCompartment"

    cloud.post(path, {"compartmentId": "other"})

    assert get(cloud, made)["compartmentId"] == "other"


# -- ephemeral ones


def test_a_vnic_is_born_with_one(cloud: Cloud, subnet: Json) -> None:
    vnic = cloud.primary(cloud.instance(subnet))
    ip = primary(cloud, vnic)

    public = by_private_ip(cloud, ip["id"])

    assert public["ipAddress"] == vnic["publicIp"]
    assert (public["lifetime"], public["lifecycleState"]) == ("EPHEMERAL", "ASSIGNED")
    assert (public["scope"], public["availabilityDomain"]) == (
        "AVAILABILITY_DOMAIN",
        cloud.domain,
    )


def test_it_goes_with_its_vnic(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(subnet)
    public = by_private_ip(cloud, primary(cloud, cloud.primary(instance))["id"])

    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert cloud.refused("GET", f"/publicIps/{public['id']}")[:2] == NOT_FOUND
    assert cloud.world.space(PUBLIC).count == 0


def test_one_is_deleted_and_made_again(cloud: Cloud, subnet: Json) -> None:
    vnic = cloud.primary(cloud.instance(subnet))
    ip = primary(cloud, vnic)
    old = by_private_ip(cloud, ip["id"])

    cloud.delete(f"/publicIps/{old['id']}")
    assert at(cloud, vnic) is None
    new = reserve(cloud, lifetime="EPHEMERAL", privateIpId=ip["id"])
    cloud.wait()

    assert at(cloud, vnic) == new["ipAddress"]
    assert get(cloud, new)["lifecycleState"] == "ASSIGNED"
    assert new["scope"] == "AVAILABILITY_DOMAIN"


def test_it_stays_where_it_is(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    public = by_private_ip(
        cloud, primary(cloud, cloud.primary(cloud.instance(subnet)))["id"]
    )
    path = f"/publicIps/{public['id']}"

    for wanted in (primary(cloud, vnic)["id"], ""):
        assert cloud.refused("PUT", path, {"privateIpId": wanted})[:2] == INVALID
    cloud.put(path, {"displayName": "named"})
    assert get(cloud, public)["displayName"] == "named"
    body = {"compartmentId": "other"}
    moved = cloud.refused("POST", f"{path}/actions/changeCompartment", body)
    assert moved[:2] == CONFLICT


# -- what is refused


def test_what_cannot_be_made_is_refused(cloud: Cloud, vnic: Json) -> None:
    secondary = cloud.ip(vnic)
    base = {"compartmentId": cloud.compartment, "lifetime": "RESERVED"}
    ephemeral = {**base, "lifetime": "EPHEMERAL"}
    ip = primary(cloud, vnic)["id"]

    def refused(body: Json) -> tuple[int, str]:
        return cloud.refused("POST", "/publicIps", body)[:2]

    assert refused({}) == (400, "MissingParameter")
    assert refused({**base, "lifetime": "LONG"}) == INVALID
    assert refused({**base, "publicIpPoolId": "p"}) == (501, "MethodNotImplemented")
    assert refused(ephemeral) == (400, "MissingParameter")
    assert refused({**ephemeral, "privateIpId": secondary["id"]}) == INVALID
    elsewhere = {**ephemeral, "privateIpId": ip, "compartmentId": "other"}
    assert refused(elsewhere) == INVALID
    assert refused({**base, "privateIpId": "gone"}) == (
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
    )


def test_who_cannot_have_one_is_refused(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    closed = cloud.subnet({"id": subnet["vcnId"]}, "10.0.2.0/24")
    hidden = primary(cloud, cloud.primary(cloud.instance(closed)))
    block = cloud.ip(vnic, cidrPrefixLength=28)
    cloud.wait()
    loose = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    taken = primary(cloud, cloud.primary(cloud.instance(subnet)))
    made = reserve(cloud)
    cloud.wait()

    def refused(ip: Json) -> tuple[int, str]:
        body = {"privateIpId": ip["id"]}
        return cloud.refused("PUT", f"/publicIps/{made['id']}", body)[:2]

    assert refused(hidden) == INVALID
    assert refused(block) == INVALID
    assert refused(loose) == CONFLICT
    assert refused(taken) == CONFLICT


def test_one_on_its_way_is_not_moved(cloud: Cloud, vnic: Json) -> None:
    made = reserve(cloud)
    body = {"privateIpId": primary(cloud, vnic)["id"]}

    assert cloud.refused("PUT", f"/publicIps/{made['id']}", body)[:2] == INCORRECT


def test_a_vnic_that_ends_gets_none(cloud: Cloud, vnic: Json) -> None:
    made = reserve(cloud)
    cloud.wait()
    ip = primary(cloud, vnic)
    attachment = cloud.world.attachment_of_vnic(vnic["id"])
    assert attachment is not None
    cloud.delete(f"/vnicAttachments/{attachment.id}")

    answer = cloud.refused("PUT", f"/publicIps/{made['id']}", {"privateIpId": ip["id"]})

    assert answer[:2] == INCORRECT


# -- finding them


def test_they_are_listed_by_scope(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(subnet)
    reserved = reserve(cloud)
    born = cloud.primary(instance)["publicIp"]
    here = {"compartmentId": cloud.compartment, "scope": "AVAILABILITY_DOMAIN"}

    def listed(**query: str) -> list[str]:
        return [ip["ipAddress"] for ip in cloud.get("/publicIps", **query)]

    region = {"compartmentId": cloud.compartment, "scope": "REGION"}
    assert listed(**region) == [reserved["ipAddress"]]
    assert listed(**region, lifetime="EPHEMERAL") == []
    assert listed(**here, availabilityDomain=cloud.domain) == [born]
    assert listed(**here, availabilityDomain="elsewhere") == []
    assert listed(scope="REGION", compartmentId="other") == []
    assert cloud.refused("GET", "/publicIps", query=here)[:2] == (
        400,
        "MissingParameter",
    )
    assert (
        cloud.refused("GET", "/publicIps", query={**here, "scope": "WORLD"})[:2]
        == INVALID
    )


def test_they_are_found_by_address_and_by_private_ip(
    cloud: Cloud, subnet: Json, vnic: Json
) -> None:
    made = reserve(cloud)
    path = "/publicIps/actions/getByIpAddress"
    nat = {"compartmentId": cloud.compartment, "vcnId": subnet["vcnId"]}
    gateway = cloud.post("/natGateways", nat)

    assert cloud.post(path, {"ipAddress": made["ipAddress"]})["id"] == made["id"]
    assert cloud.refused("POST", path, {"ipAddress": "9.9.9.9"})[:2] == NOT_FOUND
    found = cloud.send("POST", path, {"ipAddress": gateway["natIp"]}).reply.status
    assert found in (200, 404)  # whether it is an object is the gateway's business
    body = {"privateIpId": primary(cloud, vnic)["id"]}
    missing = cloud.refused("POST", "/publicIps/actions/getByPrivateIpId", body)
    assert missing[:2] == NOT_FOUND


def test_stored_rows_give_the_same_world(cloud: Cloud, subnet: Json) -> None:
    cloud.instance(subnet)
    reserve(cloud)

    again = World.load(to_row(r) for r in cloud.world.records.values())

    assert again.space(PUBLIC) == cloud.world.space(PUBLIC)
    assert next(again.of(Vnic)).public_ip is not None


# -- what a NAT gateway asks


def a_call(cloud: Cloud) -> Call:
    request = Request(method="POST", path="", now=cloud.now, entropy=b"0" * 32)
    return Call(world=cloud.world, request=request, body=Values({}), query=Values({}))


def a_gateway(cloud: Cloud) -> NatGateway:
    return NatGateway(
        id="ocid1.natgateway.oc1..a",
        compartment_id=cloud.compartment,
        display_name="nat",
        time_created=cloud.now,
        vcn_id="v",
        nat_ip=IPv4Address("198.18.0.1"),
    )


def test_a_gateway_gets_an_address_of_its_own(cloud: Cloud) -> None:
    call, gateway = a_call(cloud), a_gateway(cloud)

    draft, public = publicips.for_gateway(call, call.draft, gateway, None)

    assert (public.lifetime, public.scope) == ("EPHEMERAL", "REGION")
    assert publicips.of(draft.world, gateway.id) == draft.now(public)
    assert publicips.of(publicips.freed(draft, gateway.id).world, gateway.id) is None


def test_a_gateway_gets_the_reserved_one_that_it_names(cloud: Cloud) -> None:
    made = reserve(cloud)
    cloud.wait()
    call, gateway = a_call(cloud), a_gateway(cloud)

    draft, public = publicips.for_gateway(call, call.draft, gateway, made["id"])
    cloud.world = draft.world

    assert str(public.ip_address) == made["ipAddress"]
    assert get(cloud, made)["assignedEntityType"] == "NAT_GATEWAY"
    assert get(cloud, made)["privateIpId"] is None
    path = f"/publicIps/{made['id']}"
    assert cloud.refused("DELETE", path)[:2] == CONFLICT
    assert cloud.refused("PUT", path, {"displayName": "x"})[:2] == CONFLICT
    cloud.world = publicips.freed(draft, gateway.id).world
    assert get(cloud, made)["lifecycleState"] == "AVAILABLE"


def test_a_gateway_does_not_get_any(cloud: Cloud, subnet: Json, vnic: Json) -> None:
    cloud.instance(subnet)
    ephemeral = next(p for p in cloud.world.of(PublicIp) if p.lifetime == "EPHEMERAL")
    used = reserve(cloud, privateIpId=primary(cloud, vnic)["id"])["id"]
    fresh = reserve(cloud)["id"]
    call = a_call(cloud)

    codes = []
    for name in (ephemeral.id, used, fresh, "gone"):
        with pytest.raises(Refusal) as refusal:
            publicips.for_gateway(call, call.draft, a_gateway(cloud), name)
        codes.append(refusal.value.code)

    assert codes == [
        "InvalidParameter",
        "Conflict",
        "IncorrectState",
        "RelatedResourceNotAuthorizedOrNotFound",
    ]


def test_when_there_are_none_left_that_is_said(cloud: Cloud) -> None:
    bits = 32 - PUBLIC_ADDRESSES.prefixlen
    full = Space.of(32, [Entry(int(PUBLIC_ADDRESSES[0]), bits, "somebody")])
    cloud.world = replace(cloud.world, indexes=cloud.world.indexes.set(PUBLIC, full))
    body = {"compartmentId": cloud.compartment, "lifetime": "RESERVED"}

    assert cloud.refused("POST", "/publicIps", body)[:2] == CONFLICT


@pytest.mark.parametrize("lifetime", ["EPHEMERAL", "RESERVED"])
def test_of_a_reserved_private_ip_only_a_reserved_public_ip_outlives_the_vnic(
    cloud: Cloud, subnet: Json, lifetime: str
) -> None:
    kept = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    is_ephemeral = lifetime == "EPHEMERAL"
    vnic = {
        "subnetId": subnet["id"],
        "privateIpId": kept["id"],
        "assignPublicIp": is_ephemeral,
    }
    instance = cloud.instance(subnet, createVnicDetails=vnic)
    if not is_ephemeral:
        body = {"compartmentId": cloud.compartment, "lifetime": lifetime}
        cloud.post("/publicIps", {**body, "privateIpId": kept["id"]})
        cloud.wait()
    public = next(cloud.world.of(PublicIp))
    assert public.assigned_entity_id == kept["id"]

    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert cloud.get(f"/privateIps/{kept['id']}").get("vnicId") is None
    left = [(one.id, one.assigned_entity_id) for one in cloud.world.of(PublicIp)]
    assert left == ([] if is_ephemeral else [(public.id, kept["id"])])
