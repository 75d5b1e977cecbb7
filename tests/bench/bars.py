"""The rows of the table, and their bars: what a ratio, or a number of ours, must keep to."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    """A bound of a row's ratio, or of `ours` where nothing is compared."""

    bound: float
    at_least: bool = False
    of_ours: bool = False

    def __str__(self) -> str:
        """Write it for the table."""
        return f"{'>=' if self.at_least else '<='} {self.bound:.4g}"

    def holds(self, ours: float, ratio: float | None) -> bool:
        """Tell whether a row keeps to it."""
        value = ours if self.of_ours or ratio is None else ratio
        return value >= self.bound if self.at_least else value <= self.bound


BARS = {
    "add_p50": Bar(1 / 7),
    "del_p50": Bar(1 / 40),
    "add_rate_8": Bar(4.5, at_least=True),
    **{f"add_burst_{size}_p50": Bar(1 / 4) for size in (30, 60, 110)},
    **{f"add_burst_{size}_p99": Bar(1 / 3) for size in (30, 60, 110)},
    "run_pod_sandbox_8": Bar(1.03),
    "pod_rollout_200": Bar(1.05),
    "first_packet_lost": Bar(0, of_ours=True),
    "agent_rss_mib": Bar(45, of_ours=True),
    "agent_rss_watching_mib": Bar(60, of_ours=True),
    "restart_ready_ms": Bar(500, of_ours=True),
    "cloud_calls_per_node": Bar(4, of_ours=True),
    "controller_1000_nodes": Bar(1.3),
    "rtt_cross_node": Bar(1.30),
    "rtt_cross_node_ct": Bar(1.40),
    "rtt_same_node": Bar(1.30),
    "rtt_vs_vxlan": Bar(0.75),
    "rtt_p99_over_p50": Bar(1.0),
    "rtt_250_pods": Bar(1.05),
    "throughput_cross_node": Bar(0.90, at_least=True),
    "vcn_create_rate": Bar(0.5, at_least=True),
    "vcn_list_scaling": Bar(2),
    "vcn_rss_mib": Bar(300, of_ours=True),
    "vcn_rules_scaling": Bar(1.05),
    "vcn_rule_change": Bar(50, of_ours=True),
}


@dataclass(frozen=True)
class Row:
    """One line of the table, rounded for people; `held` None where the row has no bar."""

    name: str
    ours: float
    reference: float | None
    ratio: float | None
    unit: str
    held: bool | None

    @property
    def bar(self) -> Bar | None:
        return BARS.get(self.name)

    def document(self) -> dict[str, Any]:
        """Write it for the file, with its bar."""
        bar = self.bar and {"rule": str(self.bar), **asdict(self.bar)}
        return {**asdict(self), "bar": bar}

    def __str__(self) -> str:
        """Write it for the table."""
        reference = "-" if self.reference is None else f"{self.reference:.3f}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.3f}"
        said = {None: "", True: "holds", False: "NOT HELD"}[self.held]
        bar = self.bar or "-"
        line = f"{self.name:<24}{self.ours:>10.3f}{reference:>12}{ratio:>9}{bar!s:>10}"
        return f"{line}  {said:<8}  {self.unit}"


HEAD = f"{'name':<24}{'ours':>10}{'reference':>12}{'ratio':>9}{'bar':>10}"


def row(name: str, ours: float, reference: float | None, unit: str) -> Row:
    """Make a row; it is judged by the numbers as they were measured, before rounding."""
    ratio = None if reference is None else ours / reference
    bar = BARS.get(name)
    return Row(
        name,
        round(ours, 4),
        None if reference is None else round(reference, 4),
        None if ratio is None else round(ratio, 4),
        unit,
        held=None if bar is None else bar.holds(ours, ratio),
    )


def failed(rows: Sequence[Row], wanted: Iterable[str] = ()) -> list[str]:
    """Name what is not held, and what of `wanted` was not measured at all."""
    measured = {each.name for each in rows}
    return [
        *(each.name for each in rows if each.held is False),
        *(name for name in wanted if name not in measured),
    ]
