"""Two judges on a wide field: IPv6, two VCNs, a DRG, premises, Oracle's services.

As `test_fabric_kernel`, whose packets stay in one VCN or go to the internet. Here every router on a
packet's way is asked, with its own rules and flows, and what joins the networks opens and shuts.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from builders_vcn import an_id
from fabric_field import Field, a_field
from fabric_game import PACKETS, ROUNDS, a_fence
from fabric_kinds import KINDS, kinds
from fabric_wide import PREMISES, SGW, VNICS, WideGame, a_wide_game

from mooring.core.vcn.packets import names

GAMES = 3
FENCES = 4  # no packet passes more than eight links, and a fence passes two
# Games that together have every kind of packet; who changes what is drawn looks for others.
REHEARSED = (7, 9, 17)


@pytest.fixture(params=range(GAMES))
def game(request: pytest.FixtureRequest, seed: int) -> WideGame:
    return a_wide_game(random.Random(f"wide {seed} {request.param}"))


@pytest.fixture
def ground(game: WideGame) -> Iterator[Field]:
    with a_field(game.cloud) as ground:
        yield ground


def test_kernel_and_model_agree_on_every_packet(game: WideGame, ground: Field) -> None:
    beside = {
        **{each: names.site_space(ground.name, each) for each in PREMISES},
        SGW: names.services_space(ground.name, SGW),
    }
    vnics = [an_id("vnic", name) for name in (*VNICS, "f1", "f2")]
    for number in range(ROUNDS):
        with ground.tapped(vnics, beside) as wire:
            wire.fence, wire.fences = a_fence(), FENCES
            for _ in range(PACKETS):
                game.play(wire)
        if game.turn(number):
            ground.forget()
        ground.weave()

    assert len(game.arrived) > ROUNDS, "a game in which nothing arrives says little"


def test_games_have_packets_of_every_kind() -> None:
    """Of fixed games, by the model alone: what the kernel is asked about leaves nothing out."""
    drawn: set[str] = set()
    for number in REHEARSED:
        game = a_wide_game(random.Random(f"rehearsed {number}"))
        for turn in range(ROUNDS):
            for _ in range(PACKETS):
                before = replace(game)
                packet, found = game.rehearse()
                drawn |= set(kinds(before, packet, found))
            game.turn(turn)

    assert drawn >= KINDS, KINDS - drawn
