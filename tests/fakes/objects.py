"""A store of NativePodNetwork objects in memory; passes the contract test."""

from dataclasses import replace

from mooring.core.npn.codec import Unreadable
from mooring.core.npn.port import Absent, Token
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.usage import Usage


class FakeObjects:
    """Objects in a dict. `broken` names objects that cannot be read and the error."""

    def __init__(self, *npns: Npn) -> None:
        self.specs: dict[str, Npn] = {}
        self.statuses: dict[str, NpnStatus] = {}
        self.usages: dict[str, Usage] = {}
        self.broken: dict[str, Unreadable] = {}
        self.written: list[tuple[str, NpnStatus]] = []
        self.unreachable = False
        self._turn = 0
        self._marks: dict[str, int] = {}
        self._usage_marks: dict[str, int] = {}
        for npn in npns:
            self.write(npn)

    def names(self) -> list[str]:
        self._reach()
        return sorted(self.specs.keys() | self.broken.keys())

    def read(self, name: str) -> Npn:
        return replace(self.read_spec(name), status=self.read_status(name))

    def read_spec(self, name: str) -> Npn:
        self._reach()
        if name in self.broken:
            raise self.broken[name]
        if name not in self.specs:
            raise Absent(name)
        return self.specs[name]

    def read_status(self, name: str) -> NpnStatus:
        self._reach()
        return self.statuses.get(name, NpnStatus())

    def write(self, npn: Npn) -> None:
        self._reach()
        before = self.specs.get(npn.name)
        generation = before.generation if before else 0
        npn = replace(npn, status=NpnStatus())
        if before == replace(npn, generation=generation):
            return
        self.specs[npn.name] = replace(
            npn, generation=max(npn.generation, generation + 1)
        )
        self._mark(npn.name)

    def write_status(self, name: str, status: NpnStatus) -> None:
        self._reach()
        if name not in self.specs and name not in self.broken:
            raise Absent(name)
        self.statuses[name] = status
        self.written.append((name, status))
        self._mark(name)

    def read_usage(self, name: str) -> Usage | None:
        self._reach()
        return self.usages.get(name)

    def write_usage(self, name: str, usage: Usage) -> None:
        self._reach()
        self.usages[name] = usage
        self._turn += 1
        self._usage_marks[name] = self._turn

    def remove(self, name: str) -> None:
        self._reach()
        self.usages.pop(name, None)
        self._usage_marks.pop(name, None)
        self.statuses.pop(name, None)
        self.specs.pop(name, None)
        self.broken.pop(name, None)
        self._marks.pop(name, None)

    def changes(
        self, since: Token, *, usage: bool = False
    ) -> tuple[Token, frozenset[str]]:
        self._reach()
        now: dict[str, object] = dict(self._marks)
        if usage:
            for name, mark in self._usage_marks.items():
                now[name] = now.get(name), mark
        return now, frozenset(
            n for n in now.keys() | since.keys() if now.get(n) != since.get(n)
        )

    def _mark(self, name: str) -> None:
        self._turn += 1
        self._marks[name] = self._turn

    def _reach(self) -> None:
        if self.unreachable:
            raise OSError("the store is out of reach")
