"""Nothing is told before it is so, and a fabric in trouble does not stop the telling."""

import asyncio
from collections.abc import Awaitable, Callable

from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import Enforcement, NoFabric

HOURS = 3600.0


class Gate:
    """A fabric that applies a world when it is let, and may refuse some first."""

    def __init__(self, refusals: int = 0) -> None:
        self.open = asyncio.Event()
        self.refusals = refusals
        self.applied: list[World] = []

    async def apply(self, world: World) -> None:
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            raise OSError("refused")
        self.applied.append(world)

    async def run(self) -> None:
        """Nothing to keep."""


def play(
    story: Callable[[Enforcement, Gate], Awaitable[None]],
    patience: float = HOURS,
    refusals: int = 0,
) -> Gate:
    """Run a story beside the worker."""

    async def scene() -> Gate:
        gate = Gate(refusals)
        enforcement = Enforcement(gate, patience, retry=0)
        worker = asyncio.create_task(enforcement.run())
        try:
            await story(enforcement, gate)
        finally:
            worker.cancel()
        return gate

    return asyncio.run(scene())


async def turns(count: int = 20) -> None:
    """Let everybody else move."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_without_news_nobody_waits() -> None:
    async def story(enforcement: Enforcement, _: Gate) -> None:
        await enforcement.reached()

    assert play(story).applied == []


def test_an_answer_waits_for_the_fabric() -> None:
    async def story(enforcement: Enforcement, gate: Gate) -> None:
        enforcement.submit(World.empty())
        waiting = asyncio.create_task(enforcement.reached())
        await turns()
        assert not waiting.done()
        gate.open.set()
        await waiting
        assert len(gate.applied) == 1

    play(story)


def test_generations_that_pile_up_are_applied_as_one() -> None:
    worlds = [World.empty() for _ in range(5)]

    async def story(enforcement: Enforcement, gate: Gate) -> None:
        for world in worlds:
            enforcement.submit(world)
            await turns()
        gate.open.set()
        await enforcement.reached()

    gate = play(story)
    assert [id(world) for world in gate.applied] == [id(worlds[0]), id(worlds[4])]


def test_a_fabric_that_refuses_is_asked_again() -> None:
    async def story(enforcement: Enforcement, gate: Gate) -> None:
        gate.open.set()
        enforcement.submit(World.empty())
        await enforcement.reached()

    assert len(play(story, refusals=3).applied) == 1


def test_patience_ends_and_later_answers_do_not_wait() -> None:
    async def story(enforcement: Enforcement, gate: Gate) -> None:
        enforcement.submit(World.empty())
        await enforcement.reached()
        enforcement.submit(World.empty())
        await enforcement.reached()
        assert gate.applied == []

    play(story, patience=0)


def test_a_recovered_fabric_is_waited_for_again() -> None:
    async def story(enforcement: Enforcement, gate: Gate) -> None:
        enforcement.submit(World.empty())
        await enforcement.reached()
        gate.open.set()
        await turns()
        assert len(gate.applied) == 1
        enforcement.submit(World.empty())
        await turns()
        assert len(gate.applied) == 2

    play(story, patience=0)


def test_a_cloud_on_paper_enforces_at_once() -> None:
    async def story() -> None:
        enforcement = Enforcement(NoFabric(), HOURS)
        worker = asyncio.create_task(enforcement.run())
        enforcement.submit(World.empty())
        await enforcement.reached()
        worker.cancel()

    asyncio.run(story())
