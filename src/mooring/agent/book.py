"""The book: the ledger in memory and its journal on disk, changed together.

`record` is for what may still be refused: it is written first, and when the disk refuses
nothing has changed. `note` is for what has happened already, and cannot fail: when the disk
refuses, the next write is the whole ledger instead of a line.

A lease begins with an address of which the disk says durably that it may be handed out: those
that are next are written down ahead, when nobody waits (`look_ahead`); for any other the
line itself is synced. A power cut that takes the line ends the pod as well, and what was
written ahead rests after it. Any later line that it takes would have let an address go, and
without it the address is held until the collection finds that the pod is gone.
"""

from contextlib import suppress

from mooring.agent.host import Clock, Say
from mooring.core.ipam import journal
from mooring.core.ipam.journal import Damaged
from mooring.core.ipam.ledger import Ahead, Cooled, Entry, Held, Ledger
from mooring.core.ipam.pool import Offers, parts
from mooring.core.ipam.port import DiskError, Storage
from mooring.core.linux.plan import Ip

SPARE_LINES = 1024
"""Lines beyond the shortest journal before it is written anew."""


class Book:
    """Who holds which address, durably.

    `looked_until`: of addresses whose rest ends before that it is known whether they have
    live flows (`agent.flows`). `held_back` had one at the end of their rest; `early` counts those
    given out before their rest was over, because nothing else was left.
    """

    def __init__(
        self, disk: Storage, clock: Clock, say: Say, *, cooldown: float
    ) -> None:
        self.ledger = Ledger()
        self.is_blank = False
        self._waits = False  # nothing is written before the kernel was asked
        self.cooldown = self._usual = cooldown
        self.looked_until = float("inf")
        self.held_back: frozenset[Ip] = frozenset()
        self.early = 0
        self._disk = disk
        self._clock = clock
        self._say = say
        self._boot = clock.boot()
        self._lines = 0
        self._stale = False  # a line would not fit what stands there
        self._behind = False  # because the disk refused, which was said
        self._distrusted = False

    def open(self) -> None:
        """Read what is written, raise TooNew if it is not for us; write it afresh."""
        data = self._disk.read()
        try:
            self.ledger = self._restored(data)
        except Damaged as why:
            aside = self._disk.set_aside()
            self._say("journal-damaged", why=why, kept=aside, next="ask the kernel")
            self._distrusted = self._waits = True
        self._stale = True
        self.compact()

    def record(self, *entries: Entry) -> None:
        """Write entries down, then apply them; DiskError when they cannot be written."""
        draft = self.ledger.after(entries)
        self._write(draft, entries)
        self.ledger = draft

    def note(self, *entries: Entry) -> None:
        """Apply entries about what has happened, and write them down if it can be."""
        draft = self.ledger.after(entries)
        try:
            self._write(draft, entries)
        except DiskError as why:
            self._refused(why)
        self.ledger = draft

    def refill(self, offers: Offers) -> None:
        """Take over what the cloud has."""
        refilled, entries = self.ledger.refill(offers)
        if entries:
            self.note(*entries)
        self.ledger = refilled
        self.look_ahead()

    def look_ahead(self) -> None:
        """Write down durably which addresses are handed out next, unless it is written."""
        if addresses := self.ledger.next_ahead():
            with suppress(DiskError):  # then each of them is synced, or refused
                self.record(Ahead(addresses))

    def rest(self) -> None:
        """Make durable all that was written: nothing will be handed out any more.

        The whole journal, with nothing ahead: an older Mooring can read that.
        """
        self.ledger = self.ledger.after([Ahead(())])
        self.rewrite()

    @property
    def kept(self) -> int:
        """Count the addresses that rest on because of a live flow."""
        return len(self.held_back & self.ledger.pool.cooling.keys())

    def rest_for(self, cooldown: float | None) -> None:
        """Let addresses cool for so long from now on; None: as the operator said."""
        self.cooldown = self._usual if cooldown is None else cooldown

    def reclaim(self) -> None:
        """End the rest of every address whose time has come, and that was looked at."""
        now = min(self._clock.now(), self.looked_until)
        self.ledger = self.ledger.reclaim(now)

    def doubt(self) -> None:
        """Hear that there was a life of the agent of which nothing is written."""
        self._say("journal-lost", next="ask the kernel")
        self._distrusted = True

    def rest_if_damaged(self) -> None:
        """After damage let every free address cool: which ones did is not known.

        Until this is called a lost journal stays lost: one that says nothing of what cooled
        would be believed by the next life.
        """
        if not self._waits:
            return
        self._waits = False
        until = self._clock.now() + self.cooldown
        free = [a for queue in self.ledger.pool.free.values() for a in queue]
        rests = free if self._distrusted else ()
        self._distrusted = False
        self.note(*(Cooled(address, until) for address in rests))

    def compact(self) -> None:
        """Write the shortest journal when the one on disk is long or behind."""
        ledger = self.ledger
        short = len(ledger.leases) + len(ledger.slots) + len(ledger.pool.cooling)
        if self._waits or (self._lines <= short + SPARE_LINES and not self._stale):
            return
        try:
            self._disk.replace(journal.snapshot(ledger, self._boot))
        except DiskError as why:
            self._refused(why)
            return
        self._lines = short
        self._stale = self._behind = False

    def rewrite(self) -> None:
        """Write the journal anew, whatever stands on the disk now."""
        self._stale = True
        self.compact()

    def _refused(self, why: DiskError) -> None:
        """Remember that the disk is behind; say it once."""
        if not self._behind:
            self._say("journal-refused", why=why)
        self._stale = self._behind = True

    def _restored(self, data: bytes) -> Ledger:
        read = journal.read(data)
        if read is None and data:
            raise Damaged("not one line of it is whole")
        if read is None:
            self.is_blank = self._waits = True
            return Ledger()
        now = self._clock.now()
        return journal.restore(read, self._boot, now, self.cooldown)

    def _write(self, draft: Ledger, entries: tuple[Entry, ...]) -> None:
        if self._waits:
            self._stale = True
            return
        if self._stale:
            self._disk.replace(journal.snapshot(draft, self._boot))
            self._stale = self._behind = False
            return
        lines, durable = b"", False
        for entry in entries:
            lines += journal.line(entry)
            durable = durable or self._needs_the_disk(entry)
        self._disk.append(lines, durable=durable)
        self._lines += len(entries)

    def _needs_the_disk(self, entry: Entry) -> bool:
        if isinstance(entry, Held):
            return not self.ledger.ahead.issuperset(parts(entry.lease.addresses))
        return isinstance(entry, Ahead)
