"""Work requests: what is known of a change that takes its time.

The lifecycle state is the API's status: ACCEPTED, IN_PROGRESS, then SUCCEEDED or FAILED, shown
for a while. `time_created` is when it was accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mooring.core.vcn.model.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """An object that a work request is about, and what became of it.

    `action` is CREATED, UPDATED, DELETED, RELATED or IN_PROGRESS.
    """

    action: str
    entity: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkError:
    """Why a part of the work was refused: code and message of the cloud's error body."""

    code: str
    message: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLog:
    """A line about the work."""

    message: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A call that a work request makes when its time has come.

    `operation` is its name, `target` the id in its path (empty when there is none). `holder` is
    the VNIC or subnet that must have the target then; empty when any may.
    """

    operation: str
    target: str = ""
    holder: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest(Resource):
    """An asynchronous change; `tasks` are what is left to do, with chance made of `entropy`."""

    operation_type: str
    percent_complete: float = 0.0
    time_started: datetime | None = None
    time_finished: datetime | None = None
    resources: tuple[Touched, ...] = ()
    errors: tuple[WorkError, ...] = ()
    logs: tuple[WorkLog, ...] = ()
    tasks: tuple[Task, ...] = ()
    done: int = 0
    tries: int = 0
    entropy: str = ""
    principal: str = ""

    @property
    def resource_ids(self) -> tuple[str, ...]:
        """Give the ids of what it is about, each once."""
        return tuple(dict.fromkeys(touched.id for touched in self.resources))
