"""Two judges: what the kernel does with a packet is what the plain model says.

Worlds change while flows go on: rules, groups, gateways, routes. After each change packets of
all kinds are sent through the real fabric and caught on the real links; for each of them
the model is asked what should have come out, where, and with which addresses.
"""

import random
from collections.abc import Iterator

import pytest
from builders_vcn import an_id
from fabric_field import Field, a_field
from fabric_game import PACKETS, ROUNDS, VNICS, Game, a_fence, a_game

GAMES = 4


@pytest.fixture(params=range(GAMES))
def game(request: pytest.FixtureRequest, seed: int) -> Game:
    return a_game(random.Random(f"{seed} {request.param}"))


@pytest.fixture
def ground(game: Game) -> Iterator[Field]:
    with a_field(game.cloud) as ground:
        yield ground


def test_kernel_and_model_agree_on_every_packet(game: Game, ground: Field) -> None:
    with ground.tapped(an_id("vnic", n) for n in (*VNICS, "f1", "f2")) as wire:
        wire.fence = a_fence()
        for number in range(ROUNDS):
            for _ in range(PACKETS):
                game.play(wire)
            if game.turn(number):
                ground.forget()
            ground.weave()

    assert len(game.arrived) > ROUNDS, "a game in which nothing arrives says little"
