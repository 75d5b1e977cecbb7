"""A guard before public addresses, by the gateways' own route tables: both judges, both families."""

from collections.abc import Iterator

import pytest
from builders_guard import (
    C6,
    FACE,
    IGW,
    PUBLIC,
    SERVER,
    SERVER6,
    A,
    B,
    C,
    a_guarded_world,
)
from builders_vcn import an_id
from fabric_field import Field, a_field
from fabric_game import a_fence
from wiretap import ACK

from mooring.core.vcn.packets.forwarding import track, verdict
from mooring.core.vcn.packets.packet import INTERNET, NO_FLOWS, Packet, Tuple, tcp

PRIVATE = "10.0.2.7"


@pytest.fixture
def ground() -> Iterator[Field]:
    cloud = a_guarded_world()
    # The guard itself goes out by the internet gateway, and `a` by the guard.
    own = cloud.table("own", ("0.0.0.0/0", IGW), ("::/0", IGW))
    cloud.change(B, route_table_id=own)
    cloud.table("two", ("0.0.0.0/0", an_id("privateip", "10.0.1.6")), ("::/0", IGW))
    apart = cloud.subnet("fence", "10.0.9.0/29", (an_id("securitylist", "open"),), own)
    cloud.vnic("f1", apart, "10.0.9.2")
    cloud.vnic("f2", apart, "10.0.9.3")
    with a_field(cloud) as field:
        yield field


QUESTION, QUESTION6 = tcp(SERVER, 4000, PUBLIC, 80), tcp(SERVER6, 4000, C6, 80)
INSIDE = QUESTION._replace(destination=tcp(PRIVATE, 1, PRIVATE, 1).source)
OUT = tcp("10.0.1.5", 4000, SERVER, 80)
BEHIND = OUT._replace(source=tcp(FACE, 1, FACE, 1).source)
STORY: list[tuple[Packet, str, Tuple]] = [
    (Packet(INTERNET, QUESTION), B, INSIDE),
    (Packet(B, INSIDE), C, INSIDE),
    (Packet(C, INSIDE.inverse()), B, INSIDE.inverse()),
    (Packet(B, INSIDE.inverse()), INTERNET, QUESTION.inverse()),
    (Packet(INTERNET, QUESTION), B, INSIDE),
    (Packet(INTERNET, QUESTION6), B, QUESTION6),
    (Packet(B, QUESTION6), C, QUESTION6),
    (Packet(C, QUESTION6.inverse()), INTERNET, QUESTION6.inverse()),
    (Packet(A, OUT), INTERNET, BEHIND),
    (Packet(INTERNET, BEHIND.inverse()), B, OUT.inverse()),
    (Packet(B, OUT.inverse()), A, OUT.inverse()),
]


def test_a_guard_sees_what_comes_in_before_whom_it_is_for(ground: Field) -> None:
    flows, world = NO_FLOWS, ground.cloud.world
    vnics = (A, B, C, an_id("vnic", "f1"), an_id("vnic", "f2"))
    with ground.tapped(vnics) as wire:
        wire.fence = a_fence()
        for packet, to, head in STORY:
            said = verdict(world, flows, packet)
            flows = track(world, flows, packet)

            assert (said.to, said.head) == (to, head), packet
            assert wire.send(packet, ACK) == {to: head}, packet
