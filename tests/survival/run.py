"""Plays schedules: `python -m survival.run 10000` plays so many and says what it found.

Every schedule has a number, which is its seed: `python -m survival.run --seed 4711` plays one
again, tells its moves, and how few of them suffice to see what it saw.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from survival.loop import StoryLoop
from survival.moves import Player, Schedule, draw
from survival.story import FATES, points

CHUNK = 25


@dataclass(frozen=True)
class Outcome:
    """What came of some schedules."""

    schedules: int = 0
    steps: int = 0
    deaths: int = 0
    refusals: int = 0
    broken: tuple[tuple[int, str], ...] = ()

    def and_(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.schedules + other.schedules,
            self.steps + other.steps,
            self.deaths + other.deaths,
            self.refusals + other.refusals,
            self.broken + other.broken,
        )

    def __str__(self) -> str:
        return (
            f"{self.schedules} schedules, {self.steps} steps looked at, "
            f"{self.deaths} deaths, {self.refusals} refusals, {len(self.broken)} broken"
        )


def play(loop: StoryLoop, schedule: Schedule) -> tuple[Player, str]:
    """Play one; give what was broken, or nothing."""
    player = Player(schedule)
    try:
        loop.play(player.chance, player.play())
    except Exception as why:  # noqa: BLE001 - whatever it is, it is the schedule's verdict
        frames = traceback.extract_tb(why.__traceback__)[-6:]
        where = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))
        return player, f"{type(why).__name__}: {why} ({where})"
    return player, ""


def play_some(seeds: Iterable[int]) -> Outcome:
    """Play the schedules of these seeds."""
    loop = StoryLoop()
    total = Outcome()
    try:
        for seed in seeds:
            player, broken = play(loop, draw(seed))
            points = player.world.points
            total = total.and_(
                Outcome(
                    1,
                    player.world.witness.steps,
                    points.deaths + player.world.controls.deaths,
                    points.struck,
                    ((seed, broken),) if broken else (),
                )
            )
            if broken:
                loop.close()
                loop = StoryLoop()
    finally:
        loop.close()
    return total


def shortened(schedule: Schedule) -> tuple[Schedule, str]:
    """Leave out what is not needed to break it."""
    _, broken = _alone(schedule)
    kind = broken.partition(":")[0]
    smaller = True
    while smaller:
        smaller = False
        for less in _less(schedule):
            _, now = _alone(less)
            if now.partition(":")[0] == kind:
                schedule, broken, smaller = less, now, True
                break
    return schedule, broken


def _alone(schedule: Schedule) -> tuple[Player, str]:
    loop = StoryLoop()
    try:
        return play(loop, schedule)
    finally:
        loop.close()


def _less(schedule: Schedule) -> Iterator[Schedule]:
    turns = schedule.turns
    for n in reversed(range(len(turns))):
        yield replace(schedule, turns=turns[:n] + turns[n + 1 :])
    for n, turn in enumerate(turns):
        for m in range(len(turn)):
            if len(turn) > 1:
                fewer = [*turn[:m], *turn[m + 1 :]]
                yield replace(schedule, turns=[*turns[:n], fewer, *turns[n + 1 :]])


def _tell(seed: int) -> int:
    schedule, broken = shortened(draw(seed))
    if not broken:
        print(f"seed {seed}: nothing is broken")
        return 0
    print(f"seed {seed}: {broken}")
    print(replace(schedule, turns=[]))
    for turn in schedule.turns:
        print("   ", *turn)
    return 1


def _all_points(workers: int) -> None:
    """Die at every point of the story; a broken one ends the program."""
    with ProcessPoolExecutor(workers) as pool:
        for fate, deaths in zip(FATES, pool.map(points, FATES), strict=True):
            print(f"{deaths} crash points: {fate}", flush=True)


def main() -> int:
    """Play schedules in two processes."""
    parser = argparse.ArgumentParser(prog="survival.run", description=__doc__)
    parser.add_argument("schedules", type=int, nargs="?", default=10_000)
    parser.add_argument("--first", type=int, default=1, help="seed of the first one")
    parser.add_argument("--seed", type=int, help="only this one, made short")
    parser.add_argument("--points", action="store_true", help="and all crash points")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.seed is not None:
        return _tell(given.seed)
    begin = time.monotonic()
    if given.points:
        _all_points(given.workers)
    seeds = range(given.first, given.first + given.schedules)
    chunks = [seeds[n : n + CHUNK] for n in range(0, len(seeds), CHUNK)]
    total = Outcome()
    with ProcessPoolExecutor(given.workers) as pool:
        for outcome in pool.map(play_some, chunks):
            total = total.and_(outcome)
            for seed, broken in outcome.broken:
                print(f"seed {seed}: {broken}", flush=True)
    took = time.monotonic() - begin
    print(f"seeds {given.first}-{seeds[-1]}: {total}, in {took:.0f} s")
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
