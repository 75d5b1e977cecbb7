"""Who holds which address.

The ledger is a value. What happens to it is an entry: a past fact that is written to the
journal and then applied, so that what memory says is what a restart reads. Deciding
(`claim`, `refill`) makes entries and changes nothing.

A lease lives through three phases:

    claimed --Wired--> wired --Left--> leaving
       |                 |                |
       +-----------------+----------------+--Freed--> its addresses cool, then are free

It is *claimed* before the first cable, *wired* once the runtime may be told so, *leaving*
from the moment DEL was asked for. Only when no packet can leave the pod any more is it
freed; then its addresses rest, so that peers forget the old pod first. Times are seconds
since boot (`adapters.clock`), which a restart of the agent does not disturb.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.pool import Offers, Pool, parts, without
from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

SLOTS = range(1, 127)
"""Numbers for VNICs: seven bits of a packet's mark, neither all clear nor all set."""

ENOUGH, MANY = 16, 32
"""How many addresses of a queue are written down ahead: at least, and when it is done."""


class Phase(StrEnum):
    """How far an attachment has come."""

    CLAIMED = "claimed"
    WIRED = "wired"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Netns:
    """A pod's network namespace: a path that the agent can look at, and its inode.

    The path is "" when the agent cannot see the runtime's path.
    """

    path: str
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An attachment holds these addresses of that VNIC, since then.

    `families` are those that it was to have, the preferred one first.
    """

    attachment: AttachmentId
    addresses: Pair
    vnic_id: str
    slot: int
    netns: Netns
    since: float
    phase: Phase = Phase.CLAIMED
    families: tuple[int, ...] = (4,)

    def moved(self, phase: Phase) -> "Lease":
        """Give the lease in another phase; `replace` takes four times as long."""
        return Lease(
            attachment=self.attachment,
            addresses=self.addresses,
            vnic_id=self.vnic_id,
            slot=self.slot,
            netns=self.netns,
            since=self.since,
            phase=phase,
            families=self.families,
        )

    @property
    def ordered(self) -> tuple[Ip, ...]:
        """Give the addresses, that of the preferred family first."""
        held = parts(self.addresses)
        if len(held) == 2 and self.families[0] == 6:
            return held[::-1]
        return held

    @property
    def lacking(self) -> tuple[str, ...]:
        """Name the families that it was to have and has no address of."""
        held = {address.version for address in parts(self.addresses)}
        return tuple(
            f"IPv{version}" for version in self.families if version not in held
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A lease began (or was found in the kernel)."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Wired:
    """The cables of a lease lie."""

    attachment: AttachmentId


@dataclass(frozen=True, slots=True)
class Left:
    """The end of a lease was asked for."""

    attachment: AttachmentId


@dataclass(frozen=True, slots=True)
class Freed:
    """A lease ended; its addresses cool until then."""

    attachment: AttachmentId
    until: float


@dataclass(frozen=True, slots=True)
class Cooled:
    """An address that nobody holds cools until then."""

    address: Ip
    until: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """These addresses may be handed out from now on without waiting for the disk.

    A power cut may take the line that says who got one; that it may have been got stays. When
    this is on the disk, so are the leases before it: it stands in the place of the last one.
    """

    addresses: tuple[Ip, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A VNIC got its number."""

    vnic_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A VNIC that is gone gave its number back."""

    vnic_id: str


Entry = Held | Wired | Left | Freed | Cooled | Ahead | Placed | Unplaced


class Contradiction(Exception):
    """An entry that cannot follow what the ledger says: it is a defect, or damage."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Yes: this lease; `entries` are to be recorded.

    `early` says how many seconds addresses should have rested longer: nothing else was left.
    """

    lease: Lease
    early: Mapping[Ip, float] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Say what has to be written down: of early ones also that their rest ends now."""
        early, since = self.early.items(), self.lease.since
        return (*(Cooled(a, since) for a, rest in early if rest), Held(self.lease))


@dataclass(frozen=True, slots=True)
class Known:
    """The attachment holds this lease already."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Empty:
    """No address is left, not even one that cools. Without `family` there is no pod."""

    offered: int
    held: int
    family: str = "IPv4"

    @property
    def cause(self) -> str:
        """Say why."""
        if not self.offered:
            return "the cloud has given this node no pod address yet"
        return (
            f"none of this node's {self.offered} {self.family} pod addresses is free: "
            f"{self.held} held by pods"
        )

    @property
    def advice(self) -> str:
        """Say what comes next, or what to do."""
        if not self.offered:
            return "wait for the NativePodNetwork's status; it says what is missing"
        return "delete pods here, raise maxPodCount, or keep more pods off this node"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The leases, who holds each address, the VNICs' numbers, and the pool.

    Whoever may hold one of the addresses `ahead` after a power cut is not to be known.
    """

    leases: Mapping[AttachmentId, Lease] = field(default_factory=dict)
    holders: Mapping[Ip, AttachmentId] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    pool: Pool = field(default_factory=Pool)
    ahead: frozenset[Ip] = frozenset()

    def claim(
        self,
        attachment: AttachmentId,
        netns: Netns,
        now: float,
        held_back: frozenset[Ip] = frozenset(),
    ) -> Claimed | Known | Empty:
        """Decide which addresses the attachment gets: free ones, else what rests longest, of each family.

        Those `held_back` had a live flow when they were looked at.
        """
        if attachment in self.leases:
            return Known(self.leases[attachment])
        pool = self.pool
        choice = pool.first() or pool.oldest(held_back)
        if choice is None:
            return self._nothing_left()
        vnic, pair = choice
        if pool.lacks(vnic, pair):
            pair = pool.completed(vnic, pair, held_back)
        cooling = pool.cooling
        rests = {a: cooling[a] for a in parts(pair) if a in cooling} if cooling else {}
        lease = Lease(
            attachment=attachment,
            addresses=pair,
            vnic_id=vnic,
            slot=self.slots[vnic],
            netns=netns,
            since=now,
            families=pool.offers[vnic].families,
        )
        return Claimed(lease, {a: max(0.0, until - now) for a, until in rests.items()})

    def refill(self, offers: Offers) -> tuple["Ledger", tuple[Entry, ...]]:
        """Take over what the cloud has; the entries number new VNICs and forget old."""
        used = {lease.vnic_id for lease in self.leases.values()}
        gone = [v for v in self.slots if v not in offers and v not in used]
        taken = {slot for vnic, slot in self.slots.items() if vnic not in gone}
        spare = (slot for slot in SLOTS if slot not in taken)
        new = [v for v in offers if v not in self.slots]
        entries: tuple[Entry, ...] = (
            *(Unplaced(vnic) for vnic in gone),
            *(Placed(vnic, slot) for vnic, slot in zip(new, spare, strict=False)),
        )
        placed = self.after(entries)
        known = {v: given for v, given in offers.items() if v in placed.slots}
        pool = placed.pool.offered(known, placed.holders)
        return replace(placed, pool=pool), entries

    def reclaim(self, now: float) -> "Ledger":
        """End the rest of every address whose time has come."""
        pool = self.pool.reclaimed(now, self.holders)
        return self if pool is self.pool else replace(self, pool=pool)

    def next_ahead(self) -> tuple[Ip, ...]:
        """Give the addresses that are to be written down ahead; none while there are enough."""
        queues = [queue for queue in self.pool.free.values() if queue]
        if all(queue[:ENOUGH][-1] in self.ahead for queue in queues):
            return ()
        return tuple(address for queue in queues for address in queue[:MANY])

    def draining(self) -> tuple[Lease, ...]:
        """Give the leases whose address the cloud does not have there any more."""
        return tuple(
            lease
            for lease in self.leases.values()
            if not self.pool.has(lease.vnic_id, parts(lease.addresses))
        )

    def after(self, entries: Iterable[Entry]) -> "Ledger":
        """Apply entries in order; raise Contradiction when one cannot be."""
        ledger = self
        for entry in entries:
            ledger = ledger._applied(entry)
        return ledger

    def _nothing_left(self) -> Empty:
        pool = self.pool
        required = next(iter(pool.families), 4)
        found = pool.count(required)
        held = sum(a in self.holders for a in pool.homes if a.version == required)
        return Empty(found.offered, held, f"IPv{required}")

    def _applied(self, entry: Entry) -> "Ledger":
        match entry:
            case Held(lease):
                after = self._held(lease)
            case Wired(attachment) | Left(attachment):
                after = self._moved(attachment, _PHASES[type(entry)])
            case Freed(attachment, until):
                after = self._freed(attachment, until)
            case Cooled(address, until):
                after = self._cooled(address, until)
            case Ahead(addresses):
                after = replace(self, ahead=frozenset(addresses))
            case Placed(vnic, slot):
                after = self._placed(vnic, slot)
            case Unplaced(vnic):
                after = self._unplaced(vnic)
        return after

    def _held(self, lease: Lease) -> "Ledger":
        addresses = parts(lease.addresses)
        if lease.attachment in self.leases or not addresses:
            raise Contradiction(f"{lease.attachment} cannot begin to hold {addresses}")
        # That a rest ended is in no entry: a lease that begins later says it of its own.
        pool = self.pool.rested(addresses, lease.since)
        for address in addresses:
            if address in self.holders or (pool.cooling and address in pool.cooling):
                raise Contradiction(f"{address} is not to be had")
        # Not by `replace`, which takes longer than all the rest.
        return Ledger(
            {**self.leases, lease.attachment: lease},
            {**self.holders, **dict.fromkeys(addresses, lease.attachment)},
            self.slots,
            pool.taken(addresses),
            self.ahead,
        )

    def _moved(self, attachment: AttachmentId, phase: Phase) -> "Ledger":
        lease = self._lease(attachment).moved(phase)
        leases = {**self.leases, attachment: lease}
        return Ledger(leases, self.holders, self.slots, self.pool, self.ahead)

    def _freed(self, attachment: AttachmentId, until: float) -> "Ledger":
        addresses = parts(self._lease(attachment).addresses)
        return Ledger(
            without(self.leases, (attachment,)),
            without(self.holders, addresses),
            self.slots,
            self.pool.cooled(addresses, until),
            self.ahead,
        )

    def _cooled(self, address: Ip, until: float) -> "Ledger":
        if address in self.holders:
            raise Contradiction(f"{address} is held by {self.holders[address]}")
        return replace(self, pool=self.pool.taken((address,)).cooled((address,), until))

    def _placed(self, vnic: str, slot: int) -> "Ledger":
        if vnic in self.slots or slot in self.slots.values() or slot not in SLOTS:
            raise Contradiction(f"{vnic} cannot have number {slot}")
        return replace(self, slots={**self.slots, vnic: slot})

    def _unplaced(self, vnic: str) -> "Ledger":
        if vnic not in self.slots:
            raise Contradiction(f"{vnic} has no number")
        return replace(self, slots=without(self.slots, (vnic,)))

    def _lease(self, attachment: AttachmentId) -> Lease:
        if attachment not in self.leases:
            raise Contradiction(f"{attachment} holds nothing")
        return self.leases[attachment]


_PHASES: Mapping[type, Phase] = {Wired: Phase.WIRED, Left: Phase.LEAVING}
