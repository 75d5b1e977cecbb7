"""What the agent tells of its pool: counts always, and the lists that an elastic one is sized by.

Also by which link and table each VNIC is served: people ask for it from afar.

It says which addresses pods hold, which cool and which are free, and which status it follows. The
controller gives an address back to the cloud only when the agent, following a status without
it, names it no more; so what is told here is never older than what the agent does, and nothing
is told before the last life is settled: a journal that was lost knows of no pod that runs.
Of an elastic pool nothing is told either until a restart would follow the same status: an older
one lists what may be given back by then.

It is written beside the loop, one write after another, for a store may be slow and an ADD must
not wait for it. An older account of the same status is no danger: it was true after that
status was followed, and what the status does not list is never handed out again.
"""

import asyncio
from collections.abc import Callable, Mapping

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.agent.node import Node
from mooring.agent.resume import Resume
from mooring.core.npn.port import Objects
from mooring.core.npn.usage import Usage, VnicLink, lists
from mooring.core.wiring import vnic
from mooring.core.wiring.vnic import Uplink

LONGEST_SECONDS = 30.0
"""The longest pause between two tries, and between two looks whether what was told stands there."""


class Account:
    """Tells the usage when it has changed; counts and links not more often than every few seconds.

    That none is free, or some again, is told at once: the scheduler must not send more pods. So
    are an elastic pool's lists.
    """

    def __init__(
        self, host: Host, book: Book, node: Node, resume: Resume, told: Objects
    ) -> None:
        self.counts_every = 5.0
        self.kept: Callable[[], bool] = lambda: True
        self._host = host
        self._book = book
        self._resume = resume
        self._node = node
        self._objects = told
        self._last: Usage | None = None
        self._uplinks: Mapping[str, Uplink] = {}
        self._links: tuple[VnicLink, ...] = ()
        self._told_at = self._not_before = self._looked_at = float("-inf")
        self._refused = 0
        self._trouble = ""

    async def turn(self, name: str) -> None:
        """Tell it; what the store refuses is told later, the longer it refuses."""
        now = self._host.clock.now()
        if not self._resume.done or now < self._not_before:
            return
        usage = self._usage()
        if usage.counts is None and not self.kept():
            return
        if self._stands(usage, name, now) or self._is_early(usage, now):
            return
        try:
            await asyncio.to_thread(self._objects.write_usage, name, usage)
        except (OSError, LookupError) as why:
            self._hear_no(why, now)
            return
        self._last, self._told_at, self._looked_at = usage, now, now
        self._refused, self._trouble = 0, ""

    def _hear_no(self, why: Exception, now: float) -> None:
        """Wait a second, two, four, half a minute at most; say once what it is."""
        self._not_before = now + min(2.0 ** min(self._refused, 8), LONGEST_SECONDS)
        self._refused += 1
        if str(why) != self._trouble:
            self._host.say("usage-refused", why=why)
        self._trouble = str(why)

    def _stands(self, usage: Usage, name: str, now: float) -> bool:
        """Tell whether it was told, and still stands there: an object may be made anew."""
        if usage != self._last:
            return False
        if now - self._looked_at < LONGEST_SECONDS:
            return True
        self._looked_at = now
        try:
            return self._objects.read_usage(name) == usage
        except OSError:
            return True

    def again(self) -> None:
        """Hear that the store is there again: what it refused is told it now."""
        self._not_before, self._refused = float("-inf"), 0

    def _is_early(self, usage: Usage, now: float) -> bool:
        counts, last = usage.counts, self._last.counts if self._last else None
        if counts is None and lists(usage) != lists(self._last):
            return False
        if counts and last and (counts.free == 0) != (last.free == 0):
            return False
        # A link that comes and goes is no reason to write at each turn.
        return now - self._told_at < self.counts_every

    def _usage(self) -> Usage:
        pool = self._node.standing.npn.pool
        ledger = self._book.ledger
        withheld = ledger.pool.withheld(ledger.holders)
        free = (a for queue in ledger.pool.free.values() for a in queue)
        listed = Usage(
            serial=pool.serial if pool else 0,
            held=frozenset(ledger.holders),
            cooling=frozenset(ledger.pool.cooling) | withheld,
            free=frozenset(free),
            links=self._served(),
        )
        if pool:
            return listed
        return Usage(counts=listed.tally, links=listed.links)

    def _served(self) -> tuple[VnicLink, ...]:
        """Tell links and tables, worked out only when the VNICs that were taken are others."""
        uplinks = self._node.standing.uplinks
        if uplinks is not self._uplinks:
            self._uplinks, self._links = uplinks, vnic.served(uplinks.values())
        return self._links
