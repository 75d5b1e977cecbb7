"""How long what others undid stays undone: the agent's loops at their default pace, in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.clock import FakeClock
from fakes.kernel import FakeKernel
from fakes.spool import FakeSpool
from journeys.agent_fakes import NAME, OTHER_MAC, Machine, Pod
from survival.loop import StoryLoop

from mooring.agent.run import Settings
from mooring.core.wiring.names import host_link

Undo = Callable[[Machine, str], None]
WITHIN = 5.0
"""Seconds after which nothing may be undone any more (RT-33)."""

OFFSETS = (0.0, 0.7, 1.5)
"""Seconds after the last repair: somebody comes at any place between two looks."""


class LoopClock(FakeClock):
    """The story's time."""

    def __init__(self, loop: StoryLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> float:
        return super().now() + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Door:
    """Nobody comes by it."""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


def flush_rules(machine: Machine, _link: str) -> None:
    """`ip rule flush`."""
    machine.kernel._room(None).rules.clear()


def flip_mac(machine: Machine, link: str) -> None:
    """What udev does to a link that it does not know."""
    room = machine.kernel._room(None)
    room.links[link] = replace(room.links[link], mac=OTHER_MAC)


def is_whole(machine: Machine, link: str, mac: str) -> bool:
    """Look past the agent's own looks."""
    found = FakeKernel.links(machine.kernel, None).get(link)
    rules = {rule.priority for rule in machine.kernel._room(None).rules}
    return found is not None and found.mac == mac and {500, 510} <= rules


async def churn(machine: Machine) -> None:
    """Pods that come and go without a pause."""
    number = 0
    while True:
        number += 1
        pod = await machine.run_pod(f"c{number}")
        await asyncio.sleep(0.2)
        await machine.delete(pod)
        machine.end(pod)


async def longest(machine: Machine, pod: Pod, undo: Undo, *, busy: bool) -> float:
    """Run the agent, undo something again and again; give the longest time it stayed so."""
    loop, link = asyncio.get_running_loop(), host_link(pod.id)
    mac = FakeKernel.links(machine.kernel, None)[link].mac
    took = []
    noise = [asyncio.create_task(churn(machine))] if busy else []
    try:
        for offset in OFFSETS:
            await asyncio.sleep(offset)
            undo(machine, link)
            assert not is_whole(machine, link, mac)
            began = loop.time()
            while not is_whole(machine, link, mac):
                await asyncio.sleep(0.05)
                assert loop.time() - began < 60, machine.said[-5:]
            took.append(loop.time() - began)
    finally:
        for task in noise:
            task.cancel()
        await asyncio.gather(*noise, return_exceptions=True)
    return max(took)


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
@pytest.mark.parametrize("undo", [flush_rules, flip_mac], ids=["rules", "MAC"])
def test_rt_33_what_is_undone_is_mended_within_five_seconds(
    undo: Undo, busy: bool
) -> None:
    """At the default pace, and while pods come and go without a pause."""
    loop = StoryLoop()

    async def story() -> float:
        machine = Machine(Settings(npn=NAME))
        machine.clock = LoopClock(loop)
        agent = machine.agent = machine.new_agent()
        agent.book.open()
        stop = asyncio.Event()
        running = asyncio.create_task(agent.run(Door(), FakeSpool({}, print), stop))
        await agent.ready.wait()
        try:
            return await longest(machine, await machine.run_pod("one"), undo, busy=busy)
        finally:
            stop.set()
            await running

    try:
        took = loop.play(loop.chance, story())
    finally:
        loop.close()
    print(f"the longest repair took {took:.2f} s")
    assert took < WITHIN
