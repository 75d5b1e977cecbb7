"""Whether the scheduler has to know that a node can give no pod an address (decision 0076).

That the kubelet allows more pods than there will be addresses is `shortage`'s.

A node is dry when no address is free, those that rest not counted, and none is on its way. An
elastic pool that grows is given a moment. It is wet again when a few are free: one that is given
back and taken at once must not make the taint come and go with every pod.
"""

from dataclasses import dataclass

from mooring.core.npn.elastic import room
from mooring.core.npn.record import UNDER_WAY, Condition, Npn
from mooring.core.npn.usage import Counts

GRACE = 5.0
"""Seconds that a pool may be empty while more is on its way."""
DWELL = 10.0
"""Seconds that the taint stays at least."""
FEW = 4
"""As many free addresses lift it; fewer do where the whole pool is small."""
APART = frozenset({"NotInSubnet", "NotAssigned"})
"""Why a family is there for no pod: that takes nothing from the others, and does not change by itself."""
NO_FAMILY = "FailedToGetNPN_IPFamilies"
"""The reason of an object that has all, or has it soon, but for such a family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dryness:
    """What is remembered of a node: since when none is free, since when the taint is there."""

    empty_since: float | None = None
    dry_since: float | None = None


def judge(
    before: Dryness, npn: Npn, told: Counts | None, *, tainted: bool, now: float
) -> Dryness:
    """Say how it is now; `dry_since` is None where the scheduler may send pods."""
    free, since = _free(npn, told), before.dry_since
    if tainted and since is None:  # put there in another life of ours
        since = now
    if free is None:
        return Dryness(dry_since=since)
    empty = _first(before.empty_since, now) if free == 0 else None
    if since is not None:
        wet = free >= _enough(npn) and now - since >= DWELL
        return Dryness(empty_since=empty, dry_since=None if wet else since)
    patience = GRACE if coming(npn) else 0.0
    dry = empty is not None and now - empty >= patience
    return Dryness(empty_since=empty, dry_since=now if dry else None)


def listed(npn: Npn) -> int:
    """Count the pod addresses that the status lists, of the family that has fewer."""
    pairs = [pair for vnic in npn.status.vnics for pair in vnic.pod_addresses]
    families = {family for vnic in npn.status.vnics for family in vnic.ip_families}
    counts = [
        sum((pair.v4 if family == "IPv4" else pair.v6) is not None for pair in pairs)
        for family in families
    ]
    return min(counts, default=0)


def families(npn: Npn) -> tuple[Condition, ...]:
    """Give the conditions of the families that pods can have; of all, where they can have none."""
    ready = tuple(c for c in npn.status.conditions if c.type.endswith("Ready"))
    return tuple(c for c in ready if c.reason not in APART) or ready


def coming(npn: Npn) -> bool:
    """Tell whether more addresses are on their way, as far as anybody knows."""
    if npn.status.state == "BACKOFF" and npn.status.reason != NO_FAMILY:
        return False
    ready = families(npn)
    if npn.status.state in ("", "IN_PROGRESS") and not ready:
        return True  # it has only just begun
    if any(c.status == "False" and c.reason != UNDER_WAY for c in ready):
        return False
    pool = npn.status.pool
    most = room(npn.spec)
    if pool is not None:
        return listed(npn) < min(pool.policy.maximum or most, most)
    return any(c.status != "True" for c in ready)


def _free(npn: Npn, told: Counts | None) -> int | None:
    """Count what could be handed out; None when nobody knows."""
    have = listed(npn)
    if have == 0 or told is None:
        return 0 if have == 0 else None
    return min(told.free, have)


def _enough(npn: Npn) -> int:
    return max(1, min(FEW, listed(npn) // 8))


def _first(before: float | None, now: float) -> float:
    return now if before is None else before
