"""Work requests: begun by calls that take their time, shown with their errors and logs.

An act that has done everything at once says `finished`; one whose work ends by itself after a while
says `accepted`. Both give the id for the header, as `Answer(headers=work.header(id))`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from mooring.core.vcn.acts.paging import in_order, numbered, paged
from mooring.core.vcn.api.turns import Answer, Call, Draft
from mooring.core.vcn.indexes import listed
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.model.work import Task, Touched, WorkError, WorkLog, WorkRequest
from mooring.core.vcn.shown.forms import Json
from mooring.core.vcn.shown.work import summary

HEADER = "opc-work-request-id"
WAITING_SHARE = 4  # a work request is ACCEPTED for this part of its time

Subject = Resource | Touched


def header(id: str) -> dict[str, str]:
    """Give the answer's header that names a work request."""
    return {HEADER: id}


def touched(resource: Resource, action: str = "UPDATED") -> Touched:
    """Say what became of an object: CREATED, UPDATED, DELETED, RELATED or IN_PROGRESS."""
    return Touched(action=action, entity=word(resource), id=resource.id)


def finished(
    call: Call, draft: Draft, operation_type: str, about: Sequence[Subject]
) -> tuple[Draft, str]:
    """Note work that is done already; an object in `about` stands for one that was UPDATED."""
    work = _new(call, draft, operation_type, about)
    work = replace(
        work,
        lifecycle_state="SUCCEEDED",
        percent_complete=100.0,
        time_started=call.now,
        time_finished=call.now,
        settles_at=call.now + call.world.settings.delays.kept,
    )
    return draft.put(work), work.id


def accepted(
    call: Call,
    draft: Draft,
    operation_type: str,
    about: Sequence[Subject],
    takes: timedelta,
) -> tuple[Draft, str]:
    """Note work that succeeds by itself when its time is over."""
    work = _new(call, draft, operation_type, about)
    work = replace(work, settles_at=call.now + takes / WAITING_SHARE)
    return draft.put(work), work.id


def postponed(
    call: Call, operation_type: str, about: Sequence[Subject], tasks: Iterable[Task]
) -> Answer:
    """Answer with the work request that will carry out some calls later."""
    takes = call.world.settings.delays.bulk_work
    work = replace(
        _new(call, call.draft, operation_type, about),
        settles_at=call.now + takes / WAITING_SHARE,
        tasks=tuple(tasks),
        entropy=call.dice.roll("work").hex(),
        principal=call.request.principal,
    )
    return Answer(draft=call.draft.put(work), status=202, headers=header(work.id))


def _new(
    call: Call, draft: Draft, operation_type: str, about: Sequence[Subject]
) -> WorkRequest:
    found = tuple(touched(one) if isinstance(one, Resource) else one for one in about)
    first = draft.world.get(found[0].id) or call.world.get(found[0].id)
    assert first is not None  # noqa: S101 - acts name what is or was there
    return WorkRequest(
        id=call.mint(WorkRequest),
        compartment_id=first.compartment_id,
        display_name=operation_type,
        time_created=call.now,
        lifecycle_state="ACCEPTED",
        operation_type=operation_type,
        resources=found,
        logs=(WorkLog(message=f"{operation_type} was accepted.", timestamp=call.now),),
    )


def list_all(call: Call) -> Answer:
    """List a compartment's work requests, of all objects or of one."""
    key = listed(WorkRequest, call.query.get("resourceId", str) or "")
    wanted = call.query.need("compartmentId", str)

    def scan(start: int) -> Iterable[tuple[int, Json]]:
        for entry, work in call.world.scan(WorkRequest, key, start):
            if work.compartment_id == wanted:
                yield entry.base, summary(work)

    return paged(call, numbered(scan))


def list_errors(call: Call) -> Answer:
    """List what was refused of a piece of work."""
    return _entries(call, call.about(WorkRequest).errors)


def list_logs(call: Call) -> Answer:
    """List what was said of a piece of work."""
    return _entries(call, call.about(WorkRequest).logs)


def _entries(call: Call, entries: Sequence[WorkError | WorkLog]) -> Answer:
    """Give a page of entries, the latest first unless the order is wished otherwise."""
    shown = [_entry(one) for one in entries]
    latest_first = call.query.get("sortOrder", str) != "ASC"
    return paged(call, in_order(shown[::-1] if latest_first else shown))


def _entry(one: WorkError | WorkLog) -> Json:
    code = {"code": one.code} if isinstance(one, WorkError) else {}
    return {**code, "message": one.message, "timestamp": one.timestamp}
