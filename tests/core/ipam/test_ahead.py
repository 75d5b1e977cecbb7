"""Addresses written down ahead: no ADD waits for the disk, and no power cut hides who had one."""

from ipaddress import IPv4Address

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.ledger import (
    ENOUGH,
    MANY,
    Ahead,
    Claimed,
    Cooled,
    Freed,
    Held,
    Ledger,
    Netns,
)
from mooring.core.ipam.pool import Offer

FIRST = IPv4Address("10.0.8.0")


def a_ledger(addresses: int) -> Ledger:
    """A ledger with one VNIC of so many addresses."""
    offer = Offer(tuple(FIRST + i for i in range(addresses)))
    ledger, _ = Ledger().refill({"vnic-1": offer})
    return ledger


def with_pods(ledger: Ledger, count: int) -> Ledger:
    for number in range(count):
        pod = AttachmentId("mooring", f"c{number}", "eth0")
        claimed = ledger.claim(pod, Netns("", 1), now=1.0)
        assert isinstance(claimed, Claimed)
        ledger = ledger.after(claimed.entries)
    return ledger


def after_a_power_cut(ledger: Ledger, *lost: AttachmentId) -> Ledger:
    """What the next boot knows when these pods' lines did not reach the disk."""
    data = journal.snapshot(ledger, "b1")
    lines = data.splitlines(keepends=True)
    kept = [x for x in lines if not any(pod.container.encode() in x for pod in lost)]
    read = journal.read(b"".join(kept))
    assert read is not None
    return journal.restore(read, "b2", now=0.0, cooldown=30.0)


def test_the_next_addresses_of_a_queue_are_to_be_written() -> None:
    ledger = a_ledger(100)

    assert ledger.next_ahead() == tuple(FIRST + i for i in range(MANY))


def test_nothing_is_to_be_written_while_there_are_enough() -> None:
    ledger = a_ledger(100)
    ledger = ledger.after([Ahead(ledger.next_ahead())])

    assert with_pods(ledger, MANY - ENOUGH).next_ahead() == ()
    assert with_pods(ledger, MANY - ENOUGH + 1).next_ahead() != ()


def test_the_last_word_of_what_is_ahead_counts() -> None:
    ledger = a_ledger(100)
    ledger = with_pods(ledger.after([Ahead(ledger.next_ahead())]), MANY)
    ledger = ledger.after([Ahead(ledger.next_ahead())])

    assert ledger.ahead == {FIRST + MANY + i for i in range(MANY)}
    assert ledger.after([Ahead(())]).ahead == frozenset()


def test_a_small_pool_is_written_whole_and_once() -> None:
    ledger = a_ledger(3)
    ledger = ledger.after([Ahead(ledger.next_ahead())])

    assert len(ledger.ahead) == 3
    assert with_pods(ledger, 2).next_ahead() == ()


def test_an_empty_pool_has_nothing_to_write() -> None:
    assert Ledger().next_ahead() == ()
    assert with_pods(a_ledger(2), 2).next_ahead() == ()


def test_an_address_whose_line_a_power_cut_took_rests() -> None:
    ledger = a_ledger(100)
    ledger = with_pods(ledger.after([Ahead(ledger.next_ahead())]), 2)
    first = AttachmentId("mooring", "c0", "eth0")
    restored = after_a_power_cut(ledger, first)

    assert restored.pool.cooling[FIRST] == 30.0
    assert restored.pool.cooling[FIRST + 1] == 30.0
    assert restored.leases == {}


def test_after_a_restart_of_the_machine_nothing_is_ahead() -> None:
    ledger = a_ledger(100)
    ledger = ledger.after([Ahead(ledger.next_ahead())])
    restored = after_a_power_cut(ledger)

    assert restored.ahead == frozenset()
    assert set(restored.pool.cooling) == ledger.ahead


def test_a_restart_of_the_agent_keeps_what_is_ahead() -> None:
    ledger = a_ledger(5)
    ledger = ledger.after([Ahead(ledger.next_ahead()), Cooled(FIRST, 9.0)])
    ledger = with_pods(ledger, 1)
    ledger = ledger.after([Freed(AttachmentId("mooring", "c0", "eth0"), 9.0)])
    read = journal.read(journal.snapshot(ledger, "b1"))
    assert read is not None

    restored = journal.restore(read, "b1", now=1.0, cooldown=30.0)

    assert restored.ahead == ledger.ahead
    assert set(restored.pool.cooling) == {FIRST, FIRST + 1}


def test_what_is_ahead_is_in_the_lease_s_way_no_more_than_before() -> None:
    ledger = a_ledger(2)
    ahead = ledger.after([Ahead(ledger.next_ahead())])
    pod = AttachmentId("mooring", "c0", "eth0")

    one, other = (x.claim(pod, Netns("", 1), now=1.0) for x in (ledger, ahead))

    assert one == other
    assert isinstance(one, Claimed)
    assert ahead.after([Held(one.lease)]).holders == {FIRST: pod}
