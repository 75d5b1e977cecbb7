"""The agent's parts, put together: what it touches, where its object is, what goes round."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mooring.adapters import netns
from mooring.adapters.bpf import FastPath
from mooring.adapters.clock import Clock
from mooring.adapters.conntrack import Conntrack
from mooring.adapters.disk import StateDirectory
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.adapters.objects import ObjectDirectory
from mooring.adapters.spool import Spool
from mooring.adapters.unixsocket import AgentSocket, Arrival, Work
from mooring.agent.carry import Terms, Wish, opened
from mooring.agent.host import Host, Say
from mooring.agent.node import Tracking
from mooring.agent.run import Agent, Cluster, Settings
from mooring.cli.agent.doors import Doors, Telling, announce
from mooring.cli.agent.log import Log
from mooring.core.cni.frames import Answer
from mooring.core.npn.metadata import name_of
from mooring.core.npn.port import Objects
from mooring.core.wiring import carrying

THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a node's operator chooses of the way in which it works."""

    cooldown: float
    mtu: int
    tracking: Tracking
    repair_every: float
    carried: Terms
    wish: Wish
    sysctls: Path

    def settings(self, npn: str) -> Settings:
        """Give them for the agent of this object."""
        return Settings(
            npn=npn,
            cooldown=self.cooldown,
            mtu=self.mtu,
            tracking=self.tracking,
            repair_every=self.repair_every,
            carried=self.carried,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The object's name and store, and what there is besides on a cluster."""

    npn: str
    objects: Objects
    cluster: Cluster | None = None


class Stopped(Exception):
    """A signal came before the agent knew who it is."""


class Place(Protocol):
    """Where the node's object is."""

    def opened(
        self, disk: StateDirectory, say: Say, stop: asyncio.Event
    ) -> AbstractAsyncContextManager[Found]:
        """Reach it, or raise Stopped; who this node is may have to be asked for first."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of objects."""

    path: Path
    instance: str

    @asynccontextmanager
    async def opened(
        self,
        disk: StateDirectory,  # noqa: ARG002 - a cluster's is kept there
        say: Say,  # noqa: ARG002 - a directory is there, or is told of when read
        stop: asyncio.Event,  # noqa: ARG002 - nothing is waited for
    ) -> AsyncIterator[Found]:
        """Reach it."""
        yield Found(name_of(self.instance), ObjectDirectory(self.path))


async def run(state: Path, place: Place, choices: Choices, doors: Doors) -> None:
    """Be the agent until a signal comes."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    say = Log()
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    netns.prove()
    disk = StateDirectory(state)
    try:
        with suppress(Stopped):
            async with place.opened(disk, say, stop) as found:
                await _work(disk, found, choices, doors, Voice(say, stop))
        say("stopped")
    finally:
        say.end()


@dataclass(frozen=True, slots=True)
class Voice:
    """What goes out of the agent, and what ends it."""

    say: Log
    stop: asyncio.Event


async def _work(
    disk: StateDirectory, found: Found, choices: Choices, doors: Doors, voice: Voice
) -> None:
    say = voice.say
    with (
        Kernel(choices.sysctls) as kernel,
        Nft() as nft,
        FastPath(carrying.TABLES) as programs,
    ):
        fast, state = opened(programs, choices.wish, say)
        clock = Clock()
        host = Host(kernel, nft, netns, clock, say, Conntrack(), fast)
        settings = choices.settings(found.npn)
        program = Agent(host, disk, found.objects, settings, found.cluster)
        program.node.carrier.state = state
        program.book.open()

        def serve(arrival: Arrival) -> Answer | Work:
            return program.respond(arrival.call, arrival.netns)

        def complain(line: str) -> None:
            say("door", why=line)

        door = AgentSocket(doors.socket, serve, complain)
        spool = Spool(doors.spool, complain)
        beside = [
            asyncio.create_task(each)
            for each in _beside(program, doors, choices.repair_every, say)
        ]
        say("started", socket=doors.socket, npn=settings.npn)
        # What is there now stays: the collector need not look at it again and again.
        gc.freeze()
        await program.run(door, spool, voice.stop)
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _beside(
    program: Agent, doors: Doors, every: float, say: Log
) -> Iterator[Coroutine[Any, Any, None]]:
    """Give what goes on beside the agent; who is not asked for metrics counts nothing."""
    telling = Telling(doors, say)
    yield announce(telling, program.ready, say, every)
    if doors.metrics is None:
        return
    from mooring.agent.meter import Meter  # noqa: PLC0415 - only metrics need its library
    from mooring.cli.agent.measured import expose  # noqa: PLC0415 - only metrics need its library

    meter = Meter(program, Clock(), lambda: telling.untold)
    say.hear = meter.hear
    yield meter.beat()
    yield expose(doors.metrics, meter, say)
