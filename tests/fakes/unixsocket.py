"""The agent's socket without a socket: `call` rings, and the descriptor's life is kept."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from mooring.adapters.unixsocket import Arrival, Occupied, Serve
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import Answer, Call, refused


class Gone(Exception):
    """Nobody listens."""


class FakeAgentSocket:
    """Stands where `AgentSocket` stands; sockets of one path share `doors`."""

    def __init__(
        self,
        path: Path,
        serve: Serve,
        report: Callable[[str], None],
        doors: dict[Path, "FakeAgentSocket"] | None = None,
    ) -> None:
        self._path = path
        self._serve = serve
        self._report = report
        self._doors = {} if doors is None else doors
        self._answering: set[asyncio.Task[Answer]] = set()

    async def start(self) -> None:
        if self._path in self._doors:
            raise Occupied(f"{self._path}: another agent listens there")
        self._doors[self._path] = self

    async def stop(self, grace: float = 5.0) -> None:
        if self._doors.get(self._path) is not self:
            return
        del self._doors[self._path]
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace)
        for task in self._answering:
            task.cancel()

    async def call(self, call: Call, netns: int | None = None) -> Answer:
        """Ring at the path, as an executable would."""
        door = self._doors.get(self._path)
        if door is None:
            raise Gone(str(self._path))
        task = asyncio.ensure_future(door._answer(call, netns))
        door._answering.add(task)
        task.add_done_callback(door._answering.discard)
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        raise Gone(str(self._path))

    async def _answer(self, call: Call, netns: int | None) -> Answer:
        received = None if netns is None else os.dup(netns)
        try:
            given = self._serve(Arrival(call, received, os.getpid()))
            return given if isinstance(given, Answer) else await given
        except Exception as why:  # noqa: BLE001 - as the real one
            self._report(f"serving failed: {why!r}")
            return refused(CniError(Code.INTERNAL, "the agent failed", repr(why)))
        finally:
            if received is not None:
                os.close(received)
