"""What is measured of the agent: how long each step of an ADD took, the pool, what was refused.

It listens to what the agent says: a line of the log is counted after it was written, so an answer
never waits for it. The pool is looked at when somebody asks; the ledger is a value, so another
thread may read it.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric

from mooring.agent.host import Clock, Took
from mooring.agent.run import Agent

BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 1.0),
)
STEPS = {
    "ms": "whole",
    **{step: step for step in ("look", "save", "cables", "send", "done")},
}
"""Labels by the keys of the line `added` that are times."""

STOOD_SECONDS = 60.0
"""A loop that did not turn for so long will not turn any more."""


class Meter:
    """The agent's metrics and its health; `untold` says what the runtime does not know yet."""

    def __init__(self, program: Agent, clock: Clock, untold: Callable[[], str]) -> None:
        self.registry = CollectorRegistry()
        self._program = program
        self._clock = clock
        self._beat = clock.now()
        self._untold = untold
        steps = Histogram(
            "mooring_agent_add_seconds",
            "Time of an ADD, and of each of its steps.",
            ["step"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        # Looking a label up takes longer than counting.
        self._steps = {key: steps.labels(label) for key, label in STEPS.items()}
        self._verbs: dict[str, Counter] = {}
        self._ends = Histogram(
            "mooring_agent_del_seconds",
            "Time until a DEL had cut the pod off.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._refused = self._counter(
            "refused", "CNI calls refused.", "command", "code"
        )
        self._said = self._counter("events", "Lines of the log by their verb.", "event")
        self._late = self._counter("loop_late_seconds", "How late the loop turned.")
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"mooring_agent_{name}", what, labels, registry=self.registry)

    def hear(self, verb: str, keys: Mapping[str, object]) -> None:
        """Count one event."""
        said = self._verbs.get(verb)
        if said is None:
            said = self._verbs[verb] = self._said.labels(verb)
        said.inc()
        if verb == "added":
            for key, step in self._steps.items():
                _observe(step, keys.get(key))
        elif verb == "deleted":
            _observe(self._ends, keys.get("ms"))
        elif verb == "refused":
            self._refused.labels(keys.get("command"), keys.get("code")).inc()

    async def beat(self, seconds: float = 1.0) -> None:
        """Note, on and on, that the loop turns, and how late."""
        while True:
            before = self._clock.now()
            await self._clock.sleep(seconds)
            self._beat = self._clock.now()
            self._late.inc(max(0.0, self._beat - before - seconds))

    def stands(self) -> str:
        """Say that the loop does not turn any more."""
        since = self._clock.now() - self._beat
        return f"the loop stands for {since:.0f} s" if since > STOOD_SECONDS else ""

    def not_ready(self) -> str:
        """Say why no pod can be attached."""
        node = self._program.node
        if not node.ready:
            return node.standing.trouble or "the node is being set up"
        return self._untold()

    def collect(self) -> Iterator[Metric]:
        """Look at the pool."""
        ledger = self._program.book.ledger
        addresses = GaugeMetricFamily(
            "mooring_agent_addresses",
            "Addresses by what is done with them.",
            labels=["family", "state"],
        )
        for version in ledger.pool.families:
            found = ledger.pool.count(version)
            held = sum(a.version == version for a in ledger.holders)
            for state, number in (
                ("offered", found.offered),
                ("free", found.free),
                ("cooling", len(found.resting)),
                ("held", held),
            ):
                addresses.add_metric([f"IPv{version}", state], number)
        yield addresses
        for name, what, value in (*self._pods(), *self._node()):
            yield GaugeMetricFamily(f"mooring_agent_{name}", what, value=float(value))

    def _pods(self) -> Iterator[tuple[str, str, int]]:
        book = self._program.book
        draining = len(book.ledger.draining())
        yield "pods", "Pods that hold addresses.", len(book.ledger.leases)
        yield "draining", "Pods whose address the cloud took.", draining
        yield "kept", "Addresses that rest on because of a flow.", book.kept
        yield "early", "Addresses reused before their time.", book.early

    def _node(self) -> Iterator[tuple[str, str, int]]:
        node = self._program.node
        standing = node.standing
        refused, absent = len(standing.refused), len(standing.absent)
        yield "vnics", "VNICs that work.", len(standing.uplinks) - refused
        yield "vnics_absent", "VNICs without a link here.", absent
        yield (
            "vnics_refused",
            "VNICs of whose cables the kernel refuses a part.",
            refused,
        )
        yield "ready", "1 when an ADD could be served.", node.ready
        yield "store_heard", "1 when the object's store answers.", self._program.heard


def _observe(step: Histogram, took: object) -> None:
    if isinstance(took, Took):
        step.observe(took)
