"""A VCN as its router sees it: what both judges start from."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from builders_gateways import attach, ipv6, labels, prefixes, table
from builders_vcn import Cloud, a_world, an_id
from builders_wide import (
    B6,
    DRG,
    FACE,
    FAR,
    FAR_LPG,
    IGW,
    NAT_GW,
    NEAR,
    NEAR6,
    NEAR_DRG,
    NEAR_LPG,
    SGW,
    A,
    B,
    C,
    a_wide_world,
    near_routes,
)

from mooring.core.vcn.model import Subnet, Vcn
from mooring.core.vcn.packets.router import (
    Closed,
    Drg,
    Hop,
    Internet,
    Nat,
    Peer,
    Router,
    Services,
    link_local,
    router,
)


def seen(cloud: Cloud) -> Router:
    vcn = cloud.world.find(Vcn, cloud.vcn_id)
    assert vcn is not None
    return router(cloud.world, vcn)


def test_routes_are_ways_by_family() -> None:
    cloud = a_wide_world()
    cloud.change(C, skip_source_dest_check=True)
    near_routes(cloud, ("172.16.0.0/12", an_id("privateip", "10.0.2.7")))
    found = seen(cloud)
    port = found.port_of(C)
    assert port is not None

    assert found.routes[an_id("routetable", "near")] == (
        (IPv4Network("172.16.0.0/12"), Hop(port)),
        (IPv4Network("0.0.0.0/0"), Nat(IPv4Address(FACE))),
        (IPv4Network("198.19.0.0/16"), Services(SGW)),
        (IPv4Network("10.1.0.0/16"), Peer(NEAR_LPG, FAR, FAR_LPG)),
        (IPv4Network("192.168.0.0/16"), Drg(NEAR_DRG)),
    )
    assert found.routes6[an_id("routetable", "near")] == (
        (IPv6Network("::/0"), Internet()),
        (IPv6Network("2001:db8:4000:100::/56"), Peer(NEAR_LPG, FAR, FAR_LPG)),
        (IPv6Network("2001:db8:a::/48"), Drg(NEAR_DRG)),
    )


def test_gates_are_what_is_open() -> None:
    cloud = a_wide_world()
    assert set(seen(cloud).gates) == {NEAR_LPG, NEAR_DRG, SGW}
    cloud.change(SGW, block_traffic=True)
    cloud.change(NEAR_LPG, peering_status="REVOKED")
    cloud.change(NEAR_DRG, lifecycle_state="DETACHING")

    assert seen(cloud).gates == {}


def test_a_gate_has_the_ways_of_its_own_table() -> None:
    cloud = a_wide_world()
    everything = labels(cloud)[0]
    rules = (everything, SGW), ("::/0", IGW), ("0.0.0.0/0", NAT_GW)
    cloud.change(NEAR_DRG, route_table_id=table(cloud, "in", *rules))
    gate = seen(cloud).gates[NEAR_DRG]
    shut = Closed("what comes in by a gateway does not leave for the internet")

    assert gate.way == Drg(NEAR_DRG)
    assert [way for _, way in gate.routes] == [Services(SGW), shut]
    assert [way for _, way in gate.routes6] == [shut]


def test_hops_stand_in_any_table_of_any_family() -> None:
    cloud = a_wide_world()
    for vnic in (A, B, C):
        cloud.change(vnic, skip_source_dest_check=True)
    near_routes(cloud, ("172.16.0.0/12", an_id("privateip", "10.0.2.7")))
    table(cloud, "six", ("2001:db8:b::/48", an_id("ipv6", B6)))
    ingress = table(cloud, "in", ("172.16.0.0/12", an_id("privateip", "10.0.1.5")))
    cloud.change(NEAR_DRG, route_table_id=ingress)

    assert {port.vnic.id for port in seen(cloud).hops()} == {A, B, C}


def test_an_attachment_of_former_days_is_not_asked() -> None:
    cloud = a_wide_world()
    cloud.change(NEAR_DRG, lifecycle_state="DETACHED")
    before = seen(cloud).way(an_id("routetable", "near"), ip_address("192.168.0.9"))
    again = attach(cloud, DRG, NEAR, "again")
    after = seen(cloud).way(an_id("routetable", "near"), ip_address("192.168.0.9"))

    assert before == Closed("DRG attachment near is DETACHED")
    assert after == Drg(again)


# -- ports


def test_a_port_has_both_families_and_the_tables_of_its_addresses() -> None:
    cloud = a_wide_world()
    other = table(cloud, "other")
    ipv6(cloud, A, "2001:db8:4000::1:0:0:0/80", other)
    port = seen(cloud).port_of(A)
    assert port is not None
    block = IPv6Network("2001:db8:4000::1:0:0:0/80")

    assert port.blocks == (IPv4Network("10.0.1.5/32"),)
    assert port.blocks6 == (IPv6Network("2001:db8:4000::a/128"), block)
    assert port.tables == ((block, other),)
    assert port.table_for(block[7]) == other
    assert port.table_for(port.primary) == an_id("routetable", "near")


def test_without_a_single_address_a_port_has_no_primary_one() -> None:
    cloud = a_world()
    prefixes(cloud, {"one": "2001:db8:4000::/64"})
    ipv6(cloud, A, "2001:db8:4000::1:0:0:0/80")
    port = seen(cloud).port_of(A)
    assert port is not None

    assert port.primary6 is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.1.5", "a"),
        ("10.0.1.64", "b"),
        ("10.0.1.79", "b"),
        ("10.0.1.80", None),
        ("2001:db8:4000::b", "b"),
        ("2001:db8:4000::1:0:0:9", "b"),
        ("2001:db8:4000::2:0:0:9", None),
        ("::a00:105", None),
        ("10.1.1.5", None),
    ],
)
def test_an_address_is_at_one_port(address: str, name: str | None) -> None:
    cloud = a_wide_world()
    cloud.ip(B, "10.0.1.64/28")
    ipv6(cloud, B, "2001:db8:4000::1:0:0:0/80")
    found = seen(cloud).port_at(ip_address(address))

    assert (found and found.vnic.display_name) == name


def test_a_change_makes_only_the_ports_that_it_touches_again() -> None:
    cloud = a_wide_world()
    before = seen(cloud)
    assert seen(cloud) == before
    cloud.ip(B, "10.0.1.77")
    after = seen(cloud)

    same = [one is two for one, two in zip(before.ports, after.ports, strict=True)]
    assert sorted(same) == [False, True, True]
    assert after != before


def test_a_port_that_reads_as_before_stays_the_same_object() -> None:
    cloud = a_wide_world()
    before = seen(cloud)
    extra = cloud.ip(B, "10.0.1.77")
    assert seen(cloud) != before
    cloud.world = cloud.world.drop(extra)
    after = seen(cloud)

    assert after == before


def test_a_record_that_changed_in_its_place_makes_its_port_again() -> None:
    cloud = a_wide_world()
    before = seen(cloud)
    cloud.change(B, skip_source_dest_check=True)
    after = seen(cloud)

    same = [one is two for one, two in zip(before.ports, after.ports, strict=True)]
    assert sorted(same) == [False, True, True]


def test_a_vnic_that_is_unplugged_has_no_port_until_it_is_plugged_in() -> None:
    cloud = a_wide_world()
    before = seen(cloud)
    attached = cloud.world
    cloud.unplug("b")
    assert seen(cloud).port_of(B) is None
    assert seen(cloud).port_of(B) is None
    cloud.world = attached

    assert seen(cloud) == before


# -- the internet


def test_the_internet_may_begin_only_where_subnets_let_it() -> None:
    cloud = a_wide_world()
    cloud.change(an_id("subnet", "two"), prohibit_internet_ingress=True)
    found = seen(cloud)

    assert found.global6 == (IPv6Network(NEAR6),)
    assert found.receiving6 == (IPv6Network("2001:db8:4000::/64"),)


def test_private_prefixes_are_not_the_internets() -> None:
    cloud = a_wide_world()
    prefixes(cloud, {"one": "fd12::/64"}, NEAR6)
    found = seen(cloud)

    assert found.inside(ip_address("fd12::1"))
    assert IPv6Network("fd12::/64") not in found.receiving6
    assert not found.is_public(ip_address("fd12::1"))


def test_without_an_open_gateway_nothing_is_public() -> None:
    cloud = a_wide_world()
    cloud.change(A, public_ip=IPv4Address("198.18.0.10"))
    is_open = seen(cloud).is_public(IPv4Address("198.18.0.10"))
    cloud.internet(enabled=False)
    found = seen(cloud)

    assert is_open
    assert (found.global6, found.behind, found.published) == ((), {}, {})
    assert found.is_public(IPv4Address(FACE))


def test_a_routers_address_on_a_link_is_made_of_its_mac() -> None:
    cloud = a_wide_world()
    subnet = cloud.world.find(Subnet, an_id("subnet", "one"))
    assert subnet is not None

    assert link_local("02:00:17:01:02:03") == IPv6Address("fe80::17ff:fe01:203")
    assert link_local(subnet.virtual_router_mac) == subnet.ipv6_router
    assert cloud.vcn_id == NEAR
