"""The one place where the world changes: decide, write down, only then believe.

A call is: what was due happens, core decides, the journal has it, the world is the new
one, the fabric enforces it, the answer goes out. Everything up to the journal runs in
one step of the event loop; that is what serialises writers, and readers never wait for
anything but the enforcement of what they are told.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
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


class Record(Protocol):
    """Where changes are kept; raises JournalError and then has kept none."""

    def commit(self, entries: Iterable[Entry]) -> None:
        """Keep all of these, on disk when this returns."""

    def read(self, kind: str, key: str) -> str | None:
        """Read what was kept of one."""


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
        desk.remember(world)

    async def answer(self, request: Request) -> Reply:
        """Carry out one call; when this returns, it is kept and enforced."""
        self._let_happen(request.now)
        outcome = self.desk.carried_out(request, self._decided(request))
        self._believe(outcome, request.now)
        reply = outcome.reply
        if outcome.repeats is not None:
            reply = first(reply, self._journal.read(TOKEN, outcome.repeats.key))
        await self._enforcement.reached()
        return reply

    def _decided(self, request: Request) -> Outcome:
        """Let core decide, about an earlier world when a list is to be late."""
        seen = self.desk.shown(self.world, request)
        if seen is not self.world:
            outcome = apply(seen, request)
            # what is asked about may be younger than the world that a late list sees
            if outcome.reply.status != NOT_FOUND:
                return outcome
        return apply(self.world, request)

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
        dues = (self.world.due(), self.desk.faults.due())
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
                self._believe(failed, now)
                self.desk.doomed = left
            self._believe(settle(self.world, now), now)
        over = self.desk.faults.due()
        if over is not None and over <= now:
            self.desk.expire(now)
            self._tend()

    def _believe(self, outcome: Outcome, now: datetime) -> None:
        if outcome.changes:
            self._journal.commit(_entry(change) for change in outcome.changes)
            self.world = outcome.world
            self.desk.saw(now, outcome.world)
            self._changed.set()
            self._enforcement.submit(outcome.world)
        self.world = self.desk.tended(self.world)


def _entry(change: Change) -> Entry:
    if isinstance(change, Put):
        return Entry(*to_row(change.record))
    return Entry(change.kind, change.id, None)
