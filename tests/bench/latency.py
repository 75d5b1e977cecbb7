"""Round trips of 64 bytes between pods, hosts and flannel's pods, in turns."""

import statistics
import subprocess
from contextlib import ExitStack
from pathlib import Path

from tools import c_program, run
from world import EXECUTABLE, NAME, Agent, Side

PORT = 7000


def wire(agent: Agent, conf: Path, stack: ExitStack) -> tuple[str, str]:
    """Give the agent's node one pod; its namespace and address."""
    pod = f"{NAME}-p{agent.side.number}"
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


class Paths:
    """Three ways between two nodes, and the medians of each."""

    def __init__(self) -> None:
        self.ways: dict[str, tuple[str, str, str]] = {}
        self.p50: dict[tuple[str, str], list[float]] = {}

    def add(self, name: str, ends: tuple[str, str], address: str) -> None:
        """Name a way from the first namespace to `address` in the second."""
        self.ways[name] = (*ends, address)

    def measure(self, times: int, rounds: int) -> None:
        """Run every way in turns, TCP and UDP."""
        for number in range(times):
            order = list(self.ways.items())
            for name, (client, server, address) in order if number % 2 else order[::-1]:
                for kind in ("tcp", "udp"):
                    took = trip(kind, client, server, address, rounds)[0]
                    self.p50.setdefault((name, kind), []).append(took)

    def worse(self, ours: str, reference: str) -> tuple[float, float]:
        """The kind (TCP or UDP) with the larger ratio: ours and reference in microseconds."""
        pairs = [
            (
                statistics.median(self.p50[ours, kind]),
                statistics.median(self.p50[reference, kind]),
            )
            for kind in ("tcp", "udp")
        ]
        return max(pairs, key=lambda p: p[0] / p[1])


def ways(bare: tuple[Side, Side], tunnel: tuple[Side, Side]) -> Paths:
    """Name the host's and flannel's paths; the pods' is added once they are wired."""
    paths = Paths()
    paths.add("host", (bare[0].space, bare[1].space), "10.9.9.2")
    paths.add("vxlan", (f"{tunnel[0].space}p", f"{tunnel[1].space}p"), "10.244.2.2")
    return paths
