"""`make bench`: performance as ratios, each measured side by side with its reference in one run.

Prints a table with each row's bar and writes `build/bench.json`: rows {name, ours, reference, ratio,
unit, held, bar}; ratio = ours / reference, null without a reference; bar {rule, bound, at_least,
of_ours} and held are null for a row that is only told. Numbers depend on the machine, ratios hold.
It ends with exit code 1 when a row does not hold its bar, or has one and was not measured. Words on
the command line (`make bench ROWS="add_p50 del_p50"`) choose rows; what is measured with them comes
along, and the file is left as it is.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import api
import attach
import burst
import calls
import fabric
import fleet
import latency
import pods
import rollout
import sandbox
import watching
import world
from bars import BARS, HEAD, Row, failed, row
from tools import ROOT
from turns import middle


@dataclass
class Bench:
    """What rows are measured on, made when the first one wants it."""

    stack: ExitStack
    place: Path

    @cached_property
    def agent(self) -> world.Agent:
        """An agent on one of two nodes."""
        return world.mooring(self.stack, self.place)[0]


def attach_rows(bench: Bench) -> list[Row]:
    """ADD and DEL one after another, and ADD at concurrency 8."""
    both = attach.measure(bench.agent, bench.place, rounds=31)
    ours, ptp = both["ours"], both["ptp"]
    return [
        row("add_p50", *middle(ours.took["ADD"], ptp.took["ADD"]), "ms"),
        row("del_p50", *middle(ours.took["DEL"], ptp.took["DEL"]), "ms"),
        row("add_rate_8", *middle(ours.rates, ptp.rates), "1/s"),
    ]


def burst_rows(bench: Bench) -> list[Row]:
    """ADDs of many pods at once (RT-45)."""
    return [row(*each) for each in burst.rows(bench.agent, bench.place)]


def sandbox_rows(bench: Bench) -> list[Row]:
    """What a pod's start waits for us."""
    ours, nothing = sandbox.measure(bench.agent, bench.place)
    return [row("run_pod_sandbox_8", ours, nothing, "ms")]


def latency_rows(bench: Bench) -> list[Row]:
    """Pod to pod in every mode against hosts, loopback and flannel's VXLAN."""
    return [row(*each) for each in latency.rows(bench.stack, bench.place)]


def pod_rows(bench: Bench) -> list[Row]:
    """Many pods on a node."""
    lost = pods.lost(bench.agent, bench.place)
    full = pods.full_node(bench.agent, bench.place)
    return [
        row("first_packet_lost", lost, None, "of 1000"),
        row("agent_rss_mib", full.mib, None, "MiB"),
        row("restart_ready_ms", full.ready_ms, None, "ms"),
    ]


def watching_rows(bench: Bench) -> list[Row]:
    """The agent as on a cluster."""
    held = watching.resident_mib(bench.place / "watching")
    return [row("agent_rss_watching_mib", held, None, "MiB")]


def call_rows(bench: Bench) -> list[Row]:
    """What a node costs of the cloud's patience."""
    changes = calls.per_node(bench.place / "calls")
    return [row("cloud_calls_per_node", changes, None, "calls")]


def fleet_rows(bench: Bench) -> list[Row]:
    """A thousand nodes that share one budget of calls."""
    took, ideal = fleet.start(bench.place / "fleet")
    return [row("controller_1000_nodes", took, ideal, "s")]


def api_rows(bench: Bench) -> list[Row]:
    """The local VCN's API without packets."""
    place = bench.place
    ours, empty = api.create_rate(place)
    lists = api.list_scaling(place)
    return [
        row("vcn_create_rate", ours, empty, "1/s"),
        row("vcn_list_scaling", lists.many * 1e6, lists.few * 1e6, "us"),
        row("vcn_attach_1000", api.attachments(place), None, "s"),
        row("vcn_rss_mib", lists.mib, None, "MiB"),
    ]


def fabric_rows(_: Bench) -> list[Row]:
    """The local VCN's packets, among few and among many."""
    found = fabric.scaling()
    return [
        row("vcn_rules_scaling", found.many, found.few, "us"),
        row("vcn_rule_change", found.change_ms, None, "ms"),
        row("vcn_rule_call", found.call_ms, None, "ms"),
        row("vcn_fabric_look", found.look_ms, None, "ms"),
        row("vcn_fabric_first", found.first_ms, None, "ms"),
    ]


def rollout_rows(bench: Bench) -> list[Row]:
    """A whole cluster at work: 200 pods on two nodes."""
    ours, ptp = rollout.measure(bench.place / "rollout")
    return [row("pod_rollout_200", ours, ptp, "s")]


GROUPS: tuple[tuple[str, Callable[[Bench], list[Row]], tuple[str, ...]], ...] = (
    ("ADD and DEL", attach_rows, ("add_p50", "del_p50", "add_rate_8")),
    ("ADDs at once", burst_rows, ("add_burst_",)),
    ("containerd", sandbox_rows, ("run_pod_sandbox_8",)),
    ("round trips and streams", latency_rows, ("rtt_", "throughput_")),
    (
        "many pods on a node",
        pod_rows,
        ("first_packet_lost", "agent_rss_mib", "restart_ready_ms"),
    ),
    ("an agent on a cluster", watching_rows, ("agent_rss_watching_mib",)),
    ("calls of the cloud", call_rows, ("cloud_calls_per_node",)),
    ("a cluster of the lab", rollout_rows, ("pod_rollout_200",)),
    ("a fleet of nodes", fleet_rows, ("controller_1000_nodes",)),
    (
        "the local VCN's API",
        api_rows,
        ("vcn_create_rate", "vcn_list_scaling", "vcn_attach_1000", "vcn_rss_mib"),
    ),
    ("the local VCN's fabric", fabric_rows, ("vcn_rule", "vcn_fabric_")),
)
"""What is measured together, and how its rows' names begin."""


def wanted(words: Sequence[str]) -> list[tuple[str, Callable[[Bench], list[Row]]]]:
    """Choose the groups that have the rows asked for; all when none is."""
    begins = tuple(begin for *_, some in GROUPS for begin in some)
    for word in words:
        if not word.startswith(begins):
            sys.exit(f"bench: no row is called {word}; known: {', '.join(begins)}")
    return [
        (title, measure)
        for title, measure, some in GROUPS
        if not words or any(word.startswith(some) for word in words)
    ]


def show(rows: Sequence[Row], wanted: Sequence[str]) -> None:
    """Print the table; end with an error when a bar is not held."""
    print("\n".join([HEAD, *map(str, rows)]))
    names = failed(rows, wanted)
    if names:
        sys.exit(f"bench: not held: {', '.join(names)}")


def main() -> None:
    """Run all rows, or those asked for."""
    words = sys.argv[1:]
    groups = wanted(words)
    if os.geteuid():
        sys.exit(
            "bench: not root; network namespaces need it\n  next step: run it as root"
        )
    rows: list[Row] = []
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        bench = Bench(stack, Path(temporary))
        for title, measure in groups:
            print(f"bench: {title}", file=sys.stderr)
            os.sync()  # what was written before is nobody's wait
            rows += measure(bench)
    if not words:
        out = ROOT / "build/bench.json"
        out.parent.mkdir(exist_ok=True)
        out.write_text(json.dumps([r.document() for r in rows], indent=1) + "\n")
    show(rows, () if words else tuple(BARS))


if __name__ == "__main__":
    main()
