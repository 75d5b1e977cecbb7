"""What an elastic pool would have done with a node's pods, and which warm target suits them.

A trace says when pods came and went. `rehearse` plays it against a policy, by the same numbers as
the controller decides by (`elastic.Demand`): what a grow asks for is there `delay` seconds later, an
address cools when its pod goes. `recommend` finds the target that costs the fewest address-seconds of
those with which no pod ever lacked an address that had rested.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mooring.core.npn.elastic import PATIENCE, Demand, step_of
from mooring.core.npn.policy import PoolPolicy

FINE = 1.05
"""The ratio of two neighbouring targets that are tried."""


@dataclass(frozen=True, slots=True)
class Moved:
    """So many pods came (negative: went) at that time."""

    at: float
    pods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the node and the cloud are like. `most` is what the node can have in all.

    `delay` is the time from a pod that takes the pool below its target until new addresses can be
    handed out: two seconds and a half of reports and looks, and the cloud's calls.
    """

    most: int = 31
    delay: float = 5.0
    cool_down: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`refused` pods met no address at all, `early` ones one that had not rested.

    `cost` is address-seconds that the cloud had given, `peak` the most at a time.
    """

    refused: int
    early: int
    cost: float
    peak: int

    @property
    def lacking(self) -> int:
        """Count the pods that a larger target would have served better."""
        return self.refused + self.early


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The target, and what came of it in the rehearsal."""

    policy: PoolPolicy
    outcome: Outcome


def rehearse(trace: Iterable[Moved], policy: PoolPolicy, terms: Terms) -> Outcome:
    """Play a trace, in order of time, against a policy. The pool begins at rest."""
    stage = _Stage(policy, terms)
    for moved in trace:
        stage.until(moved.at)
        stage.move(moved.pods)
    return Outcome(
        refused=stage.refused, early=stage.early, cost=stage.cost, peak=stage.peak
    )


def recommend(
    trace: Sequence[Moved], policy: PoolPolicy, terms: Terms
) -> Recommendation:
    """Find the cheapest warm target with which no pod lacks an address, as far as one can.

    As many addresses as pods come within one delay are always enough, while the maximum allows;
    a smaller target may be, since a pool grows in steps.
    """
    enough = max(1, min(_burst(trace, terms.delay), terms.most))
    tried: list[Recommendation] = []
    target = enough
    while target >= 1:
        chosen = replace(policy, warm_target=target)
        tried.append(
            Recommendation(policy=chosen, outcome=rehearse(trace, chosen, terms))
        )
        target = min(target - 1, int(target / FINE))
    return min(tried, key=lambda t: (t.outcome.lacking, t.outcome.cost))


def _burst(trace: Sequence[Moved], seconds: float) -> int:
    """Count the most pods that came within so many seconds."""
    window: deque[Moved] = deque()
    most = inside = 0
    for moved in trace:
        if moved.pods > 0:
            window.append(moved)
            inside += moved.pods
        while window and window[0].at < moved.at - seconds:
            inside -= window.popleft().pods
        most = max(most, inside)
    return most


@dataclass(slots=True)
class _Stage:
    """A pool in the middle of a play. `coming` and `cooling` are (time, addresses)."""

    policy: PoolPolicy
    terms: Terms
    now: float = 0.0
    have: int = 0
    held: int = 0
    refused: int = 0
    early: int = 0
    peak: int = 0
    cost: float = 0.0
    slack_since: float | None = None
    coming: list[tuple[float, int]] = field(default_factory=list)
    cooling: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.have = self.peak = self._rounded(self._demand().want)

    def until(self, at: float) -> None:
        """Let time pass; whatever falls due happens on the way, in its order."""
        while (due := self._next()) <= at:
            self._pass(due)
            while self.coming and self.coming[0][0] <= due:
                self.have += heapq.heappop(self.coming)[1]
            while self.cooling and self.cooling[0][0] <= due:
                heapq.heappop(self.cooling)
            self.decide()
        self._pass(at)

    def move(self, pods: int) -> None:
        """Let pods come, one by one, or go."""
        for _ in range(pods):
            self._come()
        gone = min(-pods, self.held)
        if gone > 0:
            self.held -= gone
            heapq.heappush(self.cooling, (self.now + self.terms.cool_down, gone))
        self.decide()

    def decide(self) -> None:
        """Ask for more, or give back what has been too much for a while."""
        wanted = self._demand()
        self.peak = max(self.peak, self.have)
        if wanted.want > wanted.have:
            more = self._rounded(wanted.want - wanted.have, wanted.most - wanted.have)
            heapq.heappush(self.coming, (self.now + self.terms.delay, more))
        whole = wanted.excess - wanted.excess % wanted.step
        if not whole:
            self.slack_since = None
        elif self.slack_since is None:
            self.slack_since = self.now
        elif self.now - self.slack_since >= PATIENCE:
            self.have -= whole
            self.slack_since = None

    def _come(self) -> None:
        resting = sum(count for _, count in self.cooling)
        if self.held + resting < self.have:
            self.held += 1
        elif resting and self.held < self.have:
            self.early += 1
            self.held += 1
            at, count = heapq.heappop(self.cooling)
            if count > 1:
                heapq.heappush(self.cooling, (at, count - 1))
        else:
            self.refused += 1

    def _demand(self) -> Demand:
        return Demand(
            policy=self.policy,
            have=self.have + sum(count for _, count in self.coming),
            room=self.terms.most,
            step=step_of(self.policy, self.terms.most),
            held=self.held,
            cooling=sum(count for _, count in self.cooling),
        )

    def _rounded(self, addresses: int, most: int | None = None) -> int:
        step = step_of(self.policy, self.terms.most)
        bound = self._demand().most if most is None else most
        return min(-(-addresses // step) * step, bound)

    def _next(self) -> float:
        """Tell when something falls due."""
        times = [queue[0][0] for queue in (self.coming, self.cooling) if queue]
        if self.slack_since is not None:
            times.append(self.slack_since + PATIENCE)
        return min(times, default=float("inf"))

    def _pass(self, at: float) -> None:
        self.cost += self.have * (at - self.now)
        self.now = at
