"""Supervision: a program of the lab runs, or its last words tell why not."""

from collections.abc import Callable
from pathlib import Path

from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import CommandError
from mooring.core.linux import node
from mooring.core.linux.node import Program
from mooring.core.linux.process import Identity
from mooring.lab.errors import LabError
from mooring.lab.tools import PATIENCE, Tools

STOP_PATIENCE = 10.0


class Programs:
    """The programs of one lab."""

    def __init__(self, tools: Tools, files: LabFiles) -> None:
        self._tools, self._files = tools, files

    def find(self, program: Program) -> Identity | None:
        """Give the process of a program; None when it does not run."""
        return self._tools.processes.find(Path(program.record))

    def ensure(self, program: Program, holder: int | None = None) -> Identity:
        """Have a program run, in a node when its init's pid is given."""
        found = self.find(program)
        if found is not None:
            return found
        self.launch(program, node.start(program, holder))
        found = self.find(program)
        if found is None:
            raise self.failed(program, "ended at once")
        return found

    def launch(self, program: Program, words: list[str]) -> None:
        """Run a starter, with place made for its record and its log."""
        record, log = Path(program.record), Path(program.log)
        record.parent.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        # A dead program's record would keep the next one from leaving its own.
        if self._tools.processes.retire(record):
            return
        try:
            self._tools.processes.launch(words)
        except CommandError as error:
            raise self.failed(program, f"did not start: {error}") from None

    def await_ready(
        self,
        program: Program,
        ready: Callable[[], bool],
        patience: float = PATIENCE,
    ) -> None:
        """Wait until a program serves, or tell why it does not."""

        def state() -> str | None:
            if ready():
                return "ready"
            return None if self.find(program) else "ended"

        found = self._tools.wait(state, patience)
        if found is None:
            raise self.failed(program, f"is not ready after {patience:g} s")
        if found == "ended":
            raise self.failed(program, "ended")

    def stop(self, program: Program) -> None:
        """End a program; fine when it does not run."""
        found = self.find(program)
        if found is not None:
            self._tools.processes.stop(found, STOP_PATIENCE)
        Path(program.record).unlink(missing_ok=True)

    def failed(self, program: Program, how: str) -> LabError:
        """Tell of a program's failure, with the last lines of its log."""
        log = Path(program.log).relative_to(self._files.path)
        return LabError(
            f"{program.name} {how}",
            f"read {program.log}, then mooring lab up again",
            self._files.tail(str(log)),
        )
