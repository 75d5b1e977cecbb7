"""Processes that only seem to run: known by their records, ended when told to."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from mooring.adapters.process import CommandError, Done
from mooring.core.linux import node
from mooring.core.linux.process import Identity


class FakeProcesses:
    """What `adapters.process.Processes` is, without a process.

    `answer` decides what a command gives; `refuse` makes starters fail.
    """

    def __init__(
        self, answer: Callable[[Sequence[str]], Done] = lambda _: Done(0, b"", b"")
    ) -> None:
        self.answer = answer
        self.refuse = False
        self.ran: list[list[str]] = []
        self._pids = count(100)
        self._living: dict[Path, Identity] = {}

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        patience: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        self.ran.append(list(argv))
        return self.answer(argv)

    def launch(self, argv: Sequence[str]) -> None:
        if self.refuse:
            raise CommandError(f"{argv[0]}: refused")
        record = Path(argv[list(argv).index(node.START) + 2])
        if record not in self._living:
            self._living[record] = Identity(next(self._pids), 1, "boot")

    def find(self, record: Path) -> Identity | None:
        return self._living.get(record)

    def retire(self, record: Path) -> Identity | None:
        return self._living.get(record)

    def stop(self, target: Identity, patience: float) -> bool:
        for record, living in list(self._living.items()):
            if living == target:
                del self._living[record]
        return True

    def kill(self, target: Identity) -> None:
        self.stop(target, 0)
