"""Who may send from any address still cannot answer in the internet's name."""

from collections.abc import Iterator

import pytest
from builders_vcn import OPEN, Cloud, an_id
from fabric_field import Field, a_field
from fabric_game import a_fence
from wiretap import ACK, SYN, SYN_ACK

from mooring.core.vcn.packets.forwarding import Word, track, verdict
from mooring.core.vcn.packets.packet import INTERNET, NO_FLOWS, Packet, tcp

FACE, SERVER = "198.18.0.1", "198.51.100.10"
A, B = an_id("vnic", "a"), an_id("vnic", "b")


@pytest.fixture
def ground() -> Iterator[Field]:
    cloud = Cloud()
    rules = cloud.security_list("open", *OPEN)
    nat = cloud.nat("nat", FACE)
    table = cloud.table("out", ("0.0.0.0/0", nat))
    subnet = cloud.subnet("one", "10.0.1.0/24", (rules,), table)
    cloud.vnic("a", subnet, "10.0.1.5")
    cloud.vnic("b", subnet, "10.0.1.6", skip_check=True)
    apart = cloud.subnet("fence", "10.0.9.0/29", (rules,), table)
    cloud.vnic("f1", apart, "10.0.9.2")
    cloud.vnic("f2", apart, "10.0.9.3")
    with a_field(cloud) as field:
        yield field


def test_a_neighbour_cannot_forge_an_answer_to_a_translated_flow(ground: Field) -> None:
    asked = Packet(A, tcp("10.0.1.5", 20000, SERVER, 80))
    answer = Packet(INTERNET, tcp(SERVER, 80, FACE, 20000))
    forged = Packet(B, tcp(SERVER, 80, FACE, 20000))
    world = ground.cloud.world
    flows = track(world, NO_FLOWS, asked)

    with ground.tapped((A, B, an_id("vnic", "f1"), an_id("vnic", "f2"))) as wire:
        wire.fence = a_fence()
        went = wire.send(asked, SYN)
        came = wire.send(answer, SYN_ACK)
        slipped = wire.send(forged, ACK)

    assert went == {INTERNET: tcp(FACE, 20000, SERVER, 80)}
    assert came == {A: tcp(SERVER, 80, "10.0.1.5", 20000)}
    assert verdict(world, flows, forged).word is Word.DROP
    assert slipped == {}
