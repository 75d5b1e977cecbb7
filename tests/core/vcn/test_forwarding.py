"""The plain judge of packets: each reason to drop, each way to arrive, and what flows change."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from builders_vcn import EPOCH, Cloud, a_world, allow, an_id

from mooring.core.vcn.model import PublicIp
from mooring.core.vcn.packets.forwarding import ROUTER, Verdict, Word, track, verdict
from mooring.core.vcn.packets.packet import (
    INTERNET,
    NO_FLOWS,
    Flow,
    Flows,
    Packet,
    Tuple,
    icmp,
    place,
    tcp,
    udp,
)

A, B, C = (an_id("vnic", name) for name in "abc")
SERVER, NAT, PUBLIC = "198.51.100.10", "198.18.0.1", "198.18.0.10"
SYN = Packet(A, tcp("10.0.1.5", 4000, "10.0.1.6", 80))
REPLY = Packet(B, SYN.head.inverse())
OUT = Packet(A, tcp("10.0.1.5", 4000, SERVER, 80))


def judged(cloud: Cloud, packet: Packet, *before: Packet) -> Verdict:
    return verdict(cloud.world, flows(cloud, *before), packet)


def flows(cloud: Cloud, *packets: Packet) -> Flows:
    known = NO_FLOWS
    for packet in packets:
        known = track(cloud.world, known, packet)
    return known


def passes(cloud: Cloud, packet: Packet, *before: Packet) -> bool:
    return judged(cloud, packet, *before).word is Word.ACCEPT


def a_public_world() -> Cloud:
    """The open world with both gateways; `a` has a public address."""
    cloud = a_world()
    cloud.change(A, public_ip=IPv4Address(PUBLIC))
    cloud.table("none", ("0.0.0.0/0", cloud.internet()))
    cloud.nat("nat", NAT)
    return cloud


def a_private_world() -> Cloud:
    """The open world behind a NAT gateway."""
    cloud = a_world()
    cloud.table("none", ("0.0.0.0/0", cloud.nat("nat", NAT)))
    return cloud


# -- inside the VCN


def test_a_packet_arrives_at_the_vnic_that_has_the_address() -> None:
    found = judged(a_world(), SYN)

    assert (found.word, found.to, found.head) == (Word.ACCEPT, B, SYN.head)
    assert found.reason == "security list open: stateful all from 0.0.0.0/0"


def test_every_address_of_a_block_leads_to_its_vnic() -> None:
    cloud = a_world()
    cloud.ip(B, "10.0.1.64/28")

    assert judged(cloud, Packet(A, udp("10.0.1.5", 1, "10.0.1.79", 2))).to == B


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (Packet("ocid1.vnic.unknown", SYN.head), "not plugged in"),
        (Packet(A, tcp("10.0.1.6", 1, "10.0.2.7", 2)), "source check: 10.0.1.6"),
        (Packet(A, tcp("10.0.1.5", 1, "10.0.3.9", 2)), "no private IP covers"),
        (Packet(A, tcp("10.0.1.5", 1, "8.8.8.8", 2)), "no route to 8.8.8.8"),
        (Packet(A, tcp("10.0.1.5", 1, "169.254.7.7", 2)), "not routed"),
        (Packet(A, udp("10.0.1.5", 1, "224.0.0.9", 2)), "not routed"),
        (Packet(A, udp("10.0.1.5", 1, "0.0.0.0", 2)), "not routed"),
        (Packet(A, udp("10.0.1.5", 1, "0.0.0.7", 2)), "no route to 0.0.0.7"),
        (Packet(A, tcp("10.0.1.5", 1, "10.0.1.1", 2)), "pings only"),
        (Packet(A, icmp("10.0.1.5", "169.254.169.254", 8)), "metadata answers HTTP"),
        (Packet(INTERNET, tcp(SERVER, 1, NAT, 2)), "no public address"),
    ],
)
def test_a_drop_has_a_reason(packet: Packet, reason: str) -> None:
    found = judged(a_world(), packet)

    assert found.word is Word.DROP
    assert reason in found.reason


def test_a_detached_vnic_sends_nothing() -> None:
    cloud = a_world()
    cloud.unplug("a")

    assert judged(cloud, SYN).reason == "the VNIC is not plugged in"


def test_a_stopped_instance_sends_nothing() -> None:
    cloud = a_world()
    cloud.change(an_id("instance", "a"), lifecycle_state="STOPPED")

    assert judged(cloud, SYN).reason == "the VNIC is not plugged in"


def test_without_the_check_a_vnic_sends_for_others() -> None:
    cloud = a_world()
    cloud.change(A, skip_source_dest_check=True)

    assert passes(cloud, Packet(A, tcp("10.0.77.7", 1, "10.0.1.6", 2)))


def test_the_router_answers_pings_at_the_address_of_each_block() -> None:
    found = judged(a_world(), Packet(A, icmp("10.0.1.5", "10.0.2.1", 8)))

    assert (found.word, found.to) == (Word.ACCEPT, ROUTER)


def test_metadata_answers_primary_addresses_only() -> None:
    cloud = a_world()
    cloud.ip(A, "10.0.1.9")
    question = tcp("10.0.1.5", 1, "169.254.169.254", 80)
    other = question._replace(source=IPv4Address("10.0.1.9"))

    assert judged(cloud, Packet(A, question)).to == ROUTER
    assert not passes(cloud, Packet(A, other))


@pytest.mark.parametrize(
    ("head", "is_answered"),
    [
        (udp("10.0.1.5", 1, "169.254.169.254", 53), True),
        (tcp("10.0.1.5", 1, "169.254.169.254", 53), True),
        (udp("10.0.1.9", 1, "169.254.169.254", 53), False),
        (udp("10.0.1.5", 1, "169.254.169.254", 80), False),
        (udp("10.0.1.5", 1, "169.254.169.253", 53), False),
    ],
)
def test_the_resolver_answers_primary_addresses_only(
    head: Tuple, *, is_answered: bool
) -> None:
    cloud = a_world()
    cloud.ip(A, "10.0.1.9")
    cloud.security_list("open")

    assert (judged(cloud, Packet(A, head)).to == ROUTER) is is_answered


def test_without_the_check_strange_sources_are_still_not_routed() -> None:
    cloud = a_world()
    cloud.change(A, skip_source_dest_check=True)

    found = judged(cloud, Packet(A, udp("224.0.0.9", 1, "10.0.1.6", 2)))
    assert found.reason == "224.0.0.9 is not routed"


# -- rules


def test_both_sides_must_allow() -> None:
    cloud = a_world()
    cloud.security_list("open", allow("egress"))
    no_ingress = judged(cloud, SYN)
    cloud.security_list("open", allow("ingress"))
    no_egress = judged(cloud, SYN)

    assert no_ingress.reason.startswith("no ingress rule of VNIC b allows TCP")
    assert no_egress.reason.startswith("no egress rule of VNIC a allows TCP")


def test_the_reply_of_a_tracked_flow_needs_no_rule() -> None:
    cloud = one_way()

    assert not passes(cloud, REPLY)
    assert passes(cloud, REPLY, SYN)
    assert "tracked by" in judged(cloud, REPLY, SYN).reason


def one_way(*, stateless: bool = False) -> Cloud:
    """TCP 80 may go from a to b; nothing else may."""
    cloud = a_world()
    cloud.security_list(
        "open",
        allow("egress", "tcp", "10.0.1.6/32", to="80"),
        allow("ingress", "tcp", "10.0.1.5/32", to="80", stateless=stateless),
    )
    return cloud


def test_the_reply_of_a_stateless_flow_needs_a_rule() -> None:
    cloud = one_way(stateless=True)

    assert passes(cloud, SYN)
    assert not passes(cloud, REPLY, SYN)


def test_sides_track_for_themselves() -> None:
    cloud = one_way(stateless=True)
    book = cloud.group("g", allow("egress", "tcp", "10.0.1.5/32", since="80"))
    cloud.change(B, nsg_ids=(book,))

    # b's stateless side lets the reply out by the group's rule; a's side has tracked it.
    assert "tracked by" in judged(cloud, REPLY, SYN).reason


def test_a_removed_rule_cuts_what_it_let_through_both_ways() -> None:
    cloud = one_way()
    known = flows(cloud, SYN)
    cloud.security_list("open", allow("ingress", "tcp", "10.0.1.5/32", to="80"))

    assert verdict(cloud.world, known, SYN).word is Word.DROP
    assert verdict(cloud.world, known, REPLY).word is Word.DROP


def test_a_rule_given_back_lets_the_flow_go_on() -> None:
    cloud = one_way()
    known = flows(cloud, SYN)
    cloud.security_list("open")
    cut = verdict(cloud.world, known, REPLY)
    again = verdict(one_way().world, known, REPLY)

    assert (cut.word, again.word) == (Word.DROP, Word.ACCEPT)


def an_error(about: Packet, code: int = 4) -> Packet:
    """Say what the receiver says of a packet."""
    head = icmp(str(about.head.destination), str(about.head.source), 3, code)
    at = {A: B, B: A}[about.origin]
    return Packet(at, head, quoted=about.head)


def test_fragmentation_needed_about_a_tracked_flow_needs_no_rule() -> None:
    cloud = one_way()

    assert passes(cloud, an_error(SYN), SYN)
    assert passes(cloud, an_error(REPLY), SYN)
    assert not passes(cloud, an_error(SYN))


def test_any_other_error_needs_a_rule() -> None:
    assert not passes(one_way(), an_error(SYN, code=1), SYN)


def test_an_echo_reply_follows_its_request() -> None:
    cloud = a_world()
    cloud.security_list("open", allow("egress"), allow("ingress", peer="10.0.1.5/32"))
    cloud.security_list(
        "open",
        allow("egress", "icmp", icmp=(8, None)),
        allow("ingress", "icmp", icmp=(8, None)),
    )
    ping = Packet(A, icmp("10.0.1.5", "10.0.1.6", 8, number=7))
    pong = Packet(B, ping.head.inverse())

    assert passes(cloud, pong, ping)
    assert not passes(cloud, pong)
    assert not passes(
        cloud, replace(pong, head=pong.head._replace(source_port=8)), ping
    )


def test_what_is_dropped_begins_no_flow() -> None:
    cloud = one_way()

    assert flows(cloud, REPLY) == NO_FLOWS
    assert flows(cloud, Packet(A, icmp("10.0.1.5", "10.0.1.1", 8))) == NO_FLOWS


def test_a_flow_is_known_once() -> None:
    cloud = a_world()

    assert flows(cloud, SYN, SYN, REPLY) == {Flow(cloud.vcn_id, SYN.head, REPLY.head)}


def test_an_unasked_answer_begins_no_flow() -> None:
    answer = Packet(A, icmp("10.0.1.5", "10.0.1.6", 0))

    assert passes(a_world(), answer)
    assert flows(a_world(), answer) == NO_FLOWS


# -- out of the VCN


def test_a_nat_gateway_gives_its_address_and_takes_replies() -> None:
    cloud = a_private_world()
    found = judged(cloud, OUT)
    assert found.head is not None
    back = Packet(INTERNET, found.head.inverse())
    reply = judged(cloud, back, OUT)

    assert (found.to, str(found.head.source)) == (INTERNET, NAT)
    assert (reply.to, reply.head) == (A, OUT.head.inverse())
    assert "takes no packets that begin" in judged(cloud, back).reason


def test_a_nat_gateway_that_blocks_cuts_flows_both_ways() -> None:
    cloud = a_private_world()
    known = flows(cloud, OUT)
    cloud.nat("nat", NAT, blocked=True)
    back = Packet(INTERNET, tcp(SERVER, 80, NAT, 4000))

    assert verdict(cloud.world, known, OUT).reason == "NAT gateway nat blocks traffic"
    assert verdict(cloud.world, known, back).word is Word.DROP


def test_a_nat_gateway_carries_three_protocols() -> None:
    packet = Packet(
        A, OUT.head._replace(protocol=50, source_port=0, destination_port=0)
    )

    assert "TCP, UDP and ICMP only" in judged(a_private_world(), packet).reason


def test_a_public_address_is_one_to_one() -> None:
    cloud = a_public_world()
    knock = Packet(INTERNET, tcp(SERVER, 5, PUBLIC, 22))
    found = judged(cloud, knock)
    assert found.head is not None
    reply = judged(cloud, Packet(A, found.head.inverse()), knock)

    assert (found.to, str(found.head.destination)) == (A, "10.0.1.5")
    assert (reply.to, reply.head) == (INTERNET, knock.head.inverse())
    assert str(judged(cloud, OUT).head) == f"TCP {PUBLIC}:4000 to {SERVER}:80"


def a_public_ip(cloud: Cloud, address: str, on: str, state: str = "ASSIGNED") -> None:
    public = PublicIp(
        id=an_id("publicip", address),
        compartment_id="ocid1.tenancy.oc1..aaaa",
        display_name=address,
        time_created=EPOCH,
        lifecycle_state=state,
        ip_address=IPv4Address(address),
        lifetime="RESERVED",
        scope="REGION",
        assigned_entity_id=on,
        assigned_entity_type="PRIVATE_IP",
    )
    cloud.world = cloud.world.put(public)


def test_a_secondary_address_may_have_a_public_one() -> None:
    cloud = a_public_world()
    other = "198.18.0.11"
    a_public_ip(cloud, other, cloud.ip(A, "10.0.1.9"))
    knock = judged(cloud, Packet(INTERNET, tcp(SERVER, 5, other, 22)))
    out = judged(cloud, Packet(A, tcp("10.0.1.9", 4000, SERVER, 80)))

    assert str(knock.head) == f"TCP {SERVER}:5 to 10.0.1.9:22"
    assert str(out.head) == f"TCP {other}:4000 to {SERVER}:80"
    assert str(judged(cloud, OUT).head) == f"TCP {PUBLIC}:4000 to {SERVER}:80"


@pytest.mark.parametrize("state", ["ASSIGNING", "UNASSIGNING"])
def test_a_public_address_counts_once_it_is_assigned(state: str) -> None:
    cloud = a_public_world()
    a_public_ip(cloud, PUBLIC, an_id("privateip", "10.0.1.5"), state)

    assert judged(cloud, OUT).reason == "10.0.1.5 has no public address"


def test_a_public_address_of_what_is_not_plugged_in_leads_nowhere() -> None:
    cloud = a_public_world()
    a_public_ip(cloud, "198.18.0.11", an_id("privateip", "10.0.1.6"))
    a_public_ip(cloud, "198.18.0.12", an_id("natgateway", "nat"))
    cloud.unplug("b")
    knock = Packet(INTERNET, tcp(SERVER, 5, "198.18.0.11", 22))

    assert judged(cloud, knock).reason == "198.18.0.11 is no public address of a VCN"


def test_without_a_public_address_the_internet_gateway_is_no_way() -> None:
    packet = Packet(B, tcp("10.0.1.6", 1, SERVER, 2))

    assert judged(a_public_world(), packet).reason == "10.0.1.6 has no public address"


def test_a_disabled_internet_gateway_is_none() -> None:
    cloud = a_public_world()
    known = flows(cloud, OUT)
    cloud.internet(enabled=False)
    back = Packet(INTERNET, tcp(SERVER, 80, PUBLIC, 4000))

    assert verdict(cloud.world, known, OUT).reason == "internet gateway igw is disabled"
    assert verdict(cloud.world, known, back).word is Word.DROP


def test_a_subnet_may_refuse_the_internets_first_word() -> None:
    cloud = a_public_world()
    cloud.change(an_id("subnet", "one"), prohibit_internet_ingress=True)
    back = Packet(INTERNET, tcp(SERVER, 80, PUBLIC, 4000))

    assert passes(cloud, back, OUT)
    assert not passes(cloud, back)


def test_what_belongs_to_no_flow_does_not_come_to_a_public_address() -> None:
    answer = Packet(INTERNET, icmp(SERVER, PUBLIC, 0))

    found = judged(a_public_world(), answer)
    assert found.reason.endswith("belongs to no flow")


def test_the_internet_cannot_speak_as_the_vcn() -> None:
    packet = Packet(INTERNET, tcp("10.0.2.7", 80, PUBLIC, 4000))

    assert judged(a_public_world(), packet).reason.startswith("source check")


def test_a_flow_whose_way_changes_begins_anew() -> None:
    cloud = a_public_world()
    cloud.security_list("open", allow("egress"))
    known = flows(cloud, OUT)
    cloud.table("none", ("0.0.0.0/0", an_id("natgateway", "nat")))
    back = Packet(INTERNET, tcp(SERVER, 80, NAT, 4000))
    old = Packet(INTERNET, tcp(SERVER, 80, PUBLIC, 4000))
    found = verdict(cloud.world, known, OUT)

    assert found.head == OUT.head._replace(source=IPv4Address(NAT))
    assert not known & flows(cloud, OUT)
    assert verdict(cloud.world, known, back).word is Word.DROP
    assert passes(cloud, back, OUT)
    # The old address still is the VNIC's: what comes to it may belong to the old flow.
    assert verdict(cloud.world, known, old).word is Word.ACCEPT


def test_a_public_address_that_moved_takes_no_old_replies() -> None:
    cloud = a_public_world()
    cloud.security_list("open", allow("egress"))
    known = flows(cloud, OUT)
    cloud.change(A, public_ip=None)
    cloud.change(B, public_ip=IPv4Address(PUBLIC))
    back = Packet(INTERNET, tcp(SERVER, 80, PUBLIC, 4000))

    found = verdict(cloud.world, known, back)
    assert found.reason.startswith("no ingress rule of VNIC b")


def test_a_vnic_cannot_play_the_internets_reply() -> None:
    cloud = a_private_world()
    cloud.change(B, skip_source_dest_check=True)
    known = flows(cloud, OUT)
    forged = Packet(B, tcp(SERVER, 80, NAT, 4000))

    found = verdict(cloud.world, known, forged)
    assert found.reason.endswith("belongs to no flow that this way translates")


def test_a_reply_to_an_address_given_up_finds_nobody() -> None:
    cloud = a_private_world()
    cloud.ip(A, "10.0.1.9")
    known = flows(cloud, Packet(A, tcp("10.0.1.9", 4000, SERVER, 80)))
    cloud.world = cloud.world.drop(an_id("privateip", "10.0.1.9"))
    back = Packet(INTERNET, tcp(SERVER, 80, NAT, 4000))

    assert verdict(cloud.world, known, back).reason == "no private IP covers 10.0.1.9"


def test_an_error_that_nobody_knows_about_does_not_leave() -> None:
    quoted = tcp(SERVER, 80, "10.0.1.5", 4000)
    stray = Packet(A, icmp("10.0.1.5", SERVER, 3, 4), quoted=quoted)

    assert not passes(a_private_world(), stray)
    assert passes(a_private_world(), stray, OUT)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("lifecycle_state", "TERMINATING", "NAT gateway nat is TERMINATING"),
        ("block_traffic", True, "NAT gateway nat blocks traffic"),
    ],
)
def test_a_nat_gateway_must_be_fit(field: str, value: object, reason: str) -> None:
    cloud = a_private_world()
    cloud.change(an_id("natgateway", "nat"), **{field: value})

    assert judged(cloud, OUT).reason == reason


def test_an_internet_gateway_must_be_fit() -> None:
    cloud = a_public_world()
    cloud.change(an_id("internetgateway", "igw"), lifecycle_state="TERMINATED")

    assert judged(cloud, OUT).reason == "internet gateway igw is TERMINATED"


# -- route tables


def test_the_longest_prefix_wins() -> None:
    cloud = a_public_world()
    nat, igw = an_id("natgateway", "nat"), an_id("internetgateway", "igw")
    cloud.table("none", ("0.0.0.0/0", igw), ("198.51.100.0/24", nat))
    found = judged(cloud, OUT)

    assert found.head is not None
    assert str(found.head.source) == NAT


def test_a_vnics_own_table_comes_before_its_subnets() -> None:
    cloud = a_private_world()
    cloud.change(A, route_table_id=cloud.table("empty"))

    assert judged(cloud, OUT).reason.startswith("no route")


def a_hop_world() -> Cloud:
    """The open world; what leaves `a`'s subnet goes by way of `c`."""
    cloud = a_world()
    cloud.table("none", ("0.0.0.0/0", an_id("privateip", "10.0.2.7")))
    cloud.change(C, skip_source_dest_check=True)
    return cloud


def test_a_vnic_that_forwards_gets_packets_for_others() -> None:
    found = judged(a_hop_world(), OUT)

    assert (found.to, found.head) == (C, OUT.head)


def test_a_vnic_with_the_check_gets_no_packets_for_others() -> None:
    cloud = a_hop_world()
    cloud.change(C, skip_source_dest_check=False)

    assert "only packets for its own" in judged(cloud, OUT).reason


def test_a_route_to_what_is_not_there_leads_nowhere() -> None:
    cloud = a_hop_world()
    cloud.unplug("c")
    gone = judged(cloud, OUT)
    cloud.table("none", ("0.0.0.0/0", "ocid1.natgateway.gone"))

    assert gone.reason == "nothing is plugged in at 10.0.2.7"
    assert judged(cloud, OUT).reason == "the target of the route does not exist"


def test_a_flow_that_was_translated_is_not_on_a_vnics_way() -> None:
    known = flows(a_private_world(), OUT)
    found = verdict(a_hop_world().world, known, OUT)

    assert (found.to, found.head) == (C, OUT.head)


def test_what_a_vnic_sends_on_is_translated_for_itself() -> None:
    cloud = a_hop_world()
    cloud.change(
        C, route_table_id=cloud.table("out", ("0.0.0.0/0", cloud.nat("nat", NAT)))
    )
    known = flows(cloud, OUT)
    again = replace(OUT, origin=C)
    found = verdict(cloud.world, known, again)

    assert (found.to, str(found.head)) == (INTERNET, f"TCP {NAT}:4000 to {SERVER}:80")
    assert len(track(cloud.world, known, again)) == 2


def test_a_flow_inside_the_vcn_is_not_translated() -> None:
    assert passes(a_hop_world(), SYN, SYN)


# -- words


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (udp("10.0.1.5", 1, "10.0.1.6", 2), "UDP 10.0.1.5:1 to 10.0.1.6:2"),
        (icmp("10.0.1.5", "10.0.1.6", 3, 4), "ICMP 3,4 10.0.1.5 to 10.0.1.6"),
        (
            SYN.head._replace(protocol=50),
            "protocol 50 10.0.1.5 to 10.0.1.6",
        ),
    ],
)
def test_a_tuple_can_be_said(head: Tuple, said: str) -> None:
    assert str(head) == said


def test_a_packet_of_no_flow_has_no_place() -> None:
    cloud = a_world()

    assert place(flows(cloud, SYN), cloud.vcn_id, OUT) is None
    assert place(flows(cloud, SYN), "ocid1.vcn.other", SYN) is None
