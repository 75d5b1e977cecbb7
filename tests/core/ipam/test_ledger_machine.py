"""Chance drives the ledger: no address held twice, none lost, none reused while it cools."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.ledger import (
    Claimed,
    Empty,
    Entry,
    Freed,
    Known,
    Lease,
    Ledger,
    Left,
    Netns,
    Unplaced,
    Wired,
)
from mooring.core.ipam.pool import Offer, parts
from mooring.core.linux.plan import Ip

COOLDOWN = 30.0
PODS = [AttachmentId("mooring", f"c{n}", "eth0") for n in range(6)]
EVERY: list[Ip] = [
    *(IPv4Address(f"10.0.8.{n}") for n in range(1, 8)),
    *(IPv6Address(f"fd00::{n}") for n in range(1, 5)),
]
FAMILIES = [(4,), (6,), (4, 6), (6, 4)]
OFFERS = st.dictionaries(
    st.sampled_from(["vnic-a", "vnic-b"]),
    st.builds(
        Offer,
        st.lists(st.sampled_from(EVERY), max_size=8).map(tuple),
        st.sampled_from(FAMILIES),
    ),
)


class Story(RuleBasedStateMachine):
    """A node's life; `freed` remembers what the ledger must not forget."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.written = journal.header("boot")
        self.now = 100.0
        self.freed: dict[Ip, float] = {}

    def record(self, *entries: Entry) -> None:
        self.ledger = self.ledger.after(entries)
        self.written += b"".join(journal.line(e) for e in entries)

    @rule(offers=OFFERS)
    def the_cloud_changes(self, offers: dict[str, Offer]) -> None:
        ledger, entries = self.ledger.refill(offers)
        self.ledger = ledger
        self.written += b"".join(journal.line(e) for e in entries)

    @rule(pod=st.sampled_from(PODS))
    def add(self, pod: AttachmentId) -> None:
        ledger = self.ledger.reclaim(self.now)
        match ledger.claim(pod, Netns("/run/netns/x", 1), self.now):
            case Claimed(lease, early) as answer:
                assert set(self.offered()).issuperset(parts(lease.addresses))
                # Each family once, the required one among them, none without need.
                given = self.ledger.pool.offers[lease.vnic_id]
                versions = [a.version for a in lease.ordered]
                assert versions == [f for f in given.families if f in versions]
                assert versions[0] == given.families[0]
                for missing in set(given.families) - set(versions):
                    assert not ledger.pool.free[lease.vnic_id, missing]
                    assert not self.resting(ledger, lease.vnic_id, missing)
                self.no_rest_was_cut_short(ledger, lease, early)
                self.ledger = ledger
                self.record(*answer.entries)
            case Known(lease):
                assert self.ledger.leases[pod] == lease
            case Empty() as answer:
                pool = ledger.pool
                assert not [
                    v for v, o in pool.offers.items() if pool.free[v, o.families[0]]
                ]
                assert pool.oldest() is None
                assert answer.held >= 0

    def resting(self, ledger: Ledger, vnic: str, version: int) -> list[float]:
        """Say until when the addresses of a VNIC's family cool."""
        pool = ledger.pool
        return [
            until
            for address, until in pool.cooling.items()
            if pool.homes.get(address) == vnic and address.version == version
        ]

    def no_rest_was_cut_short(
        self, before: Ledger, lease: Lease, early: Mapping[Ip, float]
    ) -> None:
        """None is handed out while it cools, unless nothing else is left: then the oldest."""
        pool = before.pool
        first, *others = lease.ordered
        for address in lease.ordered:
            if address not in early:
                assert self.now - self.freed.get(address, -1e9) >= COOLDOWN
        for address in early:
            assert early[address] == max(0, pool.cooling[address] - self.now)
        for address in early.keys() & set(others):
            assert not pool.free[lease.vnic_id, address.version]
            resting = self.resting(before, lease.vnic_id, address.version)
            assert pool.cooling[address] == min(resting)
        if first in early:
            assert not [
                v for v, o in pool.offers.items() if pool.free[v, o.families[0]]
            ]
            required = [
                until
                for a, until in pool.cooling.items()
                if a in pool.homes
                and pool.offers[pool.homes[a]].families[0] == a.version
            ]
            assert pool.cooling[first] == min(required)

    @precondition(lambda self: self.ledger.leases)
    @rule(data=st.data())
    def wire(self, data: st.DataObject) -> None:
        self.record(Wired(data.draw(st.sampled_from(sorted(self.ledger.leases)))))

    @precondition(lambda self: self.ledger.leases)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        pod = data.draw(st.sampled_from(sorted(self.ledger.leases)))
        addresses = parts(self.ledger.leases[pod].addresses)
        self.record(Left(pod), Freed(pod, self.now + COOLDOWN))
        self.freed |= dict.fromkeys(addresses, self.now)

    @rule(seconds=st.sampled_from([0.5, 10.0, 29.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.ledger = self.ledger.reclaim(self.now)

    @rule(compacted=st.booleans())
    def the_agent_restarts(self, compacted: bool) -> None:
        if compacted:
            self.written = journal.snapshot(self.ledger, "boot")
        read = journal.read(self.written)
        assert read is not None
        offers = self.ledger.pool.offers
        restored = journal.restore(read, "boot", self.now, COOLDOWN)
        assert restored.leases == self.ledger.leases
        assert restored.slots == self.ledger.slots
        self.ledger, entries = restored.refill(offers)
        assert all(isinstance(entry, Unplaced) for entry in entries)
        self.written += b"".join(journal.line(e) for e in entries)

    @rule()
    def the_machine_restarts(self) -> None:
        read = journal.read(self.written)
        assert read is not None
        offers = self.ledger.pool.offers
        unrested = [a for a, at in self.freed.items() if self.now - at < COOLDOWN]
        held = self.ledger.holders
        self.now = 5.0
        restored = journal.restore(read, "next", self.now, COOLDOWN)
        # Nothing can have been sent since the boot, which is time 0 of the new clock.
        self.freed = dict.fromkeys(self.freed, -1e9)
        self.freed |= dict.fromkeys([*unrested, *held], 0.0)
        self.written = journal.snapshot(restored, "boot")
        ledger, entries = restored.refill(offers)
        self.ledger = ledger
        self.written += b"".join(journal.line(e) for e in entries)

    def offered(self) -> list[Ip]:
        """What pods may be given: addresses of the families that their VNIC is to have."""
        return [
            address
            for offer in self.ledger.pool.offers.values()
            for address in offer.addresses
            if address.version in offer.families
        ]

    @invariant()
    def an_address_has_one_holder(self) -> None:
        held = [
            a for lease in self.ledger.leases.values() for a in parts(lease.addresses)
        ]
        assert len(held) == len(set(held))
        assert self.ledger.holders == {
            address: lease.attachment
            for lease in self.ledger.leases.values()
            for address in parts(lease.addresses)
        }

    @invariant()
    def what_is_held_does_not_cool(self) -> None:
        assert not self.ledger.holders.keys() & self.ledger.pool.cooling.keys()

    @invariant()
    def none_is_lost(self) -> None:
        pool = self.ledger.pool
        free = [a for queue in pool.free.values() for a in queue]
        assert len(free) == len(set(free))
        for address in self.offered():
            out = address in self.ledger.holders or address in pool.cooling
            assert out != (address in free)
        assert set(free) <= set(self.offered())

    @invariant()
    def a_vnic_has_one_number_and_a_number_one_vnic(self) -> None:
        slots = self.ledger.slots
        assert len(set(slots.values())) == len(slots)
        assert slots.keys() >= {x.vnic_id for x in self.ledger.leases.values()}
        assert slots.keys() >= self.ledger.pool.offers.keys()


Story.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestStory = Story.TestCase
