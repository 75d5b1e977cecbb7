"""Compiled rules and the rules themselves give one answer, for every peer and service."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from builders_gateways import ipv6, prefixes
from builders_vcn import Cloud, a_world, allow, an_id
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.model import SecurityRule, Vcn
from mooring.core.vcn.oracle_services import services
from mooring.core.vcn.packets.packet import Tuple
from mooring.core.vcn.packets.profiles import Classes, Profile, profiles
from mooring.core.vcn.packets.router import Router, router
from mooring.core.vcn.packets.security import in_force, permitting, tracking
from mooring.core.vcn.packets.services import EVERYTHING, NOTHING, Services

G, H = (an_id("networksecuritygroup", name) for name in "gh")
ALL, STORAGE = (each.label for each in services("local-1"))
PEERS = (
    *("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.6/32", "10.0.2.4/30"),
    *("::/0", "2001:db8:4000::/56", "2001:db8:4000::b/128", ALL, STORAGE, G, H),
)
ADDRESSES = (
    *("8.8.8.8", "10.0.1.5", "10.0.1.6", "10.0.2.7", "10.0.1.70", "10.0.9.9"),
    *("198.19.16.10", "198.19.0.2", "2001:db8:9::9", "2001:db8:4000::a"),
    *("2001:db8:4000::b", "2001:db8:4000::1:0:0:7", "2001:db8:4000:1::1"),
)
PORTS = (None, "1", "1-2", "2-3", "1-65535")


@st.composite
def a_rule(draw: st.DrawFn) -> SecurityRule:
    protocol = draw(st.sampled_from(("all", "tcp", "tcp", "udp", "icmp", "58", "50")))
    has_ports = protocol in {"tcp", "udp"}
    peer = draw(st.sampled_from(PEERS))
    kinds = {"icmp": (None, (8, None), (3, 4)), "58": (None, (128, None), (1, 4))}
    rule = allow(
        draw(st.sampled_from(("ingress", "egress"))),
        protocol,
        peer,
        to=draw(st.sampled_from(PORTS)) if has_ports else None,
        since=draw(st.sampled_from(PORTS)) if has_ports else None,
        icmp=draw(st.sampled_from(kinds.get(protocol, (None,)))),
        stateless=draw(st.booleans()),
    )
    is_service = peer in {ALL, STORAGE}
    return replace(rule, peer_type="SERVICE_CIDR_BLOCK") if is_service else rule


some_rules = st.lists(a_rule(), max_size=4)
KINDS = ((8, 0), (3, 4), (5, 0), (128, 0), (1, 4))
a_service = st.sampled_from(
    [(p, n, m) for p in (6, 17) for n in (1, 2, 3) for m in (1, 3)]
    + [(50, 0, 0), (51, 0, 0)]
    + [(p, 7, kind * 256 + code) for p in (1, 58) for kind, code in KINDS]
)


def a_ruled_world(*books: list[SecurityRule]) -> Cloud:
    cloud = a_world()
    cloud.security_list("open", *books[0])
    cloud.group("g", *books[1])
    cloud.group("h", *books[2])
    cloud.change(an_id("vnic", "a"), nsg_ids=(G,))
    cloud.change(an_id("vnic", "b"), nsg_ids=(G, H))
    cloud.ip(an_id("vnic", "b"), "10.0.1.64/28")
    prefixes(cloud, {"one": "2001:db8:4000::/64"})
    ipv6(cloud, an_id("vnic", "a"), "2001:db8:4000::a")
    ipv6(cloud, an_id("vnic", "b"), "2001:db8:4000::b")
    ipv6(cloud, an_id("vnic", "b"), "2001:db8:4000::1:0:0:0/80")
    return cloud


def seen(cloud: Cloud) -> Router:
    vcn = cloud.world.find(Vcn, cloud.vcn_id)
    assert vcn is not None
    return router(cloud.world, vcn)


def compiled(cloud: Cloud, name: str) -> Profile:
    return profiles(cloud.world, seen(cloud))[an_id("vnic", name)]


def at(classes: Classes, peer: str) -> Services:
    number = int(ip_address(peer))
    return next((s for low, high, s in classes if low <= number <= high), NOTHING)


@given(
    st.tuples(some_rules, some_rules, some_rules),
    st.sampled_from("abc"),
    st.sampled_from(ADDRESSES),
    a_service,
)
def test_the_compiled_rules_say_what_the_rules_say(
    books: tuple[list[SecurityRule], ...],
    name: str,
    peer: str,
    service: tuple[int, int, int],
) -> None:
    cloud = a_ruled_world(*books)
    where = seen(cloud)
    port = where.port_of(an_id("vnic", name))
    assert port is not None
    address = ip_address(peer)
    protocol, source, destination = service
    head = Tuple(protocol, address, source, address, destination)
    profile = compiled(cloud, name)
    sides = {
        "EGRESS": (profile.egress, profile.tracked_egress),
        "INGRESS": (profile.ingress, profile.tracked_ingress),
    }
    if address.version == 6:
        sides = {
            "EGRESS": (profile.egress6, profile.tracked_egress6),
            "INGRESS": (profile.ingress6, profile.tracked_ingress6),
        }

    for direction, (granted, tracked) in sides.items():
        rules = in_force(cloud.world, port, direction)
        assert at(granted, peer).allows(*head.service()) is (
            permitting(rules, where, address, head) is not None
        )
        assert at(tracked, peer).allows(*head.service()) is (
            tracking(rules, where, address, head) is not None
        )


def test_vnics_under_the_same_rules_share_a_profile() -> None:
    cloud = a_world()

    assert compiled(cloud, "a") == compiled(cloud, "c")


def test_a_group_makes_another_profile() -> None:
    cloud = a_ruled_world([], [], [])

    assert len({compiled(cloud, name).name for name in "abc"}) == 3


def test_neighbouring_peers_under_the_same_rules_are_one_stretch() -> None:
    halves = [allow("egress", peer="0.0.0.0/1"), allow("egress", peer="128.0.0.0/1")]
    cloud = a_ruled_world(halves, [], [])

    assert compiled(cloud, "c").egress == ((0, 2**32 - 1, EVERYTHING),)
    assert compiled(cloud, "c").egress6 == ()


def test_a_rule_for_ipv6_is_in_the_classes_of_ipv6() -> None:
    cloud = a_ruled_world([allow("ingress", peer="::/0")], [], [])

    assert compiled(cloud, "c").ingress6 == ((0, 2**128 - 1, EVERYTHING),)
    assert compiled(cloud, "c").ingress == ()


@pytest.mark.parametrize(
    "rule",
    [
        allow("egress", peer="::/0"),
        replace(allow("egress"), peer="all-services", peer_type="SERVICE_CIDR_BLOCK"),
        allow("egress", peer="ocid1.networksecuritygroup.empty"),
    ],
    ids=["ipv6", "service", "empty-group"],
)
def test_some_rules_have_no_peer_here(rule: SecurityRule) -> None:
    cloud = a_world()
    cloud.security_list("open", rule)

    assert compiled(cloud, "c").egress == ()


def test_what_a_change_does_not_touch_is_not_made_again() -> None:
    cloud = a_ruled_world([allow("egress", "udp")], [allow("ingress", peer=H)], [])
    before = {name: compiled(cloud, name) for name in "abc"}
    cloud.group("g", allow("ingress", peer=H), allow("egress", "tcp", to="1"))
    after = {name: compiled(cloud, name) for name in "abc"}

    assert after["c"] is before["c"]
    assert after["a"].ingress is before["a"].ingress
    assert after["a"] != before["a"]


def test_a_member_more_is_in_the_rules_for_its_group() -> None:
    cloud = a_ruled_world([allow("ingress", peer=H)], [], [])
    before = compiled(cloud, "c")
    cloud.ip(an_id("vnic", "b"), "10.0.1.99")

    assert at(before.ingress, "10.0.1.99") == NOTHING
    assert at(compiled(cloud, "c").ingress, "10.0.1.99") == EVERYTHING
