"""Packets that are too long and must not be cut: who says so, and who hears it."""

import pytest
from builders_gateways import attach, circuit, drg, drg_table, remote_peering, tunnel
from builders_vcn import Cloud, allow, an_id
from builders_wide import (
    A6,
    DRG,
    HOST,
    HOST6,
    IGW,
    NEAR_DRG,
    PUBLIC,
    SERVER,
    SERVER6,
    SITE,
    A,
    B,
    a_wide_world,
    near_routes,
)

from mooring.core.vcn.model import Subnet
from mooring.core.vcn.packets.forwarding import Verdict, Word, track, verdict
from mooring.core.vcn.packets.messages import VOICES
from mooring.core.vcn.packets.packet import (
    NO_FLOWS,
    Packet,
    Tuple,
    icmp,
    tcp,
    udp,
)
from mooring.core.vcn.packets.router import link_local

OUT, OUT6 = tcp("10.0.1.5", 4000, SERVER, 80), tcp(A6, 4000, SERVER6, 80)
HOME, HOME6 = udp("10.0.1.5", 4000, HOST, 53), udp(A6, 4000, HOST6, 53)


def judged(cloud: Cloud, head: Tuple, length: int, origin: str = A) -> Verdict:
    return verdict(cloud.world, NO_FLOWS, Packet(origin, head, length=length))


def heard(cloud: Cloud, head: Tuple, origin: str = A) -> Verdict:
    """What becomes of what is said."""
    packet = Packet(origin, head, length=1501)
    found = verdict(cloud.world, NO_FLOWS, packet)
    assert found.said is not None
    return verdict(cloud.world, track(cloud.world, NO_FLOWS, packet), found.said)


@pytest.mark.parametrize("head", [OUT, OUT6, HOME, HOME6])
def test_what_fits_passes(head: Tuple) -> None:
    assert judged(a_wide_world(), head, 1500).word is Word.ACCEPT
    assert judged(a_wide_world(), head, 1501).reason.startswith("1501 bytes")


def test_inside_and_to_a_peer_packets_may_be_longer() -> None:
    cloud = a_wide_world()

    for target in ("10.0.1.6", "10.1.1.5"):
        assert judged(cloud, tcp("10.0.1.5", 1, target, 2), 9000).word is Word.ACCEPT


@pytest.mark.parametrize(
    ("head", "source", "kind"), [(OUT, "10.0.1.1", (3, 4)), (OUT6, None, (2, 0))]
)
def test_the_router_says_what_is_too_long_for_the_internet(
    head: Tuple, source: str | None, kind: tuple[int, int]
) -> None:
    cloud = a_wide_world()
    found = heard(cloud, head)
    subnet = cloud.world.find(Subnet, an_id("subnet", "one"))
    assert subnet is not None
    own = source or str(link_local(subnet.virtual_router_mac))

    assert found.to == A
    assert found.head == icmp(own, str(head.source), *kind, 0)


def test_what_is_too_long_begins_no_flow_at_the_router_that_says_so() -> None:
    world = a_wide_world().world

    assert track(world, NO_FLOWS, Packet(A, OUT, length=1501)) == NO_FLOWS
    assert len(track(world, NO_FLOWS, Packet(A, HOME, length=1501))) == 1


@pytest.mark.parametrize(("head", "version"), [(HOME, 4), (HOME6, 6)])
def test_a_drg_says_what_is_too_long_for_a_tunnel(head: Tuple, version: int) -> None:
    cloud = a_wide_world()
    said = judged(cloud, head, 1501).said

    assert said is not None
    assert (said.origin, said.head.source) == (DRG, VOICES[version])
    assert heard(cloud, head).to == A


def test_a_drgs_word_is_heard_only_about_what_is_tracked() -> None:
    cloud = a_wide_world()
    rules = (allow("egress", stateless=True), allow("ingress", "tcp"))
    cloud.change(an_id("securitylist", "open"), rules=rules)

    assert heard(cloud, HOME).reason.startswith("no ingress rule")


def test_behind_a_virtual_circuit_packets_may_be_longer() -> None:
    cloud = a_wide_world()
    circuit(cloud, DRG, "line", "172.16.0.0/16")
    near_routes(cloud, ("172.16.0.0/16", DRG))

    assert judged(cloud, tcp("10.0.1.5", 1, "172.16.0.9", 2), 9000).word is Word.ACCEPT


def test_a_drg_behind_another_is_heard_too() -> None:
    cloud = a_wide_world()
    other = drg(cloud, "other")
    remote_peering(cloud, DRG, other)
    tunnel(cloud, other, "beyond", "172.16.0.0/16")
    near_routes(cloud, ("172.16.0.0/16", DRG))
    found = heard(cloud, tcp("10.0.1.5", 1, "172.16.0.9", 2))

    assert found.to == A
    assert found.head is not None
    assert found.head.source == VOICES[4]


def test_a_drg_without_a_way_back_is_not_heard() -> None:
    cloud = a_wide_world()
    only = drg_table(cloud, "only", DRG, ("192.168.0.0/16", SITE))
    cloud.change(NEAR_DRG, drg_route_table_id=only)
    cloud.change(SITE, drg_route_table_id=only)
    cloud.change(an_id("drgattachment", "far"), lifecycle_state="DETACHED")

    assert heard(cloud, HOME).reason == ("no route to 10.0.1.5 in any table of DRG drg")


def test_a_peering_with_itself_and_a_shut_one_are_no_ways() -> None:
    cloud = a_wide_world()
    remote_peering(cloud, DRG, DRG)
    attach(cloud, DRG, "gone", "stale", kind="REMOTE_PEERING_CONNECTION")

    assert heard(cloud, HOME).to == A


def test_nobody_is_told_of_errors() -> None:
    cloud = a_wide_world()

    assert judged(cloud, icmp("10.0.1.5", SERVER, 3, 1), 1501).said is None
    assert judged(cloud, icmp(A6, SERVER6, 1, 4), 1501).said is None
    assert judged(cloud, icmp(A6, SERVER6, 128), 1501).said is not None


def test_a_router_tells_nobody_outside_of_its_vcn() -> None:
    cloud = a_wide_world()
    cloud.change(B, skip_source_dest_check=True)
    cloud.change(an_id("subnet", "one"), ipv6_cidr_blocks=())

    assert judged(cloud, tcp("10.9.9.9", 1, SERVER, 2), 1501, B).said is None
    assert judged(cloud, OUT6, 1501).said is None


def test_what_a_router_says_of_an_address_that_went_is_lost() -> None:
    cloud = a_wide_world()
    said = judged(cloud, OUT, 1501).said
    assert said is not None
    cloud.unplug("a")

    assert verdict(cloud.world, NO_FLOWS, said).reason.startswith("no private IP")


def test_a_public_address_changes_nothing() -> None:
    cloud = a_wide_world()
    cloud.change(A, public_ip=tcp(PUBLIC, 1, PUBLIC, 1).source)
    near_routes(cloud, ("0.0.0.0/1", IGW), ("128.0.0.0/1", IGW))

    assert heard(cloud, OUT).to == A
