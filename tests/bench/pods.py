"""Rows about many pods on one node: first packets, memory, a restart of the agent."""

import signal
import statistics
from dataclasses import dataclass
from pathlib import Path

import attach
from tools import c_program, run
from world import NAME, Agent

NODE_ADDRESS = "10.9.1.{}"
FULL = 256
BATCH = 200


def lost(agent: Agent, place: Path, pods: int = 1000) -> int:
    """How many of so many pods lose the first packet when they connect right after ADD."""
    contender = attach.contenders(agent, place)["ours"]
    found = 0
    for first in range(0, pods, BATCH):
        numbers = range(first, min(first + BATCH, pods))
        names = [f"{NAME}-first-{i}" for i in numbers]
        attach.spaces(names, "add")
        out = run(
            *["nsenter", f"--net=/run/netns/{agent.side.space}"],
            *[c_program("firstpacket"), contender.executable, contender.path],
            *[contender.conf, NODE_ADDRESS.format(agent.side.number)],
            input="".join(f"{name} /run/netns/{name}\n" for name in names),
            env={"MOORING_SOCKET": contender.socket},
        )
        found += int(out.split()[1])
        contender.drive(agent.side.space, "DEL", names, 8)
        attach.spaces(names, "del")
    return found


@dataclass(frozen=True)
class Full:
    """An agent with all its pods: its memory, and how long a killed one takes to serve again."""

    mib: float
    ready_ms: float


def full_node(agent: Agent, place: Path, restarts: int = 5) -> Full:
    """Fill the node, look at the agent's memory, kill it and start it some times."""
    contender = attach.contenders(agent, place)["ours"]
    names = [f"{NAME}-full-{i}" for i in range(FULL)]
    attach.spaces(names, "add")
    contender.drive(agent.side.space, "ADD", names, 8)
    took = []
    mib = agent.resident_mib()
    for _ in range(restarts):
        agent.stop(signal.SIGKILL)
        took.append(agent.start() * 1e3)
        mib = max(mib, agent.resident_mib())
    contender.drive(agent.side.space, "DEL", names, 8)
    attach.spaces(names, "del")
    return Full(mib, statistics.median(took))
