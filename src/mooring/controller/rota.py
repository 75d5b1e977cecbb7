"""Whose turn it is: named entries, each due at a moment, a few taken at a time by workers.

One thread owns it; workers only take turns, and each says when the next is due. What happens to an
entry meanwhile (`poke`) makes it due again as soon as its turn has ended.
"""

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

M = TypeVar("M")
NEVER = float("inf")

Take = Callable[[str, M], tuple[M, float | None]]
"""Take an entry's turn with its memory; give the new one and the pause, None to forget the entry."""


@dataclass(slots=True)
class Entry(Generic[M]):
    """What is known of a name."""

    memory: M
    due: float


Ended: TypeAlias = tuple[str, Entry[M], M, float | None]


class Rota(Generic[M]):
    """Entries by name. `new` makes the memory of one that was not known."""

    def __init__(
        self,
        take: Take[M],
        new: Callable[[], M],
        now: Callable[[], float],
        workers: int,
    ) -> None:
        self._take, self._new, self._now = take, new, now
        self._workers = workers
        self._entries: dict[str, Entry[M]] = {}
        self._running: set[str] = set()
        self._ended: queue.SimpleQueue[Ended[M] | BaseException | None] = (
            queue.SimpleQueue()
        )

    def poke(self, names: Iterable[str]) -> None:
        """Make entries due now, or as soon as their turn has ended."""
        for name in names:
            entry = self._entries.get(name)
            if entry is None:
                self._entries[name] = Entry(self._new(), self._now())
            else:
                entry.due = self._now()

    def wake(self) -> None:
        """End a wait in `hear`; any thread may."""
        self._ended.put(None)

    def start(self, pool: Executor) -> None:
        """Hand out the turns that are due, the oldest first."""
        free = self._workers - len(self._running)
        now = self._now()
        due = sorted(
            (entry.due, name)
            for name, entry in self._entries.items()
            if entry.due <= now and name not in self._running
        )
        for _, name in due[:free]:
            entry = self._entries[name]
            entry.due = NEVER
            self._running.add(name)
            pool.submit(self._work, name, entry)

    def hear(self, most: float) -> None:
        """Take in the turns that ended, or wait for one, or for the next that is due.

        What a turn raised is raised here: without its end the entry would run for ever.
        """
        try:
            self._learn(self._ended.get(timeout=self._pause(most)))
            while True:
                self._learn(self._ended.get_nowait())
        except queue.Empty:
            return

    def _pause(self, most: float) -> float:
        if len(self._running) >= self._workers:
            return most
        idle = (e.due for n, e in self._entries.items() if n not in self._running)
        return min(most, max(min(idle, default=NEVER) - self._now(), 0.0))

    def _work(self, name: str, entry: Entry[M]) -> None:
        try:
            memory, pause = self._take(name, entry.memory)
        except BaseException as error:  # noqa: BLE001 - it is the owner's to hear of it
            self._ended.put(error)
        else:
            self._ended.put((name, entry, memory, pause))

    def _learn(self, ended: Ended[M] | BaseException | None) -> None:
        if ended is None:
            return
        if isinstance(ended, BaseException):
            raise ended
        name, entry, memory, pause = ended
        self._running.discard(name)
        if pause is None and entry.due == NEVER:
            del self._entries[name]
            return
        entry.memory = memory
        if entry.due == NEVER:
            entry.due = self._now() + (pause or 0.0)
