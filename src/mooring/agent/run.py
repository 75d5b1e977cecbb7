"""The agent, put together: what starts, what goes round, what stops.

Everything that decides or touches the ledger runs in the loop's one thread, and without
waiting in between: an ADD is not interleaved with anything. Only the kernel's slow work
(deleting links, nft's listing) is done beside the loop.

Stopping leaves everything as it is: pods' traffic does not need the agent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from mooring.agent.account import Account
from mooring.agent.answer import Answers
from mooring.agent.ask import Ask
from mooring.agent.attach import Attachments, Work
from mooring.agent.book import Book
from mooring.agent.carry import Terms
from mooring.agent.collect import Collect
from mooring.agent.flows import Flows
from mooring.agent.guests import Guests
from mooring.agent.host import Host
from mooring.agent.node import Node, Tracking
from mooring.agent.reap import Reaper
from mooring.agent.refill import Refill
from mooring.agent.remember import Remembered, Shelf
from mooring.agent.repair import Repair
from mooring.agent.report import Report
from mooring.agent.resume import Resume
from mooring.agent.source import Source, Trouble, well
from mooring.core.cni.frames import ASK, Answer, Call
from mooring.core.cni.spool import Moment, SpooledDel
from mooring.core.ipam.port import Storage
from mooring.core.kube.port import Pods
from mooring.core.linux.plan import HOST
from mooring.core.linux.port import KernelError, NftError
from mooring.core.linux.seen import Seen
from mooring.core.npn.port import Objects

QUIET_SECONDS = 0.3
"""A look at the whole node waits until no pod came for so long, `PATIENCE` turns at most."""

PATIENCE = 1
"""At the default pace what somebody undid is mended within five seconds, whatever comes (RT-33)."""


class Spool(Protocol):
    """The DELs that were spooled while the agent was away."""

    def pending(self) -> list[SpooledDel]:
        """Give what waits, oldest first."""

    def done(self, item: SpooledDel) -> None:
        """Forget what was carried out."""

    def sweep(self) -> None:
        """Remove what was never written to its end."""


class Door(Protocol):
    """Where calls come in."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop listening, and let calls under way be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a node's operator chooses. Times are seconds."""

    npn: str
    cooldown: float = 30.0
    mtu: int = 9000
    tracking: Tracking = Tracking.AUTO
    carried: Terms = field(default_factory=Terms)
    repair_every: float = 2.0
    poll_every: float = 0.25
    flows_every: float = 0.5
    account_every: float = 0.5
    counts_every: float = 5.0
    report_every: float = 1.0
    replay_every: float = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What an agent has where Kubernetes is: a place for the last known object, its node's pods.

    `trouble` says why the API server cannot be followed now: what was read stays readable.
    """

    shelf: Shelf
    pods: Pods | None = None
    trouble: Trouble = well


class Agent:
    """One node's agent. `ready` is set when the first ADD can be served."""

    def __init__(
        self,
        host: Host,
        disk: Storage,
        objects: Objects,
        settings: Settings,
        cluster: Cluster | None = None,
    ) -> None:
        self.ready = asyncio.Event()
        self._host = host
        self._settings = settings
        self.book = Book(disk, host.clock, host.say, cooldown=settings.cooldown)
        self.node = Node(
            host,
            mtu=settings.mtu,
            tracking=settings.tracking,
            carried=settings.carried,
        )
        self.reaper = Reaper(host, self.book)
        self.attachments = Attachments(host, self.book, self.node, self.reaper)
        guests = Guests(host, cluster.pods if cluster else None)
        self.repair = Repair(host, self.book, self.node, self.attachments, self.reaper)
        self.repair.guests = guests
        collect = Collect(host, self.book, self.attachments, self.reaper)
        self._answers = Answers(self.node, self.attachments, collect, guests, host.say)
        resume = Resume(host, self.book, self.attachments, self.reaper)
        memory = Remembered(host, cluster.shelf, settings.npn) if cluster else None
        trouble = cluster.trouble if cluster else well
        self._source = Source(objects, settings.npn, memory, trouble)
        self.refill = Refill(host, self.book, self.node, self._source, resume)
        self._ask = Ask(host, self.book, self.refill, self.repair)
        self._report = Report(host, disk, self.book, self.node, guests)
        self.flows = Flows(host, self.book)
        self._account = Account(host, self.book, self.node, resume, objects)
        self._account.counts_every = settings.counts_every
        self._account.kept = self._source.kept
        self._postponed = 0
        self._unheard = False

    @property
    def heard(self) -> bool:
        """Tell whether the object's store answered the last time."""
        return self._source.heard

    def respond(self, call: Call, netns: int | None) -> Answer | Work:
        """Answer a call of the CNI executable, or of `mooring audit`.

        What has to wait for something gives what is to be awaited.
        """
        if ASK in call.env:
            return self._ask.give(call)
        return self._answers.give(call, netns)

    async def serve(self, call: Call, netns: int | None) -> Answer:
        """Answer a call, after whatever has to be waited for."""
        given = self.respond(call, netns)
        return given if isinstance(given, Answer) else await given

    async def run(self, door: Door, spool: Spool, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        self._sweep(spool)
        await self.replay(spool)
        await door.start()
        choices = self._settings
        loops = [
            asyncio.create_task(each)
            for each in (
                self._forever("reap", 0, self.reaper.run),
                self._forever("refill", choices.poll_every, self.follow),
                self._forever("repair", choices.repair_every, self.look_after),
                self._forever("flows", choices.flows_every, self.flows.turn),
                self._forever("account", choices.account_every, self.account),
                self._forever("report", choices.report_every, self.report),
                self._forever(
                    "replay", choices.replay_every, lambda: self.replay(spool)
                ),
            )
        ]
        try:
            await stop.wait()
        finally:
            self.attachments.end()
            await door.stop()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await self.reaper.reap()
            await self.report()
            self.book.rest()

    async def follow(self) -> None:
        """Follow the NativePodNetwork; the first time that it suffices is told."""
        self.node.carrier.watch()
        before, heard = self.node.standing, self._source.heard
        self.refill.turn()
        self._tell_of_the_store(before=heard)
        if self.node.standing is not before:
            # Who is told below that the agent serves may read so at once.
            await self.report()
            if self._host.fast_path is not None:
                self._carry(self._host.kernel.look(HOST, None))
        if self.node.ready:
            self.ready.set()
        if self.node.ready or self._source.heard:
            self.attachments.start.end()
        await self._source.remember()

    def _tell_of_the_store(self, *, before: bool) -> None:
        source = self._source
        if source.heard and self._unheard:
            self._host.say("store-heard", npn=source.name)
            self._account.again()
        elif before and not source.heard:
            self._host.say("store-away", npn=source.name, why=source.away)
        self._unheard = not source.heard

    async def look_after(self) -> None:
        """Look at the node once, follow what changed, repair what drifted."""
        self.book.reclaim()
        self.book.compact()
        if self._is_busy():
            return
        seen = self._host.kernel.look(HOST, None)
        self.refill.relook(seen)
        self.repair.turn(seen)
        self._carry(seen)
        await self.repair.table()

    def _carry(self, seen: Seen) -> None:
        self.node.carry(self.book.ledger.leases.values(), seen)

    async def account(self) -> None:
        """Tell what the pool is used for."""
        await self._account.turn(self._settings.npn)

    async def report(self) -> None:
        """Write the status file."""
        self._report.turn(self.repair.done)

    def _sweep(self, spool: Spool) -> None:
        try:
            spool.sweep()
        except OSError as why:
            self._host.say("replay-refused", why=why)

    async def replay(self, spool: Spool) -> None:
        """Carry out the DELs that were spooled while no agent listened.

        What cannot be read or removed is told, and met again the next time: it must not
        keep the agent from starting.
        """
        try:
            await self._replay(spool)
        except (OSError, KernelError, NftError) as why:
            self._host.say("replay-refused", why=why)

    async def _replay(self, spool: Spool) -> None:
        for item in spool.pending():
            if self._precedes(item):
                self._host.say("spooled-del-too-old", file=item.name)
            else:
                await self.attachments.delete(item.request.id)
            spool.done(item)

    def _precedes(self, item: SpooledDel) -> bool:
        """Tell whether a DEL was meant for an earlier life of the container."""
        lease = self.book.ledger.leases.get(item.request.id)
        if lease is None:
            return False
        clock = self._host.clock
        now = Moment(clock.now(), clock.boot(), clock.wall().timestamp())
        return item.precedes(lease.since, now)

    def _is_busy(self) -> bool:
        """Tell whether pods are coming right now; they come first, for a while."""
        quiet = self._host.clock.now() - self.attachments.busy_at
        if quiet >= QUIET_SECONDS or self._postponed >= PATIENCE:
            self._postponed = 0
            return False
        self._postponed += 1
        return True

    async def _forever(
        self, name: str, seconds: float, turn: Callable[[], Awaitable[None]]
    ) -> None:
        """Go round; a turn that fails is told once and the next one comes all the same."""
        told = ""
        while True:
            try:
                await turn()
                told = ""
            except Exception as why:  # noqa: BLE001 - one bad turn must not end the agent
                if told != repr(why):
                    told = repr(why)
                    self._host.say("turn-failed", turn=name, why=told)
            await self._host.clock.sleep(max(seconds, 0.05))
