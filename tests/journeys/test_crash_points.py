"""Stop agent and controller before and after the steps that change something; what must hold, holds.

Here at some points, another one in each run with another seed; `make schedules` stops them at
all points, and plays 10,000 schedules drawn by chance.
"""

from collections.abc import Callable

import pytest
from survival.run import play_some
from survival.story import FATES, Fate, played, points

SHARE = 100
EVERY = {"agent": 40, "controller": 3}


@pytest.mark.parametrize("fate", FATES, ids=str)
def test_rt_02_a_program_may_die_at_any_point(
    fate: Fate, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """In the middle of growing too: what the cloud did is found again, and nothing twice."""
    every = EVERY[fate.program]
    deaths = points(fate, every, 1 + seed % every)
    record_property("told", f"{deaths} crash points of {fate}")

    assert deaths > 5


@pytest.mark.parametrize("fate", FATES, ids=str)
def test_the_story_has_every_kind_of_step(fate: Fate) -> None:
    """What an elastic pool gives back too, what the agent tells of it, and the fast path's maps."""
    world = played(fate, 10_000).world
    met = world.points if fate.program == "agent" else world.controls

    both = {f"{side} {x}" for side in ("before", "after") for x in fate.steps}
    assert met.names == both


def test_rt_37_any_order_of_calls_deaths_and_refusals_loses_and_leaks_nothing(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    outcome = play_some(range(seed, seed + SHARE))
    record_property("told", f"seeds {seed} to {seed + SHARE - 1}: {outcome}")

    assert not outcome.broken
