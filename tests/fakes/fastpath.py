"""The kernel's fast path in memory: maps with their sizes, and programs at links.

It belongs to the machine and outlives the agent. Nothing is carried.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mooring.core.linux.bpf.call import ARRAY, Map
from mooring.core.linux.port import FastPathError


class FakeFastPath:
    """`adapters.bpf.FastPath` without a kernel.

    `at` is which program stands at which link, `shaped` what disciplines others gave to links,
    `policies` who is not asked.
    """

    def __init__(
        self, tables: Sequence[Map], index: Callable[[str], int | None]
    ) -> None:
        self.at: dict[int, str] = {}
        self.shaped: dict[int, frozenset[str]] = {}
        self.lacks = ""
        self.policies = ""
        self._tables = {table.name: table for table in tables}
        self._index = index
        self._maps: dict[str, dict[bytes, bytes]] = {}
        self._refusals: list[str] = []

    def refuse_next(self, words: str) -> None:
        """The next change is refused with these words."""
        self._refusals[:] = [words]

    def begin(self) -> bool:
        if self.lacks:
            self.at.clear()
            raise FastPathError(self.lacks)
        adopted = bool(self.at)
        if not adopted:
            self._maps = {name: {} for name in self._tables}
        return adopted

    def entries(self, table: str) -> dict[bytes, bytes]:
        return dict(self._maps[table])

    def put(self, table: str, entries: Mapping[bytes, bytes]) -> None:
        self._refuse_if_told()
        about = self._tables[table]
        for key, value in entries.items():
            if (len(key), len(value)) != (about.key, about.value):
                raise FastPathError(f"map {table}: Invalid argument")
            self._maps[table][key] = value
            if about.kind == ARRAY and not any(value):
                del self._maps[table][key]

    def drop(self, table: str, keys: Iterable[bytes]) -> None:
        self._refuse_if_told()
        for key in keys:
            self._maps[table].pop(key, None)

    def guard(self, link: str, program: str) -> int | None:
        self._refuse_if_told()
        index = self._index(link)
        if index is not None:
            self.at[index] = program
        return index

    def guarded(self, index: int) -> bool:
        return index in self.at

    def disciplines(self) -> dict[int, frozenset[str]]:
        links = {*self.at, *self.shaped}
        return {
            index: self.shaped.get(index, frozenset({"noqueue"}))
            | ({"clsact"} if index in self.at else set())
            for index in links
        }

    def unasked(self) -> str:
        return self.policies

    def end(self) -> int:
        count = len(self.at)
        self.at.clear()
        return count

    def _refuse_if_told(self) -> None:
        if self._refusals:
            raise FastPathError(self._refusals.pop())
