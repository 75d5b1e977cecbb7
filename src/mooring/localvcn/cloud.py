"""The one place where the world changes: decide, write down, only then believe.

A call is: what was due happens, core decides, the journal has it, the world is the new
one, the fabric enforces it, the answer goes out. Everything up to the journal runs in
one step of the event loop; that is what serialises writers, and readers never wait for
anything but the enforcement of what they are told.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from mooring.adapters.journal import Entry, JournalError
from mooring.core.vcn.api.apply import apply, settle
from mooring.core.vcn.api.requests import Change, Outcome, Put, Reply, Request
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import Enforcement

log = logging.getLogger(__name__)

LONGEST_NAP = 3600.0
RETRY = 1.0


class Record(Protocol):
    """Where changes are kept; raises JournalError and then has kept none."""

    def commit(self, entries: Iterable[Entry]) -> None:
        """Keep all of these, on disk when this returns."""


class Cloud:
    """A world, its journal and its enforcement."""

    def __init__(
        self,
        world: World,
        journal: Record,
        enforcement: Enforcement,
        wall: Callable[[], datetime],
    ) -> None:
        self.world = world
        self._journal = journal
        self._enforcement = enforcement
        self._wall = wall
        self._changed = asyncio.Event()

    async def answer(self, request: Request) -> Reply:
        """Carry out one call; when this returns, it is kept and enforced."""
        self._let_happen(request.now)
        outcome = apply(self.world, request)
        self._believe(outcome)
        await self._enforcement.reached()
        return outcome.reply

    async def run(self) -> None:
        """Let happen what comes due by itself; ends by cancellation."""
        self._enforcement.submit(self.world)
        while True:
            await self._nap()
            try:
                self._let_happen(self._wall())
            except JournalError as error:
                log.error("journal refused why=%s", error)  # noqa: TRY400 - says it all
                await asyncio.sleep(RETRY)

    async def _nap(self) -> None:
        """Sleep until something is due, or until the agenda may have changed."""
        due = self.world.due()
        seconds = LONGEST_NAP if due is None else (due - self._wall()).total_seconds()
        try:
            async with asyncio.timeout(min(max(seconds, 0.0), LONGEST_NAP)):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _let_happen(self, now: datetime) -> None:
        due = self.world.due()
        if due is not None and due <= now:
            self._believe(settle(self.world, now))

    def _believe(self, outcome: Outcome) -> None:
        if not outcome.changes:
            return
        self._journal.commit(_entry(change) for change in outcome.changes)
        self.world = outcome.world
        self._changed.set()
        self._enforcement.submit(outcome.world)


def _entry(change: Change) -> Entry:
    if isinstance(change, Put):
        return Entry(*to_row(change.record))
    return Entry(change.kind, change.id, None)
