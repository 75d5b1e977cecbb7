"""The plain judge and IPv6: nothing is translated, and neighbours find their router."""

from dataclasses import replace

import pytest
from builders_gateways import ipv6, prefixes, table
from builders_vcn import Cloud, allow, an_id
from builders_wide import (
    A6,
    B6,
    C6,
    HOST6,
    IGW,
    NAT_GW,
    SERVER6,
    ULA,
    A,
    B,
    C,
    a_wide_world,
    near_routes,
)

from mooring.core.vcn.model import Subnet
from mooring.core.vcn.packets.forwarding import (
    ROUTER,
    Verdict,
    Word,
    track,
    verdict,
)
from mooring.core.vcn.packets.packet import (
    INTERNET,
    NO_FLOWS,
    Flows,
    Packet,
    Tuple,
    icmp,
    tcp,
    udp,
)
from mooring.core.vcn.packets.router import link_local

METADATA6 = "fd00:c1::a9fe:a9fe"
SYN = Packet(A, tcp(A6, 4000, B6, 80))
OUT = Packet(A, tcp(A6, 4000, SERVER6, 80))
KNOCK = Packet(INTERNET, tcp(SERVER6, 5, A6, 22))


def judged(cloud: Cloud, packet: Packet, *before: Packet) -> Verdict:
    return verdict(cloud.world, flows(cloud, *before), packet)


def flows(cloud: Cloud, *packets: Packet) -> Flows:
    known = NO_FLOWS
    for packet in packets:
        known = track(cloud.world, known, packet)
    return known


def passes(cloud: Cloud, packet: Packet, *before: Packet) -> bool:
    return judged(cloud, packet, *before).word is Word.ACCEPT


def routers(cloud: Cloud, name: str = "one") -> str:
    subnet = cloud.world.find(Subnet, an_id("subnet", name))
    assert subnet is not None
    return str(subnet.ipv6_router)


def own(cloud: Cloud, vnic_id: str = A) -> str:
    return str(link_local(cloud.get(vnic_id).mac_address))


# -- inside of the VCN


def test_an_ipv6_packet_arrives_at_the_vnic_that_has_the_address() -> None:
    found = judged(a_wide_world(), SYN)

    assert (found.to, found.head) == (B, SYN.head)
    assert found.reason == "security list open: stateful all from ::/0"


def test_every_address_of_an_ipv6_block_leads_to_its_vnic() -> None:
    cloud = a_wide_world()
    ipv6(cloud, B, "2001:db8:4000::1:0:0:0/80")
    packet = Packet(A, udp(A6, 1, "2001:db8:4000::1:0:7:9", 2))

    assert judged(cloud, packet).to == B


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (Packet(A, tcp(B6, 1, C6, 2)), f"source check: {B6}"),
        (Packet(A, tcp(A6, 1, "2001:db8:4000::99", 2)), "no private IP covers"),
        (Packet(A, udp(A6, 1, "ff05::1", 2)), "ff05::1 is not routed"),
        (Packet(A, udp(A6, 1, "ff02::1", 2)), "ff02::1 is not routed"),
        (Packet(A, udp(A6, 1, "fe80::99", 2)), "fe80::99 is not routed"),
        (Packet(A, udp(A6, 1, "::1", 2)), "::1 is not routed"),
        (Packet(INTERNET, tcp(SERVER6, 1, "2001:db8:9::1", 2)), "no public address"),
        (
            Packet(INTERNET, tcp(SERVER6, 1, "2001:db8:4000::99", 2)),
            "no private IP covers",
        ),
        (Packet(INTERNET, tcp(B6, 1, A6, 2)), "is inside of the VCN"),
    ],
)
def test_a_drop_has_a_reason(packet: Packet, reason: str) -> None:
    found = judged(a_wide_world(), packet)

    assert found.word is Word.DROP
    assert reason in found.reason


@pytest.mark.parametrize("source", ["fe80::7", "::", "ff02::1"])
def test_without_the_check_strange_sources_are_still_not_routed(source: str) -> None:
    cloud = a_wide_world()
    cloud.change(A, skip_source_dest_check=True)

    assert judged(cloud, Packet(A, udp(source, 1, B6, 2))).reason == (
        f"{source} is not routed"
    )


def test_rules_of_one_family_say_nothing_of_the_other() -> None:
    cloud = a_wide_world()
    cloud.security_list("open", allow("egress"), allow("ingress"))

    assert "no egress rule" in judged(cloud, SYN).reason


def test_the_reply_of_a_tracked_flow_needs_no_rule() -> None:
    cloud = a_wide_world()
    cloud.security_list(
        "open",
        allow("egress", "tcp", B6 + "/128", to="80"),
        allow("ingress", "tcp", A6 + "/128", to="80"),
    )
    reply = Packet(B, SYN.head.inverse())

    assert not passes(cloud, reply)
    assert judged(cloud, reply, SYN).reason.startswith("flow tracked by")


def test_a_group_has_its_members_ipv6_addresses() -> None:
    cloud = a_wide_world()
    group = cloud.group("g", allow("ingress", peer=an_id("networksecuritygroup", "g")))
    cloud.security_list("open", allow("egress", peer="::/0"))
    cloud.change(B, nsg_ids=(group,))
    alone = judged(cloud, SYN)
    cloud.change(A, nsg_ids=(group,))

    assert alone.word is Word.DROP
    assert judged(cloud, SYN).to == B


# -- ICMPv6


def only(*services: tuple[int, int | None]) -> Cloud:
    """Let pass what the ICMPv6 types and codes say, both ways."""
    cloud = a_wide_world()
    rules = [
        allow(direction, "58", "::/0", icmp=each)
        for direction in ("egress", "ingress")
        for each in services
    ]
    cloud.security_list("open", *rules)
    return cloud


def test_an_echo_reply_follows_its_request() -> None:
    cloud = only((128, None))
    ping = Packet(A, icmp(A6, B6, 128, number=7))
    pong = Packet(B, ping.head.inverse())

    assert pong.head == icmp(B6, A6, 129, number=7)
    assert passes(cloud, pong, ping)
    assert not passes(cloud, pong)


def test_packet_too_big_about_a_tracked_flow_needs_no_rule() -> None:
    cloud = a_wide_world()
    cloud.security_list(
        "open", *(allow(d, "tcp", "::/0", to="80") for d in ("egress", "ingress"))
    )
    error = Packet(B, icmp(B6, A6, 2), quoted=SYN.head)
    other = replace(error, head=icmp(B6, A6, 1, 4))

    assert not passes(cloud, error)
    assert passes(cloud, error, SYN)
    assert not passes(cloud, other, SYN)


def test_icmp_and_icmpv6_are_each_of_one_family() -> None:
    cloud = a_wide_world()
    cloud.security_list(
        "open",
        *(
            allow(direction, protocol, peer)
            for direction in ("egress", "ingress")
            for protocol, peer in (("1", "::/0"), ("58", "0.0.0.0/0"))
        ),
    )
    strange6 = Packet(A, Tuple(1, SYN.head.source, 0, SYN.head.destination, 0))
    plain = tcp("10.0.1.5", 0, "10.0.1.6", 0)

    assert not passes(cloud, strange6)
    assert not passes(cloud, Packet(A, plain._replace(protocol=58)))
    assert passes(a_wide_world(), strange6)
    assert flows(a_wide_world(), strange6) == NO_FLOWS


# -- the router


def test_neighbour_discovery_always_passes() -> None:
    cloud = only()
    router = routers(cloud)

    for packet in (
        icmp(own(cloud), "ff02::2", 133),
        icmp("::", "ff02::1:ff00:a", 135),
        icmp(own(cloud), router, 135),
        icmp(A6, router, 136),
    ):
        assert judged(cloud, Packet(A, packet)).to == ROUTER


def test_without_prefixes_a_subnet_speaks_no_ipv6() -> None:
    cloud = a_wide_world()
    cloud.change(an_id("subnet", "one"), ipv6_cidr_blocks=())

    assert not passes(cloud, Packet(A, icmp("::", "ff02::2", 133)))
    assert not passes(cloud, Packet(A, icmp(A6, routers(cloud), 128)))


def test_the_router_answers_pings_on_the_link() -> None:
    cloud = only()

    assert judged(cloud, Packet(A, icmp(own(cloud), routers(cloud), 128))).to == ROUTER
    assert judged(cloud, Packet(A, icmp(A6, routers(cloud), 128))).to == ROUTER
    assert not passes(cloud, Packet(A, icmp(own(cloud, B), routers(cloud), 128)))
    assert not passes(cloud, Packet(A, icmp(A6, routers(cloud, "two"), 128)))
    assert not passes(cloud, Packet(A, tcp(own(cloud), 1, routers(cloud), 2)))


def test_metadata_answers_the_oldest_single_address() -> None:
    cloud = only()
    ipv6(cloud, A, "2001:db8:4000::aa")
    ask = tcp(A6, 1, METADATA6, 80)

    assert judged(cloud, Packet(A, ask)).to == ROUTER
    assert not passes(cloud, Packet(A, tcp("2001:db8:4000::aa", 1, METADATA6, 80)))
    assert not passes(cloud, Packet(A, ask._replace(destination_port=53)))
    assert not passes(cloud, Packet(A, udp(A6, 1, METADATA6, 80)))


# -- the internet


def test_global_addresses_meet_the_internet_as_they_are() -> None:
    cloud = a_wide_world()
    found = judged(cloud, OUT)

    assert (found.to, found.head) == (INTERNET, OUT.head)
    assert (judged(cloud, KNOCK).to, judged(cloud, KNOCK).head) == (A, KNOCK.head)


def test_private_addresses_do_not_meet_the_internet() -> None:
    cloud = a_wide_world()
    prefixes(cloud, {"one": "fd12::/64"}, "2001:db8:4000::/56")
    ipv6(cloud, A, "fd12::a")
    out = Packet(A, tcp("fd12::a", 1, SERVER6, 2))
    knock = Packet(INTERNET, tcp(SERVER6, 1, "fd12::a", 2))

    assert ULA == "fd12::/48"
    assert judged(cloud, out).reason == "fd12::a is no global address of the VCN"
    assert "is no public address" in judged(cloud, knock).reason


def test_a_subnet_may_refuse_the_internets_first_word() -> None:
    cloud = a_wide_world()
    cloud.change(an_id("subnet", "one"), prohibit_internet_ingress=True)
    back = Packet(INTERNET, OUT.head.inverse())

    assert judged(cloud, back, OUT).to == A
    assert judged(cloud, KNOCK).reason == f"{A6} takes no packets that begin a flow"


def test_what_belongs_to_no_flow_does_not_come_from_the_internet() -> None:
    cloud = a_wide_world()
    answer = Packet(INTERNET, icmp(SERVER6, A6, 129))
    error = Packet(INTERNET, icmp(SERVER6, A6, 2), quoted=OUT.head)

    assert judged(cloud, answer).reason.endswith("belongs to no flow")
    assert judged(cloud, error).reason.endswith("belongs to no flow")
    assert judged(cloud, error, OUT).to == A


def test_a_disabled_internet_gateway_cuts_both_ways() -> None:
    cloud = a_wide_world()
    known = flows(cloud, OUT)
    cloud.internet(enabled=False)
    back = Packet(INTERNET, OUT.head.inverse())

    assert verdict(cloud.world, known, OUT).reason == "internet gateway igw is disabled"
    assert "is no public address" in verdict(cloud.world, known, back).reason


def test_a_nat_gateway_carries_ipv4_only() -> None:
    cloud = a_wide_world()
    table(cloud, "near", ("::/0", NAT_GW))

    assert judged(cloud, OUT).reason == "a NAT gateway carries IPv4 only"


def test_an_ipv6_flow_may_change_its_way() -> None:
    cloud = a_wide_world()
    cloud.change(C, skip_source_dest_check=True)
    known = flows(cloud, OUT)
    near_routes(cloud, ("2001:db8:ffff::/64", an_id("ipv6", C6)))

    assert verdict(cloud.world, known, OUT).to == C


def test_each_familys_route_to_an_address_needs_one_of_its_own() -> None:
    cloud = a_wide_world()
    cloud.change(C, skip_source_dest_check=True)
    near_routes(cloud, ("2001:db8:ffff::/64", an_id("privateip", "10.0.2.7")))

    assert judged(cloud, OUT).reason == "10.0.2.7 takes no packets of IPv6"


def test_the_longest_prefix_wins() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("2001:db8:a::/64", IGW))
    near, other = (Packet(A, tcp(A6, 1, to, 2)) for to in (HOST6, "2001:db8:a:1::9"))

    assert judged(cloud, near).to == INTERNET
    assert judged(cloud, other).to == an_id("drgattachment", "site")


def test_an_ipv6_address_may_have_a_table_of_its_own() -> None:
    cloud = a_wide_world()
    ipv6(cloud, A, "2001:db8:4000::aa", table(cloud, "empty"))

    assert passes(cloud, OUT)
    assert judged(
        cloud, replace(OUT, head=tcp("2001:db8:4000::aa", 1, SERVER6, 2))
    ).reason.startswith("no route")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (SYN.head, f"TCP [{A6}]:4000 to [{B6}]:80"),
        (icmp(A6, B6, 128), f"ICMPv6 128,0 {A6} to {B6}"),
        (SYN.head._replace(protocol=1), f"protocol 1 {A6} to {B6}"),
    ],
)
def test_a_tuple_can_be_said(head: Tuple, said: str) -> None:
    assert str(head) == said
