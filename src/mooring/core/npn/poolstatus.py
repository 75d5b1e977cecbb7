"""What a turn writes of an elastic pool: the policy in force, the serial, and why it changed."""

from collections.abc import Iterable

from mooring.core.npn.elastic import room
from mooring.core.npn.picture import Picture
from mooring.core.npn.record import (
    Condition,
    Npn,
    NpnStatus,
    Pair,
    PoolStatus,
    VnicStatus,
)

POOL = "Pool"


def pool_status(picture: Picture, vnics: Iterable[VnicStatus]) -> PoolStatus | None:
    """Say the policy, and count whenever other addresses are listed.

    A status that was lost begins after what the agent followed last.
    """
    npn = picture.npn
    if npn.policy is None:
        return None
    before = npn.status.pool.serial if npn.status.pool else 0
    if npn.status.pool and _addresses(vnics) == _addresses(npn.status.vnics):
        return PoolStatus(policy=npn.policy, serial=before)
    told = npn.usage.serial if npn.usage else 0
    return PoolStatus(policy=npn.policy, serial=max(before, told) + 1)


def pool_condition(picture: Picture) -> Condition | None:
    """Give the latest change's reason: it stands until the next change."""
    plan = picture.pool
    if plan is None:
        return None
    before = next(
        (c for c in picture.npn.status.conditions if c.type == POOL),
        Condition(type=POOL, status="True", reason=plan.word),
    )
    # What a grow made is listed by the next turn, for the same reason.
    made = plan.word == "Restoring" and before.reason == "Growing"
    if made or not plan.why:
        return before
    return Condition(type=POOL, status="True", reason=plan.word, message=plan.why)


def disagreement(npn: Npn) -> str:
    """Say how the kubelet's max-pods and the pool disagree; "" when they do not (RT-13).

    The kubelet counts pods of the host's network too, so it may allow as many as there are
    addresses, and no more: fewer would only leave some unused.
    """
    most = room(npn.spec)
    if npn.policy is not None and npn.policy.maximum is not None:
        most = min(most, npn.policy.maximum)
    if npn.kubelet_pods is None or npn.kubelet_pods <= most:
        return ""
    return (
        f"the kubelet allows {npn.kubelet_pods} pods and there are addresses for {most}"
        f" at most; set its maxPods to {most}"
    )


def told(status: NpnStatus, before: NpnStatus) -> str:
    """Give the sentence about the pool that this status adds to the one before."""
    was, now = (
        next((c.message for c in s.conditions if c.type == POOL), "")
        for s in (before, status)
    )
    return now if now != was else ""


def _addresses(vnics: Iterable[VnicStatus]) -> set[tuple[str, Pair]]:
    return {(vnic.vnic_id, pair) for vnic in vnics for pair in vnic.pod_addresses}
