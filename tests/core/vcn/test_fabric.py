"""The wanted fabric: a place for each thing that is there, and for nothing else."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface

import pytest
from builders_vcn import Cloud, a_mac, a_world, an_id

from mooring.core.linux.plan import (
    Address,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.fabric import SERVER, Fabric, wanted
from mooring.core.vcn.packets.names import (
    internet_space,
    node_space,
    outside_name,
    port_name,
    table_number,
    vcn_space,
)
from mooring.core.vcn.packets.router import Router, block_of, router

NAME = "lab"
A = an_id("vnic", "a")


def fabric(cloud: Cloud) -> Fabric:
    return wanted(cloud.world, NAME)


def facts(cloud: Cloud) -> tuple[Fact, ...]:
    return fabric(cloud).facts[space(cloud)]


def space(cloud: Cloud) -> str:
    return vcn_space(NAME, cloud.vcn_id)


def seen(cloud: Cloud) -> Router:
    vcn = cloud.world.find(Vcn, cloud.vcn_id)
    assert vcn is not None
    return router(cloud.world, vcn)


def ports(cloud: Cloud) -> list[str]:
    return [f.near.name for f in facts(cloud) if isinstance(f, Veth)]


def test_every_thing_has_its_namespace() -> None:
    cloud = a_world()
    other = cloud.vcn("other", "10.1.0.0/16")
    nodes = [node_space(NAME, an_id("instance", name)) for name in "abc"]

    assert set(fabric(cloud).spaces) == {
        internet_space(NAME),
        vcn_space(NAME, an_id("vcn", "net")),
        vcn_space(NAME, other),
        *nodes,
    }


def test_a_vnic_is_a_pair_with_its_mac_and_the_routers() -> None:
    cloud = a_world()
    pair = next(f for f in facts(cloud) if isinstance(f, Veth) and f.near.alias == A)

    assert (pair.near.mac, pair.far.mac) == (
        a_mac("router one").replace("02:00", "00:00", 1),
        a_mac("a"),
    )
    assert (pair.far.space, pair.far.name, pair.far.mtu) == (
        node_space(NAME, an_id("instance", "a")),
        "ens3",
        9000,
    )


def test_every_private_ip_is_a_route_by_way_of_the_primary() -> None:
    cloud = a_world()
    cloud.ip(A, "10.0.1.64/28")
    routes = {
        f.destination: f.gateway
        for f in facts(cloud)
        if isinstance(f, Route) and f.link == port_name(A)
    }

    assert routes == {
        IPv4Network("10.0.1.5/32"): IPv4Address("10.0.1.5"),
        IPv4Network("10.0.1.64/28"): IPv4Address("10.0.1.5"),
    }


def test_the_router_never_asks_a_guest_for_its_mac() -> None:
    neighbours = [f for f in facts(a_world()) if isinstance(f, Neighbour)]

    assert (a_mac("a"), IPv4Address("10.0.1.5")) in {
        (n.mac, n.address) for n in neighbours
    }


def test_what_is_not_in_use_leads_nowhere() -> None:
    nowhere = {
        f.destination
        for f in facts(a_world())
        if isinstance(f, Route) and f.kind != "unicast"
    }

    assert nowhere == {IPv4Network("10.0.0.0/16"), IPv4Network("169.254.0.0/16")}


def test_the_router_has_an_address_in_each_block_and_the_metadata_ones() -> None:
    cloud = Cloud()
    cloud.subnet("wide", "10.0.1.0/24,10.0.8.0/24")
    addresses = {f.address for f in facts(cloud) if isinstance(f, Address)}

    assert addresses == {
        *(
            IPv4Interface(f"{a}/32")
            for a in ("10.0.1.1", "10.0.8.1", "169.254.169.254")
        ),
        IPv6Interface("fd00:c1::a9fe:a9fe/128"),
    }


@pytest.mark.parametrize(
    ("record", "state", "is_there"),
    [
        ("vnicattachment", "ATTACHING", False),
        ("vnicattachment", "ATTACHED", True),
        ("vnicattachment", "DETACHING", False),
        ("vnicattachment", "DETACHED", False),
        ("instance", "PROVISIONING", True),
        ("instance", "STOPPING", True),
        ("instance", "STARTING", False),
        ("instance", "STOPPED", False),
        ("instance", "TERMINATING", False),
    ],
)
def test_a_vnic_is_plugged_in_while_it_is_attached_and_powered(
    record: str, state: str, is_there: bool
) -> None:
    cloud = a_world()
    cloud.change(an_id(record, "a"), lifecycle_state=state)

    assert (port_name(A) in ports(cloud)) is is_there


@pytest.mark.parametrize(
    ("state", "is_there"),
    [("STOPPED", True), ("TERMINATING", True), ("TERMINATED", False)],
)
def test_a_node_stands_until_it_is_terminated(state: str, is_there: bool) -> None:
    cloud = a_world()
    cloud.change(an_id("instance", "a"), lifecycle_state=state)

    assert (
        node_space(NAME, an_id("instance", "a")) in fabric(cloud).spaces
    ) is is_there


def test_a_vnic_without_a_place_or_a_primary_address_is_no_port() -> None:
    cloud = a_world()
    cloud.world = cloud.world.drop(an_id("privateip", "10.0.1.5"))
    cloud.ip(A, "10.0.1.50")
    cloud.world = cloud.world.drop(an_id("vnicattachment", "b"))
    cloud.world = cloud.world.drop(an_id("instance", "c"))

    assert ports(cloud) == ["uplink"]


def test_the_first_boot_is_the_primarys_alone() -> None:
    cloud = a_world()
    second = cloud.vnic(
        "a2", an_id("subnet", "two"), "10.0.2.9", on=an_id("instance", "a"), slot=1
    )
    births = fabric(cloud).births[space(cloud)]
    node = node_space(NAME, an_id("instance", "a"))

    assert births[port_name(A)][1:] == (
        LinkUp(node, "lo"),
        LinkUp(node, "ens3"),
        Address(node, "ens3", IPv4Interface("10.0.1.5/24")),
        Route(node, IPv4Network("0.0.0.0/0"), "ens3", IPv4Address("10.0.1.1")),
    )
    assert births[port_name(second)] == (
        Sysctl(space(cloud), f"net/ipv4/neigh/{port_name(second)}/proxy_delay", "0"),
    )


def test_the_internet_knows_the_public_addresses() -> None:
    cloud = a_world()
    cloud.change(A, public_ip=IPv4Address("198.18.0.9"))
    cloud.internet()
    cloud.nat("nat", "198.18.0.1")
    outside = fabric(cloud).facts[internet_space(NAME)]
    routes = {f.destination: f.link for f in outside if isinstance(f, Route)}

    link = outside_name(cloud.vcn_id)
    assert routes == {
        IPv4Network("198.18.0.1/32"): link,
        IPv4Network("198.18.0.9/32"): link,
    }
    assert Address(internet_space(NAME), "lo", IPv4Interface(f"{SERVER}/32")) in outside


def test_a_vnic_that_forwards_has_a_table_and_a_rule() -> None:
    cloud = a_world()
    cloud.table("none", ("0.0.0.0/0", an_id("privateip", "10.0.2.7")))
    cloud.change(an_id("vnic", "c"), skip_source_dest_check=True)
    hop = seen(cloud).hops()[0]
    rules = [f for f in facts(cloud) if isinstance(f, Rule)]

    number = table_number(hop.vnic.id)
    assert [(r.family, r.mark, r.table) for r in rules] == [
        (4, number, number),
        (6, number, number),
    ]
    assert 1 << 16 <= number < 1 << 31


def test_most_fabrics_have_no_policy_rule() -> None:
    assert not [f for f in facts(a_world()) if isinstance(f, Rule)]


def test_an_address_of_no_block_is_refused() -> None:
    port = seen(a_world()).ports[0]

    with pytest.raises(ValueError, match="no block"):
        block_of(port.subnet, IPv4Address("10.9.9.9"))
