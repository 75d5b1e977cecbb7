"""Instance metadata: who is answered, and with what."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.imds import Question, answer, identified, is_first
from mooring.core.vcn.model import (
    Instance,
    Ipv6,
    PrivateIp,
    Subnet,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.world import World

NOW = datetime(2026, 7, 12, 10, 0, 0, 123000, tzinfo=UTC)
COMMON = {"compartment_id": "ocid1.tenancy.oc1..t", "time_created": NOW}

SUBNET = Subnet(
    id="subnet",
    display_name="pods",
    vcn_id="vcn",
    ipv4_cidr_blocks=(IPv4Network("10.0.1.0/24"), IPv4Network("10.0.2.0/24")),
    route_table_id="rt",
    security_list_ids=(),
    dhcp_options_id="dhcp",
    virtual_router_mac="00:00:17:aa:bb:cc",
    **COMMON,
)
NODE = Instance(
    id="node",
    display_name="node-1",
    lifecycle_state="RUNNING",
    availability_domain="moor:LOCAL-1-AD-1",
    shape="VM.Standard.E4.Flex",
    ocpus=2,
    memory_in_gbs=16,
    max_vnic_attachments=2,
    region="local-1",
    metadata={"ssh_authorized_keys": "ssh-ed25519 AAAA", "user_data": "IyE="},
    extended_metadata={"deep": {"list": [1, True]}},
    freeform_tags={"team": "harbour"},
    **COMMON,
)


def a_vnic(slot: int, **changed: object) -> Vnic:
    vnic = Vnic(
        id=f"vnic{slot}",
        display_name=f"vnic{slot}",
        subnet_id="subnet",
        vcn_id="vcn",
        availability_domain=NODE.availability_domain,
        mac_address=f"02:00:17:00:00:0{slot}",
        is_primary=slot == 0,
        **COMMON,
    )
    return replace(vnic, **changed)


def an_attachment(slot: int, state: str = "ATTACHED", nic: int = 0) -> VnicAttachment:
    return VnicAttachment(
        id=f"attachment{slot}",
        display_name="",
        lifecycle_state=state,
        instance_id="node",
        vnic_id=f"vnic{slot}",
        subnet_id="subnet",
        availability_domain=NODE.availability_domain,
        slot=slot,
        nic_index=nic,
        **COMMON,
    )


def an_ip(address: str, vnic: str | None, primary: bool) -> PrivateIp:
    return PrivateIp(
        id=f"ip-{address}",
        display_name="",
        subnet_id="subnet",
        vcn_id="vcn",
        ip_address=IPv4Address(address),
        vnic_id=vnic,
        is_primary=primary,
        **COMMON,
    )


def a_world(*more: object) -> World:
    world = World.empty()
    records = (
        SUBNET,
        NODE,
        a_vnic(0),
        an_attachment(0),
        an_ip("10.0.1.5", "vnic0", primary=True),
        an_ip("10.0.1.6", "vnic0", primary=False),
        an_ip("10.0.1.7", None, primary=False),
        a_vnic(1),
        an_attachment(1),
        an_ip("10.0.2.9", "vnic1", primary=True),
        *more,
    )
    for record in records:
        world = world.put(record)
    return world


BEARER = {"authorization": "Bearer Oracle"}
WHO = Question("vcn", "10.0.1.5", "GET", "/opc/v2/instance/", BEARER)


def ask(path: str, world: World | None = None, **changed: object) -> object:
    reply = answer(world or a_world(), replace(WHO, path=path, **changed))
    assert reply.status == 200
    if "json" in reply.headers["content-type"]:
        return json.loads(reply.body)
    return reply.body.decode()


def status(**changed: object) -> int:
    return answer(a_world(), replace(WHO, **changed)).status


def test_an_instance_reads_about_itself() -> None:
    assert ask("/opc/v2/instance/") == {
        "availabilityDomain": "moor:LOCAL-1-AD-1",
        "canonicalRegionName": "local-1",
        "compartmentId": "ocid1.tenancy.oc1..t",
        "definedTags": {},
        "displayName": "node-1",
        "faultDomain": "FAULT-DOMAIN-1",
        "freeformTags": {"team": "harbour"},
        "hostname": "node-1",
        "id": "node",
        "image": None,
        "metadata": {
            "ssh_authorized_keys": "ssh-ed25519 AAAA",
            "user_data": "IyE=",
            "deep": {"list": [1, True]},
        },
        "ociAdName": "local-1-ad-1",
        "region": "local-1",
        "regionInfo": {
            "realmDomainComponent": "oraclecloud.com",
            "realmKey": "oc1",
            "regionIdentifier": "local-1",
            "regionKey": "LOC",
        },
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {
            "maxVnicAttachments": 2,
            "memoryInGBs": 16,
            "networkingBandwidthInGbps": 2.0,
            "ocpus": 2,
        },
        "state": "Running",
        "timeCreated": 1783850400123,
    }


def test_the_vnics_come_in_the_order_of_their_slots() -> None:
    assert ask("/opc/v2/vnics/") == [
        {
            "vnicId": "vnic0",
            "macAddr": "02:00:17:00:00:00",
            "vlanTag": 0,
            "privateIp": "10.0.1.5",
            "subnetCidrBlock": "10.0.1.0/24",
            "virtualRouterIp": "10.0.1.1",
        },
        {
            "vnicId": "vnic1",
            "macAddr": "02:00:17:00:00:01",
            "vlanTag": 0,
            "privateIp": "10.0.2.9",
            "subnetCidrBlock": "10.0.2.0/24",
            "virtualRouterIp": "10.0.2.1",
        },
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/opc/v2/instance/region", "local-1"),
        ("/opc/v2/instance/shapeConfig/maxVnicAttachments", "2"),
        ("/opc/v2/instance/metadata/user_data", "IyE="),
        ("/opc/v2/instance/metadata/deep/list/1", "true"),
        ("/opc/v2/instance/metadata/deep", {"list": [1, True]}),
        ("/opc/v2/vnics/1/privateIp", "10.0.2.9"),
        ("/opc/v2/vnics/0/virtualRouterIp/", "10.0.1.1"),
    ],
)
def test_a_path_names_a_part(path: str, said: object) -> None:
    assert ask(path) == said


def test_every_primary_address_is_answered() -> None:
    assert ask("/opc/v2/instance/id", source="10.0.2.9") == "node"


def test_the_host_name_is_the_primary_vnics_label() -> None:
    world = a_world(a_vnic(0, hostname_label="anchor"))

    assert ask("/opc/v2/instance/hostname", world) == "anchor"


@pytest.mark.parametrize("state", ["ATTACHING", "DETACHING", "DETACHED"])
def test_only_what_is_attached_is_shown(state: str) -> None:
    vnics = ask("/opc/v2/vnics/", a_world(an_attachment(1, state)))

    assert isinstance(vnics, list)
    assert [vnic["vnicId"] for vnic in vnics] == ["vnic0"]


def test_an_instance_without_its_vnic_still_reads_about_itself() -> None:
    world = a_world(an_attachment(0, "DETACHING"), an_attachment(1, "DETACHING"))

    assert ask("/opc/v2/instance/hostname", world) == "node-1"
    assert ask("/opc/v2/vnics/", world) == []


def test_bare_metal_names_its_physical_card() -> None:
    world = a_world(replace(NODE, shape="BM.Standard.E4.128"), an_attachment(1, nic=1))

    assert ask("/opc/v2/vnics/0/nicIndex", world) == "0"
    assert ask("/opc/v2/vnics/1/nicIndex", world) == "1"


def test_a_vnic_without_its_address_is_shown_without() -> None:
    world = a_world().drop("ip-10.0.2.9")

    assert ask("/opc/v2/vnics/1", world) == {
        "vnicId": "vnic1",
        "macAddr": "02:00:17:00:00:01",
        "vlanTag": 0,
    }


@pytest.mark.parametrize(
    "source", ["10.0.1.6", "10.0.1.7", "10.0.1.8", "192.0.2.1", "", "fd00::1"]
)
def test_nobody_but_a_primary_address_is_answered(source: str) -> None:
    assert status(source=source) == 404


def test_a_primary_address_of_another_vcn_is_not_answered() -> None:
    assert status(vcn_id="other") == 404


def test_a_primary_address_without_instance_is_not_answered() -> None:
    world = a_world().drop("attachment0")

    assert answer(world, WHO).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer oracle"},
        {"authorization": "Basic T3JhY2xl"},
        {**BEARER, "forwarded": "for=10.0.1.5"},
        {**BEARER, "x-forwarded-for": "10.0.1.5"},
        {**BEARER, "x-forwarded-host": "here"},
    ],
)
def test_without_the_header_or_through_a_proxy_is_forbidden(
    headers: dict[str, str],
) -> None:
    assert status(headers=headers) == 403


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/opc/v1/instance/",
        "/opc/v2",
        "/opc/v2/",
        "/opc/v2/nothing/",
        "/opc/v2/instance/nothing",
        "/opc/v2/instance/region/deeper",
        "/opc/v2/instance/image",
        "/opc/v2/vnics/2",
        "/opc/v2/vnics/-1",
        "/opc/v2/vnics/x",
        "/opc/v2/vnics/²",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert status(path=path) == 404


def test_version_one_is_not_found_whatever_the_header() -> None:
    assert status(path="/opc/v1/instance/", headers={}) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_there_is_only_reading(method: str) -> None:
    assert status(method=method) == 405
    assert status(method="HEAD") == 200


@given(st.text(), st.text(), st.text())
def test_any_question_gets_an_answer(path: str, source: str, method: str) -> None:
    question = Question("vcn", source, method, "/opc/v2/" + path, BEARER)

    assert answer(a_world(), question).status in {200, 403, 404, 405}


GIVEN = {"cert.pem": "-----BEGIN CERTIFICATE-----", "key.pem": "-----BEGIN"}
IDENTITY = replace(WHO, path="/opc/v2/identity/cert.pem")


def test_a_certificate_is_shown_to_its_instance() -> None:
    reply = answer(a_world(), IDENTITY, GIVEN)

    assert (reply.status, reply.body.decode()) == (200, GIVEN["cert.pem"])


def test_all_of_an_identity_is_shown_at_once() -> None:
    reply = answer(a_world(), replace(WHO, path="/opc/v2/identity/"), GIVEN)

    assert json.loads(reply.body) == GIVEN


def test_without_an_identity_there_is_none() -> None:
    assert answer(a_world(), IDENTITY).status == 404


def test_who_asks_for_its_identity_is_told_apart() -> None:
    assert identified(a_world(), IDENTITY) == NODE


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/opc/v2/instance/"},
        {"path": "/opc/v1/identity/"},
        {"headers": {}},
        {"method": "POST"},
        {"source": "10.0.1.6"},
    ],
)
def test_an_identity_is_for_nobody_else(changed: dict[str, Any]) -> None:
    assert identified(a_world(), replace(IDENTITY, **changed)) is None


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/opc/v2/identity/cert.pem", True),
        ("/opc/v2/identity//cert.pem", True),
        ("/opc/v2/identity/key.pem", False),
        ("/opc/v2/identity/intermediate.pem", False),
        ("/opc/v2/identity/", False),
    ],
)
def test_the_certificate_is_what_clients_ask_first(path: str, first: bool) -> None:
    assert is_first(replace(WHO, path=path)) is first


def an_ipv6(address: str, vnic: str | None) -> Ipv6:
    return Ipv6(
        id=f"ip-{address}",
        display_name="",
        subnet_id="subnet",
        vcn_id="vcn",
        ip_address=IPv6Address(address),
        vnic_id=vnic,
        **COMMON,
    )


@pytest.mark.parametrize(
    ("source", "found"), [("::5", 200), ("::6", 404), ("::7", 404), ("::1%", 404)]
)
def test_an_instance_may_ask_over_ipv6(source: str, found: int) -> None:
    world = a_world(
        an_ipv6("2001:db8:4000::5", "vnic0"), an_ipv6("2001:db8:4000::6", None)
    )

    question = replace(WHO, source=f"2001:db8:4000{source}")

    assert answer(world, question).status == found
