"""The journal: what is written is read; what is damaged is told from what is torn."""

import json
import zlib
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.journal import Damaged, Journal, TooNew
from mooring.core.ipam.ledger import (
    Ahead,
    Cooled,
    Entry,
    Freed,
    Held,
    Lease,
    Ledger,
    Left,
    Netns,
    Phase,
    Placed,
    Unplaced,
    Wired,
)
from mooring.core.npn.record import Pair

V4, V6 = IPv4Address("10.0.8.5"), IPv6Address("fd00::5")
POD = AttachmentId("mooring", "c1", "eth0")
LEASE = Lease(
    attachment=POD,
    addresses=Pair(V4, V6),
    vnic_id="ocid1.vnic.oc1..aaaa",
    slot=3,
    netns=Netns("/run/netns/a b", 4026532001),
    since=12.25,
    phase=Phase.WIRED,
    families=(4, 6),
)
ALL: tuple[Entry, ...] = (
    Placed("ocid1.vnic.oc1..aaaa", 3),
    Held(LEASE),
    Wired(POD),
    Left(POD),
    Freed(POD, 60.5),
    Cooled(IPv6Address("fd00::7"), 61.5),
    Ahead((V4, IPv6Address("fd00::8"))),
    Unplaced("ocid1.vnic.oc1..aaaa"),
)


def written(*entries: Entry, boot: str = "b1") -> bytes:
    return journal.header(boot) + b"".join(journal.line(e) for e in entries)


def test_every_entry_is_read_as_it_was_written() -> None:
    data = written(*ALL)

    assert journal.read(data) == Journal("b1", ALL, len(data))


def test_a_family_that_is_absent_stays_absent() -> None:
    lease = Held(
        Lease(
            attachment=POD,
            addresses=Pair(None, V6),
            vnic_id="v",
            slot=1,
            netns=Netns("", 0),
            since=0,
            families=(6,),
        )
    )
    read = journal.read(written(lease))

    assert read is not None
    assert read.entries == (lease,)


@pytest.mark.parametrize(
    ("addresses", "families", "named"),
    [
        (Pair(V4), (4,), False),
        (Pair(None, V6), (6,), False),
        (Pair(V4, V6), (4, 6), False),
        (Pair(V4, V6), (6, 4), True),
        (Pair(V4), (4, 6), True),
        (Pair(V4, V6), (4,), True),
    ],
)
def test_a_lease_names_its_families_where_its_addresses_do_not(
    addresses: Pair, families: tuple[int, ...], named: bool
) -> None:
    lease = Held(replace(LEASE, addresses=addresses, families=families))
    data = written(lease)
    read = journal.read(data)

    assert (b'"families"' in data) is named
    assert read is not None
    assert read.entries == (lease,)


def test_a_record_of_before_there_was_a_choice_is_read() -> None:
    body = json.dumps(
        {
            "is": "held",
            "id": ["mooring", "c1", "eth0"],
            "v4": "10.0.8.5",
            "v6": None,
            "vnic": "ocid1.vnic.oc1..aaaa",
            "slot": 3,
            "netns": "/run/netns/a b",
            "inode": 4026532001,
            "since": 12.25,
            "phase": "wired",
        }
    ).encode()
    line = b"%08x %b\n" % (zlib.crc32(body), body)
    read = journal.read(journal.header("b1") + line)

    assert read is not None
    assert read.entries == (Held(replace(LEASE, addresses=Pair(V4), families=(4,))),)


def test_a_lease_of_no_known_family_is_damage() -> None:
    body = journal.line(Held(replace(LEASE, families=(6, 4)))).partition(b" ")[2]
    body = body.strip().replace(b"[6,4]", b"[5]")
    with pytest.raises(Damaged):
        journal.read(journal.header("b1") + b"%08x %b\n" % (zlib.crc32(body), body) * 2)


def test_nothing_written_is_no_journal() -> None:
    assert journal.read(b"") is None


@given(st.integers(min_value=0, max_value=len(written(*ALL))))
def test_a_journal_cut_anywhere_is_what_was_whole(length: int) -> None:
    data = written(*ALL)[:length]
    read = journal.read(data)
    whole = data.count(b"\n")

    if read is None:
        assert whole == 0
    else:
        assert read.entries == ALL[: whole - 1]
        assert read.length == data.rfind(b"\n") + 1


@given(
    st.integers(min_value=0, max_value=len(written(*ALL)) - 1),
    st.integers(min_value=1, max_value=255),
)
def test_a_byte_that_changed_is_noticed(place: int, flip: int) -> None:
    data = bytearray(written(*ALL))
    data[place] ^= flip
    try:
        read = journal.read(bytes(data))
    except (Damaged, TooNew):
        return
    # Only the last line may be lost without a word: it is how a torn one looks.
    assert read is not None
    assert read.entries == ALL[:-1]


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fall(data: bytes) -> None:
    try:
        journal.read(data)
    except (Damaged, TooNew):
        return


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"mooring": "else", "format": 1, "boot": "b"}, "no header"),
        ({"mooring": "ledger", "format": "1", "boot": "b"}, "no format"),
        ({"mooring": "ledger", "format": 1}, "no boot"),
    ],
)
def test_a_header_that_is_none_is_damage(first: dict[str, object], words: str) -> None:
    with pytest.raises(Damaged, match=words):
        journal.read(checksummed(first))


def test_a_newer_format_is_refused_with_the_way_out() -> None:
    newer = checksummed({"mooring": "ledger", "format": 2, "boot": "b"})

    with pytest.raises(TooNew, match=r"format 2, this Mooring reads 1.*rebuild"):
        journal.read(newer)


@pytest.mark.parametrize(
    "document",
    [
        {"is": "unheard-of"},
        {},
        {"is": "wired", "id": ["too", "short"]},
        {"is": "cooled", "address": "10.0.0.300", "until": 1},
        {"is": "held", "id": ["n", "c", "i"], "v4": "fd00::1", "v6": None},
        {"is": "placed", "vnic": "v", "slot": None},
    ],
)
def test_a_line_that_is_no_entry_is_damage(document: dict[str, object]) -> None:
    data = journal.header("b") + checksummed(document)

    with pytest.raises(Damaged, match="line 2 is no entry"):
        journal.read(data)


def test_a_line_that_is_no_object_is_damage() -> None:
    data = journal.header("b") + checksummed([1]) + journal.line(Wired(POD))

    with pytest.raises(Damaged, match="line 2"):
        journal.read(data)


def test_a_line_that_is_no_json_is_damage() -> None:
    line = b"%08x {]\n" % zlib.crc32(b"{]")

    with pytest.raises(Damaged, match="line 2"):
        journal.read(journal.header("b") + line + journal.line(Wired(POD)))


def test_keys_of_a_newer_mooring_are_passed_over() -> None:
    data = journal.header("b") + checksummed(
        {"is": "placed", "vnic": "v", "slot": 4, "colour": "red"}
    )

    assert journal.read(data) == Journal("b", (Placed("v", 4),), len(data))


def checksummed(document: object) -> bytes:
    text = json.dumps(document).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def restored(*entries: Entry, boot: str = "b1", now: float = 100) -> Ledger:
    return journal.restore(Journal("b1", entries, 0), boot, now, 30)


def test_a_restart_of_the_agent_changes_nothing() -> None:
    ledger = restored(Placed("v", 3), Held(LEASE), Cooled(IPv4Address("10.0.8.9"), 110))

    assert ledger.leases == {POD: LEASE}
    assert ledger.slots == {"v": 3}
    assert ledger.pool.cooling == {IPv4Address("10.0.8.9"): 110}


def test_a_restart_of_the_machine_frees_every_lease() -> None:
    ledger = restored(
        Held(LEASE), Cooled(IPv4Address("10.0.8.9"), 5e6), boot="b2", now=20
    )

    assert ledger.leases == {}
    assert set(ledger.pool.cooling.values()) == {30}
    assert len(ledger.pool.cooling) == 3


def test_no_address_rests_longer_than_the_cool_down() -> None:
    ledger = restored(Cooled(IPv4Address("10.0.8.9"), 9e9), now=100)

    assert ledger.pool.cooling == {IPv4Address("10.0.8.9"): 130}


def test_a_journal_that_contradicts_itself_is_damage() -> None:
    with pytest.raises(Damaged, match="holds nothing"):
        restored(Wired(POD))


def test_a_snapshot_says_the_same_in_fewer_words() -> None:
    ledger = restored(
        Placed("v", 3), Held(LEASE), Left(POD), Cooled(IPv4Address("10.0.8.9"), 110)
    )
    data = journal.snapshot(ledger, "b1")
    read = journal.read(data)

    assert read is not None
    assert len(read.entries) == 3
    assert journal.restore(read, "b1", 100, 30) == ledger


def test_a_broken_end_is_what_a_power_cut_leaves_and_nothing_else() -> None:
    read = journal.read(written(*ALL)[:-1])

    assert read is not None
    assert read.torn
    assert journal.restore(read, "another boot", 0.0, 30.0).leases == {}
    with pytest.raises(Damaged, match="not been down"):
        journal.restore(read, read.boot, 0.0, 30.0)
