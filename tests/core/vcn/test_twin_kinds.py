"""A copy of all that a VCN may have: both families, gateways' tables, public addresses, premises."""

from dataclasses import replace
from typing import Any

import pytest
from twin_views import REGION, is_taken, loaded, shown, stripped
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.model import (
    InternetGateway,
    Ipv6,
    PublicIp,
    RemotePeeringConnection,
    Resource,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.twin.difference import differences
from mooring.core.vcn.twin.records import records_of
from mooring.core.vcn.twin.snapshot import LEFT_OUT, TAKEN
from mooring.core.vcn.world import World


def everything() -> World:
    """One of each kind, with as much set as can be."""
    cloud = Cloud()
    hub = Hub(cloud)
    hub.everything()
    made = cloud.vcn("10.3.0.0/16", isIpv6Enabled=True, dnsLabel="six")
    cloud.wait()
    vcn = cloud.get(f"/vcns/{made['id']}")
    table = {"routeTableId": hub.table(vcn)["id"]}
    gateways(hub, vcn, table)
    cloud.nsg(vcn)
    block = vcn["ipv6CidrBlocks"][0].replace("/56", "/64")
    subnet = cloud.subnet(
        vcn,
        *("10.3.1.0/24", "10.3.2.0/24"),
        ipv6CidrBlocks=[block],
        dnsLabel="one",
        prohibitPublicIpOnVnic=False,
    )
    vnic = cloud.attach(
        cloud.instance(subnet),
        subnet,
        **table,
        assignPublicIp=True,
        skipSourceDestCheck=True,
    )
    cloud.ip(vnic, **table)
    held = cloud.ip(vnic, lifetime="RESERVED")
    cloud.wait()
    public = {**hub.home, "lifetime": "RESERVED", "privateIpId": held["id"]}
    cloud.post("/publicIps", public)
    for more in ({"cidrPrefixLength": 96}, table):
        cloud.post("/ipv6", {"vnicId": vnic["id"], "ipv6SubnetCidr": block, **more})
    cloud.post("/privateIps", {"subnetId": subnet["id"], "lifetime": "RESERVED"})
    cloud.wait()
    return cloud.world


def gateways(hub: Hub, vcn: dict[str, Any], table: dict[str, Any]) -> None:
    """Make gateways with tables of their own, that are shut as far as they can be."""
    inside = hub.inside(vcn)
    front = hub.cloud.post("/publicIps", {**hub.home, "lifetime": "RESERVED"})
    hub.cloud.wait()
    for path, more in (
        ("/internetGateways", {"isEnabled": False}),
        ("/natGateways", {"publicIpId": front["id"], "blockTraffic": True}),
    ):
        hub.cloud.post(path, {**inside, **table, **more})
    hub.service_gateway(vcn, hub.services[0], **table, blockTraffic=True)
    hub.peering(vcn, **table)
    hub.attached(hub.drg(), vcn, **table, vcnRouteType="VCN_CIDRS")


@pytest.fixture(scope="module")
def world() -> World:
    return everything()


def expected(record: Resource) -> Resource:
    stamp = record.time_created
    whole = stamp.replace(microsecond=stamp.microsecond // 1000 * 1000)
    return stripped(replace(record, version=1, time_created=whole))


def test_a_copy_has_all_fields_of_all_kinds(world: World) -> None:
    found = {record.id: record for record in records_of(shown(world), REGION)}
    taken = [record for record in world.records.values() if is_taken(record)]

    assert {type(record) for record in taken} == set(TAKEN)
    for record in taken:
        assert stripped(found[record.id]) == expected(record)
    assert any(r.route_table_id for r in taken if isinstance(r, InternetGateway))
    assert any(r.route_table_id for r in taken if isinstance(r, Ipv6))
    assert any(r.assigned_entity_id for r in taken if isinstance(r, PublicIp))
    assert any(r.peer_id for r in taken if isinstance(r, RemotePeeringConnection))


def test_a_copy_of_it_shows_no_difference(world: World) -> None:
    copy = loaded(records_of(shown(world), REGION))

    assert differences(world, copy) == ()


def test_every_kind_is_carried_or_named_as_left_out() -> None:
    assert set(TAKEN) | set(LEFT_OUT) == set(KINDS)
    assert not set(TAKEN) & set(LEFT_OUT)
    assert all(LEFT_OUT.values())
