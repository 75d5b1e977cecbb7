"""Whether the kubelet allows more pods than there are addresses for (decision 0086).

The scheduler counts pods exactly: it sends a node as many as its kubelet allows, all in one moment
if need be. So a pod can only be left without an address where the kubelet allows more than there
are, and then the node is shut before any comes, not when the first is refused.

    the object asks for fewer, or the pool's maximum is less ... short, whatever there is now
    as many as the kubelet allows are there .................... enough
    a family can get no more, and it is known why .............. short
    it is being worked on, or nobody can say ................... as it was
    all that is wanted now is there ............................ enough: a pool may still grow

A pool whose growth was refused wants less when pods end, and has gained nothing by that: it is short
until it has more than when it was refused, or until it has been at rest for a while. Without
pods nothing would ever try to grow, so the node has to be opened some time.
"""

from dataclasses import dataclass, replace

from mooring.core.npn.elastic import room
from mooring.core.npn.record import UNDER_WAY, Npn
from mooring.core.npn.scarcity import families, listed

DWELL = 600.0
"""Seconds that a pool at rest has to want nothing before it is believed that it may grow."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """The kubelet allows so many pods, and there are no more than so many addresses.

    `hard`: the object or the pool's maximum says so, the numbers are to be set. `eased`: nothing is
    refused just now, and it is not over yet; then the numbers are those of before. `since` is when a
    pool came to rest.
    """

    pods: int
    addresses: int
    hard: bool = False
    eased: bool = False
    since: float | None = None


def most(npn: Npn) -> int:
    """Count the pod addresses that an object may ever have."""
    policy = npn.status.pool.policy if npn.status.pool else npn.policy
    asked = room(npn.spec)
    return min(policy.maximum or asked, asked) if policy else asked


def shortage(
    npn: Npn, pods: int | None, before: Shortage | None = None, now: float = 0.0
) -> Shortage | None:
    """Say whether so many pods are too many; `before` is what was said last, while that holds."""
    if pods is None:
        return None
    promised, have = most(npn), listed(npn)
    if pods > promised:
        return Shortage(pods, promised, hard=True)
    if pods <= have:
        return None
    if _refused(npn):
        return Shortage(pods, have)
    return _eased(npn, before, now) if before else None


def _eased(npn: Npn, before: Shortage, now: float) -> Shortage | None:
    """Say what is left of a shortage while nothing is refused."""
    if not _complete(npn):
        return replace(before, eased=True, since=None)
    # Where the numbers were wrong they have been set right; no growth was refused.
    wrong = before.hard or before.addresses >= most(npn)
    if npn.status.pool is None or wrong or listed(npn) > before.addresses:
        return None
    since = now if before.since is None else before.since
    return None if now - since >= DWELL else replace(before, eased=True, since=since)


def rest(short: Shortage | None, now: float) -> float | None:
    """Say how long it is until time alone ends it; None when time does not."""
    if short is None or short.since is None:
        return None
    return max(short.since + DWELL - now, 0.0)


def _complete(npn: Npn) -> bool:
    """Tell whether every family has what is wanted of it now."""
    ready = families(npn)
    return bool(ready) and all(c.status == "True" for c in ready)


def _refused(npn: Npn) -> bool:
    """Tell whether somebody said that there is no more; Unknown says nothing."""
    return any(c.status == "False" and c.reason != UNDER_WAY for c in families(npn))
