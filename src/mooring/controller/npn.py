"""Journey 2: one object's turn, from a look at the cloud to at most one change of it.

A turn reads the object, looks, decides (`core.npn.decide`), writes the status when it
differs, and carries out the change when there is one; the next turn looks anew. The world is
the record: a turn that was killed anywhere is simply taken again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from mooring.controller import work
from mooring.controller.look import Looker, question
from mooring.core.npn import policy
from mooring.core.npn.changes import (
    Change,
    CreateAddressBlock,
    Decision,
    DeleteAddresses,
    Failed,
    Remove,
    Settled,
    Wait,
    describe,
    reason,
    subject,
)
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.decide import PATIENCE, decide
from mooring.core.npn.errors import (
    Busy,
    CloudError,
    NoBlock,
    NotFound,
    Refused,
    Stale,
    Throttled,
    Unavailable,
    UnderWay,
)
from mooring.core.npn.families import IPV4
from mooring.core.npn.memory import (
    Memory,
    after_change,
    after_failure,
    after_giving,
    after_look,
    after_missing,
    after_no_block,
    after_pool,
    after_refusal,
    after_stale,
    after_trouble,
    after_wait,
    calm,
    goes_on,
    keeping,
    known_at,
    next_pause,
    pause_after,
    pause_between,
    settled,
    without_given_back,
)
from mooring.core.npn.picture import Picture, draw
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.poolstatus import told
from mooring.core.npn.port import Absent, Objects
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.seen import ENDED, GOING, SUCCEEDED, Known, Sighting
from mooring.core.npn.status import refused, report, unreadable, unseen, waiting
from mooring.core.npn.usage import lists

HASTE = 1.0
"""Seconds after which a pool goes on that has become too small, although something else failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a turn came to: when to take the next and what to tell the log.

    `pause` None: the object is gone. `settled` objects yield to the others. An elastic pool that its
    agent finds too small need not wait longer than `haste`. `trouble` is worth a warning; `away` says
    that the cloud did not answer.
    """

    memory: Memory
    pause: float | None
    said: str
    settled: bool = False
    haste: float = math.inf
    trouble: bool = False
    away: bool = False


class Reconciler:
    """Takes objects' turns. `chance` gives 0 to 1; `interval` is the pause when settled.

    `pool` holds for objects that say nothing of their pool; None takes all addresses at once.
    """

    def __init__(
        self,
        objects: Objects,
        looker: Looker,
        chance: Callable[[], float],
        interval: float = 30.0,
        pool: PoolPolicy | None = None,
    ) -> None:
        self._objects, self._looker = objects, looker
        self._chance, self._interval = chance, interval
        self._pool = pool

    def turn(self, name: str, memory: Memory) -> Turn:
        """Take the object's turn; raise OSError when the store cannot be reached."""
        try:
            return self._turn(name, memory)
        except Absent:
            return Turn(memory=memory, pause=None, said="gone")

    def _turn(self, name: str, memory: Memory) -> Turn:
        before = self._status(name)
        try:
            npn = self._whole(replace(self._objects.read_spec(name), status=before))
        except Unreadable as error:
            self._write(name, before, unreadable(before, error))
            said = f"unreadable {error}"
            return Turn(memory=memory, pause=self._rest(), said=said, trouble=True)
        if npn.deleting:
            return Turn(
                memory=memory, pause=self._rest(), said="deleting", settled=True
            )
        try:
            memory = work.given(self._looker, memory)
            turn = self._working(npn, memory) if before.work else None
            return turn or self._look_and_do(npn, replace(memory, working=None))
        except CloudError as error:
            return self._unseen(npn, memory, error)

    def _whole(self, npn: Npn) -> Npn:
        """Add the pool's policy that holds for an object, and what its agent told."""
        chosen = policy_of(npn, self._pool)
        if chosen is None:
            return npn
        usage = lists(self._objects.read_usage(npn.name))
        return replace(npn, policy=chosen, usage=usage)

    def _unseen(self, npn: Npn, memory: Memory, error: CloudError) -> Turn:
        """Say that a look failed; the object goes when nothing is left of its instance."""
        if isinstance(error, NotFound) and error.call == "GetInstance":
            memory = after_missing(memory, self._looker.now())
            if self._looker.vanished(npn, memory.missing_since):
                self._objects.remove(npn.name)
                said = f"removed instance {npn.spec.id} is in no list any more"
                return Turn(memory=memory, pause=None, said=said)
        self._write(npn.name, npn.status, unseen(npn.status, error))
        return self._failed(after_trouble(memory), error)

    def _status(self, name: str) -> NpnStatus:
        """Read our own status; one that somebody broke is written anew."""
        try:
            return self._objects.read_status(name)
        except Unreadable:
            return NpnStatus()

    def _look_and_do(self, npn: Npn, memory: Memory) -> Turn:
        """Look, decide and do.

        A look that only added to the one before says what to do next, and nothing else:
        what is told of addresses, and that all is there, comes of whole looks.
        """
        if npn.policy and not memory.rests:
            memory = replace(memory, known=None)  # each step has a reason to be told
        added = not memory.rests and known_at(memory, self._looker.now()) is not None
        known, memory = self._looked(npn, memory)
        now = self._looker.now()
        picture, memory = self._drawn(npn, known.seen, memory)
        slack = picture.pool is not None and picture.pool.slack
        memory = after_pool(memory, slack=slack, now=now)
        decision = decide(picture, memory)
        if added and not goes_on(decision):
            return self._look_and_do(npn, memory)
        if isinstance(decision, Remove) or npn.unplaced:
            return self._ended(npn, decision, memory)
        status = npn.status if added else report(picture, decision, memory)
        self._write(npn.name, npn.status, status)
        match decision:
            case Wait():
                return Turn(
                    memory=keeping(after_wait(memory, decision.seconds), known, None),
                    pause=decision.seconds,
                    said=f"waiting {decision.message}",
                )
            case Settled():
                return self._settled(npn, status, settled(memory, known))
            case Failed():
                return self._given_up(memory, decision, picture)
            case _:
                why = told(status, npn.status)
                turn = self._do(npn.name, status, memory, decision)
                if turn.memory.last is decision:
                    turn = replace(turn, memory=keeping(turn.memory, known, decision))
                return replace(turn, said=f"{turn.said} {why}") if why else turn

    def _ended(self, npn: Npn, decision: Decision, memory: Memory) -> Turn:
        """Remove the object, or let it wait for its node: nothing else is to be done to it."""
        if isinstance(decision, Remove):
            self._objects.remove(npn.name)
            return Turn(memory=memory, pause=None, said=f"removed {decision.message}")
        said = "waiting for the node: its labels say how large the pool is to be"
        self._write(npn.name, npn.status, waiting(npn.status, said))
        return Turn(memory=memory, pause=self._rest(), said=said, settled=True)

    def _settled(self, npn: Npn, status: NpnStatus, memory: Memory) -> Turn:
        why = told(status, npn.status)
        said = f"settled vnics={len(status.vnics)}" + (f" {why}" if why else "")
        pause = self._rest()
        return Turn(memory=memory, pause=pause, said=said, settled=True, haste=0)

    def _looked(self, npn: Npn, memory: Memory) -> tuple[Known, Memory]:
        """Look, at what is new only where the last look can be built upon."""
        now = self._looker.now()
        before = known_at(memory, now)
        if memory.rests:
            before = memory.known if self._looker.stands(memory.known) else None
        seen = self._looker.look(question(npn, memory, before))
        known = Known(at=before.at if before else now, seen=seen)
        return known, replace(after_look(memory, seen), known=None, rests=False)

    def _drawn(
        self, npn: Npn, seen: Sighting, memory: Memory
    ) -> tuple[Picture, Memory]:
        """Draw, with nothing listed again that is gone: lists may show it a while longer.

        A drawing without what is gone may list something else again, so that is asked for too.
        """
        quiet = calm(memory, self._looker.now())
        there: frozenset[str] = frozenset()
        while True:
            picture = draw(npn, without_given_back(memory, seen), quiet)
            back = picture.pool.back if picture.pool else frozenset()
            gone = work.gone(self._looker.cloud, back - there)
            if not gone:
                return picture, memory
            there |= back - gone
            memory = replace(memory, given_back=memory.given_back | gone)

    def _do(self, name: str, status: NpnStatus, memory: Memory, change: Change) -> Turn:
        """Carry the change out, or learn from the answer."""
        try:
            made = self._looker.cloud.carry_out(change)
        except UnderWay as error:
            if isinstance(change, DeleteAddresses):
                until = self._looker.now() + work.WORK_PATIENCE
                memory = after_giving(memory, change, error.work, until)
                pause = self._between(memory)
                return Turn(memory=memory, pause=pause, said=f"under way {error}")
            self._write(name, status, replace(status, work=error.work))
            memory = replace(memory, working=change, waited=0.0)
            pause = next_pause(memory)
            return Turn(memory=memory, pause=pause, said=f"under way {error}")
        except CloudError as error:
            return self._not_done(name, status, memory, change, error)
        said = f"done {describe(change)}" + (f" id={made.id}" if made else "")
        memory = after_change(memory, change, made)
        return Turn(memory=memory, pause=self._between(memory), said=said)

    def _working(self, npn: Npn, memory: Memory) -> Turn | None:
        """Wait for work that was begun, by whichever controller; None when it is over.

        An instance that ends meanwhile is not waited with.
        """
        status, change = npn.status, memory.working
        cloud = self._looker.cloud
        state = work.state(cloud, status.work)
        if work.lasts(state, memory) and cloud.instance(npn.spec.id).state not in GOING:
            pause = next_pause(memory)
            said = f"waiting work {status.work} is {state or 'not to be seen'}"
            return Turn(memory=after_wait(memory, pause), pause=pause, said=said)
        if state not in ENDED or state == SUCCEEDED or change is None:
            return None
        error = Refused("GetWorkRequest", state, f"{status.work} did not do all of it")
        ended = replace(status, work="")
        self._write(npn.name, status, ended)
        memory = replace(memory, working=None)
        return self._not_done(npn.name, ended, memory, change, error)

    def _learn(self, memory: Memory, change: Change, error: CloudError) -> Turn | None:
        """Take an answer that says how to go on at once."""
        match error:
            case Busy() if memory.waited < PATIENCE:
                pause = next_pause(memory)
                return Turn(
                    memory=after_wait(memory, pause), pause=pause, said=f"busy {error}"
                )
            case Stale():
                memory = after_stale(memory)
                pause = self._between(memory)
                return Turn(memory=memory, pause=pause, said=f"stale {error}")
            case NoBlock() if isinstance(change, CreateAddressBlock):
                memory = after_no_block(memory, change)
                return Turn(memory=memory, pause=0, said=f"fragmented {error}")
            case NotFound() | Refused() if isinstance(change, DeleteAddresses):
                return self._was_gone(memory, change)
            case _:
                return None

    def _was_gone(self, memory: Memory, change: DeleteAddresses) -> Turn | None:
        """Take note of what is gone already, though a list shows it."""
        gone = work.gone(self._looker.cloud, change.ids)
        if not gone:
            return None
        memory = replace(memory, given_back=memory.given_back | gone)
        return Turn(memory=memory, pause=0, said=f"gone already {', '.join(gone)}")

    def _not_done(
        self,
        name: str,
        status: NpnStatus,
        memory: Memory,
        change: Change,
        error: CloudError,
    ) -> Turn:
        """Learn from it, or hold the change back if refused; later when nobody knows."""
        if learnt := self._learn(memory, change, error):
            return learnt
        if isinstance(error, Throttled | Unavailable | Busy):
            memory = after_trouble(memory)
            told = refused(status, change, error, memory.failures)
            self._write(name, status, told)
            return self._failed(memory, error)
        failed = Failed(reason=reason(change), message=f"{error.code}: {error.message}")
        memory = after_refusal(memory, subject(change), failed)
        return Turn(memory=memory, pause=0, said=f"refused {error}", trouble=True)

    def _given_up(self, memory: Memory, failed: Failed, picture: Picture) -> Turn:
        """Pause. Where a pool has all that was asked for, it is something else that failed: it may grow on."""
        memory = after_failure(memory)
        pause = failed.retry_after or pause_after(memory.failures, self._chance())
        said = f"backoff {failed.reason} {failed.message}"
        haste = HASTE if picture.complete(IPV4) else math.inf
        return Turn(memory=memory, pause=pause, said=said, haste=haste, trouble=True)

    def _failed(self, memory: Memory, error: CloudError) -> Turn:
        asked = error.retry_after if isinstance(error, Throttled) else None
        pause = max(pause_after(memory.failures, self._chance()), asked or 0.0)
        return Turn(
            memory=memory,
            pause=pause,
            said=f"failed {error}",
            trouble=True,
            away=isinstance(error, Unavailable),
        )

    def _write(self, name: str, before: NpnStatus, status: NpnStatus) -> None:
        if status != before:
            self._objects.write_status(name, status)

    def _between(self, memory: Memory) -> float:
        return pause_between(memory, self._chance())

    def _rest(self) -> float:
        """Give the pause until drift is looked for, spread so that nobody marches in step."""
        return self._interval * (0.9 + 0.2 * self._chance())


def policy_of(npn: Npn, default: PoolPolicy | None) -> PoolPolicy | None:
    """Say which policy holds for an object: its own, else the controller's."""
    return default if npn.pool is None else policy.parse(npn.pool)
