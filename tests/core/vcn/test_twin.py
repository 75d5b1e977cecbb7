"""A VCN copied: what the API shows is enough to have the same records again."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twin_views import REGION, is_taken, loaded, shown, stripped
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.model import (
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.twin.difference import Difference, Field, differences
from mooring.core.vcn.twin.records import records_of
from mooring.core.vcn.twin.snapshot import Snapshot, UnreadableError, read, write


def a_cloud() -> Cloud:
    """One of much, with as much set as can be."""
    cloud = Cloud()
    vcn = cloud.vcn(dnsLabel="vcn", displayName="main")
    inside = {"compartmentId": cloud.compartment, "vcnId": vcn["id"]}
    igw = cloud.post("/internetGateways", {**inside, "isEnabled": True})
    cloud.post("/natGateways", inside)
    routes = [
        {
            "destination": "0.0.0.0/0",
            "networkEntityId": igw["id"],
            "description": "out",
        }
    ]
    table = cloud.post("/routeTables", {**inside, "routeRules": routes})
    ports = {"destinationPortRange": {"min": 80, "max": 90}}
    rules = cloud.post(
        "/securityLists",
        {
            **inside,
            "ingressSecurityRules": [
                {"protocol": "6", "source": "10.0.0.0/16", "tcpOptions": ports},
                {"protocol": "all", "source": "10.0.0.0/16", "isStateless": True},
            ],
            "egressSecurityRules": [
                {
                    "protocol": "1",
                    "destination": "0.0.0.0/0",
                    "icmpOptions": {"type": 3, "code": 4},
                }
            ],
        },
    )
    nsg = cloud.nsg(vcn, displayName="pods")
    udp = {"sourcePortRange": {"min": 53, "max": 53}}
    cloud.post(
        f"/networkSecurityGroups/{nsg['id']}/actions/addSecurityRules",
        {
            "securityRules": [
                {
                    "direction": "EGRESS",
                    "protocol": "17",
                    "udpOptions": udp,
                    "destination": nsg["id"],
                    "destinationType": "NETWORK_SECURITY_GROUP",
                    "description": "names",
                }
            ]
        },
    )
    subnet = cloud.subnet(
        vcn,
        "10.0.0.0/24",
        dnsLabel="pods",
        routeTableId=table["id"],
        securityListIds=[rules["id"]],
    )
    cloud.post(
        "/dhcps",
        {
            **inside,
            "options": [{"type": "SearchDomain", "searchDomainNames": ["x"]}],
            "domainNameType": "CUSTOM_DOMAIN",
        },
    )
    agent = {"isMonitoringDisabled": True}
    instance = cloud.instance(
        subnet, metadata={"a": "b"}, displayName="node", agentConfig=agent
    )
    vnic = cloud.attach(instance, subnet, nsgIds=[nsg["id"]], hostnameLabel="host")
    cloud.ip(vnic, hostnameLabel="pod")
    cloud.ip(vnic, cidrPrefixLength=28)
    cloud.wait()
    furnish(cloud, vcn)
    return cloud


def furnish(cloud: Cloud, vcn: dict[str, Any]) -> None:
    """What joins the VCN with others."""
    hub, other = Hub(cloud), cloud.vcn("10.1.0.0/16")
    every, storage = hub.services
    gateway = hub.service_gateway(vcn, every)
    hub.service_gateway(other, storage)
    hub.peered(vcn, other)
    drg = hub.drg()
    attachment = hub.attached(drg, vcn)
    hub.table(vcn, (every["cidrBlock"], gateway), ("172.16.0.0/12", drg))
    hub.connection(drg)
    hub.circuit(drg)
    table = cloud.post("/drgRouteTables", {"drgId": drg["id"]})
    rule = {
        "destination": "192.0.2.0/24",
        "destinationType": "CIDR_BLOCK",
        "nextHopDrgAttachmentId": attachment["id"],
    }
    path = f"/drgRouteTables/{table['id']}/actions/addDrgRouteRules"
    cloud.post(path, {"routeRules": [rule]})
    cloud.wait()


def test_a_copy_has_the_same_records() -> None:
    cloud = a_cloud()
    again = {record.id: record for record in records_of(shown(cloud.world), REGION)}

    taken = [r for r in cloud.world.records.values() if is_taken(r)]
    for record in taken:
        stamp = record.time_created.replace(
            microsecond=record.time_created.microsecond // 1000 * 1000
        )
        expected = replace(record, version=1, time_created=stamp)
        assert stripped(again[record.id]) == stripped(expected)
    assert again.keys() == {record.id for record in taken}


def test_a_copy_shows_no_difference() -> None:
    world = a_cloud().world

    assert differences(world, loaded(records_of(shown(world), REGION))) == ()


def test_a_file_reads_back_as_what_was_written() -> None:
    snapshot = shown(a_cloud().world)

    text = write(snapshot)

    assert write(read(text)) == text


def test_what_is_ending_is_not_copied() -> None:
    cloud = a_cloud()
    (attachment,) = (
        a
        for a in cloud.get("/vnicAttachments", compartmentId=cloud.compartment)
        if not cloud.get(f"/vnics/{a['vnicId']}")["isPrimary"]
    )
    cloud.delete(f"/vnicAttachments/{attachment['id']}")

    again = {record.id for record in records_of(shown(cloud.world), REGION)}

    assert attachment["id"] not in again
    assert attachment["vnicId"] not in again


def test_a_passing_state_counts_as_passed() -> None:
    cloud = Cloud()
    subnet = cloud.subnet(cloud.vcn())
    cloud.post("/instances", cloud.launch_body(subnet))

    states = {
        word(r): r.lifecycle_state for r in records_of(shown(cloud.world), REGION)
    }

    assert states["instance"] == "RUNNING"
    assert states["vnicattachment"] == "ATTACHED"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda o: o["subnet"][0].pop("vcnId"), "vcnId is missing"),
        (lambda o: o["subnet"][0].update(vcnId=None), "subnet ocid1"),
        (lambda o: o["privateip"][0].update(ipAddress="x"), "privateip ocid1"),
        (lambda o: o["routetable"][0].update(routeRules=[1]), "list of objects"),
        (lambda o: o["instance"][0].update(shapeConfig=[1]), "must be an object"),
        (
            lambda o: o["securitylist"][0].update(
                ingressSecurityRules=[{"protocol": "6"}]
            ),
            "source is missing",
        ),
    ],
)
def test_an_object_that_is_none_is_named(
    change: Callable[[dict[str, Any]], object], says: str
) -> None:
    snapshot = shown(a_cloud().world)
    objects = {name: [dict(o) for o in some] for name, some in snapshot.objects.items()}
    change(objects)

    with pytest.raises(UnreadableError, match=says):
        records_of(
            Snapshot(snapshot.vcns, {k: tuple(v) for k, v in objects.items()}), REGION
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[]", "format"),
        ('{"format": "mooring-vcn", "version": 2}', "version"),
        ('{"format": "mooring-vcn", "version": 1, "vcns": "x"}', "vcns"),
        ('{"format": "mooring-vcn", "version": 1, "vcns": []}', "objects"),
    ],
)
def test_a_text_that_is_no_snapshot_is_refused(text: str, says: str) -> None:
    with pytest.raises(UnreadableError, match=says):
        read(text)


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ({"x": []}, "objects.x"),
        ({"vcn": {}}, "objects.vcn"),
        ({"vcn": [{}]}, r"objects.vcn\[0\]"),
    ],
)
def test_objects_of_no_kind_are_refused(
    objects: Mapping[str, object], says: str
) -> None:
    whole = {"format": "mooring-vcn", "version": 1, "vcns": [], "objects": objects}

    with pytest.raises(UnreadableError, match=says):
        read(json.dumps(whole))


@given(st.recursive(st.none() | st.integers() | st.text(max_size=8), st.lists))
def test_any_object_is_read_or_refused(value: object) -> None:
    snapshot = shown(Cloud().world)
    one = {"id": "ocid1.subnet.x", "routeRules": value, "cidrBlock": value}

    for name in ("subnet", "routetable", "vcn", "instance", "drgattachment"):
        with pytest.raises(UnreadableError):
            records_of(replace(snapshot, objects={name: (one,)}), REGION)


def test_a_difference_names_object_and_field() -> None:
    cloud = a_cloud()
    left = cloud.world
    (subnet,) = left.of(Subnet)
    cloud.put(f"/subnets/{subnet.id}", {"displayName": "other"})
    added = cloud.nsg({"id": subnet.vcn_id}, displayName="new")

    found = differences(left, cloud.world)

    assert found == (
        Difference("networksecuritygroup", added["id"], "new", "right"),
        Difference(
            "subnet",
            subnet.id,
            subnet.display_name,
            fields=(Field("displayName", subnet.display_name, "other"),),
        ),
    )
    assert differences(cloud.world, left)[0].side == "left"


def test_of_lists_only_what_differs_is_shown(chance: random.Random) -> None:
    cloud = a_cloud()
    left = cloud.world
    vcn = next(left.of(Vcn))
    more = replace(vcn, cidr_blocks=(*vcn.cidr_blocks, IPv4Network("10.1.0.0/16")))
    chance.shuffle(order := list(more.cidr_blocks))

    found = differences(left, left.put(replace(more, cidr_blocks=tuple(order))))

    fields = {one.id: one.fields for one in found}[vcn.id]
    assert Field("cidrBlocks", [], ["10.1.0.0/16"]) in fields
