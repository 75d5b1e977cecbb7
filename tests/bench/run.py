"""`make bench`: performance as ratios, each measured side by side with its reference in one run.

Prints a table and writes `build/bench.json`: rows {name, ours, reference, ratio, unit};
ratio = ours / reference, null without a reference. Numbers depend on the machine, ratios hold.
"""

import json
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import api
import attach
import fabric
import latency
import world
from tools import ROOT


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    ours: float
    reference: float | None
    ratio: float | None
    unit: str


def row(name: str, ours: float, reference: float | None, unit: str) -> Row:
    """Round a row for people; the ratio is made before rounding."""
    ratio = None if reference is None else round(ours / reference, 4)
    return Row(
        name,
        round(ours, 4),
        None if reference is None else round(reference, 4),
        ratio,
        unit,
    )


def attach_rows(agent: world.Agent, place: Path) -> list[Row]:
    """ADD and DEL one after another, and ADD at concurrency 8."""
    both = attach.measure(agent, place, rounds=6, pods=20)
    ours, ptp = both["ours"], both["ptp"]
    rates = [statistics.median(c.rates) for c in (ours, ptp)]
    return [
        row("add_p50", ours.median("ADD"), ptp.median("ADD"), "ms"),
        row("del_p50", ours.median("DEL"), ptp.median("DEL"), "ms"),
        row("add_rate_8", rates[0], rates[1], "1/s"),
    ]


def latency_rows(stack: ExitStack, place: Path) -> list[Row]:
    """Pod to pod in every mode against hosts, loopback and flannel's VXLAN."""
    print("bench: round trips and streams", file=sys.stderr)
    return [row(*each) for each in latency.rows(stack, place)]


def memory_row(agent: world.Agent, place: Path) -> Row:
    """Resident memory of an agent that has wired 250 pods."""
    contender = attach.contenders(agent, place)["ours"]
    names = [f"{world.NAME}-mem-{i}" for i in range(250)]
    attach.spaces(names, "add")
    contender.drive(agent.side.space, "ADD", names, 8)
    resident = agent.resident_mib()
    contender.drive(agent.side.space, "DEL", names, 8)
    attach.spaces(names, "del")
    return row("agent_rss_mib", resident, None, "MiB")


def api_rows(place: Path) -> list[Row]:
    """The local VCN's API without packets."""
    print("bench: the local VCN's API", file=sys.stderr)
    ours, empty = api.create_rate(place)
    lists = api.list_scaling(place)
    return [
        row("vcn_create_rate", ours, empty, "1/s"),
        row("vcn_list_scaling", lists.many * 1e6, lists.few * 1e6, "us"),
        row("vcn_attach_1000", api.attachments(place), None, "s"),
        row("vcn_rss_mib", lists.mib, None, "MiB"),
    ]


def fabric_rows() -> list[Row]:
    """The local VCN's packets, among few and among many."""
    print("bench: the local VCN's fabric", file=sys.stderr)
    found = fabric.scaling()
    return [
        row("vcn_rules_scaling", found.many, found.few, "us"),
        row("vcn_rule_change", found.change_ms, None, "ms"),
        row("vcn_rule_call", found.call_ms, None, "ms"),
        row("vcn_fabric_look", found.look_ms, None, "ms"),
        row("vcn_fabric_first", found.first_ms, None, "ms"),
    ]


def main() -> None:
    """Run all rows."""
    if os.geteuid():
        sys.exit(
            "bench: not root; network namespaces need it\n  next step: run it as root"
        )
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        print("bench: ADD and DEL", file=sys.stderr)
        agents = world.mooring(stack, place)
        rows = attach_rows(agents[0], place)
        rows += latency_rows(stack, place)
        rows.append(memory_row(agents[0], place))
        rows += api_rows(place)
        rows += fabric_rows()
    out = ROOT / "build/bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    print(f"{'name':<18}{'ours':>10}{'reference':>12}{'ratio':>9}  unit")
    for r in rows:
        reference = "-" if r.reference is None else f"{r.reference:.3f}"
        ratio = "-" if r.ratio is None else f"{r.ratio:.3f}"
        print(f"{r.name:<18}{r.ours:>10.3f}{reference:>12}{ratio:>9}  {r.unit}")


if __name__ == "__main__":
    main()
