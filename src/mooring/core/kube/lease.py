"""Who leads, of several that could: client-go's leader election on a Lease, as decisions.

Theory of operation. The leader renews the Lease every `retry` seconds. The others look as often.
Whoever has seen the record unchanged for its whole duration, *by his own clock*, takes it. The
times written in the record are for people: clocks of machines differ, and nothing here reads
them. The leader stops when `deadline` seconds passed since he *asked for* the last renewal that
succeeded; the others counted from a later moment and wait longer (`duration`), so he
has stopped before another can begin. What he sent just before may arrive after: for half a minute,
longer than anybody wants to wait for a leader that died. Terms do not cover that: a status
carries the version that it replaces, and a change of the cloud the retry token of its
intention, which is the same in any process. Two who take at once: the server lets one through, by
the version of the Lease that both had read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mooring.core.kube import meta as metas
from mooring.core.kube.resource import LEASES

NEVER = float("-inf")
RELEASED_SECONDS = 1
"""The duration that a record given back shows, as client-go's."""
JITTER = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Seconds, client-go's: to hold a record for, to renew it in, between tries."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        """Refuse terms under which two could lead; raise ValueError."""
        if not self.duration > self.deadline > self.retry * JITTER > 0:
            raise ValueError(
                f"duration {self.duration:g} > deadline {self.deadline:g} >"
                f" {JITTER} x retry {self.retry:g} > 0 must hold"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What stands in the Lease; `acquired` and `renewed` are compared, never read."""

    holder: str = ""
    duration: float = 15.0
    transitions: int = 0
    acquired: str = ""
    renewed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Election:
    """What one candidate knows. Instants are of his own clock.

    `record` is None as long as there is no Lease; `changed` is when it was last seen to differ
    from before, `held` until when we lead.
    """

    me: str
    terms: Terms = Terms()
    record: Record | None = None
    version: str = ""
    changed: float = NEVER
    held: float = NEVER


@dataclass(frozen=True, slots=True)
class Write:
    """Write this record, as version `version` of the Lease still stands; "" makes the Lease."""

    record: Record
    version: str


@dataclass(frozen=True, slots=True)
class Stand:
    """Somebody else leads; look again in a while. `free` is when he would be given up."""

    free: float


def leads(election: Election, now: float) -> bool:
    """Tell whether we lead at this moment."""
    return now < election.held


def seen(
    election: Election, record: Record | None, version: str, now: float
) -> Election:
    """Take in what was read of the Lease."""
    changed = election.changed if record == election.record else now
    held = election.held if record and record.holder == election.me else NEVER
    return replace(election, record=record, version=version, changed=changed, held=held)


def decide(election: Election, now: float, stamp: str) -> Write | Stand:
    """Say what to do; `stamp` is the wall clock's time as it is written."""
    known = election.record
    if known is None:
        return Write(_mine(election, stamp, 0), "")
    if known.holder == election.me:
        record = replace(
            known,
            renewed=stamp,
            duration=election.terms.duration,
            acquired=known.acquired or stamp,
        )
        return Write(record, election.version)
    free = election.changed + max(known.duration, election.terms.duration)
    if known.holder and now < free:
        return Stand(free)
    return Write(_mine(election, stamp, known.transitions + 1), election.version)


def won(election: Election, record: Record, version: str, asked: float) -> Election:
    """Take in that our record was written; `asked` is the moment before it was sent."""
    return replace(
        election,
        record=record,
        version=version,
        changed=asked,
        held=asked + election.terms.deadline,
    )


def given_back(election: Election, stamp: str) -> Write | None:
    """Say what to write so that the next one begins at once; None when it is not ours."""
    known = election.record
    if known is None or known.holder != election.me:
        return None
    record = Record(
        duration=RELEASED_SECONDS,
        transitions=known.transitions,
        acquired=stamp,
        renewed=stamp,
    )
    return Write(record, election.version)


def pause(terms: Terms, chance: float) -> float:
    """Give the seconds until the next try, so that candidates do not ask in step."""
    return terms.retry * (1 + (JITTER - 1) * chance)


def _mine(election: Election, stamp: str, transitions: int) -> Record:
    return Record(
        holder=election.me,
        duration=election.terms.duration,
        transitions=transitions,
        acquired=stamp,
        renewed=stamp,
    )


def read(document: object) -> tuple[Record, str]:
    """Read a Lease and its version; raise Unreadable."""
    spec = metas.entity(document).at("spec")
    record = Record(
        holder=spec.at("holderIdentity").either(lambda f: f.text(1024, 0), ""),
        duration=spec.at("leaseDurationSeconds").either(
            lambda f: f.whole(0, 1 << 31), 0
        ),
        transitions=spec.at("leaseTransitions").either(
            lambda f: f.whole(0, 1 << 31), 0
        ),
        acquired=spec.at("acquireTime").either(lambda f: f.text(64, 0), ""),
        renewed=spec.at("renewTime").either(lambda f: f.text(64, 0), ""),
    )
    return record, metas.read(document).version


def body(namespace: str, name: str, write: Write) -> Mapping[str, Any]:
    """Give the Lease as it is sent: to make it, or as a merge patch of that version."""
    record = write.record
    meta = {"resourceVersion": write.version} if write.version else {}
    return {
        "apiVersion": LEASES.api_version,
        "kind": LEASES.kind,
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": max(round(record.duration), 1),
            "leaseTransitions": record.transitions,
            "acquireTime": record.acquired,
            "renewTime": record.renewed,
        },
    }
