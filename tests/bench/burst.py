"""Bursts of ADDs through real executables: what a single call waits among so many at once (RT-45).

Ours against ptp + host-local, in turns, every ADD of a burst started at the same time. Of each
burst p50 and p99 are taken, of the bursts of one size the turn in the middle: one burst that met
something else on the machine counts once. By itself: python tests/bench/burst.py
"""

import math
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from attach import Contender, contenders, spaces
from tools import c_program, run
from turns import middle
from world import NAME, Agent, mooring

SIZES = (30, 60, 110)
ROUNDS = 7
Times = dict[tuple[str, int], list[list[int]]]
"""By contender and size: the calls of each burst in nanoseconds."""


def burst(contender: Contender, space: str, pods: list[str]) -> list[int]:
    """Start ADD for all pods at once, from inside the node; nanoseconds of each, in order."""
    words = (contender.executable, contender.path, contender.conf, "ADD", len(pods))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if contender.socket:
        environment["MOORING_SOCKET"] = contender.socket
    out = run(
        *["nsenter", f"--net=/run/netns/{space}", c_program("cnidrive")],
        *map(str, words),
        input="".join(f"{pod} /run/netns/{pod}\n" for pod in pods),
        env=environment,
    ).splitlines()
    return sorted(int(line.split()[0]) for line in out[:-1])


def measure(agent: Agent, place: Path, rounds: int) -> Times:
    """Bursts of every size in turns; every other time in the opposite order."""
    both, times = contenders(agent, place), Times()
    for number in range(rounds):
        order = list(both.items())
        for size in SIZES:
            for name, contender in order if number % 2 else order[::-1]:
                pods = [f"{NAME}-{name}-burst-{i}" for i in range(size)]
                spaces(pods, "add")
                took = burst(contender, agent.side.space, pods)
                times.setdefault((name, size), []).append(took)
                contender.drive(agent.side.space, "DEL", pods, workers=8)
                spaces(pods, "del")
    return times


def part(bursts: list[list[int]], share: float) -> list[float]:
    """Give what so large a share of each burst's calls took at most, in milliseconds."""
    return [each[math.ceil(share * len(each)) - 1] / 1e6 for each in bursts]


def rows(agent: Agent, place: Path) -> list[tuple[str, float, float, str]]:
    """Every row: name, ours, reference, unit."""
    times = measure(agent, place, ROUNDS)
    made = []
    for size in SIZES:
        for share in (0.5, 0.99):
            ours, ptp = (part(times[name, size], share) for name in ("ours", "ptp"))
            name = f"add_burst_{size}_p{round(share * 100)}"
            made.append((name, *middle(ours, ptp), "ms"))
    return made


def main() -> None:
    """Measure these rows alone."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name, ours, reference, unit in rows(mooring(stack, place)[0], place):
            ratio = ours / reference
            print(f"{name:<24}{ours:>10.3f}{reference:>12.3f}{ratio:>9.3f}  {unit}")


if __name__ == "__main__":
    sys.exit(main())
