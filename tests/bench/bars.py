"""The bars of the rows: what a ratio, or a number of ours without a reference, must keep to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A bound of a row's ratio, or of `ours` where nothing is compared."""

    bound: float
    at_least: bool = False
    of_ours: bool = False

    def __str__(self) -> str:
        """Write it for the table."""
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"

    def holds(self, ours: float, ratio: float | None) -> bool:
        """Tell whether a row keeps to it."""
        value = ours if self.of_ours or ratio is None else ratio
        return value >= self.bound if self.at_least else value <= self.bound


BARS = {
    "add_p50": Bar(0.143),
    "del_p50": Bar(0.025),
    "add_rate_8": Bar(4.5, at_least=True),
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
