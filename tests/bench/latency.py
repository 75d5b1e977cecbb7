"""Round trips of 64 bytes and streams between pods, hosts and flannel's pods, in turns.

The rows without a suffix are with the fast path (`--fast-path on`), because the bars are its;
the same without it, which is what a node has by default, are `..._plain`. `_ct`: connections are
tracked on both sides, on the reference's too. By itself: python tests/bench/latency.py
"""

import random
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from operator import truediv
from pathlib import Path

from tools import c_program, run
from turns import middle
from world import (
    EXECUTABLE,
    FAST,
    FAST_TRACKED,
    PLAIN,
    TRACKED,
    Agent,
    flannel,
    hosts,
    mooring,
    tracked_hosts,
)

PORT = 7000
KINDS = ("tcp", "udp")
TURNS, TRIPS = 29, 5_000
"""Short ones, so that both sides of a ratio meet the same mood of the machine."""

TAILS = 253
"""Turns for a tail, which is told less surely than a median."""

CROWD = 250
MODES = (
    ("fast", "x", FAST),
    ("fast_ct", "y", FAST_TRACKED),
    ("crowded", "z", FAST),
    ("plain", "p", PLAIN),
    ("plain_ct", "q", TRACKED),
)
"""Our modes: the way's name, a letter for its nodes, the agents' options."""

SELDOM = ("--repair-interval", "60")
"""Ten agents that look at their nodes every two seconds would be met by every hundredth packet."""


def wire(
    agent: Agent, conf: Path, stack: ExitStack, name: str = "p"
) -> tuple[str, str]:
    """Give the agent's node one pod; its namespace and address."""
    pod = f"{agent.side.space}-{name}"
    run("ip", "netns", "add", pod)
    stack.callback(subprocess.run, ["ip", "netns", "del", pod], check=False)
    out = call(agent, conf, pod, "ADD")
    return pod, out.split('"address"')[1].split('"')[1].split("/")[0]


def call(agent: Agent, conf: Path, pod: str, verb: str) -> str:
    """Run the real executable for one pod."""
    environment = {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": pod,
        "CNI_NETNS": f"/run/netns/{pod}",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(EXECUTABLE.parent),
        "MOORING_SOCKET": str(agent.socket),
    }
    enter = ["nsenter", f"--net=/run/netns/{agent.side.space}"]
    return run(*enter, str(EXECUTABLE), input=conf.read_text(), env=environment)


def trip(
    kind: str, client: str, server: str, address: str, rounds: int
) -> tuple[float, float]:
    """One run; p50 and p99 in microseconds."""
    ends = [
        f"/run/netns/{client}",
        f"/run/netns/{server}",
        address,
        str(PORT),
        str(rounds),
    ]
    p50, p99 = run(c_program("pingpong"), kind, *ends).split()
    return int(p50) / 1000, int(p99) / 1000


def stream(client: str, server: str, address: str, milliseconds: int) -> float:
    """One TCP stream; MiB/s."""
    ends = [f"/run/netns/{client}", f"/run/netns/{server}", address, str(PORT)]
    return float(run(c_program("stream"), *ends, str(milliseconds)))


class Paths:
    """Ways between two namespaces; round trips of each by kind, and streams."""

    def __init__(self) -> None:
        self.ways: dict[str, tuple[str, str, str]] = {}
        self.p50: dict[tuple[str, str], list[float]] = {}
        self.p99: dict[tuple[str, str], list[float]] = {}
        self.rates: dict[str, list[float]] = {}

    def add(self, name: str, ends: tuple[str, str], address: str) -> None:
        """Name a way from the first namespace to `address` in the second."""
        self.ways[name] = (*ends, address)

    def measure(self, times: int, rounds: int, names: tuple[str, ...] = ()) -> None:
        """Run some ways or all in turns, TCP and UDP; every other time in the opposite order."""
        order = names or tuple(self.ways)
        for number in range(times):
            for name in order if number % 2 else order[::-1]:
                client, server, address = self.ways[name]
                for kind in KINDS:
                    took = trip(kind, client, server, address, rounds)
                    for part, us in zip((self.p50, self.p99), took, strict=True):
                        part.setdefault((name, kind), []).append(us)

    def pour(self, names: tuple[str, ...], times: int, milliseconds: int) -> None:
        """Run streams by some ways in turns."""
        for number in range(times):
            for name in names if number % 2 else names[::-1]:
                rate = stream(*self.ways[name], milliseconds)
                self.rates.setdefault(name, []).append(rate)

    def worse(self, ours: str, reference: str) -> tuple[float, float]:
        """The kind (TCP or UDP) with the larger ratio: ours and reference in microseconds."""
        pairs = []
        for kind in KINDS:
            both = self.p50[ours, kind], self.p50[reference, kind]
            turns = min(map(len, both))  # the first are those that all ways have
            pairs.append(middle(*(each[:turns] for each in both)))
        return max(pairs, key=lambda p: p[0] / p[1])

    def tails(self, name: str, kind: str) -> list[float]:
        """p99 / p50 of each turn."""
        return [*map(truediv, self.p99[name, kind], self.p50[name, kind])]

    def spreads(self, ours: str, reference: str) -> tuple[float, float]:
        """p99 / p50 of both; of TCP and UDP together (the geometric mean).

        The worse of the two would be above the host's even where nothing differs: of two draws one is.
        """
        kinds = [middle(self.tails(ours, k), self.tails(reference, k)) for k in KINDS]
        mine, others = zip(*kinds, strict=True)
        return statistics.geometric_mean(mine), statistics.geometric_mean(others)

    def tails_apart(self, ours: str, reference: str) -> tuple[float, float]:
        """How surely the two spreads' ratio is told: its 90 % interval, by drawing turns again."""
        chance = random.Random(1)
        ratios = {
            k: [*map(truediv, self.tails(ours, k), self.tails(reference, k))]
            for k in KINDS
        }
        drawn = []
        for _ in range(500):
            turns = range(len(ratios[KINDS[0]]))
            some = chance.choices(turns, k=len(turns))
            medians = [statistics.median(ratios[k][i] for i in some) for k in KINDS]
            drawn.append(statistics.geometric_mean(medians))
        drawn.sort()
        return drawn[25], drawn[474]

    def poured(self, ours: str, reference: str) -> tuple[float, float]:
        """The streams by two ways in MiB/s."""
        return middle(self.rates[ours], self.rates[reference])


def ways(stack: ExitStack, place: Path) -> Paths:
    """Name every way: hosts', flannel's, ours in each mode, and within one node."""
    paths, conf = Paths(), place / "latency.json"
    conf.write_text('{"cniVersion": "1.0.0", "name": "bench", "type": "mooring"}')
    for name, sides in (
        ("host", hosts(stack)),
        ("host_ct", tracked_hosts(stack)),
    ):
        paths.add(name, (sides[0].space, sides[1].space), "10.9.9.2")
    loop = paths.ways["host"][0]
    paths.add("loopback", (loop, loop), "127.0.0.1")
    tunnel = flannel(stack)
    paths.add("vxlan", (f"{tunnel[0].space}p", f"{tunnel[1].space}p"), "10.244.2.2")
    for name, kind, options in MODES:
        near, far = mooring(stack, place, kind, (*options, *SELDOM))
        ends = [wire(agent, conf, stack) for agent in (near, far)]
        paths.add(name, (ends[0][0], ends[1][0]), ends[1][1])
        if name == "fast":
            beside, address = wire(near, conf, stack, "beside")
            paths.add("same_node", (ends[0][0], beside), address)
        if name == "crowded":
            for agent in (near, far):
                crowd(agent, conf, stack)
    return paths


def crowd(agent: Agent, conf: Path, stack: ExitStack) -> None:
    """Fill a node up to 250 pods."""
    for number in range(2, CROWD + 1):
        wire(agent, conf, stack, str(number))


def rows(stack: ExitStack, place: Path) -> list[tuple[str, float, float, str]]:
    """Every row: name, ours, reference, unit."""
    paths = ways(stack, place)
    paths.measure(TURNS, TRIPS)
    paths.measure(TAILS - TURNS, TRIPS, names=("fast", "host"))
    low, high = paths.tails_apart("fast", "host")
    print(
        f"bench: the tails' ratio, nine times in ten: {low:.3f} to {high:.3f}",
        file=sys.stderr,
    )
    paths.pour(("fast", "plain", "host"), TURNS, milliseconds=250)
    return [
        ("rtt_cross_node", *paths.worse("fast", "host"), "us"),
        ("rtt_cross_node_ct", *paths.worse("fast_ct", "host_ct"), "us"),
        ("rtt_same_node", *paths.worse("same_node", "loopback"), "us"),
        ("rtt_vs_vxlan", *paths.worse("fast", "vxlan"), "us"),
        ("rtt_p99_over_p50", *paths.spreads("fast", "host"), "1"),
        ("rtt_250_pods", *paths.worse("crowded", "fast"), "us"),
        ("throughput_cross_node", *paths.poured("fast", "host"), "MiB/s"),
        ("rtt_cross_node_plain", *paths.worse("plain", "host"), "us"),
        ("rtt_cross_node_ct_plain", *paths.worse("plain_ct", "host_ct"), "us"),
        ("rtt_vs_vxlan_plain", *paths.worse("plain", "vxlan"), "us"),
        ("throughput_plain", *paths.poured("plain", "host"), "MiB/s"),
    ]


def main() -> None:
    """Measure these rows alone."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        for name, ours, reference, unit in rows(stack, Path(temporary)):
            ratio = ours / reference
            print(f"{name:<24}{ours:>10.3f}{reference:>12.3f}{ratio:>9.3f}  {unit}")


if __name__ == "__main__":
    main()
