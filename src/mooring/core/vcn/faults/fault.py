"""The faults that are there, and those that were: a value that the admin socket changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from immutables import Map

from mooring.core.vcn.faults.budgets import Budgets
from mooring.core.vcn.faults.kinds import KINDS as ROWS
from mooring.core.vcn.faults.kinds import RANK, Stage
from mooring.core.vcn.limits import Budget

MOST_ENDED = 100
MOST_ACTIVE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: whom it strikes, how often, how long; what it did so far.

    `met` counts the requests that it could have struck, `fired` those that it did.
    """

    id: str = ""
    kind: str
    operation: str
    rate: float = 1.0
    count: int | None = None
    since: datetime
    until: datetime | None = None
    seed: int | None = None
    delay: timedelta = timedelta(0)
    status: int = 0
    code: str = ""
    message: str = ""
    budget: Budget | None = None
    subnet_id: str = ""
    prefix: int = 0
    met: int = 0
    fired: int = 0
    ended: str = ""  # "count", "time" or "removed"

    @property
    def stage(self) -> Stage:
        """Tell where it strikes."""
        return ROWS[self.kind].stage


@dataclass(frozen=True, slots=True)
class Faults:
    """Those that are active, in the order in which they are asked, and the last that ended."""

    active: tuple[Fault, ...] = ()
    ended: tuple[Fault, ...] = ()
    number: int = 0
    budgets: Map[str, Budgets] = field(default_factory=Map)

    def add(self, fault: Fault) -> "Faults":
        """Begin a fault; it gets the next name."""
        number = self.number + 1
        named = replace(fault, id=f"f{number}")
        active = sorted((*self.active, named), key=lambda f: RANK[f.kind])
        return replace(self, active=tuple(active), number=number)

    def find(self, id: str) -> Fault | None:
        """Give an active fault."""
        return next((fault for fault in self.active if fault.id == id), None)

    def at(self, stage: Stage) -> Iterator[Fault]:
        """Give the active faults of a stage."""
        return (fault for fault in self.active if fault.stage is stage)

    def end(self, id: str, why: str) -> "Faults":
        """End a fault; it is remembered for a while."""
        over = tuple(replace(f, ended=why) for f in self.active if f.id == id)
        return replace(
            self,
            active=tuple(fault for fault in self.active if fault.id != id),
            ended=(*self.ended, *over)[-MOST_ENDED:],
            budgets=Map((k, v) for k, v in self.budgets.items() if k != id),
        )

    def put(self, fault: Fault) -> "Faults":
        """Replace a fault by what became of it; one that has fired its last is over."""
        active = tuple(fault if f.id == fault.id else f for f in self.active)
        faults = replace(self, active=active)
        over = fault.count is not None and fault.fired >= fault.count
        return faults.end(fault.id, "count") if over else faults

    def expired(self, now: datetime) -> "Faults":
        """End those whose time is over."""
        faults = self
        for fault in self.active:
            if fault.until is not None and fault.until <= now:
                faults = faults.end(fault.id, "time")
        return faults

    def due(self) -> datetime | None:
        """Say when the next one ends by itself."""
        ends = (fault.until for fault in self.active if fault.until is not None)
        return min(ends, default=None)
