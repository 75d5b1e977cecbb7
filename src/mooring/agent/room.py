"""An ADD for which no address is left, though one may come: who is refused tries again only after many seconds.

A pod that is leaving gives its own back; an elastic pool grows, or an object that is in progress
does (decision 90).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mooring.agent.book import Book
from mooring.agent.node import Node
from mooring.core.cni.request import AttachmentId

LEAVE_SECONDS = 5.0
GROW_SECONDS = 15.0
MOST = 64
"""So many wait; the door has place for others, whose DELs make room."""


class Room:
    """Waits for an address: so long for a pod that leaves, `growth` for a pool that grows."""

    def __init__(self, book: Book, node: Node) -> None:
        self._book, self._node = book, node
        self.leaving = LEAVE_SECONDS
        self.growth = GROW_SECONDS
        self._here = 0
        self._over = False

    def end(self) -> None:
        """Let nobody wait any more: the agent ends."""
        self._over = True
        self._book.tell()

    async def wait(
        self, attachment: AttachmentId, turn: Callable[[], Awaitable[None]]
    ) -> None:
        """Wait until there is one, or none is to be expected; each look has a turn of its own."""
        if self._here == MOST:
            return
        self._here += 1
        try:
            await self._wait(attachment, turn)
        finally:
            self._here -= 1

    async def _wait(
        self, attachment: AttachmentId, turn: Callable[[], Awaitable[None]]
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (until := began + self._patience(attachment)) > loop.time():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._book.room()
            await turn()

    def _patience(self, attachment: AttachmentId) -> float:
        """Tell for how long it is worth while; not at all, where an address is left."""
        ledger = self._book.ledger
        known = attachment in ledger.leases
        if self._over or known or not ledger.pool.exhausted:
            return 0.0
        if self._may_grow():
            return self.growth
        return self.leaving if ledger.lets_go else 0.0

    def _may_grow(self) -> bool:
        npn = self._node.standing.npn
        if npn.pool is None:
            return npn.state == "IN_PROGRESS"
        most = npn.pool.policy.maximum
        return most is None or self._book.ledger.pool.count(4).offered < most
