"""What is measured of the controller: objects by state, what is told, how long a node takes."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from mooring.core.kube.node import Node
from mooring.core.kube.port import Note
from mooring.core.npn.nodework import DRY, SHORT
from mooring.core.npn.record import NpnStatus

Calls = Callable[[], Mapping[tuple[str, str], int]]
"""Count the calls of the cloud, by operation and what was answered."""
BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 1200.0)


class Meter:
    """Listens to the statuses and events of a `ClusterObjects`; is asked by who scrapes."""

    def __init__(self, now: Callable[[], float], calls: Calls = dict) -> None:
        self.registry = CollectorRegistry()
        self.leading = False
        self.nodes: Mapping[str, Node] = {}
        self._now, self._calls = now, calls
        self._statuses: dict[str, NpnStatus] = {}
        self._begun: dict[str, float] = {}
        self._told = Counter(
            "mooring_controller_events",
            "Events that were told, by their reason.",
            ["reason"],
            registry=self.registry,
        )
        self._took = Histogram(
            "mooring_controller_object_seconds",
            "Time from the first look at an object until all of it was there.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def status(self, name: str, status: NpnStatus) -> None:
        """Hear of a status that was read or written."""
        self._statuses[name] = status
        if status.state == "SUCCESS":
            begun = self._begun.pop(name, None)
            if begun is not None:
                self._took.observe(self._now() - begun)
        elif status.state in ("", "IN_PROGRESS"):
            self._begun.setdefault(name, self._now())

    def removed(self, name: str) -> None:
        """Hear that an object is gone."""
        self._statuses.pop(name, None)
        self._begun.pop(name, None)

    def told(self, note: Note) -> None:
        """Hear of an event."""
        self._told.labels(note.reason).inc()

    def collect(self) -> Iterator[Metric]:
        """Look: prometheus_client asks at every scrape."""
        statuses = list(self._statuses.items())
        leading = GaugeMetricFamily(
            "mooring_controller_leading", "1 where this replica works."
        )
        leading.add_metric([], float(self.leading))
        yield leading
        yield _counted(statuses)
        yield _fragmented(statuses)
        nodes = list(self.nodes.values())
        for name, taint, words in (
            ("without_addresses", DRY, "no pod could be given an address"),
            (
                "with_too_few_addresses",
                SHORT,
                "the kubelet allows more pods than there are addresses for",
            ),
        ):
            shut = GaugeMetricFamily(
                f"mooring_controller_nodes_{name}",
                f"Nodes whose taint says that {words}.",
            )
            shut.add_metric([], sum(n.tainted(taint.key, taint.effect) for n in nodes))
            yield shut
        yield _called(self._calls())


def _called(calls: Mapping[tuple[str, str], int]) -> Metric:
    found = CounterMetricFamily(
        "mooring_controller_cloud_calls",
        "Calls of the cloud, each try, by operation and what was answered.",
        labels=["operation", "code"],
    )
    for (operation, code), count in sorted(calls.items()):
        found.add_metric([operation, code], count)
    return found


def _counted(statuses: list[tuple[str, NpnStatus]]) -> Metric:
    found = GaugeMetricFamily(
        "mooring_controller_objects",
        "NativePodNetwork objects by state and reason.",
        labels=["state", "reason"],
    )
    tally = Tally((status.state, status.reason) for _, status in statuses)
    for (state, reason), count in sorted(tally.items()):
        found.add_metric([state, reason], count)
    return found


def _fragmented(statuses: list[tuple[str, NpnStatus]]) -> Metric:
    found = GaugeMetricFamily(
        "mooring_controller_fragmented",
        "1 for each object whose addresses came in pieces: its subnet is fragmented.",
        labels=["npn"],
    )
    for name, status in sorted(statuses, key=lambda s: s[0]):
        if any(c.type == "Fragmented" for c in status.conditions):
            found.add_metric([name], 1.0)
    return found
