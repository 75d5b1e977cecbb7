"""A copy of somebody's VCN in a state directory: rehearse here what is changed there.

The copy keeps every identifier. It is written in one transaction while no server runs on the
directory; the next `serve` brings it up, with packets when it has a fabric.
"""

from collections.abc import Iterable
from pathlib import Path

from mooring.adapters.credentials import IdentityFile
from mooring.adapters.journal import Entry, Journal
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.rows import from_row, name_of, to_row
from mooring.core.vcn.twin.earlier import earlier
from mooring.core.vcn.twin.records import records_of
from mooring.core.vcn.twin.snapshot import Snapshot
from mooring.core.vcn.world import World


class TwinError(Exception):
    """The copy cannot be kept here; the message says why and what to do."""


def world_of(snapshot: Snapshot) -> World:
    """Give the world of a snapshot's records; raises UnreadableError."""
    return world_with(records_of(snapshot, Settings().region))


def world_with(records: Iterable[Resource]) -> World:
    """Build a world of some records; TwinError when they contradict each other."""
    rows = [to_row(record) for record in records]
    try:
        return World.load(rows)
    except ValueError as error:
        raise TwinError(f"the objects contradict each other: {error}") from None


def bring(state: Path, snapshot: Snapshot, *, replace: bool) -> dict[str, int]:
    """Keep a snapshot in a state directory; how many objects of each kind.

    With `replace` an earlier copy of the same VCNs goes first. Raises TwinError, UnreadableError,
    CredentialsError, JournalError; then nothing was changed.
    """
    identity = IdentityFile(state).read()
    if identity is None:
        raise TwinError(
            f"{state}: no local VCN yet; make one: mooring vcn init --state {state}"
        )
    records = records_of(snapshot, identity.region)
    world_with(records)
    journal = Journal(state)
    try:
        kept = _kept(journal)
        old = earlier(kept, records, snapshot.vcns)
        if old.gone and not replace:
            vcn = next(r.id for r in old.gone if r.id in snapshot.vcns)
            raise TwinError(
                f"{state}: has {vcn} already; --replace puts the new copy in the place of the old one"
            )
        changed = (*old.freed, *records)
        left = {record.id for record in (*old.gone, *changed)}
        world_with([*(r for r in kept if r.id not in left), *changed])
        journal.commit(
            [
                *(Entry(*name_of(record), None) for record in old.gone),
                *(Entry(*to_row(record)) for record in changed),
            ]
        )
    finally:
        journal.close()
    return _counts(records)


def _kept(journal: Journal) -> list[Resource]:
    rows = ((e.kind, e.key, e.body or "") for e in journal.entries())
    found = (from_row(row) for row in rows)
    return [record for record in found if isinstance(record, Resource)]


def _counts(records: Iterable[Resource]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in records:
        title = KINDS[type(record)].title
        counts[title] = counts.get(title, 0) + 1
    return counts
