"""What the plans promise, whatever their text."""

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address

import pytest
from core.wiring.cables import V4, V6, a_lease, a_pod, an_uplink

from mooring.core.cni import result
from mooring.core.ipam.ledger import SLOTS
from mooring.core.linux import nft
from mooring.core.linux.plan import (
    HOST,
    MAIN,
    POD,
    Address,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.seen import Link, Seen
from mooring.core.npn import usage
from mooring.core.npn.record import Pair
from mooring.core.npn.usage import VnicLink
from mooring.core.wiring import node, pod, ruleset, vnic
from mooring.core.wiring.names import host_link
from mooring.core.wiring.node import Primary
from mooring.core.wiring.ruleset import PODS4, PODS6

DEFAULT = IPv4Network("0.0.0.0/0")
ROUTER = IPv4Address("10.0.2.1")


def test_no_pod_needs_a_rule() -> None:
    assert not [f for f in pod.plan(a_lease(), 9000) if isinstance(f, Rule | Sysctl)]


def test_a_pod_of_one_family_costs_nothing_for_the_other() -> None:
    both = set(pod.plan(a_lease(addresses=Pair(V4, V6)), 9000))
    six = {fact for fact in both if "fe80" in str(fact) or ":8::5" in str(fact)}
    settings = {fact for fact in both if isinstance(fact, Sysctl)}
    plain = vnic.plan(an_uplink())

    assert len(set(pod.plan(a_lease(), 9000)) - both) == 1  # the alias
    assert len(pod.plan(a_lease(), 9000)) == len(both - six - settings) + 1
    assert not [fact for fact in plain if "v6" in str(fact)]


def test_an_ipv6_pod_asks_nobody_whether_its_address_is_taken() -> None:
    plan = pod.plan(a_lease(addresses=Pair(None, V6)), 9000)
    settings = [fact for fact in plan if isinstance(fact, Sysctl)]

    # Ahead of the link: it takes them over when it is made.
    assert plan[: len(settings)] == tuple(settings)
    assert {(s.space, s.key.rpartition("/")[2], s.value) for s in settings} == {
        (POD, "disable_ipv6", "0"),
        (POD, "accept_dad", "0"),
        (POD, "accept_ra", "0"),
    }


def test_what_the_runtime_is_told_first_is_the_preferred_family() -> None:
    lease = replace(a_lease(addresses=Pair(V4, V6)), families=(6, 4))
    made = pod.outcome(lease, "/run/netns/x", 9000)

    assert [(ip.address, ip.length) for ip in made.ips] == [(V6, 128), (V4, 32)]
    assert [str(route.dst) for route in made.routes] == ["::/0", "0.0.0.0/0"]
    assert set(pod.plan(lease, 9000)[1:]) >= set(pod.plan(a_lease(), 9000)[1:])


def test_a_vnic_speaks_to_its_ipv6_router_by_its_own_link_local_address() -> None:
    plan = vnic.plan(an_uplink(v6=True))
    (own,) = (f for f in plan if isinstance(f, Address) and "fe80" in str(f.address))
    up = next(n for n, f in enumerate(plan) if isinstance(f, LinkUp))

    assert str(own.address) == "fe80::17ff:fe00:1/64"
    assert {f.key for f in plan[:up] if isinstance(f, Sysctl)} == {
        "net/ipv6/conf/ens5/disable_ipv6",
        "net/ipv6/conf/ens5/accept_ra",
        "net/ipv6/conf/ens5/accept_dad",
    }


def test_a_node_forwards_ipv6_and_still_hears_its_own_router() -> None:
    plan = node.plan(Primary("ens3", V4), frozenset({4, 6}))
    keys = [f.key for f in plan if isinstance(f, Sysctl) and "ipv6" in f.key]

    assert keys.index("net/ipv6/conf/ens3/accept_ra") < keys.index(
        "net/ipv6/conf/all/forwarding"
    )
    assert not [key for key in keys if re.search("(all|default)/accept_ra", key)]


def test_the_number_of_rules_grows_with_vnics_and_families_only() -> None:
    plan = (
        *node.plan(Primary("ens3", V4), frozenset({4, 6})),
        *(f for n in (1, 2, 3) for f in vnic.plan(an_uplink(n, v6=True))),
    )

    assert len([f for f in plan if isinstance(f, Rule)]) == 2 * (2 + 3)


def test_neither_end_ever_asks_for_the_other() -> None:
    plan = pod.plan(a_lease(addresses=Pair(V4, V6)), 9000)
    veth = next(f for f in plan if isinstance(f, Veth))
    known = {(n.space, n.address): n.mac for n in plan if isinstance(n, Neighbour)}

    assert known == {
        (POD, pod.GATEWAY4): veth.near.mac,
        (POD, pod.GATEWAY6): veth.near.mac,
        (HOST, V4): veth.far.mac,
        (HOST, V6): veth.far.mac,
    }


def test_the_mtu_is_the_vnics_at_both_ends() -> None:
    veth = next(f for f in pod.plan(a_lease(), 1500) if isinstance(f, Veth))

    assert (veth.near.mtu, veth.far.mtu) == (1500, 1500)


def test_the_host_side_is_what_does_not_go_with_the_veth() -> None:
    plan = pod.plan(a_lease(addresses=Pair(V4, V6)), 9000)

    assert {type(f) for f in pod.host_side(plan)} == {Veth, Neighbour, Route}
    assert all(isinstance(f, Veth) or f.space == HOST for f in pod.host_side(plan))
    assert pod.ways_in(plan) == pod.host_side(plan)[1:]
    assert pod.way_in(a_lease(addresses=Pair(V4, V6))) == pod.ways_in(plan)


def test_the_outcome_names_both_ends_and_the_gateway() -> None:
    made = pod.outcome(a_lease(addresses=Pair(V4, V6)), "/run/netns/x", 9000)

    assert [(i.name, i.sandbox, i.mtu) for i in made.interfaces] == [
        (host_link(a_pod()), "", 9000),
        ("eth0", "/run/netns/x", 9000),
    ]
    assert made.ips[0] == result.Ip(
        address=V4, length=32, gateway=pod.GATEWAY4, interface=1
    )
    assert (made.ips[1].address, made.ips[1].length) == (V6, 128)
    assert [(str(r.dst), r.gw) for r in made.routes] == [
        ("0.0.0.0/0", pod.GATEWAY4),
        ("::/0", pod.GATEWAY6),
    ]


@pytest.mark.parametrize("slot", [1, 2, 126])
def test_a_mark_stays_in_its_bits_and_leads_to_the_table(slot: int) -> None:
    plan = vnic.plan(an_uplink(slot))
    rules = [f for f in plan if isinstance(f, Rule)]
    routes = [f for f in plan if isinstance(f, Route)]

    assert vnic.mark(slot) & ~vnic.MARK_MASK == 0
    assert [(r.mark, r.mask, r.table) for r in rules] == [
        (vnic.mark(slot), vnic.MARK_MASK, routes[0].table)
    ]
    assert not vnic.mark(slot) & 0xC000


def test_a_vnic_without_a_router_gets_no_table() -> None:
    uplink = an_uplink()
    bare = replace(uplink, status=replace(uplink.status, router=Pair(), host=Pair()))

    assert not [f for f in vnic.plan(bare) if isinstance(f, Route | Rule | Address)]


def test_mains_exact_routes_come_before_the_vnics() -> None:
    rules = [f for f in node.plan(Primary("ens3", V4)) if isinstance(f, Rule)]

    assert [(r.table, r.suppress_prefixlength) for r in rules] == [
        (MAIN, 31),
        (MAIN, None),
    ]
    assert rules[0].priority < vnic.RULE_PRIORITY < rules[1].priority


def seen(*facts: Address | Route) -> Seen:
    return Seen(
        HOST,
        addresses=frozenset(f for f in facts if isinstance(f, Address)),
        routes=frozenset(f for f in facts if isinstance(f, Route)),
    )


def at(link: str, address: str) -> Address:
    return Address(HOST, link, IPv4Interface(address))


def test_a_vnic_s_link_is_told_with_its_table() -> None:
    first, second = an_uplink(1), an_uplink(126, "ens6")

    assert vnic.served([second, first]) == (
        VnicLink(vnic_id=first.status.vnic_id, link="ens5", table=7001),
        VnicLink(vnic_id=second.status.vnic_id, link="ens6", table=7126),
    )


def test_the_tables_that_may_be_told_are_those_of_the_slots() -> None:
    assert list(usage.TABLES) == [vnic.table(slot) for slot in SLOTS]
    assert [vnic.slot(table) for table in usage.TABLES] == list(SLOTS)


def test_the_primary_is_where_the_default_route_leaves() -> None:
    look = seen(
        at("ens5", "10.0.8.2/32"),
        at("ens3", "10.0.2.9/32"),
        at("ens3", "10.0.2.7/24"),
        Route(HOST, DEFAULT, "ens3", gateway=ROUTER),
        Route(HOST, DEFAULT, "ens5", gateway=ROUTER, table=7001),
    )

    assert node.primary(look) == Primary("ens3", IPv4Address("10.0.2.7"))


def test_the_default_routes_own_source_is_believed() -> None:
    look = seen(Route(HOST, DEFAULT, "ens3", gateway=ROUTER, source=V4))

    assert node.primary(look) == Primary("ens3", V4)


@pytest.mark.parametrize(
    "look",
    [
        seen(),
        seen(Route(HOST, DEFAULT, "ens3")),
        seen(Route(HOST, DEFAULT, "ens3", gateway=ROUTER)),
        seen(Route(HOST, DEFAULT, None, gateway=ROUTER)),
        seen(Route(HOST, DEFAULT, "ens3", gateway=ROUTER), at("ens3", "10.9.0.1/24")),
    ],
    ids=["nothing", "no router", "no address", "no link", "a stranger's address"],
)
def test_a_node_without_a_primary_has_none(look: Seen) -> None:
    assert node.primary(look) is None


def test_a_pod_may_send_from_its_own_addresses_by_its_vnic() -> None:
    link = host_link(a_pod())
    sources = ruleset.sources([a_lease(addresses=Pair(V4, V6))])

    assert sources == {(link, V4): 0x10000, (link, V6): 0x10000}
    assert ruleset.elements(sources) == {
        PODS4: [(nft.key(link, V4), nft.mark(0x10000))],
        PODS6: [(nft.key(link, V6), nft.mark(0x10000))],
    }


LISTED = """table inet mooring {
\tmap pods4 {
\t\ttype ifname . ipv4_addr : mark
\t\telements = { "moor00000000005" . 10.0.8.5 : 0x00010000,
\t\t\t     "moor00000000006" . 10.0.8.6 : 0x00020000 }
\t}

\tmap pods6 {
\t\ttype ifname . ipv6_addr : mark
\t\telements = { "moor00000000005" . fd00::5 : 0x00010000 }
\t}

\tset uplinks {
\t\ttype ifname
\t\telements = { "ens5" }
\t}
}
"""


def test_a_listing_is_split_into_pods_and_the_rest() -> None:
    frame, pods = ruleset.listed(LISTED)

    assert pods == {
        ("moor00000000005", ip_address("10.0.8.5")): 0x10000,
        ("moor00000000006", ip_address("10.0.8.6")): 0x20000,
        ("moor00000000005", ip_address("fd00::5")): 0x10000,
    }
    assert frame.count("elements") == 1
    assert '"ens5"' in frame
    assert "moor0" not in frame


def test_other_tables_than_ours_are_named() -> None:
    tables = [("inet", "mooring"), ("ip", "nat"), ("inet", "firewalld")]

    assert ruleset.others(tables) == ("inet firewalld", "ip nat")
    assert ruleset.others(tables[:1]) == ()


def nic(name: str, mac: str, kind: str = "") -> Link:
    return Link(
        name=name,
        index=1,
        mac=mac,
        mtu=1500,
        up=False,
        operational=False,
        kind=kind,
        peer_index=None,
        alias="",
        group=0,
    )


def test_a_vnics_link_has_its_mac_and_borrows_none() -> None:
    here, away = an_uplink(1).status, an_uplink(2).status
    upper = replace(here, mac_address=here.mac_address.upper())
    shown = [
        nic("ens3", "02:00:17:00:00:99"),
        nic("ens5", here.mac_address),
        nic("ens5.7", here.mac_address, "vlan"),
        nic("moor1", here.mac_address, "veth"),
    ]
    found = vnic.match([upper, away], {link.name: link for link in shown})

    assert found.links == {here.vnic_id: "ens5"}
    assert found.absent == (away.vnic_id,)


def test_a_pods_inside_is_what_stands_in_it() -> None:
    plan = pod.plan(a_lease(), 9000)

    assert set(pod.inside(plan)) | set(pod.host_side(plan)) == set(plan)
    assert not set(pod.inside(plan)) & set(pod.host_side(plan))


def inside_without(*facts: Fact, others: tuple[Route, ...] = ()) -> Seen:
    plan = pod.inside(pod.plan(a_lease(), 9000))
    kept = [fact for fact in plan if fact not in facts]
    lo = replace(nic("lo", ""), up=True)
    return Seen(
        POD,
        links={"lo": lo},
        addresses=frozenset(f for f in kept if isinstance(f, Address)),
        routes=frozenset(f for f in kept if isinstance(f, Route)) | set(others),
        neighbours=frozenset(f for f in kept if isinstance(f, Neighbour)),
    )


def test_another_default_route_is_as_good() -> None:
    plan = pod.inside(pod.plan(a_lease(), 9000))
    (ours,) = (f for f in plan if isinstance(f, Route) and f.onlink)
    other = Route(POD, DEFAULT, "net1")

    assert pod.lacking(plan, {POD: inside_without()}) == ()
    assert pod.lacking(plan, {POD: inside_without(ours)}) == (ours,)
    assert pod.lacking(plan, {POD: inside_without(ours, others=(other,))}) == ()


@pytest.mark.parametrize("addresses", [Pair(V4), Pair(None, V6), Pair(V4, V6)], ids=str)
def test_a_sample_is_laid_alike_and_differs_in_every_value(addresses: Pair) -> None:
    plan = pod.cables(a_lease(addresses=addresses), 9000)
    sample = plan.sample()

    assert sample.shape == plan.shape == sample.sample().shape
    assert {p.link for p in (plan, sample)} == {
        fact.near.name for p in (plan, sample) for fact in p if isinstance(fact, Veth)
    }
    assert [type(fact) for fact in sample] == [type(fact) for fact in plan]
    assert [len(v) for v in sample.values] == [len(v) for v in plan.values]
    assert not set(sample.values) & set(plan.values)
    assert len(set(sample.values)) == 4 + len(pod.parts(addresses))


def test_other_cables_have_another_shape() -> None:
    shapes = {
        pod.cables(lease, mtu).shape
        for lease in (
            a_lease(),
            a_lease(a_pod()._replace(ifname="net1")),
            a_lease(addresses=Pair(V4, V6)),
            a_lease(addresses=Pair(None, V6)),
            a_lease(netns="/run/netns/longer"),
        )
        for mtu in (1500, 9000)
    }

    assert len(shapes) == 10
