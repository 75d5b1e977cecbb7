"""Request budgets: so many a second of each operation, for each caller.

A bucket holds what a caller may still ask of an operation; it fills with time and is full
at first. A full bucket needs no memory, so those who are quiet cost nothing. A rule is an
operation's name or a pattern of names; each operation has buckets of its own, whatever
rule they follow. The exact name goes before patterns, the longer pattern before the
shorter.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from immutables import Map

from mooring.core.vcn.limits import Budget

SWEPT_FROM = 1024  # buckets; from there on the full ones are thrown away


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was left at a time."""

    left: float
    at: datetime
    budget: Budget

    def refilled(self, now: datetime) -> "Bucket":
        """Give it as it is now."""
        seconds = max((now - self.at).total_seconds(), 0.0)
        left = self.left + seconds * self.budget.per_second
        return Bucket(min(left, float(self.budget.burst)), now, self.budget)


@dataclass(frozen=True, slots=True)
class Budgets:
    """Rules and the buckets that are not full."""

    rules: tuple[tuple[str, Budget], ...] = ()
    buckets: Map[tuple[str, str], Bucket] = field(default_factory=Map)

    def rule(self, operation: str) -> Budget | None:
        """Give the budget that an operation has."""
        fit = [rule for rule in self.rules if fnmatchcase(operation, rule[0])]
        best = max(fit, key=lambda r: (r[0] == operation, len(r[0])), default=None)
        return None if best is None else best[1]

    def spend(
        self, caller: str, operation: str, now: datetime
    ) -> tuple["Budgets", float]:
        """Take one request out; the number is the seconds to wait, 0 when granted."""
        budget = self.rule(operation)
        if budget is None:
            return self, 0.0
        key = (caller, operation)
        full = Bucket(float(budget.burst), now, budget)
        bucket = self.buckets.get(key, full).refilled(now)
        if bucket.left < 1:
            return self, (1 - bucket.left) / budget.per_second
        spent = replace(bucket, left=bucket.left - 1)
        return replace(self, buckets=self._swept(now).set(key, spent)), 0.0

    def _swept(self, now: datetime) -> Map[tuple[str, str], Bucket]:
        if len(self.buckets) < SWEPT_FROM:
            return self.buckets
        return Map(
            (key, bucket)
            for key, bucket in self.buckets.items()
            if bucket.refilled(now).left < bucket.budget.burst
        )
