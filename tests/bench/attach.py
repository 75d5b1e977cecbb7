"""ADD and DEL through real executables: ours against ptp + host-local, in turns."""

import json
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tools import c_program, reference_plugins, run
from world import EXECUTABLE, NAME, Agent

VERBS = ("ADD", "DEL")


@dataclass
class Contender:
    """An executable with its configuration.

    `took[verb]`: the median call of each turn, in milliseconds, one after another; `rates`: ADDs a
    second of each turn, eight at a time.
    """

    executable: Path
    path: Path
    conf: Path
    socket: str = ""
    took: dict[str, list[float]] = field(default_factory=lambda: {v: [] for v in VERBS})
    rates: list[float] = field(default_factory=list)

    def drive(self, space: str, verb: str, pods: list[str], workers: int = 1) -> None:
        """Run the verb for every pod, from inside the node."""
        command = [c_program("cnidrive"), self.executable, self.path, self.conf, verb]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        if self.socket:
            environment["MOORING_SOCKET"] = self.socket
        lines = "".join(f"{pod} /run/netns/{pod}\n" for pod in pods)
        out = run(
            *["nsenter", f"--net=/run/netns/{space}", *command, str(workers)],
            input=lines,
            env=environment,
        ).splitlines()
        if workers == 1:
            calls = [int(line.split()[0]) for line in out[:-1]]
            self.took[verb].append(statistics.median(calls) / 1e6)
        elif verb == "ADD":
            self.rates.append(len(pods) / (int(out[-1].split()[1]) / 1e9))


def contenders(agent: Agent, place: Path) -> dict[str, Contender]:
    """Ours and the reference."""
    plugins = reference_plugins()
    ours, theirs = place / "ours.json", place / "ptp.json"
    ours.write_text(
        json.dumps({"cniVersion": "1.0.0", "name": "bench", "type": "mooring"})
    )
    ipam = {
        "type": "host-local",
        "subnet": "10.77.0.0/16",
        "dataDir": str(place / "ipam"),
    }
    ptp = {"cniVersion": "1.0.0", "name": "ptp", "type": "ptp", "ipam": ipam}
    theirs.write_text(json.dumps(ptp))
    return {
        "ours": Contender(EXECUTABLE, EXECUTABLE.parent, ours, str(agent.socket)),
        "ptp": Contender(plugins / "ptp", plugins, theirs),
    }


def spaces(names: list[str], verb: str) -> None:
    """Make or remove pod namespaces; not timed."""
    for name in names:
        subprocess.run(["ip", "netns", verb, name], check=True)


def measure(agent: Agent, place: Path, rounds: int) -> dict[str, Contender]:
    """Rounds of a turn each: containers one after another, then eight at a time, eight times."""
    both = contenders(agent, place)
    for number in range(rounds):
        order = list(both.items())
        for name, contender in order if number % 2 else order[::-1]:
            for workers, pods in ((1, 12), (8, 64)):
                names = [f"{NAME}-{name}-{workers}-{i}" for i in range(pods)]
                spaces(names, "add")
                for verb in VERBS:
                    contender.drive(agent.side.space, verb, names, workers)
                spaces(names, "del")
    return both
