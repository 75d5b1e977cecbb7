"""Whether the kubelet allows more pods than there are addresses for (decision 0086).

The scheduler counts pods exactly: it sends a node as many as its kubelet allows, all in one moment
if need be. So a pod can only be left without an address where the kubelet allows more than there
are, and then the node is shut before any comes, not when the first is refused.

    the object asks for fewer, or the pool's maximum is less ... short, whatever there is now
    as many as the kubelet allows are there .................... enough
    all that is wanted now is there ............................ enough: a pool may still grow
    a family can get no more, and it is known why .............. short
    it is being worked on ...................................... as it was
"""

from dataclasses import dataclass

from mooring.core.npn.elastic import room
from mooring.core.npn.record import UNDER_WAY, Npn
from mooring.core.npn.scarcity import listed

NEVER = frozenset({"FailedToAttachVNIC"})
"""What keeps a whole VNIC away; then its addresses' condition does not say why."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """The kubelet allows so many pods, and there are no more than so many addresses.

    `hard`: the object or the pool's maximum says so, the numbers are to be set. `eased`: nothing is
    refused just now, and it is not over yet.
    """

    pods: int
    addresses: int
    hard: bool = False
    eased: bool = False


def most(npn: Npn) -> int:
    """Count the pod addresses that an object may ever have."""
    policy = npn.status.pool.policy if npn.status.pool else npn.policy
    asked = room(npn.spec)
    return min(policy.maximum or asked, asked) if policy else asked


def shortage(npn: Npn, pods: int | None, *, tainted: bool) -> Shortage | None:
    """Say whether so many pods are too many; `tainted`: they were when it was asked last."""
    if pods is None:
        return None
    promised, have = most(npn), listed(npn)
    if pods > promised:
        return Shortage(pods, promised, hard=True)
    if pods <= have or _complete(npn):
        return None
    if _refused(npn):
        return Shortage(pods, have)
    return Shortage(pods, have, eased=True) if tainted else None


def _complete(npn: Npn) -> bool:
    """Tell whether every family has what is wanted of it now."""
    ready = [c for c in npn.status.conditions if c.type.endswith("Ready")]
    return bool(ready) and all(c.status == "True" for c in ready)


def _refused(npn: Npn) -> bool:
    """Tell whether somebody said that there is no more."""
    ready = [c for c in npn.status.conditions if c.type.endswith("Ready")]
    if npn.status.state == "BACKOFF" and npn.status.reason in NEVER:
        return True
    return any(c.status != "True" and c.reason != UNDER_WAY for c in ready)
