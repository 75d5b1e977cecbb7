"""The plain judge on clouds of every kind: it always has an answer, and the answer has its grounds."""

import random

from builders_vcn import allow, an_id
from builders_wide import (
    A6,
    B6,
    C6,
    HOST,
    HOST6,
    SERVER,
    SERVER6,
    SGW,
    STORAGE,
    X6,
    Y6,
    a_wide_world,
)
from fabric_wide import PREMISES, VNICS, WideGame, a_wide_game
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mooring.core.vcn.model import SecurityRule, Vcn, Vnic
from mooring.core.vcn.packets.forwarding import Verdict, Word, track, verdict
from mooring.core.vcn.packets.packet import (
    INTERNET,
    NO_FLOWS,
    Packet,
    Place,
    icmp,
    place,
    tcp,
    udp,
)
from mooring.core.vcn.packets.profiles import Classes, profiles
from mooring.core.vcn.packets.router import Address, Router, router
from mooring.core.vcn.packets.services import NOTHING

seeds = st.integers(0, 2**32)
PACKETS = 25


def home(game: WideGame, vnic_id: str) -> Router:
    """Give the router at which a VNIC is."""
    vnic = game.cloud.world.find(Vnic, vnic_id)
    vcn = game.cloud.world.find(Vcn, vnic.vcn_id if vnic else "")
    assert vcn is not None
    return router(game.cloud.world, vcn)


def may(classes: Classes, peer: Address, service: tuple[int, int, int]) -> bool:
    number = int(peer)
    found = (s for low, high, s in classes if low <= number <= high)
    return next(found, NOTHING).allows(*service)


def has_grounds(game: WideGame, packet: Packet, found: Verdict) -> bool:
    """Ask the compiled rules at both ends whether a packet might pass."""
    sides = [(packet.origin, packet.head, "egress"), (found.to, found.head, "ingress")]
    for vnic_id, head, side in sides:
        if game.cloud.world.find(Vnic, vnic_id) is None:
            continue
        assert head is not None
        where = home(game, vnic_id)
        profile = profiles(game.cloud.world, where)[vnic_id]
        peer = head.destination if side == "egress" else head.source
        suffix = "6" if peer.version == 6 else ""
        classes = getattr(profile, side + suffix)
        if not may(classes, peer, head.service()) and not tracked(game, packet, where):
            return False
    return True


def tracked(game: WideGame, packet: Packet, where: Router) -> Place | None:
    ways = {flow.outside for flow in game.flows} | {None}
    found = (place(game.flows, where.vcn.id, packet, way) for way in ways)
    return next((at for at in found if at and (at.is_reply or at.is_about)), None)


@settings(max_examples=8)
@given(seeds)
def test_every_packet_has_a_verdict_with_grounds(number: int) -> None:
    game = a_wide_game(random.Random(number))
    ends = {*(an_id("vnic", name) for name in VNICS), *PREMISES, SGW, INTERNET}
    for n in range(PACKETS):
        packet = game.packet()
        found = verdict(game.cloud.world, game.flows, packet)
        assert found.reason
        if found.word is Word.DROP:
            assert (found.to, found.head) == ("", None)
        else:
            assert found.head is not None
            assert found.to in {*ends, "router"}
            assert found.to == "router" or has_grounds(game, packet, found)
            game.arrived.append((found.to, found.head))
        game.sent.append(packet)
        game.flows = track(game.cloud.world, game.flows, packet)
        if n % 8 == 7:
            game.change()


@settings(max_examples=8)
@given(seeds)
def test_flows_are_begun_once_and_by_what_may_begin_them(number: int) -> None:
    game = a_wide_game(random.Random(number))
    for _ in range(PACKETS):
        packet = game.packet()
        known = track(game.cloud.world, game.flows, packet)

        assert known >= game.flows
        assert known == game.flows or packet.can_begin()
        assert track(game.cloud.world, known, packet) == known
        assert {flow.original for flow in known - game.flows} <= {packet.head}
        game.flows = known
        game.sent.append(packet)
        game.arrived.append((packet.origin, packet.head))


OWN = {
    "a": ("10.0.1.5", A6),
    "c": ("10.0.2.7", C6),
    "x": ("10.1.1.5", X6),
}
TARGETS = (
    *("10.0.1.6", "10.0.2.7", "10.1.1.6", HOST, STORAGE, SERVER),
    *(B6, C6, Y6, HOST6, SERVER6),
)


@st.composite
def a_flow(draw: st.DrawFn) -> Packet:
    name = draw(st.sampled_from(sorted(OWN)))
    target = draw(st.sampled_from(TARGETS))
    source = OWN[name][":" in target]
    kind = 128 if ":" in target else 8
    heads = (
        tcp(source, 4000, target, 80),
        udp(source, 4000, target, 53),
        icmp(source, target, kind, number=9),
    )
    return Packet(an_id("vnic", name), draw(st.sampled_from(heads)))


def answer(found: Verdict) -> Packet:
    assert found.head is not None
    return Packet(found.to, found.head.inverse())


@given(a_flow())
def test_where_all_is_open_what_arrives_can_be_answered(packet: Packet) -> None:
    world = a_wide_world().world
    known = track(world, NO_FLOWS, packet)
    found = verdict(world, NO_FLOWS, packet)
    if found.word is Word.DROP:
        # The second VCN has no way to the internet or to services.
        assert packet.origin == an_id("vnic", "x")
        return
    back = verdict(world, known, answer(found))

    assert (back.to, back.head) == (packet.origin, packet.head.inverse())
    assert track(world, known, answer(found)) == known


def one_way(packet: Packet) -> tuple[SecurityRule, ...]:
    """Write rules that let a flow's first packet pass, and nothing that goes back."""
    head = packet.head
    protocol, first, _ = head.service()
    service = {"icmp": (first, None)} if head.is_icmp else {"to": str(first)}
    bits = head.source.max_prefixlen
    return (
        allow("egress", str(protocol), f"{head.destination}/{bits}", **service),
        allow("ingress", str(protocol), f"{head.source}/{bits}", **service),
    )


@given(a_flow())
def test_an_answer_needs_no_rule_where_its_question_had_one(packet: Packet) -> None:
    cloud = a_wide_world()
    for book in ("open", "far"):
        cloud.change(an_id("securitylist", book), rules=one_way(packet))
    found = verdict(cloud.world, NO_FLOWS, packet)
    assume(found.word is Word.ACCEPT)
    known = track(cloud.world, NO_FLOWS, packet)

    assert verdict(cloud.world, known, answer(found)).to == packet.origin
    assert verdict(cloud.world, NO_FLOWS, answer(found)).word is Word.DROP
