"""The ledger's journal as bytes: one entry per line, each with its checksum.

    a1b2c3d4 {"mooring": "ledger", "format": 1, "boot": "…"}
    0badcafe {"is": "held", "id": ["net", "container", "eth0"], "v4": "10.0.8.7", …}

A lease that has just the families that it was to have, IPv4 before IPv6, names none; so did all
leases before there was a choice.

A line that was being written when the power went can only be the last one, and is read in
another boot: it is left out. Any other broken line is damage, and whoever reads must not
trust the rest. Keys that are not known are passed over; an entry that is not known is damage,
because what it did to the ledger is not known either. So that a newer program of the same format
can be taken back, what it leaves after an orderly end has only entries that are as old as the
format. A newer format is refused.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import (
    Ahead,
    Contradiction,
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
from mooring.core.ipam.pool import parts
from mooring.core.net.jsontext import written
from mooring.core.npn.record import Pair

FORMAT = 1


class Damaged(Exception):
    """The journal is not what was written; the kernel must be asked instead."""


class TooNew(Exception):
    """A newer Mooring wrote this journal, in a form that this one cannot read."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What was read: the boot it was written in, its entries, the bytes that count.

    `torn`: more stood there, which was left out.
    """

    boot: str
    entries: tuple[Entry, ...]
    length: int
    torn: bool = False


def header(boot: str) -> bytes:
    """Write a journal's first line."""
    return _line({"mooring": "ledger", "format": FORMAT, "boot": boot})


def line(entry: Entry) -> bytes:
    """Write an entry."""
    return _line(_document(entry))


def snapshot(ledger: Ledger, boot: str) -> bytes:
    """Write the shortest journal that says what this ledger says."""
    entries: list[Entry] = [Placed(v, slot) for v, slot in ledger.slots.items()]
    entries += [Held(lease) for lease in ledger.leases.values()]
    entries += [Cooled(a, until) for a, until in ledger.pool.cooling.items()]
    if ledger.ahead:
        entries.append(Ahead(tuple(sorted(ledger.ahead, key=str))))
    return header(boot) + b"".join(line(entry) for entry in entries)


def read(data: bytes) -> Journal | None:
    """Read a journal, None when nothing was written; raise Damaged or TooNew."""
    *lines, rest = data.split(b"\n")
    documents = [_parsed(text) for text in lines]
    length = len(data) - len(rest)
    if documents and documents[-1] is None:
        documents.pop()
        length -= len(lines[-1]) + 1
    if not documents:
        return None
    boot = _checked(documents[0])
    entries = []
    for number, document in enumerate(documents[1:], start=2):
        if document is None:
            raise Damaged(f"line {number} does not fit its checksum")
        try:
            entries.append(_entry(document))
        except (KeyError, ValueError, TypeError) as error:
            raise Damaged(f"line {number} is no entry: {error!r}") from error
    return Journal(boot, tuple(entries), length, torn=length < len(data))


def restore(journal: Journal, boot: str, now: float, cooldown: float) -> Ledger:
    """Replay a journal after a restart; raise Damaged when it contradicts itself.

    After a restart of the machine every pod is gone, and none of them can have sent
    anything since: their addresses rest until the new boot is `cooldown` old, whatever
    the calendar says. So do those written down ahead: the power may have taken the line that
    says who had one.
    """
    try:
        ledger = Ledger().after(journal.entries)
        if journal.boot != boot:
            ended = tuple(Freed(attachment, cooldown) for attachment in ledger.leases)
            resting = {*ledger.pool.cooling, *(ledger.ahead - ledger.holders.keys())}
            cooled = (Cooled(address, cooldown) for address in resting)
            return replace(ledger.after((*ended, *cooled)), ahead=frozenset())
        if journal.torn:
            raise Damaged("its end is broken, and the machine has not been down since")
        latest = now + cooldown
        late = {a: t for a, t in ledger.pool.cooling.items() if t > latest}
        return ledger.after(Cooled(address, latest) for address in late)
    except Contradiction as error:
        raise Damaged(str(error)) from error


def _line(document: Mapping[str, Any]) -> bytes:
    text = written(document)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _parsed(text: bytes) -> dict[str, Any] | None:
    """Give the line's object, None when it does not fit its checksum."""
    checksum, _, body = text.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _checked(first: dict[str, Any] | None) -> str:
    """Give the boot that the first line names; raise when it is not ours to read."""
    if first is None or first.get("mooring") != "ledger":
        raise Damaged("line 1 is no header")
    form = first.get("format")
    if not isinstance(form, int) or not isinstance(first.get("boot"), str):
        raise Damaged("line 1 names no format or no boot")
    if form > FORMAT:
        raise TooNew(
            f"the ledger's journal has format {form}, this Mooring reads {FORMAT}: "
            "start the newer Mooring again, or move the journal away to rebuild "
            "the ledger from the pods' links"
        )
    return str(first["boot"])


def _document(entry: Entry) -> dict[str, Any]:
    match entry:
        case Held(lease):
            made: dict[str, Any] = {"is": "held", **_lease_document(lease)}
        case Wired(attachment) | Left(attachment):
            word = "wired" if isinstance(entry, Wired) else "left"
            made = {"is": word, "id": _id(attachment)}
        case Freed(attachment, until):
            made = {"is": "freed", "id": _id(attachment), "until": until}
        case Cooled(address, until):
            made = {"is": "cooled", "address": str(address), "until": until}
        case Ahead(addresses):
            made = {"is": "ahead", "addresses": [str(a) for a in addresses]}
        case Placed(vnic, slot):
            made = {"is": "placed", "vnic": vnic, "slot": slot}
        case Unplaced(vnic):
            made = {"is": "unplaced", "vnic": vnic}
    return made


def _lease_document(lease: Lease) -> dict[str, Any]:
    v4, v6 = lease.addresses.v4, lease.addresses.v6
    plain = lease.families == _plain(lease.addresses)
    return {
        "id": _id(lease.attachment),
        "v4": str(v4) if v4 else None,
        "v6": str(v6) if v6 else None,
        "vnic": lease.vnic_id,
        "slot": lease.slot,
        "netns": lease.netns.path,
        "inode": lease.netns.inode,
        "since": lease.since,
        "phase": str(lease.phase),
        **({} if plain else {"families": lease.families}),
    }


def _plain(addresses: Pair) -> tuple[int, ...]:
    return tuple(address.version for address in parts(addresses))


def _id(attachment: AttachmentId) -> list[str]:
    return [attachment.network, attachment.container, attachment.ifname]


def _entry(document: dict[str, Any]) -> Entry:
    return _READERS[document["is"]](document)


def _lease(document: dict[str, Any]) -> Lease:
    v4, v6 = document["v4"], document["v6"]
    addresses = Pair(IPv4Address(v4) if v4 else None, IPv6Address(v6) if v6 else None)
    return Lease(
        attachment=_attachment(document),
        addresses=addresses,
        vnic_id=str(document["vnic"]),
        slot=int(document["slot"]),
        netns=Netns(str(document["netns"]), int(document["inode"])),
        since=float(document["since"]),
        phase=Phase(document["phase"]),
        families=_families(document) or _plain(addresses),
    )


def _families(document: dict[str, Any]) -> tuple[int, ...]:
    found = tuple(int(version) for version in document.get("families", ()))
    if not {4, 6}.issuperset(found):
        raise ValueError(found)
    return found


def _attachment(document: dict[str, Any]) -> AttachmentId:
    network, container, ifname = document["id"]
    return AttachmentId(str(network), str(container), str(ifname))


_READERS: Mapping[str, Callable[[dict[str, Any]], Entry]] = {
    "held": lambda d: Held(_lease(d)),
    "wired": lambda d: Wired(_attachment(d)),
    "left": lambda d: Left(_attachment(d)),
    "freed": lambda d: Freed(_attachment(d), float(d["until"])),
    "cooled": lambda d: Cooled(ip_address(d["address"]), float(d["until"])),
    "ahead": lambda d: Ahead(tuple(ip_address(a) for a in d["addresses"])),
    "placed": lambda d: Placed(str(d["vnic"]), int(d["slot"])),
    "unplaced": lambda d: Unplaced(str(d["vnic"])),
}
