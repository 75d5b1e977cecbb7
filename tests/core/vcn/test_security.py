"""The plain judge of security rules: which rules stand on a VNIC, and what each is about."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from builders_vcn import Cloud, a_world, allow, an_id

from mooring.core.vcn.model import SecurityRule, Vcn
from mooring.core.vcn.oracle_services import services
from mooring.core.vcn.packets.packet import Tuple, icmp, tcp, udp
from mooring.core.vcn.packets.router import Port, Router, router
from mooring.core.vcn.packets.security import (
    InForce,
    in_force,
    matches,
    permitting,
    tracking,
)

A, B = "10.0.1.5", "10.0.1.6"
A6, B6 = "2001:db8::5", "2001:db8::6"


def seen(cloud: Cloud) -> Router:
    vcn = cloud.world.find(Vcn, cloud.vcn_id)
    assert vcn is not None
    return router(cloud.world, vcn)


def port(cloud: Cloud, name: str) -> Port:
    found = seen(cloud).port_of(an_id("vnic", name))
    assert found is not None
    return found


def is_about(rule: SecurityRule, head: Tuple, peer: str = B) -> bool:
    return matches(rule, seen(a_world()), ip_address(peer), head)


def test_lists_and_groups_stand_on_a_vnic_together() -> None:
    cloud = a_world()
    web = cloud.group("web", allow("ingress", "tcp", to="80"), allow("egress"))
    cloud.change(an_id("vnic", "a"), nsg_ids=(web,))

    found = in_force(cloud.world, port(cloud, "a"), "INGRESS")

    assert [each.where for each in found] == [
        "security list open",
        "network security group web",
    ]


def test_a_list_named_twice_stands_once() -> None:
    cloud = a_world()
    cloud.change(
        an_id("subnet", "one"), security_list_ids=(an_id("securitylist", "open"),) * 2
    )

    assert len(in_force(cloud.world, port(cloud, "a"), "EGRESS")) == 1


def test_a_list_that_is_gone_stands_for_nothing() -> None:
    cloud = a_world()
    cloud.change(an_id("subnet", "one"), security_list_ids=("ocid1.securitylist.gone",))

    assert in_force(cloud.world, port(cloud, "a"), "EGRESS") == ()


@pytest.mark.parametrize(
    ("rule", "head", "wanted"),
    [
        (allow("egress"), tcp(A, 1, B, 2), True),
        (allow("egress", "tcp"), tcp(A, 1, B, 2), True),
        (allow("egress", "tcp"), udp(A, 1, B, 2), False),
        (allow("egress", "tcp", to="2-3"), tcp(A, 1, B, 3), True),
        (allow("egress", "tcp", to="2-3"), tcp(A, 1, B, 4), False),
        (allow("egress", "udp", since="7"), udp(A, 7, B, 4), True),
        (allow("egress", "udp", since="7"), udp(A, 8, B, 4), False),
        (allow("egress", "icmp"), icmp(A, B, 8), True),
        (allow("egress", "icmp", icmp=(3, None)), icmp(A, B, 3, 4), True),
        (allow("egress", "icmp", icmp=(3, 4)), icmp(A, B, 3, 4), True),
        (allow("egress", "icmp", icmp=(3, 4)), icmp(A, B, 3, 1), False),
        (allow("egress", "icmp", icmp=(8, None)), icmp(A, B, 3, 0), False),
        (allow("egress", "50"), tcp(A, 1, B, 2)._replace(protocol=50), True),
        (allow("egress", "58"), tcp(A, 1, B, 2)._replace(protocol=58), False),
        (allow("egress"), tcp(A, 1, B, 2)._replace(protocol=58), True),
        (allow("egress", "58", "::/0"), icmp(A6, B6, 128), True),
        (allow("egress", "58", "::/0", icmp=(128, None)), icmp(A6, B6, 128), True),
        (allow("egress", "58", "::/0", icmp=(1, 4)), icmp(A6, B6, 1, 4), True),
        (allow("egress", "58", "::/0", icmp=(1, 4)), icmp(A6, B6, 1, 3), False),
        (allow("egress", "58", "::/0", icmp=(2, None)), icmp(A6, B6, 128), False),
        (allow("egress", "1", "::/0"), icmp(A6, B6, 128), False),
        (allow("egress", "1", "::/0"), tcp(A6, 1, B6, 2)._replace(protocol=1), False),
        (allow("egress", "tcp", "::/0", to="2"), tcp(A6, 1, B6, 2), True),
        (allow("egress", peer="::/0"), tcp(A6, 1, B6, 2), True),
        (allow("egress"), tcp(A6, 1, B6, 2), False),
    ],
)
def test_a_rule_is_about_its_service(
    rule: SecurityRule,
    head: Tuple,
    wanted: bool,
) -> None:
    assert is_about(rule, head, str(head.destination)) is wanted


@pytest.mark.parametrize(
    ("peer", "wanted"), [("10.0.1.6", True), ("10.0.1.7", False), ("8.8.8.8", False)]
)
def test_a_rule_for_a_cidr_is_about_its_addresses(peer: str, wanted: bool) -> None:
    assert (
        is_about(allow("egress", peer="10.0.1.6/32"), tcp(A, 1, peer, 2), peer)
        is wanted
    )


def test_a_rule_for_a_group_is_about_its_members_addresses() -> None:
    cloud = a_world()
    group = cloud.group("g")
    cloud.change(an_id("vnic", "b"), nsg_ids=(group,))
    cloud.ip(an_id("vnic", "b"), "10.0.1.64/28")
    rule = allow("egress", peer=group)

    peers = ("10.0.1.5", "10.0.1.6", "10.0.1.70", "10.0.1.99")
    assert [
        matches(rule, seen(cloud), IPv4Address(p), tcp(A, 1, p, 2)) for p in peers
    ] == [False, True, True, False]


@pytest.mark.parametrize(
    ("label", "peer", "wanted"),
    [
        (0, "198.19.0.2", True),
        (0, "198.19.16.10", True),
        (1, "198.19.16.10", True),
        (1, "198.19.0.2", False),
        (0, "198.18.0.1", False),
    ],
)
def test_a_rule_for_a_service_is_about_its_addresses(
    label: int, peer: str, *, wanted: bool
) -> None:
    name = services("local-1")[label].label
    rule = replace(allow("egress"), peer=name, peer_type="SERVICE_CIDR_BLOCK")

    assert is_about(rule, tcp(A, 1, peer, 2), peer) is wanted


def test_a_rule_for_a_service_that_is_not_there_is_about_nobody() -> None:
    rule = replace(allow("egress"), peer="all-services", peer_type="SERVICE_CIDR_BLOCK")

    assert not is_about(rule, tcp(A, 1, "198.19.0.2", 2), "198.19.0.2")


def test_a_stateless_rule_comes_before_a_stateful_one() -> None:
    rules = [
        InForce("x", allow("egress")),
        InForce("y", allow("egress", "tcp", stateless=True)),
    ]
    where = seen(a_world())
    found = permitting(rules, where, IPv4Address(B), tcp(A, 1, B, 2))

    assert found == rules[1]
    assert tracking(rules, where, IPv4Address(B), tcp(A, 1, B, 2)) is None
    assert tracking(rules, where, IPv4Address(B), udp(A, 1, B, 2)) == rules[0]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (allow("ingress"), "stateful all from 0.0.0.0/0"),
        (allow("egress", "tcp", to="80"), "stateful TCP 80 to 0.0.0.0/0"),
        (
            allow("egress", "udp", since="1-2", stateless=True),
            "stateless UDP from port 1-2 to 0.0.0.0/0",
        ),
        (allow("ingress", "icmp", icmp=(3, 4)), "stateful ICMP 3,4 from 0.0.0.0/0"),
        (allow("ingress", "icmp", icmp=(8, None)), "stateful ICMP 8 from 0.0.0.0/0"),
        (allow("ingress", "58", "::/0"), "stateful ICMPv6 from ::/0"),
        (allow("ingress", "47"), "stateful protocol 47 from 0.0.0.0/0"),
    ],
)
def test_a_rule_can_be_said(rule: SecurityRule, said: str) -> None:
    assert str(InForce("security list x", rule)) == f"security list x: {said}"
