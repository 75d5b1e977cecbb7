"""After a start: what the last life of the agent has left is finished or taken over."""

from mooring.agent.attach import Attachments
from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.agent.reap import Doomed, Reaper
from mooring.core.ipam.ledger import Held
from mooring.core.linux.seen import Seen
from mooring.core.wiring.names import words
from mooring.core.wiring.recovery import Recovery, recover
from mooring.core.wiring.strays import is_set_up


class Resume:
    """Carries out `wiring.recovery`, in two steps around the writing of the nft table."""

    def __init__(
        self, host: Host, book: Book, attachments: Attachments, reaper: Reaper
    ) -> None:
        self._host = host
        self._book = book
        self._attachments = attachments
        self._reaper = reaper
        self._recovery: Recovery | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """Tell whether the last life is settled."""
        return self._done

    def take_over(self, seen: Seen) -> None:
        """Make the ledger say what the kernel shows; the pool must be filled before."""
        if self._recovery is not None:
            return
        now = self._host.clock.now()
        if self._book.is_blank and is_set_up(seen):
            self._book.doubt()
        self._recovery = recover(self._book.ledger, seen.links, now)
        self._book.note(*self._recovery.entries)
        self._book.rest_if_damaged()
        for entry in self._recovery.entries:
            if isinstance(entry, Held):
                self._host.say("adopted", attachment=words(entry.lease.attachment))

    def end(self) -> None:
        """Finish what was leaving, undo what was never told, remove what is nobody's."""
        if self._recovery is None or self._done:
            return
        for lease in self._recovery.ending:
            if lease.attachment in self._book.ledger.leases:
                self._host.say("ended", attachment=words(lease.attachment))
                self._attachments.finish(lease, self._book.cooldown)
        for link in self._recovery.doomed:
            self._host.say("orphan", link=link)
            self._reaper.take(Doomed(link))
        self._done = True
