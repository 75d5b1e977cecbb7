"""What a lab works with: the adapters, and how it tells what it does."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mooring.adapters.cgroup import Cgroups
from mooring.adapters.clock import Clock
from mooring.adapters.cri import Cri
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import Processes
from mooring.core.vcn.estateport import Door, Estate
from mooring.lab.errors import LabError

T = TypeVar("T")
PATIENCE = 60.0
PAUSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The adapters. `say` tells progress, one line at a time."""

    processes: Processes
    cgroups: Cgroups
    host: Host
    clock: Clock
    estate: Callable[[Door], Estate]
    cri: Callable[[str, float], Cri]
    files: Callable[[str], LabFiles]
    executable: Path
    say: Callable[[str], None]

    def wait(
        self, check: Callable[[], T | None], patience: float = PATIENCE
    ) -> T | None:
        """Ask until there is an answer that counts; None when there is none in time."""
        deadline = self.clock.now() + patience
        while not (found := check()):
            if self.clock.now() > deadline:
                return None
            time.sleep(PAUSE)
        return found

    def need(
        self, what: str, check: Callable[[], T | None], patience: float = PATIENCE
    ) -> T:
        """Wait for an answer that must come."""
        found = self.wait(check, patience)
        if found is None:
            raise LabError(
                f"waited {patience:g} s for {what}",
                "mooring lab status shows who is alive; mooring lab up goes on",
            )
        return found


def mooring(*words: str) -> tuple[str, ...]:
    """Give the command line of one of our own programs."""
    return (sys.executable, "-m", "mooring", *words)
