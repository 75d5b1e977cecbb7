"""Real programs' IPv6 packets: neighbours, the internet, gateways, path MTU, metadata."""

import socket
import time
from collections.abc import Iterator
from ipaddress import IPv6Network

import pytest
from builders_gateways import (
    attach,
    circuit,
    drg,
    ipv6,
    peering,
    prefixes,
    table,
    tunnel,
)
from builders_vcn import OPEN, Cloud, allow, an_id
from fabric_field import Field, a_field
from fabric_guests import (
    IMPATIENCE,
    PATIENCE,
    Served,
    a_socket,
    at,
    hears,
    misses,
    pings,
    served,
    silent,
    who,
)
from patience import until

from mooring.adapters import netns
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric import SERVER6

A, B, C = (an_id("vnic", name) for name in "abc")
A6, A6_PRIVATE, B6, C6 = (
    "2001:db8:4000::a",
    "fd00:1::a",
    "2001:db8:4000:1::b",
    "2001:db8:4000:100::c",
)
INTERNET6, SITE6 = str(SERVER6), "2001:db8:7::1"
METADATA6 = "fd00:c1::a9fe:a9fe"
EVERY6 = (allow("ingress", peer="::/0"), allow("egress", peer="::/0"))


def a_cloud() -> Cloud:
    """`a` and `b` in a VCN of two prefixes, `c` in a peered one, premises behind a DRG."""
    cloud = Cloud("10.0.0.0/16", "one")
    one = cloud.vcn_id
    two = cloud.vcn("two", "10.1.0.0/16")
    gateway = drg(cloud)
    peering(cloud, (one, "lpg-one"), (two, "lpg-two"))
    attach(cloud, gateway, one, "att-one")
    attach(cloud, gateway, two, "att-two")
    circuit(cloud, gateway, "site", "192.168.7.0/24", "2001:db8:7::/64")
    for vcn, name, peer, prefix in (
        (two, "two", "one", "2001:db8:4000:100::/64"),
        (one, "one", "two", "2001:db8:4000::/64"),
    ):
        cloud.vcn_id = vcn
        book = cloud.security_list(f"open-{name}", *OPEN, *EVERY6)
        routes = (
            ("0.0.0.0/0", cloud.internet(f"igw-{name}")),
            ("::/0", an_id("internetgateway", f"igw-{name}")),
            ("2001:db8:7::/64", gateway),
            (
                f"2001:db8:4000:{'100' if peer == 'two' else ''}::/56".replace(
                    ":::", "::"
                ),
                an_id("localpeeringgateway", f"lpg-{name}"),
            ),
        )
        out = table(cloud, f"out-{name}", *routes)
        cloud.subnet(name, f"10.{int(name == 'two')}.1.0/24", (book,), out)
        if name == "one":
            cloud.subnet("shy", "10.0.2.0/24", (book,), out, no_ingress=True)
            more = {"shy": "2001:db8:4000:1::/64"}
            prefixes(cloud, {name: prefix} | more)
        else:
            prefixes(cloud, {name: prefix}, "2001:db8:4000:100::/56")
    cloud.change(
        an_id("subnet", "one"),
        ipv6_cidr_blocks=(
            IPv6Network("2001:db8:4000::/64"),
            IPv6Network("fd00:1::/64"),
        ),
    )
    cloud.change(one, ipv6_private_cidr_blocks=(IPv6Network("fd00:1::/48"),))
    cloud.vnic("a", an_id("subnet", "one"), "10.0.1.5")
    cloud.vnic("b", an_id("subnet", "shy"), "10.0.2.6")
    cloud.vcn_id = two
    cloud.vnic("c", an_id("subnet", "two"), "10.1.1.7")
    cloud.vcn_id = one
    for vnic, address in ((A, A6), (A, A6_PRIVATE), (B, B6), (C, C6)):
        ipv6(cloud, vnic, address)
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
    at(field.router, "conntrack -F -f ipv6; conntrack -F")


def take(space: str, address: str, link: str) -> None:
    """Give a guest an address; the kernel takes packets to it in by and by."""
    at(space, f"ip addr add {address}/128 dev {link}")
    at(space, f"until ip -6 route get {address} | grep -q ^local; do sleep 0.01; done")


def test_a_guest_boots_with_its_address_and_the_router(field: Field) -> None:
    router = field.port(A).subnet.ipv6_router
    shown = at(field.node(A), "ip -6 addr show dev ens3; ip -6 route")

    assert f"inet6 {A6}/128" in shown
    assert f"default via {router} dev ens3" in shown


def test_neighbours_talk_by_the_router(field: Field) -> None:
    assert pings(field.node(A), B6)
    assert field.port(A).subnet.virtual_router_mac in at(
        field.node(A), "ip -6 neigh show dev ens3"
    )


def test_the_router_answers_at_its_link_local_address(field: Field) -> None:
    router = field.port(A).subnet.ipv6_router

    assert pings(field.node(A), f"{router}%ens3")


def test_the_internet_sees_the_address_itself(field: Field) -> None:
    assert who(field, field.node(A), INTERNET6) == A6


def test_a_private_address_is_not_for_the_internet(field: Field) -> None:
    take(field.node(A), f"{A6_PRIVATE}", "ens3 nodad")
    assert pings(field.node(A), B6, f"-I {A6_PRIVATE}")
    refused = silent(field.node(A), INTERNET6, f"-I {A6_PRIVATE}")
    at(field.node(A), f"ip addr del {A6_PRIVATE}/128 dev ens3")

    assert refused


def test_the_internet_may_speak_first_where_the_subnet_lets_it(field: Field) -> None:
    assert pings(field.internet, A6, f"-I {INTERNET6}")
    assert silent(field.internet, B6, f"-I {INTERNET6}")
    assert pings(field.node(B), INTERNET6)


def test_a_closed_internet_gateway_is_closed(field: Field) -> None:
    field.cloud.internet("igw-one", enabled=False)
    field.weave()

    assert silent(field.node(A), INTERNET6)
    assert silent(field.internet, A6, f"-I {INTERNET6}")


def test_rules_stand_between_neighbours(field: Field) -> None:
    field.cloud.security_list(
        "open-one",
        allow("egress", "58", peer="::/0", icmp=(128, 0)),
        allow("ingress", "58", peer=f"{A6}/128", icmp=(128, 0)),
        allow("egress", "udp", peer="2001:db8:ffff::/48", to="7"),
    )
    field.weave()

    assert pings(field.node(A), B6)
    assert silent(field.node(B), A6)
    assert hears(field, field.node(A), INTERNET6)
    assert misses(field, field.node(A), INTERNET6, socket.SOCK_STREAM)


def test_ipv4_rules_say_nothing_of_ipv6(field: Field) -> None:
    field.cloud.security_list("open-one", *OPEN)
    field.weave()

    assert silent(field.node(A), B6)
    assert pings(field.node(A), "10.0.2.6")


def test_members_of_a_group_are_known_by_their_ipv6_too(field: Field) -> None:
    group = field.cloud.group("g")
    field.cloud.group("g", allow("ingress", peer=group), allow("egress", peer=group))
    field.cloud.security_list("open-one")
    for vnic in (A, B):
        field.cloud.change(vnic, nsg_ids=(group,))
    field.weave()
    together = pings(field.node(A), B6)
    field.cloud.change(B, nsg_ids=())
    field.weave()

    assert together
    assert silent(field.node(A), B6)


def test_peers_and_premises_talk(field: Field) -> None:
    site = next(s for s in field.fabric.spaces if "-site-" in s)

    assert pings(field.node(A), C6)
    assert who(field, field.node(A), SITE6) == A6
    assert pings(site, C6, f"-I {SITE6}")


def test_no_guest_can_send_as_another(field: Field) -> None:
    take(field.node(A), "2001:db8:4000::77", "lo")
    before = silent(field.node(A), B6, "-I 2001:db8:4000::77")
    added = ipv6(field.cloud, A, "2001:db8:4000::77")
    field.weave()
    honest = pings(field.node(A), B6, "-I 2001:db8:4000::77")
    field.cloud.change(added, vnic_id=B)
    field.weave()
    after = silent(field.node(A), B6, "-I 2001:db8:4000::77")
    at(field.node(A), "ip addr del 2001:db8:4000::77/128 dev lo")

    assert (before, honest, after) == (True, True, True)


def test_a_block_of_addresses_is_routed_to_its_vnic(field: Field) -> None:
    ipv6(field.cloud, A, "2001:db8:4000::8000:0/112")
    field.weave()
    take(field.node(A), "2001:db8:4000::8000:55", "lo")
    reached = pings(field.node(B), "2001:db8:4000::8000:55")
    at(field.node(A), "ip addr del 2001:db8:4000::8000:55/128 dev lo")

    assert reached


def test_packets_for_the_internet_find_the_path_mtu(field: Field) -> None:
    whole = pings(field.node(A), B6, "-Mdo -s8952")
    refused = at(field.node(A), f"ping -nc1 -W60 -Mdo -s1453 {INTERNET6}", check=False)
    router = field.port(A).subnet.ipv6_router

    assert whole
    assert f"From {router}" in refused
    assert "mtu = 1500" in refused or "mtu=1500" in refused
    assert pings(field.node(A), INTERNET6, "-Mdo -s1452")


def test_a_narrow_place_beyond_a_drg_is_heard_of(field: Field) -> None:
    """Though no rule lets anything in: it is about a flow."""
    field.cloud.security_list("open-one", allow("egress", "udp", peer="::/0"))
    tunnel(field.cloud, an_id("drg", "drg"), "tunnel", "2001:db8:8::/64")
    table(field.cloud, "out-one", ("2001:db8:8::/64", an_id("drg", "drg")))
    field.weave()
    with a_socket(field, field.node(A), "2001:db8:8::1", socket.SOCK_DGRAM) as ours:
        ours.connect(("2001:db8:8::1", 7777))
        ours.send(bytes(4000))
        shown = ""
        deadline = time.monotonic() + PATIENCE
        while "mtu" not in shown:
            assert time.monotonic() < deadline
            shown = at(field.node(A), "ip -6 route get 2001:db8:8::1")

    assert "mtu 1500" in shown


def test_fragments_pass(field: Field) -> None:
    for target in (B6, C6, SITE6, INTERNET6):
        assert pings(field.node(A), target, "-s20000"), target


def test_a_removed_rule_cuts_a_flow(field: Field) -> None:
    with a_socket(field, field.node(A), INTERNET6) as ours:
        ours.connect((INTERNET6, 7))
        ours.sendall(b"before")
        assert ours.recv(6, socket.MSG_WAITALL) == b"before"
        field.cloud.security_list("open-one", *OPEN)
        field.weave()
        ours.sendall(b"during")
        ours.settimeout(IMPATIENCE)
        with pytest.raises(TimeoutError):
            ours.recv(1)
        field.cloud.security_list("open-one", *OPEN, *EVERY6)
        field.weave()
        ours.settimeout(PATIENCE)

        assert ours.recv(6, socket.MSG_WAITALL) == b"during"


def test_metadata_is_for_the_primary_ipv6(field: Field) -> None:
    ipv6(field.cloud, A, "2001:db8:4000::50")
    field.weave()
    take(field.node(A), "2001:db8:4000::50", "ens3 nodad")
    fd = netns.open_fd(field.router)
    with netns.listen_tcp(fd, METADATA6, 80) as door:
        netns.close(fd)
        door.settimeout(PATIENCE)
        with a_socket(field, field.node(A), METADATA6) as ours:
            ours.bind((A6, 0))
            ours.connect((METADATA6, 80))
            door.accept()[0].close()
        with a_socket(field, field.node(A), METADATA6) as ours:
            ours.bind(("2001:db8:4000::50", 0))
            ours.settimeout(IMPATIENCE)
            with pytest.raises(TimeoutError):
                ours.connect((METADATA6, 80))
    at(field.node(A), "ip addr del 2001:db8:4000::50/128 dev ens3")


def test_a_free_address_is_silent(field: Field) -> None:
    heard = at(field.node(A), "ping -nc1 -W1 2001:db8:4000::99", check=False)

    assert "From" not in heard


def test_a_vnic_forwards_for_others(field: Field) -> None:
    target = ipv6(field.cloud, B, "2001:db8:4000:1::f")
    field.cloud.change(B, skip_source_dest_check=True)
    table(field.cloud, "out-one", ("2001:db8:cafe::/48", target))
    field.weave()
    take(field.node(B), "2001:db8:cafe::5", "lo")
    reached = pings(field.node(A), "2001:db8:cafe::5")
    at(field.node(B), "ip addr del 2001:db8:cafe::5/128 dev lo")

    assert reached


def test_what_is_none_of_the_routers_is_silent(field: Field) -> None:
    """Another link-local address, all nodes nearby, a guest's own neighbour."""
    for target in ("fe80::1%ens3", "ff02::1%ens3"):
        heard = at(field.node(A), f"ping -nc1 -W1 -I {A6} {target}", check=False)
        assert "bytes from" not in heard.replace(f"bytes from {A6}", "")
        assert "From" not in heard


def test_without_prefixes_nothing_of_ipv6_stays(field: Field) -> None:
    cloud = field.cloud
    words = (
        "ip -6 addr show; ip -6 route | grep -v ' lo '; ip -6 neigh show nud permanent"
    )
    for subnet in ("one", "shy"):
        cloud.change(an_id("subnet", subnet), ipv6_cidr_blocks=())
    for address in (A6, A6_PRIVATE, B6):
        cloud.world = cloud.world.drop(an_id("ipv6", address))
    cloud.change(cloud.vcn_id, ipv6_cidr_blocks=(), ipv6_private_cidr_blocks=())
    field.weave()
    shown = at(field.router, words)

    assert "2001:db8:4000" not in shown
    assert "fd00:1:" not in shown
    assert names.port_name(A) not in at(
        field.router, "ip -6 route; ip -6 neigh show nud permanent"
    )
    assert "ipv6" not in at(field.router, "nft list table inet mooring")
    assert pings(field.node(A), "10.0.2.6")


@pytest.mark.parametrize(
    "damage",
    [
        "ip -6 route flush table main",
        f"ip -6 route del {A6}",
        "ip -6 route add 2001:db8:dead::/48 dev uplink",
        "ip -6 addr flush dev lo scope global",
        "ip -6 neigh flush nud permanent",
        "ip -6 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev uplink nud permanent",
        "ip -6 rule add pref 7 lookup 77",
        "ip -6 rule del pref 1000",
        "sysctl -qw net.ipv6.conf.all.forwarding=0",
        "ip link set uplink down",
    ],
)
def test_damage_is_repaired(field: Field, damage: str) -> None:
    words = (
        "ip -6 rule; ip -6 addr | grep inet6; ip -6 neigh show nud permanent;"
        "ip -6 route show table all | grep -v 'table local\\|proto kernel'"
        "| sed 's/proto.*//';"
        "sysctl net.ipv6.conf.all.forwarding"
    )
    before = sorted(at(field.router, words).splitlines())
    at(field.router, damage, check=False)
    assert sorted(at(field.router, words).splitlines()) != before
    field.weave(look=True)

    # A link that was down comes up by and by, and routes with it.
    until(lambda: sorted(at(field.router, words).splitlines()) == before)
