"""Kill the agent between any two steps: after the next start everything agrees again.

What was answered stays true: a pod whose ADD succeeded keeps its address and its cables, a
pod whose DEL succeeded is gone. What was not answered the runtime tries again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from errno import EIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journeys.agent_fakes import (
    Killed,
    Machine,
    Pod,
    a_dual_vnic,
    a_machine,
    a_vnic,
    play,
)

from mooring.core.cni.spool import SpooledDel

Act = Callable[[Machine, dict[str, Pod]], Awaitable[None]]


def added(name: str) -> Act:
    async def act(machine: Machine, pods: dict[str, Pod]) -> None:
        pod = pods.setdefault(name, machine.a_pod(name))
        await machine.add(pod)

    return act


def deleted(name: str) -> Act:
    async def act(machine: Machine, pods: dict[str, Pod]) -> None:
        await machine.delete(pods[name])
        machine.end(pods.pop(name))

    return act


async def reaped(machine: Machine, _: dict[str, Pod]) -> None:
    await machine.agent.reaper.reap()


async def looked_after(machine: Machine, _: dict[str, Pod]) -> None:
    machine.clock.forward(1)
    await machine.agent.look_after()


async def withdrawn(machine: Machine, _: dict[str, Pod]) -> None:
    machine.cloud(a_vnic([11, 12, 13, 14]))
    await machine.agent.follow()


async def offered(machine: Machine, _: dict[str, Pod]) -> None:
    machine.cloud(a_vnic())
    await machine.agent.follow()


STORY: tuple[Act, ...] = (
    added("a"),
    added("b"),
    deleted("a"),
    reaped,
    added("c"),
    withdrawn,
    looked_after,
    deleted("b"),
    added("d"),
    reaped,
    offered,
    looked_after,
)


async def one_life(
    machine: Machine, pods: dict[str, Pod], acts: tuple[Act, ...]
) -> int:
    """Act until killed; give how many acts were answered."""
    for done, act in enumerate(acts):
        try:
            await act(machine, pods)
        except Killed:
            return done
    return len(acts)


async def killed_at(step: int, acts: tuple[Act, ...], *, dual: bool = False) -> bool:
    """Play the story, die at a step, start again and go on; tell whether it died."""
    machine = a_machine(cooldown=5)
    if dual:
        machine.cloud(a_dual_vnic())
    await machine.start()
    machine.fuse.reset(step)
    pods: dict[str, Pod] = {}
    done = await one_life(machine, pods, acts)
    died = done < len(acts)
    answered = {
        name: pod.prev["ips"][0]["address"] for name, pod in pods.items() if pod.prev
    }
    await machine.start()
    machine.assert_consistent()
    for name, address in answered.items():
        lease = machine.leases.get(pods[name].id)
        assert lease is not None or acts[done] is not None
        if lease is not None:
            assert f"{lease.addresses.v4}/32" == address
    await again(machine, pods, acts[done:])
    await machine.settle()
    machine.assert_consistent()
    assert {a.container for a in machine.leases} == set(pods)
    return died


async def again(machine: Machine, pods: dict[str, Pod], acts: tuple[Act, ...]) -> None:
    """A runtime deletes what was not answered and does it again."""
    for pod in list(pods.values()):
        if not pod.prev:
            await machine.delete(pod)
            machine.end(pod)
            del pods[pod.name]
            await machine.agent.reaper.reap()
    for act in acts:
        await act(machine, pods)


@pytest.mark.parametrize("dual", [False, True], ids=["four", "both"])
def test_a_death_at_any_step_loses_and_leaks_nothing(dual: bool) -> None:
    step = 1
    while play(killed_at(step, STORY, dual=dual)):
        step += 1

    assert step > 60


NAMES = ("a", "b", "c")
ACTS = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(NAMES)),
    st.tuples(st.just("del"), st.sampled_from(NAMES)),
    st.tuples(st.just("check"), st.sampled_from(NAMES)),
    st.tuples(st.just("end"), st.sampled_from(NAMES)),
    st.tuples(st.just("gc"), st.just("")),
    st.tuples(st.just("look"), st.just("")),
    st.tuples(st.just("time"), st.just("")),
    st.tuples(st.just("kill"), st.integers(1, 40).map(str)),
)


class Wild:
    """A runtime that says anything in any order, several things at once."""

    def __init__(self) -> None:
        self.machine = a_machine(cooldown=5)
        self.pods: dict[str, Pod] = {}

    def pod(self, name: str) -> Pod:
        if name not in self.pods:
            self.pods[name] = self.machine.a_pod(name)
        return self.pods[name]

    async def act(self, what: str, whom: str) -> None:
        machine = self.machine
        match what:
            case "add" | "del" | "check":
                more = {"prevResult": {}} if what == "check" else {}
                await machine.cni(what.upper(), self.pod(whom), **more)
            case "end":
                machine.end(self.pod(whom))
                del self.pods[whom]
            case "gc":
                await machine.cni("GC")
            case "look":
                await machine.agent.look_after()
            case _:
                machine.clock.forward(3)

    async def turn(self, acts: list[tuple[str, str]]) -> None:
        """Some acts at once; the reaper works beside them, or an ADD could wait for it."""
        tasks = [asyncio.ensure_future(self.act(*act)) for act in acts]
        for _ in range(4):
            await self.machine.agent.reaper.reap()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Killed):
                raise result
            if isinstance(result, BaseException):
                raise result


async def wild(turns: list[list[tuple[str, str]]]) -> None:
    story = Wild()
    machine = story.machine
    await machine.start()
    for acts in turns:
        kills = [int(n) for what, n in acts if what == "kill"]
        others = [act for act in acts if act[0] != "kill"]
        if kills:
            machine.fuse.reset(kills[0])
        try:
            await story.turn(others)
        except Killed:
            await machine.start()
        machine.fuse.reset()
    await machine.settle()
    machine.assert_consistent()
    for lease in machine.leases.values():
        assert lease.attachment.container in story.pods


@settings(max_examples=120)
@given(st.lists(st.lists(ACTS, min_size=1, max_size=4), max_size=12))
def test_no_order_of_calls_and_deaths_confuses_it(
    turns: list[list[tuple[str, str]]],
) -> None:
    play(wild(turns))


@pytest.mark.parametrize("step", range(1, 12))
def test_a_death_while_starting_is_no_worse(step: int) -> None:
    async def story() -> None:
        machine = a_machine()
        await machine.start()
        pod = await machine.run_pod("a")
        await machine.delete(await machine.run_pod("b"))
        machine.agent = machine.new_agent()
        machine.fuse.reset(step)
        try:
            machine.agent.book.open()
            await machine.settle()
        except Killed:
            pass
        await machine.start()

        assert set(machine.leases) == {pod.id}
        machine.assert_consistent()

    play(story())


def test_a_spool_that_cannot_be_read_is_told_and_does_not_keep_the_agent() -> None:
    class Unreadable:
        """A spool on a failing disk."""

        def pending(self) -> list[SpooledDel]:
            raise OSError(EIO, "Input/output error")

        def done(self, item: SpooledDel) -> None:
            raise AssertionError(item)

    async def story() -> None:
        machine = a_machine()
        await machine.agent.replay(Unreadable())

        assert "Input/output error" in machine.heard("replay-refused")[0]

    play(story())
