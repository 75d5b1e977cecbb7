"""Schedules: what happens to a node in which order, drawn by chance, told as plain values.

A move is a tuple of words and numbers, so that a schedule can be printed, played again, and
made shorter. Moves of one turn happen at once.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import ENOSPC, EROFS
from typing import Any

from fakes.kernel import FakeKernel
from fakes.nft import FakeNft

from mooring.core.ipam.pool import parts
from mooring.core.linux.port import NftError
from mooring.core.linux.seen import Link
from mooring.core.npn.elastic import PATIENCE
from mooring.core.wiring.names import host_link
from survival.points import ERRNOS, Fault
from survival.world import COOLDOWN, World

Move = tuple[str | int | float, ...]
NAMES = ("a", "b", "c", "d", "e")
STEPS = ("kernel make", "kernel take back", "kernel delete", "kernel look", "kernel")
STEPS += ("nft run", "nft elements", "nft look", "nft", "disk append", "disk")
STEPS += ("usage write", "conntrack forget")
POOLS = ("", "", "warmTarget=2,minimum=2")
DRIFTS = ("link", "route", "element", "table", "rule", "up")
SPOILS = ("cut", "flip", "empty", "gone", "zeros")


@dataclass
class Schedule:
    """A world and what happens in it."""

    seed: int
    pods: int
    families: tuple[str, ...]
    list_lag: float
    attach_seconds: float
    pool: str = ""
    fast: bool = False
    turns: list[list[Move]] = field(default_factory=list)

    def world(self) -> World:
        """Make its world."""
        return World(
            random.Random(self.seed),
            self.pods,
            self.families,
            self.list_lag,
            self.attach_seconds,
            self.pool,
            self.fast,
        )


def draw(seed: int) -> Schedule:
    """Draw a schedule."""
    chance = random.Random(seed)
    schedule = Schedule(
        seed,
        pods=chance.choice((2, 3, 4, 6)),
        families=chance.choice((("IPv4",), ("IPv4",), ("IPv4", "IPv6"))),
        list_lag=chance.choice((0.0, 0.0, 3.0)),
        attach_seconds=chance.choice((0.0, 2.0)),
        pool=chance.choice(POOLS),
        fast=chance.random() < 0.2,
    )
    if chance.random() < 0.8:  # mostly a node that has come up
        schedule.turns += [[("control", 12)], [("start",)], [("follow",)], [("look",)]]
    for _ in range(chance.randint(6, 16)):
        many = chance.choice((1, 1, 2, 3, 5))
        schedule.turns.append([_move(chance) for _ in range(many)])
        schedule.turns.append([("beat",)])
    return schedule


def _move(chance: random.Random) -> Move:
    """Draw one move: what runtimes do is most of it."""
    name = chance.choice(NAMES)
    make = chance.choices(_MAKERS, _WEIGHTS)[0]
    return make(chance, name)


def _a_fault(chance: random.Random, _name: str) -> Move:
    what = chance.choice(STEPS)
    errno = chance.choice(ERRNOS[what.split()[0]])
    lost = int(chance.random() < 0.4)
    return ("fault", what, chance.randint(0, 12), chance.choice((1, 1, 3)), errno, lost)


_TABLE: tuple[tuple[int, Callable[[random.Random, str], Move]], ...] = (
    (30, lambda _c, n: ("add", n)),
    (10, lambda _c, n: ("stop", n)),
    (6, lambda _c, n: ("delete", n)),
    (4, lambda _c, n: ("again", n)),
    (3, lambda _c, n: ("drop", n)),
    (4, lambda _c, n: ("check", n)),
    (2, lambda c, _n: ("gc", c.randint(0, 1))),
    (5, lambda _c, _n: ("reap",)),
    (4, lambda _c, _n: ("follow",)),
    (4, lambda _c, _n: ("look",)),
    (3, lambda _c, _n: ("account",)),
    (6, lambda _c, n: ("knock", n)),
    (5, lambda c, _n: ("time", c.choice((0.1, 1, 3, 6, 40, 61)))),
    (5, lambda c, _n: ("control", c.randint(1, 6))),
    (3, lambda c, _n: ("want", c.choice((1, 3, 4, 6, 33)))),
    (2, lambda _c, _n: ("unassign",)),
    (1, lambda _c, _n: ("detach",)),
    (1, lambda _c, _n: ("tamper",)),
    (
        4,
        lambda c, _n: (
            "cloud",
            c.choice(("throttle", "away", "lost", "busy")),
            c.randint(1, 6),
        ),
    ),
    (8, _a_fault),
    (2, lambda c, _n: ("disk", c.choice((ENOSPC, EROFS)), c.randint(1, 6))),
    (14, lambda c, _n: ("kill", c.randint(1, 40))),
    (3, lambda c, _n: ("end", c.randint(1, 20))),
    (4, lambda c, _n: ("yank", c.choice(NAMES), c.randint(1, 25))),
    (6, lambda _c, _n: ("start",)),
    (2, lambda _c, _n: ("reboot",)),
    (2, lambda c, _n: ("wall", c.choice((-86400, -30, 30, 86400)))),
    (3, lambda c, _n: ("drift", c.choice(DRIFTS))),
    (2, lambda c, _n: ("spoil", c.choice(SPOILS), c.randint(1, 400))),
)
_WEIGHTS = [weight for weight, _ in _TABLE]
_MAKERS = [make for _, make in _TABLE]


class Player:
    """Plays a schedule."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.world = schedule.world()
        self.chance = random.Random(schedule.seed + 1)

    async def play(self) -> None:
        """Play all turns, then let everything come to rest and judge it."""
        for turn in self.schedule.turns:
            await self.turn(turn)
        await self.rest()

    async def rest(self) -> None:
        """Let everything come to rest, and judge it."""
        await Rest(self.world).judge()

    async def turn(self, moves: list[Move]) -> None:
        """Some moves at once; the reaper works beside them, as it does."""
        acts = [self._act(*move) for move in moves]
        reaps = [self.world.turn("reap") for _ in range(2)]
        await asyncio.gather(*acts, *reaps)
        await self.world.turn("reap")

    def _act(self, what: Any, *rest: Any) -> Coroutine[Any, Any, None]:
        act: Callable[..., Coroutine[Any, Any, None]] = getattr(self, f"_{what}")
        return act(*rest)

    # The runtime.

    async def _add(self, name: str) -> None:
        sandbox = self.world.a_sandbox(name)
        if sandbox.stays:
            await self.world.add(name)

    async def _again(self, name: str) -> None:
        """The same container once more, without a DEL in between."""
        sandbox = self.world.a_sandbox(name)
        if sandbox.stays:
            await self.world.add(name)
            await self.world.add(name)

    async def _stop(self, name: str) -> None:
        if name in self.world.sandboxes:
            with suppress(KeyError):  # stopped twice at once
                await self.world.stop(name)

    async def _delete(self, name: str) -> None:
        if name in self.world.sandboxes:
            await self.world.delete(name)

    async def _drop(self, name: str) -> None:
        if name in self.world.sandboxes:
            self.world.drop(name)

    async def _check(self, name: str) -> None:
        if name in self.world.sandboxes:
            await self.world.check(name)

    async def _gc(self, listed: int) -> None:
        await self.world.collect(listed=bool(listed))

    # The programs.

    async def _beat(self) -> None:
        """The agent's loops go round once; who supervises it may have noticed its death."""
        if self.world.away and self.chance.random() < 0.6:
            await self.world.start()
        for name in ("follow", "flows", "look", "account"):
            await self.world.turn(name)
        self.world.forward(0.5)

    async def _reap(self) -> None:
        await self.world.turn("reap")

    async def _follow(self) -> None:
        await self.world.turn("follow")

    async def _look(self) -> None:
        self.world.forward(1)
        await self.world.turn("flows")
        await self.world.turn("look")

    async def _account(self) -> None:
        await self.world.turn("account")

    async def _knock(self, name: str) -> None:
        self.world.knock(name)

    async def _start(self) -> None:
        await self.world.start()

    async def _leave(self) -> None:
        """The agent is killed, and nobody starts it yet."""
        self.world.points.kill()

    async def _report(self) -> None:
        await self.world.turn("report")

    async def _control(self, turns: int) -> None:
        self.world.control(turns)

    async def _kill(self, points: int) -> None:
        self.world.points.kill_in(points)

    async def _end(self, points: int) -> None:
        self.world.controls.kill_in(points)

    # The world.

    async def _time(self, seconds: float) -> None:
        self.world.forward(seconds)

    async def _wall(self, seconds: float) -> None:
        self.world.machine.clock.step_wall(seconds)

    async def _reboot(self) -> None:
        await self.world.reboot()

    async def _want(self, pods: int) -> None:
        self.world.want(pods)

    async def _unassign(self) -> None:
        """Somebody deletes a private IP of ours in the cloud's console."""
        world = self.world
        for vnic in world.cloud.secondaries("ocid.agenttest"):
            ours = [a for a in world.cloud.addresses_of(vnic.id) if not a.is_primary]
            if ours:
                world.rob(self.chance.choice(ours))
                return

    async def _tamper(self) -> None:
        """Somebody changes a VNIC of ours in the cloud's console."""
        for vnic in self.world.cloud.secondaries("ocid.agenttest")[:1]:
            self.world.cloud.change_vnic(vnic.id, skip_source_dest_check=False)

    async def _detach(self) -> None:
        world = self.world
        for vnic in world.cloud.secondaries("ocid.agenttest")[:1]:
            before = world.in_cloud()
            world.cloud.detach(vnic.id)
            world.robbed |= before - world.in_cloud()
            world.witness.spared |= set(world.witness.told)
            world.plug()

    async def _cloud(self, fault: str, calls: int) -> None:
        left = [fault] * calls
        self.world.cloud.fault = lambda _call: left.pop() if left else ""

    async def _fault(
        self, what: str, after: int, times: int, errno: int, lost: int
    ) -> None:
        self.world.points.faults.append(Fault(what, after, times, errno, bool(lost)))
        if what.startswith("disk"):
            self.world.witness.blind = True

    async def _disk(self, errno: int, writes: int) -> None:
        self.world.points.faults.append(Fault("disk", 0, writes, errno))
        self.world.witness.blind = True

    async def _yank(self, name: str, points: int) -> None:
        """A namespace's name goes when the agent has come some points further."""
        world = self.world
        if name in world.sandboxes:
            at = world.points.burned + points
            world.points.then[at] = lambda: self._gone(name)

    def _gone(self, name: str) -> None:
        sandbox = self.world.sandboxes.get(name)
        if sandbox is None:
            return
        sandbox.stays = False
        self.world.witness.left(sandbox.pod.id)
        self.world.machine.namespaces.delete(name)

    async def _drift(self, what: str) -> None:
        """Somebody undoes what the agent made."""
        world, kernel = self.world, self.world.machine.kernel
        witness = world.witness
        told = next((t for t in witness.told.values()), None)
        if told is None:
            return
        if what == "link" and (world.away or world.machine.agent.book._waits):
            return  # with the link goes the only record that is left
        witness.spared |= set(witness.told)
        witness.disturbed = True
        link = FakeKernel.link(kernel, None, told.link)
        room = kernel._room(None)
        match what:
            case "link":
                FakeKernel.delete_links(kernel, None, [told.link])
            case "route":
                room.routes = {r for r in room.routes if r.link != told.link}
            case "rule":
                room.rules.clear()
            case "up" if link is not None:
                room.links[told.link] = _down(link)
            case "element" | "table":
                self._spoil_nft(what)
            case _:
                pass
        world.look()

    def _spoil_nft(self, what: str) -> None:
        nft = self.world.machine.nft
        words = {
            "element": "flush set inet mooring pods4",
            "table": "delete table inet mooring",
        }
        with suppress(NftError):
            FakeNft.run(nft, words[what])

    async def _spoil(self, how: str, place: int) -> None:
        """Damage comes over the journal while no agent runs."""
        world = self.world
        world.points.kill()
        disk = world.machine.disk
        data = disk.journal
        at = len(data) * place // 401
        match how:
            case "cut":
                # Behind a line's end it could not be told from one that was never written.
                data = data[: at + 1 if data[:at].endswith(b"\n") else at]
            case "flip" if data:
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            case "zeros":
                data = data[:at] + bytes(len(data) - at)
            case _:
                data = b""
        disk.journal, disk.synced = data, len(data)
        world.witness.forget()
        for told in list(world.witness.told.values()):
            if FakeKernel.link(world.machine.kernel, None, told.link) is None:
                # Both records are gone: the runtime has to make the pod anew.
                world.witness.left(told.attachment)
                world.sandboxes[told.attachment.container].ran = False


def _down(link: Link) -> Link:
    return replace(link, up=False, operational=False)


class Rest:
    """Everything that was wrong ends; what must be true then."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def judge(self) -> None:
        """Let it come to rest without an operator, then look from all sides."""
        world = self.world
        await self.come_to_rest()
        self.all_agree()
        await self.nothing_is_lost()
        await self.nothing_is_left()
        assert not world.spool

    async def come_to_rest(self) -> None:
        world = self.world
        world.points.faults.clear()
        world.points.then.clear()
        world.points.at = None
        world.controls.revive()
        world.cloud.fault = lambda _call: ""
        world.machine.conntrack.known.clear()
        await world.start()
        assert not world.away
        await self.settle()
        await self.rounds()
        for sandbox in list(world.sandboxes.values()):
            if (
                not sandbox.stays and world.machine.namespaces.exists(sandbox.name)
            ) or (sandbox.stays and not sandbox.ran):
                await world.stop(sandbox.name)
            elif not sandbox.stays:  # it went without a DEL, and none will come
                del world.sandboxes[sandbox.name]
        await self.rounds()
        world.witness.spared.clear()
        world.witness.disturbed = False
        world.look()

    async def settle(self) -> None:
        """Let the controller take turns; of an elastic pool the agent tells it meanwhile."""
        usages = self.world.machine.objects.usages
        for _ in range(400):
            before, settled = usages.get("agenttest"), self.world.control(1)
            if self.world.pool:
                await self.world.turn("follow")
                await self.world.turn("account")
                settled = settled and usages.get("agenttest") == before is not None
            if settled:
                return
        status = self.world.machine.objects.statuses.get("agenttest")
        raise AssertionError(f"the controller does not settle: {status}")

    async def rounds(self) -> None:
        world = self.world
        for _ in range(4):
            for name in ("replay", "follow", "reap", "flows"):
                await world.turn(name)
            world.forward(1.0)
            await world.turn("look")
        await world.turn("reap")

    async def rest_is_over(self) -> None:
        """Let what cools become free."""
        self.world.forward(COOLDOWN + 1)
        await self.world.turn("flows")
        await self.world.turn("look")

    def all_agree(self) -> None:
        """Ledger = kernel = nft = journal, and all of it what the runtime was told."""
        world = self.world
        machine = world.machine
        machine.assert_consistent()
        running = {s.pod.id for s in world.sandboxes.values()}
        assert set(machine.leases) == running == set(world.witness.told)
        status = machine.objects.statuses["agenttest"]
        assert status.state == "SUCCESS", status
        vnics = world.cloud.secondaries("ocid.agenttest")
        assert all(vnic.skip_source_dest_check for vnic in vnics)
        if not world.pool:
            assert len(world.offers()) == world.pods * len(world.families)
        for attachment, told in world.witness.told.items():
            held = parts(machine.leases[attachment].addresses)
            assert set(held) == set(told.addresses)
            if world.fast:
                assert {a.packed for a in held} <= machine.carried().keys()

    async def nothing_is_lost(self) -> None:
        """As many pods as there are addresses can be had."""
        world = self.world
        await self.rest_is_over()
        for name in list(world.sandboxes):
            assert await world.check(name), f"CHECK of {name}"
        homes = world.machine.agent.book.ledger.pool.homes
        held = [
            a
            for lease in world.machine.leases.values()
            for a in parts(lease.addresses)
            if a in homes and a.version == 4
        ]
        room = len(world.offers(4)) - len(held)
        got = 0
        while await world.add(f"fill-{got}"):
            got += 1
        assert got == room, f"{got} of {room} free addresses were to be had"
        await world.stop(f"fill-{got}")

    async def nothing_is_left(self) -> None:
        """After the last DEL nothing is."""
        world = self.world
        machine, agent = world.machine, world.machine.agent
        await asyncio.gather(
            *(world.stop(name) for name in list(world.sandboxes)),
            *(world.turn("reap") for _ in range(3)),
        )
        await self.rounds()
        await self.rest_is_over()
        machine.assert_consistent()
        assert machine.host_ends() == set()
        assert machine.carried() == {}
        assert machine.namespaces.open_fds == {}
        assert agent.attachments._turns._locks == {}
        assert agent.reaper._waiting == {}
        assert machine.free() == len(world.offers()), machine.free()
        leftover = {host_link(t.attachment) for t in world.witness.told.values()}
        assert not leftover
        if world.pool:
            await self.nothing_is_kept()

    async def nothing_is_kept(self) -> None:
        """Of what an elastic pool gave back the cloud keeps no object for this node (IPv6 is not)."""
        world = self.world
        for _ in range(8):
            world.forward(PATIENCE / 4)
            await self.settle()
            await self.rest_is_over()
        await self.settle()
        status = world.machine.objects.statuses["agenttest"]
        told = {a for vnic in status.vnics for a in parts(vnic.host)} | {
            *world.offers()
        }
        assert told <= world.in_cloud()
        for vnic in world.cloud.secondaries("ocid.agenttest"):
            held = [a for a in world.cloud.addresses_of(vnic.id) if not a.is_primary]
            lost = [a.block for a in held if told.isdisjoint(a.block)]
            assert not lost, f"{lost} are in the cloud and on no list"
