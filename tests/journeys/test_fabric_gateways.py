"""Real programs' packets through gateways: services, peers, DRGs, premises."""

from collections.abc import Iterator

import pytest
from builders_gateways import (
    attach,
    circuit,
    drg,
    drg_table,
    labels,
    peering,
    remote_peering,
    second_tunnel,
    service_gateway,
    table,
    tunnel,
)
from builders_vcn import OPEN, Cloud, allow, an_id
from fabric_field import Field, a_field
from fabric_guests import Served, at, hears, misses, pings, served, silent, who

from mooring.core.vcn.packets import names

A, B, D = (an_id("vnic", name) for name in "abd")
SERVICES, SITE, TUNNEL, REMOTE = (
    "198.19.16.10",
    "192.168.7.1",
    "172.16.5.1",
    "192.168.99.1",
)


def a_cloud() -> Cloud:
    """Two peered VCNs on one DRG with premises behind a circuit and a tunnel; another DRG far away."""
    cloud = Cloud("10.0.0.0/16", "one")
    one = cloud.vcn_id
    two = cloud.vcn("two", "10.1.0.0/16")
    gateway = drg(cloud)
    far = drg(cloud, "far")
    peering(cloud, (one, "lpg-one"), (two, "lpg-two"))
    attach(cloud, gateway, one, "att-one")
    attach(cloud, gateway, two, "att-two")
    circuit(cloud, gateway, "site", "192.168.7.0/24")
    tunnel(cloud, gateway, "tunnel", "172.16.5.0/24")
    circuit(cloud, far, "remote", "192.168.99.0/24")
    remote_peering(cloud, gateway, far)
    for vcn, name, peer, block in (
        (one, "one", "two", "10.0.1.0/24"),
        (two, "two", "one", "10.1.1.0/24"),
    ):
        cloud.vcn_id = vcn
        book = cloud.security_list(f"open-{name}", *OPEN)
        every, _ = labels(cloud)
        routes = table(
            cloud,
            f"out-{name}",
            (
                f"10.{'1' if peer == 'two' else '0'}.0.0/16",
                an_id("localpeeringgateway", f"lpg-{name}"),
            ),
            ("192.168.0.0/16", gateway),
            ("172.16.0.0/12", gateway),
            (every, service_gateway(cloud, f"sgw-{name}")),
        )
        cloud.subnet(name, block, (book,), routes)
    cloud.vcn_id = one
    cloud.vnic("a", an_id("subnet", "one"), "10.0.1.5")
    cloud.vcn_id = two
    cloud.vnic("b", an_id("subnet", "two"), "10.1.1.6")
    cloud.vcn_id = one
    return cloud


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    with a_field(a_cloud()) as made:
        yield made


@pytest.fixture(scope="module")
def servers(field: Field) -> Iterator[Served]:
    with served(field) as made:
        yield made


@pytest.fixture(autouse=True)
def as_it_was(field: Field, servers: Served) -> Iterator[None]:
    world, vcn_id = field.cloud.world, field.cloud.vcn_id
    yield
    field.cloud.world, field.cloud.vcn_id = world, vcn_id
    field.weave()
    at(field.router, "conntrack -F")
    servers.follow()


def site(field: Field, name: str = "site") -> str:
    return names.site_space(field.name, an_id("drgattachment", name))


def test_services_see_the_private_address(field: Field) -> None:
    assert who(field, field.node(A), SERVICES) == "10.0.1.5"
    assert who(field, field.node(B), SERVICES) == "10.1.1.6"


def test_a_service_gateway_that_blocks_is_shut(field: Field) -> None:
    before = hears(field, field.node(A), SERVICES)
    service_gateway(field.cloud, "sgw-one", blocked=True)
    field.weave()
    shut = misses(field, field.node(A), SERVICES)
    service_gateway(field.cloud, "sgw-one")
    field.weave()

    assert (before, shut) == (True, True)
    assert hears(field, field.node(A), SERVICES)


def test_a_service_gateway_lets_nobody_in(field: Field) -> None:
    space = names.services_space(field.name, an_id("servicegateway", "sgw-one"))

    assert hears(field, field.node(A), SERVICES)
    assert silent(space, "10.0.1.5")


def test_peers_talk_until_the_route_goes(field: Field) -> None:
    assert pings(field.node(A), "10.1.1.6")
    assert pings(field.node(B), "10.0.1.5")
    field.cloud.table("out-one")
    field.weave()

    assert silent(field.node(A), "10.1.1.6")
    assert silent(field.node(B), "10.0.1.5")


def test_a_rule_of_the_receiver_stands_between_peers(field: Field) -> None:
    field.cloud.vcn_id = an_id("vcn", "two")
    field.cloud.security_list("open-two", allow("egress"))
    field.weave()

    assert silent(field.node(A), "10.1.1.6")
    assert pings(field.node(B), "10.0.1.5")


def test_a_peering_that_ends_takes_its_link(field: Field) -> None:
    field.cloud.change(
        an_id("localpeeringgateway", "lpg-two"), peering_status="REVOKED", peer_id=None
    )
    field.weave()

    assert silent(field.node(A), "10.1.1.6")
    assert names.gate_name(an_id("localpeeringgateway", "lpg-one")) not in at(
        field.router, "ip -o link"
    )


def test_premises_answer_and_are_answered(field: Field) -> None:
    assert who(field, field.node(A), SITE) == "10.0.1.5"
    assert who(field, field.node(B), TUNNEL) == "10.1.1.6"
    assert pings(site(field), "10.0.1.5", f"-I {SITE}")


def test_premises_have_one_place_behind_both_tunnels(field: Field) -> None:
    """The second one carries when the first is shut, and says the same."""
    first, space = an_id("drgattachment", "tunnel"), site(field, "tunnel")
    second_tunnel(field.cloud, an_id("drg", "drg"), "tunnel")
    field.weave()
    seen = at(space, "ip -br link")
    both = pings(field.node(A), TUNNEL)
    field.cloud.change(first, lifecycle_state="DETACHED")
    field.weave()

    assert seen.count("@") == 2
    assert both
    assert pings(field.node(A), TUNNEL)
    assert pings(space, "10.0.1.5", f"-I {TUNNEL}")


def test_premises_reach_each_other_only_by_a_route(field: Field) -> None:
    """A DRG tells premises nothing of other premises, but its table routes all it knows."""
    assert pings(site(field), TUNNEL)
    id = field.cloud.world.get(an_id("drgattachment", "site"))
    assert id is not None
    apart = drg_table(field.cloud, "apart", an_id("drg", "drg"))
    field.cloud.change(an_id("drgattachment", "site"), drg_route_table_id=apart)
    field.weave()

    assert silent(site(field), TUNNEL)


def test_two_drgs_join_by_remote_peering(field: Field) -> None:
    assert who(field, field.node(A), REMOTE) == "10.0.1.5"
    field.cloud.change(
        an_id("remotepeeringconnection", "rpc-two"), peering_status="REVOKED"
    )
    field.cloud.change(
        an_id("remotepeeringconnection", "rpc-one"), peering_status="REVOKED"
    )
    field.weave()

    assert misses(field, field.node(A), REMOTE)


def test_a_static_route_of_a_drg_leads_elsewhere(field: Field) -> None:
    table = drg_table(
        field.cloud,
        "mine",
        an_id("drg", "drg"),
        ("192.168.7.0/24", an_id("drgattachment", "tunnel")),
        learns=False,
    )
    field.cloud.change(an_id("drgattachment", "att-one"), drg_route_table_id=table)
    field.weave()

    assert misses(field, field.node(A), SITE)
    assert hears(field, field.node(B), SITE)


def test_a_detached_vcn_is_cut_off(field: Field) -> None:
    field.cloud.change(an_id("drgattachment", "att-one"), lifecycle_state="DETACHED")
    field.weave()

    assert misses(field, field.node(A), SITE)
    assert hears(field, field.node(B), SITE)


def test_jumbo_packets_reach_peers_and_private_lines_but_not_tunnels(
    field: Field,
) -> None:
    whole = "-Mdo -s8972"

    assert pings(field.node(A), "10.1.1.6", whole)
    assert pings(field.node(A), SITE, whole)
    refused = at(field.node(A), f"ping -nc1 -W60 -Mdo -s1473 {TUNNEL}", check=False)
    assert "mtu = 1500" in refused
    assert pings(field.node(A), TUNNEL, "-Mdo -s1472")


def test_fragments_pass_everywhere(field: Field) -> None:
    for target in ("10.1.1.6", SITE, TUNNEL, SERVICES):
        assert pings(field.node(A), target, "-s20000"), target


def test_an_address_with_a_table_of_its_own_goes_another_way(field: Field) -> None:
    cloud = field.cloud
    own = table(cloud, "own", ("192.168.0.0/16", an_id("drg", "drg")))
    address = cloud.ip(A, "10.0.1.70")
    cloud.change(address, route_table_id=own)
    table(cloud, "out-one", ("172.16.0.0/12", an_id("drg", "drg")))
    field.weave()
    at(field.node(A), "ip addr add 10.0.1.70/24 dev ens3")
    ways = {"10.0.1.5": (TUNNEL, SITE), "10.0.1.70": (SITE, TUNNEL)}
    found = {
        source: (
            pings(field.node(A), led, f"-I {source}"),
            silent(field.node(A), other, f"-I {source}"),
        )
        for source, (led, other) in ways.items()
    }
    at(field.node(A), "ip addr del 10.0.1.70/24 dev ens3")

    assert found == dict.fromkeys(ways, (True, True))


def test_what_comes_from_a_drg_may_be_led_through_a_firewall(field: Field) -> None:
    """VCN two reaches premises by VCN one: its attachment's own table leads to a VNIC there."""
    cloud = field.cloud
    cloud.change(A, skip_source_dest_check=True)
    wall = table(cloud, "wall", ("172.16.0.0/12", an_id("privateip", "10.0.1.5")))
    cloud.change(an_id("drgattachment", "att-one"), route_table_id=wall)
    through = drg_table(
        cloud,
        "through",
        an_id("drg", "drg"),
        ("172.16.0.0/12", an_id("drgattachment", "att-one")),
    )
    cloud.change(an_id("drgattachment", "att-two"), drg_route_table_id=through)
    at(field.node(A), "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0")
    field.weave()
    seen = who(field, field.node(B), TUNNEL)
    at(field.node(A), "sysctl -qw net.ipv4.ip_forward=0")
    alone = silent(field.node(B), TUNNEL)

    assert (seen, alone) == ("10.1.1.6", True)


def test_nobody_pretends_to_be_inside(field: Field) -> None:
    at(site(field), "ip addr add 10.0.1.99/32 dev lo")
    unheard = silent(site(field), "10.0.1.5", "-I 10.0.1.99")
    at(site(field), "ip addr del 10.0.1.99/32 dev lo")

    assert unheard


def test_a_new_look_changes_nothing(field: Field) -> None:
    before = at(field.router, "nft -s list ruleset; ip route show table all; ip rule")
    field.weave(look=True)

    assert before == at(
        field.router, "nft -s list ruleset; ip route show table all; ip rule"
    )


SPACES = {
    "a DRG": names.drg_space("NAME", an_id("drg", "drg")),
    "premises": names.site_space("NAME", an_id("drgattachment", "site")),
    "services": names.services_space("NAME", an_id("servicegateway", "sgw-one")),
    "a peer": names.vcn_space("NAME", an_id("vcn", "two")),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_a_namespace_that_is_gone_is_made_again(
    field: Field, servers: Served, space: str
) -> None:
    """Though servers of ours are still in it: it has lost its name."""
    field.tools.namespaces.delete(space.replace("NAME", field.name))
    field.weave(look=True)
    servers.follow()

    assert who(field, field.node(A), SITE) == "10.0.1.5"
    assert who(field, field.node(A), SERVICES) == "10.0.1.5"
    assert pings(field.node(A), "10.1.1.6")


DAMAGE = [
    "ip link del uplink",
    "ip route flush table main",
    "ip addr flush dev lo scope global",
    "ip neigh flush nud permanent",
    "for b in $(ip -o link | grep -o '\\bb[0-9a-f]\\{10\\}'); do ip link del $b; done",
    "nft flush ruleset",
    "ip rule del pref 1000",
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("where", ["a DRG", "premises"])
def test_damage_beside_a_vcn_is_repaired(
    field: Field, servers: Served, where: str, damage: str
) -> None:
    at(SPACES[where].replace("NAME", field.name), damage, check=False)
    field.weave(look=True)

    assert who(field, field.node(A), SITE) == "10.0.1.5"
    assert pings(field.node(A), TUNNEL)


def test_a_fabric_leaves_nothing() -> None:
    with a_field(a_cloud()) as field:
        made = set(field.tools.namespaces.names())
        mine = {space for space in made if names.is_space_of(field.name, space)}

    assert len(mine) == 1 + 2 + 2 + 2 + 3 + 2
    assert mine & set(field.tools.namespaces.names()) == set()
