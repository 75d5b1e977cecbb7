"""However a ruleset came about, by differences or whole, nft lists the same one."""

import os
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from builders_vcn import an_id
from fabric_game import VNICS, Game, a_game

from mooring.adapters import netns
from mooring.adapters.nft import Nft
from mooring.core.linux import nft
from mooring.core.linux.nft import Table
from mooring.core.linux.nftchange import change
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.packets.names import vcn_space

ROUNDS = 25


@pytest.fixture
def spaces() -> Iterator[tuple[int, int]]:
    """Two namespaces: one is changed by differences, one is written whole."""
    with ExitStack() as stack:
        fds = []
        for word in ("part", "whole"):
            name = f"moor-{word}-{os.getpid()}"
            netns.create(name)
            stack.callback(netns.delete, name)
            fds.append(netns.open_fd(name))
            stack.callback(netns.close, fds[-1])
        yield fds[0], fds[1]


def listed(tool: Nft, space: int) -> set[str]:
    """The listing's blocks: their order tells how the table came about."""
    listing = tool.listing("inet", "mooring", space)
    return set(re.findall(r"^\t\w+ \w+ \{.*?^\t\}", listing, re.MULTILINE | re.DOTALL))


def table(game: Game) -> Table:
    return wanted(game.cloud.world, "x").tables[vcn_space("x", game.cloud.vcn_id)]


def plug(game: Game) -> None:
    """Plug each VNIC in or not."""
    for name in VNICS:
        state = game.chance.choice(("ATTACHED", "ATTACHED", "DETACHED"))
        game.cloud.change(an_id("vnicattachment", name), lifecycle_state=state)


def test_many_differences_end_where_the_whole_does(
    chance: random.Random, spaces: tuple[int, int]
) -> None:
    game = a_game(chance)
    part, whole = spaces
    now = table(game)
    with Nft() as tool:
        tool.run(nft.replace(now), part)
        for _ in range(ROUNDS):
            game.change()
            plug(game)
            before, now = now, table(game)
            tool.run(change(before, now), part)
            tool.run(nft.replace(now), whole)
            assert listed(tool, part) == listed(tool, whole) != set()
