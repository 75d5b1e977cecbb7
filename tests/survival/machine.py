"""The machine of a story: all that its agent changes has a point before and after the change.

What `journeys.agent_fakes` has of kernel, nft and disk, and with it connection tracking, the
store in which the agent tells its usage, and the fast path's maps.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fakes.conntrack import FakeConntrack
from fakes.fastpath import FakeFastPath
from fakes.kernel import FakeKernel
from journeys.agent_fakes import Fuse, Machine

from mooring.agent.host import Host
from mooring.agent.run import Agent
from mooring.core.linux.ctnetlink import Flow
from mooring.core.npn.port import Objects
from mooring.core.npn.usage import Usage
from mooring.core.wiring import carrying


class MortalConntrack(FakeConntrack):
    """Connection tracking whose user can be killed before it has flows forgotten."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def forget(self, flows: Iterable[Flow], _fd: int | None = None) -> int:
        self._fuse.burn("conntrack forget")
        gone = super().forget(flows)
        self._fuse.done("conntrack forget")
        return gone


class MortalFastPath(FakeFastPath):
    """The fast path, whose user can be killed before each change of it."""

    def __init__(self, fuse: Fuse, index: Callable[[str], int | None]) -> None:
        super().__init__(carrying.TABLES, index)
        self._fuse = fuse

    def put(self, table: str, entries: Mapping[bytes, bytes]) -> None:
        for key, value in entries.items():
            self._fuse.burn("fast put")
            super().put(table, {key: value})
            self._fuse.done("fast put")

    def drop(self, table: str, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._fuse.burn("fast drop")
            super().drop(table, [key])
            self._fuse.done("fast drop")

    def guard(self, link: str, program: str) -> int | None:
        self._fuse.burn("fast guard")
        index = super().guard(link, program)
        self._fuse.done("fast guard")
        return index


class AgentsObjects:
    """The store as the agent has it: it reads, and writes what its pool is used for."""

    def __init__(self, inner: Objects, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write_usage(self, name: str, usage: Usage) -> None:
        self._fuse.burn("usage write")
        self._inner.write_usage(name, usage)
        self._fuse.done("usage write")


@dataclass
class StoryMachine(Machine):
    """A machine with connection tracking, and a fast path if its story has one."""

    def __post_init__(self) -> None:
        self.conntrack = MortalConntrack(self.fuse)
        super().__post_init__()

    def give_fast_path(self) -> None:
        self.fast_path = MortalFastPath(self.fuse, self._index)
        self.fast_path.begin()

    def new_agent(self) -> Agent:
        self.disk.reopen()
        if self.fast_path is not None:
            self.fast_path.begin()
        host = Host(
            *(self.kernel, self.nft, self.namespaces, self.clock, self.say),
            conntrack=self.conntrack,
            fast_path=self.fast_path,
        )
        objects = cast("Objects", AgentsObjects(self.objects, self.fuse))
        return Agent(host, self.disk, objects, self.settings)

    def carried(self) -> dict[bytes, tuple[int, str]]:
        """Give the addresses that the fast path carries: each one's link, and that link's MAC."""
        if self.fast_path is None:
            return {}
        return {
            key: (int.from_bytes(value[:4], sys.byteorder), value[18:].hex(":"))
            for table in carrying.PODS.values()
            for key, value in self.fast_path.entries(table).items()
        }

    def _index(self, link: str) -> int | None:
        found = FakeKernel.links(self.kernel, None).get(link)
        return None if found is None else found.index
