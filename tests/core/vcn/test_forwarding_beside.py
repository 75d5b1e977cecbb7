"""The plain judge beyond one VCN: peers, DRGs, premises, Oracle's services."""

from dataclasses import replace

import pytest
from builders_gateways import (
    circuit,
    drg,
    drg_table,
    labels,
    peering,
    remote_peering,
    service_gateway,
    table,
)
from builders_vcn import Cloud, allow, an_id
from builders_wide import (
    DRG,
    FAR,
    FAR_DRG,
    FAR_LPG,
    HOST,
    HOST6,
    NEAR,
    NEAR_DRG,
    NEAR_LPG,
    SGW,
    SITE,
    STORAGE,
    X6,
    A,
    B,
    X,
    Y,
    a_wide_world,
    near_routes,
)

from mooring.core.vcn.packets.forwarding import (
    Verdict,
    Word,
    track,
    verdict,
)
from mooring.core.vcn.packets.packet import (
    INTERNET,
    NO_FLOWS,
    Flow,
    Flows,
    Packet,
    icmp,
    tcp,
    udp,
)

A6 = "2001:db8:4000::a"
ACROSS = Packet(A, tcp("10.0.1.5", 4000, "10.1.1.5", 80))
BACK = Packet(X, ACROSS.head.inverse())
HOME = Packet(A, tcp("10.0.1.5", 4000, HOST, 80))
CALL = Packet(SITE, tcp(HOST, 4000, "10.0.1.5", 80))
STORE = Packet(A, tcp("10.0.1.5", 4000, STORAGE, 443))
STORED = Packet(SGW, STORE.head.inverse())


def judged(cloud: Cloud, packet: Packet, *before: Packet) -> Verdict:
    return verdict(cloud.world, flows(cloud, *before), packet)


def flows(cloud: Cloud, *packets: Packet) -> Flows:
    known = NO_FLOWS
    for packet in packets:
        known = track(cloud.world, known, packet)
    return known


def passes(cloud: Cloud, packet: Packet, *before: Packet) -> bool:
    return judged(cloud, packet, *before).word is Word.ACCEPT


# -- peers


def test_a_peering_leads_into_the_other_vcn() -> None:
    found = judged(a_wide_world(), ACROSS)

    assert (found.to, found.head) == (X, ACROSS.head)


def test_a_peering_carries_ipv6() -> None:
    packet = Packet(A, tcp(A6, 4000, X6, 80))

    assert judged(a_wide_world(), packet).to == X


def test_the_receivers_vcn_has_its_own_rules_and_flows() -> None:
    cloud = a_wide_world()
    cloud.security_list("far", allow("ingress", "tcp", "10.0.0.0/16", to="80"))

    assert passes(cloud, ACROSS)
    assert not passes(cloud, BACK)
    assert judged(cloud, BACK, ACROSS).to == A


def test_each_router_that_a_packet_gets_past_knows_its_flow() -> None:
    cloud = a_wide_world()
    cloud.security_list("far")
    back = ACROSS.head.inverse()

    assert flows(cloud, ACROSS) == {Flow(NEAR, ACROSS.head, back)}
    assert flows(a_wide_world(), ACROSS) == {
        Flow(NEAR, ACROSS.head, back),
        Flow(FAR, ACROSS.head, back),
    }


def test_what_one_router_takes_for_a_reply_begins_a_flow_at_the_other() -> None:
    cloud = a_wide_world()
    known = flows(cloud, ACROSS)
    forgotten = frozenset(flow for flow in known if flow.vcn_id == NEAR)

    assert track(cloud.world, forgotten, BACK) == forgotten | {
        Flow(FAR, BACK.head, ACROSS.head)
    }


def test_a_group_has_no_members_in_another_vcn() -> None:
    cloud = a_wide_world()
    group = cloud.group("g")
    cloud.change(A, nsg_ids=(group,))
    cloud.security_list("far", allow("ingress", peer=group))

    assert "no ingress rule of VNIC x" in judged(cloud, ACROSS).reason


def test_a_path_mtu_message_from_a_peer_needs_no_rule() -> None:
    cloud = a_wide_world()
    cloud.security_list("open", allow("egress", "tcp", to="80"))
    cloud.security_list("far", allow("ingress", "tcp", to="80"))
    error = Packet(X, icmp("10.1.1.5", "10.0.1.5", 3, 4), quoted=ACROSS.head)

    assert not passes(cloud, error)
    assert judged(cloud, error, ACROSS).to == A


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lifecycle_state": "TERMINATING"}, "gateway near is TERMINATING"),
        ({"peering_status": "REVOKED"}, "gateway near is REVOKED"),
        ({"peer_id": None}, "gateway near has no peer"),
        ({"peer_id": "ocid1.localpeeringgateway.x"}, "gateway near has no peer"),
    ],
)
def test_our_end_of_a_peering_must_be_open(
    fields: dict[str, object], reason: str
) -> None:
    cloud = a_wide_world()
    cloud.change(NEAR_LPG, **fields)

    assert judged(cloud, ACROSS).reason.endswith(reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"lifecycle_state": "TERMINATING"},
        {"peering_status": "NEW"},
        {"peer_id": "ocid1.localpeeringgateway.x"},
    ],
)
def test_the_other_end_of_a_peering_must_be_open(fields: dict[str, object]) -> None:
    cloud = a_wide_world()
    cloud.change(FAR_LPG, **fields)

    assert judged(cloud, ACROSS).word is Word.DROP


def test_a_peer_whose_vcn_is_gone_is_not_open() -> None:
    cloud = a_wide_world()
    cloud.world = cloud.world.drop(FAR)

    assert judged(cloud, ACROSS).reason == f"{FAR_LPG} is not open"


def test_the_gateway_of_another_vcn_is_no_way() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("10.1.0.0/24", FAR_LPG))
    packet = Packet(A, tcp("10.0.1.5", 1, "10.1.0.9", 2))

    assert judged(cloud, packet).reason.endswith("is not of this VCN")


def test_nobody_speaks_from_outside_as_the_vcn() -> None:
    cloud = a_wide_world()
    cloud.change(X, skip_source_dest_check=True)
    forged = Packet(X, tcp("10.0.1.6", 1, "10.0.1.5", 2))

    assert judged(cloud, forged).reason == "source check: 10.0.1.6 is inside of the VCN"


def test_an_address_of_the_peer_that_nobody_has_is_nowhere() -> None:
    packet = Packet(A, tcp("10.0.1.5", 1, "10.1.1.99", 2))

    assert judged(a_wide_world(), packet).reason == "no private IP covers 10.1.1.99"


# -- what a gateway's own table says


def through_the_peer(cloud: Cloud, *rules: tuple[str, str]) -> None:
    """Send what is for the premises to the peer, whose gateway's table has these rules."""
    near_routes(cloud, ("192.168.0.0/24", NEAR_LPG))
    before, cloud.vcn_id = cloud.vcn_id, FAR
    ingress = table(cloud, "ingress", *rules)
    cloud.vcn_id = before
    peering(cloud, (NEAR, "near"), (FAR, "far"), far=ingress)


def test_without_a_table_only_the_vcn_is_behind_a_gateway() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("192.168.0.0/24", NEAR_LPG))

    assert judged(cloud, HOME).reason.startswith(f"no route to {HOST} for what comes")


def test_a_gateways_table_leads_to_a_vnic() -> None:
    cloud = a_wide_world()
    cloud.change(Y, skip_source_dest_check=True)
    through_the_peer(cloud, ("192.168.0.0/16", an_id("privateip", "10.1.1.6")))

    assert (judged(cloud, HOME).to, judged(cloud, HOME).head) == (Y, HOME.head)


def test_a_gateways_table_leads_on_to_a_drg() -> None:
    cloud = a_wide_world()
    through_the_peer(cloud, ("192.168.0.0/16", DRG))

    assert judged(cloud, HOME).to == SITE
    assert {flow.vcn_id for flow in flows(cloud, HOME)} == {NEAR, FAR}


def test_the_vcn_itself_comes_before_a_gateways_table() -> None:
    cloud = a_wide_world()
    cloud.change(Y, skip_source_dest_check=True)
    through_the_peer(cloud, ("10.1.1.5/32", an_id("privateip", "10.1.1.6")))

    assert judged(cloud, ACROSS).to == X


def test_no_gateways_table_leads_to_the_internet() -> None:
    cloud = a_wide_world()
    cloud.vcn_id = FAR
    nat = cloud.nat("far", "198.18.0.2")
    cloud.vcn_id = NEAR
    through_the_peer(cloud, ("0.0.0.0/0", nat))

    assert judged(cloud, HOME).reason.endswith("does not leave for the internet")


def test_routes_that_lead_in_a_circle_end() -> None:
    cloud = a_wide_world()
    through_the_peer(cloud, ("192.168.0.0/16", FAR_LPG))
    ingress = table(cloud, "back", ("192.168.0.0/16", NEAR_LPG))
    cloud.change(NEAR_LPG, route_table_id=ingress)
    cloud.change(A, skip_source_dest_check=True)
    packet = replace(HOME, head=tcp("172.16.0.1", 1, HOST, 2))

    assert judged(cloud, packet).reason == "the routes lead round in a circle"


@pytest.mark.parametrize("to", ["169.254.169.254", "224.0.0.9", "127.0.0.1"])
def test_some_addresses_are_routed_from_nowhere(to: str) -> None:
    packet = Packet(SITE, tcp(HOST, 1, to, 2))
    cloud = a_wide_world()
    drg_table(cloud, "drg", DRG, ("0.0.0.0/0", NEAR_DRG))

    assert judged(cloud, packet).reason == f"{to} is not routed"


def test_link_local_addresses_are_not_outside() -> None:
    cloud = a_wide_world()

    for source in ("169.254.0.7", "fe80::7", "fd00:c1::a9fe:a9fe"):
        to = A6 if ":" in source else "10.0.1.5"
        for origin in (SITE, INTERNET):
            found = judged(cloud, Packet(origin, udp(source, 1, to, 2)))
            assert found.word is Word.DROP, source


@pytest.mark.parametrize(
    ("source", "to", "reason"),
    [
        (HOST, "192.0.0.8", "192.0.0.8 is the DRG's own"),
        (HOST6, "2001:db8:ffff::d", "2001:db8:ffff::d is the DRG's own"),
        (HOST, "224.0.0.9", "224.0.0.9 is not routed"),
        (HOST6, "ff05::1", "ff05::1 is not routed"),
        ("127.0.0.1", "192.168.0.1", "127.0.0.1 is not routed"),
    ],
)
def test_some_addresses_pass_no_drg(source: str, to: str, reason: str) -> None:
    cloud = a_wide_world()
    drg_table(cloud, "drg", DRG, ("0.0.0.0/0", SITE), ("::/0", SITE))

    assert judged(cloud, Packet(SITE, udp(source, 1, to, 2))).reason == reason


# -- DRGs and premises


def test_a_drg_leads_to_the_premises_that_have_the_address() -> None:
    found = judged(a_wide_world(), HOME)

    assert (found.to, found.head) == (SITE, HOME.head)
    assert found.reason == "security list open: stateful all to 0.0.0.0/0"


def test_premises_reach_a_vcn_as_its_rules_say() -> None:
    cloud = a_wide_world()
    assert judged(cloud, CALL).to == A
    assert judged(cloud, Packet(A, CALL.head.inverse()), CALL).to == SITE
    cloud.security_list("open", allow("egress"))

    assert judged(cloud, CALL).reason.startswith("no ingress rule of VNIC a")


def test_premises_speak_ipv6() -> None:
    packet = Packet(SITE, tcp(HOST6, 1, A6, 2))

    assert judged(a_wide_world(), packet).to == A


def test_a_drg_leads_from_vcn_to_vcn() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("10.1.1.0/24", DRG))

    assert judged(cloud, ACROSS).to == X


def test_a_drgs_table_decides_by_the_attachment_that_a_packet_came_in_by() -> None:
    cloud = a_wide_world()
    empty = drg_table(cloud, "empty", DRG)
    cloud.change(NEAR_DRG, drg_route_table_id=empty)

    assert judged(cloud, HOME).reason == (
        f"no route to {HOST} in the table of DRG attachment near"
    )
    assert passes(cloud, CALL)


def test_premises_reach_each_other() -> None:
    cloud = a_wide_world()
    other = circuit(cloud, DRG, "other", "172.16.0.0/12")
    packet = Packet(SITE, tcp(HOST, 1, "172.16.0.9", 2))

    assert judged(cloud, packet).to == other
    assert flows(cloud, packet) == NO_FLOWS


@pytest.mark.parametrize("state", ["ATTACHING", "DETACHING", "DETACHED"])
def test_an_attachment_must_be_attached(state: str) -> None:
    cloud = a_wide_world()
    cloud.change(NEAR_DRG, lifecycle_state=state)

    assert judged(cloud, HOME).reason == f"DRG attachment near is {state}"
    assert "no route to 10.0.1.5" in judged(cloud, CALL).reason


def test_premises_that_are_not_attached_send_nothing() -> None:
    cloud = a_wide_world()
    cloud.change(SITE, lifecycle_state="DETACHED")

    assert judged(cloud, CALL).reason == f"{SITE} is not open"


def test_an_attached_vcn_is_no_origin() -> None:
    packet = replace(CALL, origin=FAR_DRG)

    assert judged(a_wide_world(), packet).reason == "the VNIC is not plugged in"


def test_a_drg_to_which_the_vcn_is_not_attached_is_no_way() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("192.168.0.0/24", drg(cloud, "other")))

    assert judged(cloud, HOME).reason == "the VCN is not attached to DRG other"


def two_drgs() -> tuple[Cloud, tuple[str, str], str]:
    """Premises `over` at a second DRG, which is a remote peer of the first."""
    cloud = a_wide_world()
    other = drg(cloud, "second")
    ends = remote_peering(cloud, DRG, other)
    over = circuit(cloud, other, "over", "172.16.0.0/12")
    near_routes(cloud, ("172.16.0.0/12", DRG))
    return cloud, ends, over


OVER = Packet(A, tcp("10.0.1.5", 1, "172.16.0.9", 2))


def test_a_remote_peering_leads_to_the_other_drg() -> None:
    cloud, _, over = two_drgs()
    back = Packet(over, OVER.head.inverse())

    assert judged(cloud, OVER).to == over
    assert judged(cloud, back, OVER).to == A


def test_a_remote_peering_that_is_not_open_leads_nowhere() -> None:
    cloud, (ours, _), _ = two_drgs()
    drg_table(cloud, "drg", DRG, ("172.16.0.0/12", ours))
    cloud.change(an_id("remotepeeringconnection", "rpc-one"), peering_status="REVOKED")

    assert (
        judged(cloud, OVER).reason == "the peer of DRG attachment rpc-one is not open"
    )


def test_drgs_that_lead_in_a_circle_end() -> None:
    cloud, (one, two), _ = two_drgs()
    drg_table(cloud, "drg", DRG, ("172.16.0.0/12", one))
    drg_table(cloud, "second", an_id("drg", "second"), ("172.16.0.0/12", two))

    assert judged(cloud, OVER).reason == "the routes lead round in a circle"


# -- Oracle's services


def test_a_service_gateway_leads_to_the_services_and_takes_replies() -> None:
    cloud = a_wide_world()
    found = judged(cloud, STORE)

    assert (found.to, found.head) == (SGW, STORE.head)
    assert judged(cloud, STORED, STORE).to == A
    assert judged(cloud, STORED).reason.endswith("no packets that begin a flow")


def test_a_service_gateway_reaches_the_services_that_it_has() -> None:
    cloud = a_wide_world()
    service_gateway(cloud, storage=True)
    found = judged(cloud, STORE)
    near_routes(cloud, (labels(cloud)[1], SGW))

    assert found.reason == "service gateway sgw does not reach 198.19.0.0/16"
    assert judged(cloud, STORE).to == SGW


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"block_traffic": True}, "service gateway sgw blocks traffic"),
        ({"lifecycle_state": "TERMINATED"}, "service gateway sgw is TERMINATED"),
    ],
)
def test_a_service_gateway_must_be_fit(fields: dict[str, object], reason: str) -> None:
    cloud = a_wide_world()
    known = flows(cloud, STORE)
    cloud.change(SGW, **fields)

    assert judged(cloud, STORE).reason == reason
    assert verdict(cloud.world, known, STORED).reason == f"{SGW} is not open"


def test_a_service_gateway_takes_no_cidr_block() -> None:
    cloud = a_wide_world()
    near_routes(cloud, ("198.19.16.0/24", SGW))

    assert "only the CIDR labels" in judged(cloud, STORE).reason


def test_the_services_are_reached_over_the_internet_too() -> None:
    cloud = a_wide_world()
    table(cloud, "near", ("0.0.0.0/0", an_id("natgateway", "nat")))

    assert judged(cloud, STORE).to == INTERNET


def test_a_label_leads_only_by_a_service_gateway() -> None:
    cloud = a_wide_world()
    everything = labels(cloud)[0]
    table(cloud, "near", (everything, "ocid1.servicegateway.gone"), ("no-label", SGW))

    assert judged(cloud, STORE).reason == "the target of the route does not exist"


def test_a_rule_for_services_is_about_their_addresses() -> None:
    cloud = a_wide_world()
    storage = replace(
        allow("egress"), peer=labels(cloud)[1], peer_type="SERVICE_CIDR_BLOCK"
    )
    cloud.security_list("open", storage)
    packet = replace(STORE, head=tcp("10.0.1.5", 1, "198.19.0.2", 443))

    assert judged(cloud, STORE).to == SGW
    assert "no egress rule" in judged(cloud, packet).reason


def test_premises_reach_services_by_way_of_a_vcn() -> None:
    cloud = a_wide_world()
    cloud.change(NEAR_DRG, route_table_id=table(cloud, "in", (labels(cloud)[0], SGW)))
    cloud.change(SGW, route_table_id=table(cloud, "out", ("192.168.0.0/16", DRG)))
    ask = Packet(SITE, tcp(HOST, 4000, STORAGE, 443))
    answer = Packet(SGW, ask.head.inverse())

    assert judged(cloud, ask).to == SGW
    assert judged(cloud, answer, ask).to == SITE
    assert not passes(cloud, answer)


# -- tables by address


def test_an_address_may_have_a_table_of_its_own() -> None:
    cloud = a_wide_world()
    second = cloud.ip(B, "10.0.1.77")
    cloud.change(second, route_table_id=table(cloud, "empty"))
    whole = cloud.ip(B, "10.0.1.128/28")
    cloud.change(whole, route_table_id=an_id("routetable", "empty"))

    for source, word in (
        ("10.0.1.6", "accept"),
        ("10.0.1.77", "drop"),
        ("10.0.1.130", "drop"),
    ):
        found = judged(cloud, Packet(B, tcp(source, 1, HOST, 2)))
        assert found.word.value == word, source
