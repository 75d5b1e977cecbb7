"""The one place where the world changes: decide, write down, only then believe.

A call is: what was due happens, core decides, the journal has it, the world is the new
one, the fabric enforces it, the answer goes out. Calls that arrive together are decided
one after the other, each on the world that the one before would leave, and are one
transaction of the journal: all of them are kept and answered, or none is kept and the
world is as it was. From the first decision to the journal it is one step of the event
loop; that is what serialises writers, so nobody ever sees a world that is not kept, and
readers never wait for anything but the enforcement of what they are told.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mooring.adapters.journal import Entry, JournalError
from mooring.core.vcn.api.apply import apply, first, settle
from mooring.core.vcn.api.requests import Change, Outcome, Put, Reply, Request
from mooring.core.vcn.faults import attaching
from mooring.core.vcn.faults.fault import Fault
from mooring.core.vcn.rows import TOKEN, to_row
from mooring.core.vcn.world import World
from mooring.localvcn.desk import Desk
from mooring.localvcn.enforcement import Enforcement

log = logging.getLogger(__name__)

LONGEST_NAP = 3600.0
RETRY = 1.0
NOT_FOUND = 404
READS = frozenset({"GET", "HEAD"})
TOGETHER = 64  # calls in one transaction; more wait for the next
ROUNDS = 4  # of the event loop, in which calls that are still arriving may join


class Record(Protocol):
    """Where changes are kept; raises JournalError and then has kept none."""

    def commit(self, entries: Iterable[Entry]) -> None:
        """Keep all of these, on disk when this returns."""

    def read(self, kind: str, key: str) -> str | None:
        """Read what was kept of one."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call that is to change something, and who waits for what comes of it."""

    request: Request
    told: asyncio.Future[Reply]

    def tell(self, said: Reply | Exception) -> None:
        """Hand the answer over; who has gone away is told nothing."""
        if self.told.done():
            return
        if isinstance(said, Exception):
            self.told.set_exception(said)
        else:
            self.told.set_result(said)


class Cloud:
    """A world, its journal, its enforcement, and the faults that strike it."""

    def __init__(
        self,
        world: World,
        journal: Record,
        enforcement: Enforcement,
        desk: Desk,
    ) -> None:
        self.world = world
        self.desk = desk
        self._journal = journal
        self._enforcement = enforcement
        self._changed = asyncio.Event()
        self._due: datetime | None = None  # what the nap ends for
        self._queue: list[_Waiting] = []
        self._arrived = self._rounds = 0
        desk.remember(world)

    async def answer(self, request: Request) -> Reply:
        """Carry out one call; when this returns, it is kept and enforced."""
        if request.method in READS:
            reply = self._carry_out([request])[0]
            if isinstance(reply, Exception):
                raise reply
        else:
            reply = await self._queued(request)
        await self._enforcement.reached()
        return reply

    def _queued(self, request: Request) -> asyncio.Future[Reply]:
        loop = asyncio.get_running_loop()
        if not self._queue:
            self._arrived, self._rounds = 0, ROUNDS
            loop.call_soon(self._turn)
        waiting = _Waiting(request, loop.create_future())
        self._queue.append(waiting)
        return waiting.told

    def _turn(self) -> None:
        """Carry out what has arrived, as soon as no more arrives by the moment."""
        if self._rounds and self._arrived < len(self._queue) < TOGETHER:
            self._arrived, self._rounds = len(self._queue), self._rounds - 1
            asyncio.get_running_loop().call_soon(self._turn)
            return
        # faults may change the world after each call: then they go one by one
        most = 1 if self.desk.faults.active else TOGETHER
        some, self._queue = self._queue[:most], self._queue[most:]
        if self._queue:
            self._arrived = len(self._queue)
            asyncio.get_running_loop().call_soon(self._turn)
        try:
            said = self._carry_out([waiting.request for waiting in some])
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            said = [error] * len(some)
        for waiting, one in zip(some, said, strict=True):
            waiting.tell(one)

    def _carry_out(self, requests: Sequence[Request]) -> list[Reply | Exception]:
        """Decide on calls one after the other, keep all that comes of them at once.

        An exception in the place of a reply says that this call failed, and changed nothing.
        """
        now = max(request.now for request in requests)
        self._let_happen(now)
        world = self.world
        entries: list[Entry] = []
        decided: list[Outcome | Exception] = []
        for request in requests:
            try:
                outcome = self.desk.carried_out(request, self._decided(world, request))
                entries += _entries(outcome.changes)
                world = outcome.world if outcome.changes else world
                decided.append(outcome)
            except Exception as error:  # noqa: BLE001 - who asked is told; the others' calls go on
                decided.append(error)
        self._believe(world, entries, now)
        return [self._said(outcome) for outcome in decided]

    def _said(self, outcome: Outcome | Exception) -> Reply | Exception:
        """Give the reply of a call; of one that was made before, the reply of then."""
        if isinstance(outcome, Exception):
            return outcome
        if outcome.repeats is None:
            return outcome.reply
        try:
            stored = self._journal.read(TOKEN, outcome.repeats.key)
        except JournalError as error:
            return error
        return first(outcome.reply, stored)

    def _decided(self, world: World, request: Request) -> Outcome:
        """Let core decide, about an earlier world when a list is to be late."""
        seen = self.desk.shown(world, request)
        if seen is not world:
            outcome = apply(seen, request)
            # what is asked about may be younger than the world that a late list sees
            if outcome.reply.status != NOT_FOUND:
                return outcome
        return apply(world, request)

    def learn(self, administrators: tuple[str, ...]) -> None:
        """Take note of the register's users, whom the identity API shows; nothing of it is kept."""
        settings = replace(self.world.settings, administrators=administrators)
        self.world = replace(self.world, settings=settings)

    def begin(self, words: Mapping[str, object]) -> Fault:
        """Begin a fault; Unread when the words do not say one."""
        fault = self.desk.add(words, self.world)
        self._tend()
        return fault

    def end(self, id: str) -> bool:
        """End a fault; False when there is none of that name."""
        ended = self.desk.end(id)
        self._tend()
        return ended

    def _tend(self) -> None:
        self.world = self.desk.tended(self.world)
        self._changed.set()

    async def run(self) -> None:
        """Let happen what comes due by itself; ends by cancellation."""
        self._enforcement.submit(self.world)
        while True:
            await self._nap()
            try:
                self._let_happen(self.desk.wall())
            except JournalError as error:
                log.error("journal refused why=%s", error)  # noqa: TRY400 - says it all
                await asyncio.sleep(RETRY)

    async def _nap(self) -> None:
        """Sleep until something is due, or until the agenda may have changed."""
        self._due = self.world.due()
        dues = (self._due, self.desk.faults.due())
        due = min((one for one in dues if one is not None), default=None)
        nap = LONGEST_NAP if due is None else (due - self.desk.wall()).total_seconds()
        try:
            async with asyncio.timeout(min(max(nap, 0.0), LONGEST_NAP)):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _let_happen(self, now: datetime) -> None:
        due = self.world.due()
        if due is not None and due <= now:
            if self.desk.doomed:
                failed, left = attaching.failed(self.world, self.desk.doomed, now)
                self._believe(failed.world, _entries(failed.changes), now)
                self.desk.doomed = left
            settled = settle(self.world, now)
            self._believe(settled.world, _entries(settled.changes), now)
            for words in settled.odd:
                log.error("not settled id=%s", words)
        over = self.desk.faults.due()
        if over is not None and over <= now:
            self.desk.expire(now)
            self._tend()

    def _believe(self, world: World, entries: Sequence[Entry], now: datetime) -> None:
        if entries:
            self._journal.commit(entries)
            self.world = world
            self.desk.saw(now, world)
            if world.due() != self._due:
                self._changed.set()
            self._enforcement.submit(world)
        self.world = self.desk.tended(self.world)


def _entries(changes: Iterable[Change]) -> list[Entry]:
    return [_entry(change) for change in changes]


def _entry(change: Change) -> Entry:
    if isinstance(change, Put):
        return Entry(*to_row(change.record))
    return Entry(change.kind, change.id, None)
