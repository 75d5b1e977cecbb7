"""A lab driven by its command line, as a user does; and what a machine has of it.

Names carry the test process's id, so that runs side by side do not meet. Whatever a test
does, the lab is taken down after it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import last_words
from patience import until

from mooring.adapters.process import Processes

MOORING = (sys.executable, "-m", "mooring")
LABS = Path("/var/lib/mooring/labs")
SPACES = Path("/run/netns")
COMMAND_PATIENCE = 600.0
PROCESSES = Processes({})


def unique(letter: str) -> str:
    """A lab's name of this test process (at most 12 characters)."""
    return f"{letter}{os.getpid()}"


@dataclass(frozen=True)
class Lab:
    """The commands of one lab."""

    name: str

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `mooring lab …` on it."""
        head, rest = list(words), []
        if "--" in words:
            at = words.index("--")
            head, rest = list(words[:at]), list(words[at:])
        return subprocess.run(
            [*MOORING, "lab", *head, "--name", self.name, *rest],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_PATIENCE,
        )

    def do(self, *words: str) -> str:
        """Run it; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def read(self, *words: str) -> Any:
        """Run it and read the JSON that it prints."""
        return json.loads(self.do(*words, "-o", "json"))

    @property
    def path(self) -> Path:
        return LABS / self.name

    def logs(self) -> list[Path]:
        """The programs' logs; not what pods have below their nodes' directories."""
        places = ("log/*.log", "nodes/*/log/*.log")
        return sorted(each for place in places for each in self.path.glob(place))

    def pids(self) -> dict[str, int]:
        """The processes that run, by program; `status` says the same, more slowly."""
        records = {
            **{p.name: p for p in (self.path / "run").glob("[!.]*")},
            **{
                f"{p.parts[-3]}/{p.name}": p
                for p in (self.path / "nodes").glob("*/run/[!.]*")
                if not p.name.startswith("pod-")
            },
        }
        found = {name: PROCESSES.find(path) for name, path in records.items()}
        return {name: process.pid for name, process in found.items() if process}

    def kill(self, program: str) -> None:
        """End a program without a word, and wait until it has."""
        os.kill(self.pids()[program], signal.SIGKILL)
        until(lambda: program not in self.pids(), f"{program} to be gone")

    def addresses(self) -> dict[str, str]:
        """The pods' addresses."""
        return {pod["name"]: pod["address"] for pod in self.read("pod", "ls")}

    def traces(self) -> list[str]:
        """Everything on the machine that is this lab's."""
        return [
            *(str(p) for p in SPACES.glob(f"moor-{self.name}-*")),
            *groups(f"mooring-{self.name}"),
            *([str(self.path)] if self.path.exists() else []),
            *(f"process {words}" for words in processes() if self._owns(words)),
            *(m for m in mounts() if f"/{self.name}/" in m or f"-{self.name}-" in m),
        ]

    def _owns(self, words: str) -> bool:
        return f"labs/{self.name}/" in words or f"moor-{self.name}-" in words


@contextmanager
def a_lab(name: str) -> Iterator[Lab]:
    """A lab that is taken down after the block."""
    lab = Lab(name)
    try:
        with last_words.logs(lab.logs):
            yield lab
    finally:
        lab.run("down")


def groups(name: str) -> list[str]:
    """The control groups of this name; others' come and go meanwhile."""
    return [
        f"{place}/{name}"
        for place, inner, _ in os.walk("/sys/fs/cgroup")
        if name in inner
    ]


def processes() -> list[str]:
    """The command lines of all processes but our own."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(entry.parent.name) != os.getpid():
            found.append(words)
    return found


def mounts() -> list[str]:
    """What is mounted."""
    return Path("/proc/self/mounts").read_text().splitlines()
