"""The reaper: deletes pods' links in batches, beside the loop, and then lets go.

Deleting a link makes the kernel wait for all who may still look at it, 16 ms for one and
hardly more for a hundred. So DEL only cuts the pod off and leaves its link here; by the
time the batch goes out, the runtime has mostly removed the namespace and the link with it.
Only when the link is gone does the lease end and the rest of its addresses begin.
"""

import asyncio
from dataclasses import dataclass

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Freed
from mooring.core.linux.port import KernelError

BATCH_SECONDS = 0.05
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """A link to delete; the lease that ends with it, and how long its addresses rest."""

    link: str
    attachment: AttachmentId | None = None
    rest: float = 0.0


class Reaper:
    """Collects links for a moment, deletes them together, ends their leases."""

    def __init__(self, host: Host, book: Book) -> None:
        self._host = host
        self._book = book
        self._waiting: dict[str, Doomed] = {}
        self._awake = asyncio.Event()
        self._gone: dict[str, asyncio.Future[None]] = {}

    def take(self, doomed: Doomed) -> None:
        """Leave a link to the reaper; one that it has already stays as it is."""
        known = self._waiting.get(doomed.link)
        if known is None or known.attachment is None:
            self._waiting[doomed.link] = doomed
        self._awake.set()

    def has(self, link: str) -> bool:
        """Tell whether the link is still to go."""
        return link in self._waiting

    async def gone(self, link: str) -> None:
        """Wait until the link is gone and its lease has ended."""
        if link not in self._waiting:
            return
        future = self._gone.setdefault(link, asyncio.get_running_loop().create_future())
        await asyncio.shield(future)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._awake.wait()
            await self._host.clock.sleep(BATCH_SECONDS)
            self._awake.clear()
            try:
                if await self.reap():
                    continue
                await self._host.clock.sleep(RETRY_SECONDS)
            finally:
                # Whatever ends this turn, what is left here has the next one.
                if self._waiting:
                    self._awake.set()

    async def reap(self) -> bool:
        """Delete what waits now; tell whether nothing of it is left."""
        batch = dict(self._waiting)
        left = await self._delete(batch)
        done = [doomed for link, doomed in batch.items() if link not in left]
        now = self._host.clock.now()
        ended = [(x.attachment, x.rest) for x in done if x.attachment is not None]
        self._book.note(*(Freed(whose, now + rest) for whose, rest in ended))
        for doomed in done:
            # A lease that was left here meanwhile goes with the next batch.
            if self._waiting[doomed.link] is doomed:
                del self._waiting[doomed.link]
            future = self._gone.pop(doomed.link, None)
            if future is not None and not future.done():
                future.set_result(None)
        return not left

    async def _delete(self, batch: dict[str, Doomed]) -> frozenset[str]:
        """Delete the links; give those that are still there."""
        kernel = self._host.kernel
        if not batch:
            return frozenset()
        try:
            await asyncio.to_thread(kernel.delete_links, None, list(batch))
        except KernelError as why:
            left = frozenset(link for link in batch if kernel.link(None, link))
            self._host.say("reap-refused", links=",".join(sorted(left)), why=why)
            return left
        return frozenset()
