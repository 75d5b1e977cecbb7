"""What a work request does when its time has come.

ACCEPTED becomes IN_PROGRESS and, a while later, SUCCEEDED or FAILED. Its tasks are the cloud's
own calls, made one after the other as if somebody made them then: what one of them is refused, or
what breaks it, is an error of the work request, what the others did stays. A task that is refused
for now (`IncorrectState`) is tried again some times, when what it is about has settled.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mooring.core.vcn.acts.work import WAITING_SHARE, touched
from mooring.core.vcn.api.errors import Refusal, invalid, not_found
from mooring.core.vcn.api.operation import Operation
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.api.requests import Request
from mooring.core.vcn.api.schema import Values, check
from mooring.core.vcn.api.turns import Call, Dice, Draft
from mooring.core.vcn.model import PrivateIp, Resource, WorkRequest
from mooring.core.vcn.model.work import Task, Touched, WorkError, WorkLog
from mooring.core.vcn.world import World

MOST_TRIES = 20  # of one task
LEAST_WAIT = timedelta(milliseconds=50)  # from one try to the next
LONGEST_WAIT = timedelta(minutes=1)
BROKEN = "InternalServerError"  # code of a task that raised what is no refusal
BECOMES = {"Create": "CREATED", "Delete": "DELETED"}
_BY_NAME: dict[str, Operation] = {o.name: o for o in OPERATIONS.values()}


def proceed(draft: Draft, work: WorkRequest, due: datetime) -> Draft:
    """End a work request's waiting, or its work as far as that goes now."""
    if work.lifecycle_state == "ACCEPTED":
        rest = (due - work.time_created) * (WAITING_SHARE - 1)
        return draft.change(
            work,
            lifecycle_state="IN_PROGRESS",
            time_started=due,
            settles_at=due + rest,
        )
    while work.tasks:
        draft, work, is_done = _do(draft, work, due)
        if not is_done:
            again = _again(draft.world, work.tasks[0], due)
            return draft.change(work, settles_at=again, tries=work.tries + 1)
        work = replace(work, tries=0)
    return draft.change(_ended(draft, work, due))


def _again(world: World, task: Task, due: datetime) -> datetime:
    """Give the time of the next try: when all that the task names, and its subnets, have settled."""
    names = {task.target, task.holder, *map(str, task.body.values())}
    named = [found for name in names if (found := world.get(name))]
    subnets = [world.get(getattr(one, "subnet_id", "")) for one in named]
    ends = [one.settles_at for one in (*named, *subnets) if one and one.settles_at]
    soon = due + max(world.settings.delays.bulk_work, LEAST_WAIT)
    return max(soon, min(max(ends, default=soon), due + LONGEST_WAIT))


def _ended(draft: Draft, work: WorkRequest, due: datetime) -> WorkRequest:
    state = "FAILED" if work.errors else "SUCCEEDED"
    return replace(
        work,
        lifecycle_state=state,
        resources=tuple(_settled(one) for one in work.resources),
        percent_complete=_percent(work) if work.errors else 100.0,
        time_finished=due,
        settles_at=due + draft.world.settings.delays.kept,
        logs=(*work.logs, _log(f"{work.operation_type} has {state.lower()}.", due)),
    )


def _settled(one: Touched) -> Touched:
    """Say of what nothing became that it is only related."""
    return replace(one, action="RELATED") if one.action == "IN_PROGRESS" else one


def _percent(work: WorkRequest) -> float:
    """Give how much of the work was done; what was refused was not."""
    every = work.done + len(work.errors) + len(work.tasks)
    return round(100 * work.done / every, 1)


def _log(message: str, when: datetime) -> WorkLog:
    return WorkLog(message=message, timestamp=when)


def _do(
    draft: Draft, work: WorkRequest, due: datetime
) -> tuple[Draft, WorkRequest, bool]:
    """Make one call; False when it must wait."""
    task, rest = work.tasks[0], work.tasks[1:]
    number = work.done + len(work.errors)
    try:
        draft, about = _Errand(work, task, number, due).run(draft)
    except Refusal as refusal:
        if refusal.code == "IncorrectState" and work.tries < MOST_TRIES:
            return draft, work, False
        return draft, _refused(work, refusal, due), True
    except Exception as fault:  # noqa: BLE001 - one task must not keep the cloud from all others
        return draft, _refused(work, Refusal(BROKEN, repr(fault)), due), True
    others = tuple(one for one in work.resources if one.id != about.id)
    succeeded = replace(
        work,
        tasks=rest,
        done=work.done + 1,
        resources=(*others, about),
        logs=(*work.logs, _log(f"{task.operation} {about.id}", due)),
    )
    return draft, replace(succeeded, percent_complete=_percent(succeeded)), True


def _refused(work: WorkRequest, refusal: Refusal, due: datetime) -> WorkRequest:
    """Note that the first of the tasks was refused."""
    task, rest = work.tasks[0], work.tasks[1:]
    error = WorkError(code=refusal.code, message=refusal.message, timestamp=due)
    said = _log(f"{task.operation} was refused: {refusal.message}", due)
    failed = replace(
        work, tasks=rest, errors=(*work.errors, error), logs=(*work.logs, said)
    )
    return replace(failed, percent_complete=_percent(failed))


@dataclass(frozen=True, slots=True)
class _Errand:
    """One task of a work request, the n-th of its tasks, at a time."""

    work: WorkRequest
    task: Task
    number: int
    now: datetime

    def run(self, draft: Draft) -> tuple[Draft, Touched]:
        """Make the call; a Refusal leaves the draft as it was."""
        operation = _BY_NAME[self.task.operation]
        target = self._target(draft, operation)
        call = Call(
            world=draft.world,
            request=self._request(),
            operation=operation.name,
            target=target,
            body=check(operation.body or {}, self.task.body),
            query=Values({}),
        )
        answer = operation.act(call)
        after = Draft(answer.draft.world, (*draft.changes, *answer.draft.changes))
        about = answer.subject or target
        assert about is not None  # noqa: S101 - calls of tasks make or name an object
        return after, touched(about, self._became())

    def _target(self, draft: Draft, operation: Operation) -> Resource | None:
        if operation.kind is None:
            return None
        found = draft.world.find(operation.kind, self.task.target)
        if found is None:
            raise not_found(self.task.target)
        places = (getattr(found, "vnic_id", None), getattr(found, "subnet_id", None))
        if self.task.holder and self.task.holder not in places:
            where = "privateIpId" if isinstance(found, PrivateIp) else "ipv6Id"
            raise invalid(where, found.id, f"must be on {self.task.holder}.")
        return found

    def _request(self) -> Request:
        """Give the request that the call was born of, with chance of its own."""
        entropy = bytes.fromhex(self.work.entropy)
        return Request(
            method="POST",
            path="",
            principal=self.work.principal,
            now=self.now,
            entropy=Dice(entropy).roll(f"task {self.number}"),
        )

    def _became(self) -> str:
        name = self.task.operation
        return next(
            (b for verb, b in BECOMES.items() if name.startswith(verb)), "UPDATED"
        )
