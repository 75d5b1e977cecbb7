"""The wanted fabric beside the VCNs: gateways' links, DRGs, premises, services."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    ip_address,
)

import pytest
from builders_gateways import (
    attach,
    circuit,
    drg,
    drg_table,
    ipv6,
    peering,
    prefixes,
    remote_peering,
    second_tunnel,
    service_gateway,
    tunnel,
)
from builders_vcn import Cloud, a_world, an_id

from mooring.core.linux.plan import Address, End, Fact, Neighbour, Route, Rule, Veth
from mooring.core.vcn.model import DrgAttachment
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric import Fabric, hosts, wanted
from mooring.core.vcn.packets.fabric_drg import first_usable
from mooring.core.vcn.packets.router import link_local

NAME = "lab"
HUB = names.drg_space(NAME, an_id("drg", "drg"))
A = an_id("vnic", "a")


def fabric(cloud: Cloud) -> Fabric:
    return wanted(cloud.world, NAME)


def facts(cloud: Cloud, space: str) -> tuple[Fact, ...]:
    return fabric(cloud).facts[space]


def veths(cloud: Cloud, space: str) -> list[tuple[End, End]]:
    return [(f.near, f.far) for f in facts(cloud, space) if isinstance(f, Veth)]


def routes(cloud: Cloud, space: str, table: int = 254) -> dict[str, str | None]:
    found = (f for f in facts(cloud, space) if isinstance(f, Route))
    return {str(f.destination): f.link for f in found if f.table == table}


def site(name: str) -> str:
    return names.site_space(NAME, an_id("drgattachment", name))


def a_hub() -> Cloud:
    """A VCN at a DRG with premises."""
    cloud = a_world()
    hub = drg(cloud)
    attach(cloud, hub, cloud.vcn_id, "att")
    circuit(cloud, hub, "site", "192.168.7.0/24", "2001:db8:7::/64", "192.0.2.9/32")
    return cloud


# -- links


def test_a_link_is_wanted_in_both_its_namespaces_and_once() -> None:
    cloud = a_world()
    mine = cloud.vcn_id
    other = cloud.vcn("other", "10.1.0.0/16")
    peering(cloud, (mine, "lpg"), (other, "lpg-other"))
    one, two = names.vcn_space(NAME, mine), names.vcn_space(NAME, other)
    shared = [v for v in veths(cloud, one) if v in veths(cloud, two)]

    assert [{near.space, far.space} for near, far in shared] == [{one, two}]
    assert {e.mtu for pair in shared for e in pair} == {9000}


def test_each_end_knows_the_other_by_a_next_hop() -> None:
    cloud = a_hub()
    (near, far), *_ = veths(cloud, site("site"))
    known = {
        (f.space, str(f.address)): f.mac
        for space in (HUB, site("site"))
        for f in facts(cloud, space)
        if isinstance(f, Neighbour) and f.link in {near.name, far.name}
    }

    assert known == {
        (HUB, "169.254.0.2"): far.mac,
        (HUB, "fe80::2"): far.mac,
        (site("site"), "169.254.0.1"): near.mac,
        (site("site"), "fe80::1"): near.mac,
    }


@pytest.mark.parametrize("state", ["ATTACHING", "DETACHING", "DETACHED"])
def test_only_what_is_attached_is_linked(state: str) -> None:
    cloud = a_hub()
    for name in ("att", "site"):
        cloud.change(an_id("drgattachment", name), lifecycle_state=state)

    assert veths(cloud, HUB) == []
    assert site("site") not in fabric(cloud).spaces


def test_a_peering_of_drgs_is_one_link() -> None:
    cloud = a_hub()
    far = drg(cloud, "far")
    remote_peering(cloud, an_id("drg", "drg"), far)
    there = names.drg_space(NAME, far)
    (pair,) = [v for v in veths(cloud, HUB) if v in veths(cloud, there)]

    assert {end.space for end in pair} == {HUB, there}


def test_a_drg_that_is_its_own_peer_has_no_link() -> None:
    cloud = a_hub()
    before = veths(cloud, HUB)
    remote_peering(cloud, an_id("drg", "drg"), an_id("drg", "drg"))

    assert veths(cloud, HUB) == before


def test_a_remote_peering_without_a_peer_has_no_link() -> None:
    cloud = a_hub()
    before = veths(cloud, HUB)
    remote_peering(cloud, an_id("drg", "drg"), drg(cloud, "far"))
    cloud.change(an_id("remotepeeringconnection", "rpc-one"), peering_status="REVOKED")

    assert veths(cloud, HUB) == before


# -- DRGs


def test_what_comes_in_asks_the_attachments_table() -> None:
    cloud = a_hub()
    own = drg_table(cloud, "own", an_id("drg", "drg"))
    cloud.change(an_id("drgattachment", "site"), drg_route_table_id=own)
    (marks,) = fabric(cloud).tables[HUB].sets
    general = names.table_number(an_id("drgroutetable", "drg"))

    assert set(marks.elements) == {
        f'"{names.branch_name(an_id("drgattachment", "att"))}" : {general:#010x}',
        f'"{names.branch_name(an_id("drgattachment", "site"))}" : {names.table_number(own):#010x}',
    }
    rules = {(f.family, f.mark) for f in facts(cloud, HUB) if isinstance(f, Rule)}
    assert rules == {
        (family, names.table_number(table))
        for family in (4, 6)
        for table in (own, an_id("drgroutetable", "drg"))
    }


def test_a_drgs_table_is_a_table_of_the_kernels_and_what_is_in_none_vanishes() -> None:
    cloud = a_hub()
    number = names.table_number(an_id("drgroutetable", "drg"))
    out = names.branch_name(an_id("drgattachment", "site"))

    assert routes(cloud, HUB, number) == {
        "0.0.0.0/0": None,
        "::/0": None,
        "10.0.0.0/16": names.branch_name(an_id("drgattachment", "att")),
        "192.168.7.0/24": out,
        "2001:db8:7::/64": out,
        "192.0.2.9/32": out,
    }


def test_a_static_default_route_takes_the_place_of_nowhere() -> None:
    cloud = a_hub()
    hub, next_ = an_id("drg", "drg"), an_id("drgattachment", "site")
    drg_table(cloud, "drg", hub, ("0.0.0.0/0", next_), ("10.9.0.0/16", "gone"))
    number = names.table_number(an_id("drgroutetable", "drg"))

    assert routes(cloud, HUB, number) == {
        "0.0.0.0/0": names.branch_name(next_),
        "::/0": None,
        "10.9.0.0/16": None,
    }


def test_a_table_that_is_gone_routes_nothing() -> None:
    cloud = a_hub()
    for name in ("att", "site"):
        cloud.change(an_id("drgattachment", name), drg_route_table_id="gone")

    assert routes(cloud, HUB) == {}


# -- premises and services


def test_premises_have_the_first_address_of_each_network() -> None:
    cloud = a_hub()
    addresses = [f for f in facts(cloud, site("site")) if isinstance(f, Address)]

    assert [str(f.address) for f in addresses] == [
        "192.168.7.1/32",
        "2001:db8:7::1/128",
        "192.0.2.9/32",
    ]
    assert routes(cloud, site("site")) == {"0.0.0.0/0": "uplink", "::/0": "uplink"}


def test_two_tunnels_lead_to_the_same_premises() -> None:
    cloud = a_world()
    first = tunnel(cloud, drg(cloud), "pair", "192.168.7.0/24")
    second = second_tunnel(cloud, an_id("drg", "drg"), "pair")
    spare = names.gate_name(second)
    both = wanted(cloud.world, NAME).spaces

    assert [s for s in both if "-site-" in s] == [site("pair")]
    assert len(veths(cloud, site("pair"))) == 2
    assert routes(cloud, site("pair"))["0.0.0.0/0"] == "uplink"
    cloud.change(first, lifecycle_state="DETACHED")
    assert routes(cloud, site("pair"))["0.0.0.0/0"] == spare
    assert [s for s in wanted(cloud.world, NAME).spaces if "-site-" in s] == [
        site("pair")
    ]


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("192.0.2.0/30", "192.0.2.1"),
        ("192.0.2.8/31", "192.0.2.8"),
        ("192.0.2.9/32", "192.0.2.9"),
    ],
)
def test_where_there_are_two_addresses_all_are_usable(
    network: str, address: str
) -> None:
    assert first_usable(IPv4Network(network)) == ip_address(address)


def test_a_tunnel_carries_less_than_a_line() -> None:
    cloud = a_hub()
    tunnel(cloud, an_id("drg", "drg"), "tunnel", "172.16.0.0/12")

    assert [near.mtu for near, _ in veths(cloud, site("tunnel"))] == [1500]
    assert [near.mtu for near, _ in veths(cloud, site("site"))] == [9000]


def test_each_service_gateway_has_a_services_network_of_its_own() -> None:
    cloud = a_world()
    gateway = service_gateway(cloud)
    space = names.services_space(NAME, gateway)
    addresses = {f.address for f in facts(cloud, space) if isinstance(f, Address)}

    assert addresses == {
        IPv4Interface("198.19.16.10/32"),
        IPv4Interface("198.19.0.2/32"),
    }
    assert routes(cloud, space) == {"10.0.0.0/16": "uplink"}


def test_a_shut_service_gateway_keeps_its_services_without_a_link() -> None:
    cloud = a_world()
    gateway = service_gateway(cloud, blocked=True)

    assert veths(cloud, names.services_space(NAME, gateway)) == []


def test_a_service_gateway_of_no_vcn_is_alone() -> None:
    cloud = a_world()
    gateway = service_gateway(cloud)
    cloud.change(gateway, vcn_id="ocid1.vcn.gone")

    assert veths(cloud, names.services_space(NAME, gateway)) == []


def test_somebody_answers_everywhere() -> None:
    cloud = a_hub()
    gateway = service_gateway(cloud)
    found = {
        s: [str(a) for a in every] for s, every in hosts(cloud.world, NAME).items()
    }

    assert found == {
        names.internet_space(NAME): [
            "198.51.100.10",
            "2001:db8:ffff::10",
            "198.19.16.10",
        ],
        names.services_space(NAME, gateway): ["198.19.16.10"],
        site("site"): ["192.168.7.1", "2001:db8:7::1", "192.0.2.9"],
    }


def test_an_attachment_that_is_gone_has_no_link() -> None:
    cloud = a_hub()
    cloud.world = cloud.world.drop(an_id("drgattachment", "att"))

    assert not any(
        isinstance(a, DrgAttachment) and a.display_name == "att"
        for a in cloud.world.of(DrgAttachment)
    )
    assert "gb2180755a7" not in {near.name for near, _ in veths(cloud, HUB)}


# -- IPv6 in a router


def a_dual() -> Cloud:
    cloud = a_world()
    prefixes(cloud, {"one": "2001:db8:4000::/64", "two": "fd00:1::/64"})
    ipv6(cloud, A, "2001:db8:4000::8000:0/112")
    ipv6(cloud, A, "2001:db8:4000::a")
    return cloud


def test_a_port_has_the_routers_link_local_address_and_knows_the_guests() -> None:
    cloud = a_dual()
    space, port = names.vcn_space(NAME, cloud.vcn_id), names.port_name(A)
    guest = link_local(cloud.get(A).mac_address)
    subnet = cloud.world.get(an_id("subnet", "one"))
    found = [f for f in facts(cloud, space) if getattr(f, "link", "") == port]
    six = [f for f in found if "2001:" in str(f) or "fe80" in str(f)]

    assert Address(space, port, IPv6Interface((subnet.ipv6_router, 128))) in six
    assert Neighbour(space, port, guest, cloud.get(A).mac_address) in six
    assert {str(f.destination): f.gateway for f in six if isinstance(f, Route)} == {
        f"{guest}/128": None,
        "2001:db8:4000::8000:0/112": guest,
        "2001:db8:4000::a/128": guest,
    }


def test_a_subnet_without_prefixes_speaks_no_ipv6() -> None:
    cloud = a_world()
    space, port = names.vcn_space(NAME, cloud.vcn_id), names.port_name(A)
    found = [f for f in facts(cloud, space) if getattr(f, "link", "") == port]

    assert not [f for f in found if "IPv6" in str(f)]


def test_prefixes_that_are_not_in_use_lead_nowhere() -> None:
    cloud = a_dual()
    space = names.vcn_space(NAME, cloud.vcn_id)
    nowhere = {
        str(f.destination)
        for f in facts(cloud, space)
        if isinstance(f, Route) and f.kind == "blackhole"
    }

    assert nowhere == {
        "10.0.0.0/16",
        "169.254.0.0/16",
        "2001:db8:4000::/56",
        "fd00:1::/64",
    }


def test_the_internet_knows_oracles_prefixes_while_a_gateway_is_open() -> None:
    cloud = a_dual()
    internet = names.internet_space(NAME)
    shut = routes(cloud, internet)
    cloud.internet()

    assert "2001:db8:4000::/56" not in shut
    assert routes(cloud, internet)["2001:db8:4000::/56"] == names.outside_name(
        cloud.vcn_id
    )


def test_the_first_boot_takes_the_first_single_address() -> None:
    cloud = a_dual()
    births = fabric(cloud).births[names.vcn_space(NAME, cloud.vcn_id)]
    boot = births[names.port_name(A)]
    subnet = cloud.world.get(an_id("subnet", "one"))
    node = names.node_space(NAME, an_id("instance", "a"))

    assert Address(node, "ens3", IPv6Interface("2001:db8:4000::a/128")) in boot
    assert Route(node, IPv6Network("::/0"), "ens3", subnet.ipv6_router) in boot


def test_a_guest_without_an_ipv6_has_only_the_way_out() -> None:
    cloud = a_dual()
    births = fabric(cloud).births[names.vcn_space(NAME, cloud.vcn_id)]
    boot = births[names.port_name(an_id("vnic", "b"))]

    assert [str(f.address) for f in boot if isinstance(f, Address)] == ["10.0.1.6/24"]
    assert any(isinstance(f, Route) and f.destination.version == 6 for f in boot)


def test_a_vnic_that_forwards_takes_both_families() -> None:
    cloud = a_dual()
    target = ipv6(cloud, A, "2001:db8:4000::f")
    cloud.change(A, skip_source_dest_check=True)
    cloud.table("none", ("2001:db8:9::/48", target))
    space = names.vcn_space(NAME, cloud.vcn_id)
    number = names.table_number(A)

    assert routes(cloud, space, number) == {
        "0.0.0.0/0": names.port_name(A),
        "::/0": names.port_name(A),
    }
    assert IPv4Address("10.0.1.5") in {
        f.gateway for f in facts(cloud, space) if isinstance(f, Route)
    }
