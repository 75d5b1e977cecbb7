"""Work that the cloud has accepted and goes on with: how far it is, and for how long it matters.

Addresses that are being made are waited for: asked for once more, there would be too many. Nothing
waits for addresses that are being given back; whether they went is asked after.
"""

from collections.abc import Iterable

from mooring.controller.look import Looker
from mooring.core.npn.errors import NotFound
from mooring.core.npn.memory import Memory, after_given
from mooring.core.npn.port import Cloud
from mooring.core.npn.seen import ENDED

WORK_PATIENCE = 600.0
"""Seconds after which work that has not ended is looked past: what it made is seen, the rest asked for."""
UNSEEN_PATIENCE = 60.0
"""Seconds for which work of our own is waited for that cannot be seen: fresh, or not ours to see."""


def gone(cloud: Cloud, ids: Iterable[str]) -> frozenset[str]:
    """Tell which of these addresses are there no more, whatever a list says."""
    return frozenset(each for each in ids if _is_gone(cloud, each))


def state(cloud: Cloud, work: str) -> str:
    """Tell how far a work is; "" when the cloud knows it no more, not yet, or not for us."""
    try:
        return cloud.work(work)
    except NotFound:
        return ""


def lasts(now: str, memory: Memory) -> bool:
    """Tell whether work whose state is `now` is to be waited for."""
    if now in ENDED:
        return False
    unseen = UNSEEN_PATIENCE if memory.working else 0.0
    return memory.waited < (WORK_PATIENCE if now else unseen)


def given(looker: Looker, memory: Memory) -> Memory:
    """Ask after addresses that are being given back: what stays after all is to go again."""
    for giving in memory.giving:
        ended = state(looker.cloud, giving.work) in ENDED
        if ended or looker.now() >= giving.until:
            left = giving.ids - gone(looker.cloud, giving.ids)
            memory = after_given(memory, giving, left)
    return memory


def _is_gone(cloud: Cloud, address_id: str) -> bool:
    try:
        cloud.address(address_id)
    except NotFound:
        return True
    return False
