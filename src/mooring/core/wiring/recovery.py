"""After a restart: what becomes of leases that were under way, and of links without one.

claimed    the runtime was never told: undone
leaving    DEL was promised: finished
link, no lease   its alias is the record: adopted if its address is to be had, else removed
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mooring.core.ipam.ledger import (
    Contradiction,
    Entry,
    Held,
    Lease,
    Ledger,
    Left,
    Netns,
    Phase,
)
from mooring.core.ipam.pool import parts
from mooring.core.linux.seen import Link
from mooring.core.wiring.names import Alias, host_link, read_alias
from mooring.core.wiring.strays import orphans


@dataclass(frozen=True, slots=True)
class Recovery:
    """What to write down, which leases to end, which links to remove."""

    entries: tuple[Entry, ...]
    ending: tuple[Lease, ...]
    doomed: tuple[str, ...]


def recover(ledger: Ledger, links: Mapping[str, Link], now: float) -> Recovery:
    """Decide from what is written and what the kernel shows."""
    entries: list[Entry] = [
        Left(attachment)
        for attachment, lease in ledger.leases.items()
        if lease.phase is Phase.CLAIMED
    ]
    draft = ledger.after(entries)
    doomed = []
    known = (host_link(attachment) for attachment in ledger.leases)
    for name in orphans(links, known):
        entry = _adoption(draft, name, links[name], now)
        if entry is None:
            doomed.append(name)
            continue
        draft = draft.after([entry])
        entries.append(entry)
    ending = tuple(
        lease for lease in draft.leases.values() if lease.phase is Phase.LEAVING
    )
    return Recovery(tuple(entries), ending, tuple(doomed))


def _adoption(ledger: Ledger, name: str, link: Link, now: float) -> Held | None:
    alias = read_alias(link.alias)
    if alias is None or host_link(alias.attachment) != name:
        return None
    vnic, slot = _place(ledger, alias)
    entry = Held(
        Lease(
            attachment=alias.attachment,
            addresses=alias.addresses,
            vnic_id=vnic,
            slot=slot,
            netns=Netns(alias.netns, alias.inode),
            since=now,
            phase=Phase.WIRED,
            families=alias.families,
        )
    )
    try:
        ledger.after([entry])
    except Contradiction:
        return None
    return entry


def _place(ledger: Ledger, alias: Alias) -> tuple[str, int]:
    """Find the VNIC of the addresses; one that the cloud took away is the alias's."""
    for address in parts(alias.addresses):
        if address in ledger.pool.homes:
            vnic = ledger.pool.homes[address]
            return vnic, ledger.slots[vnic]
    by_slot = {slot: vnic for vnic, slot in ledger.slots.items()}
    return by_slot.get(alias.slot, ""), alias.slot
