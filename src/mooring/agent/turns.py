"""One thing at a time per container; different containers do not wait for each other."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Turns:
    """Locks by name, kept only while somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._expected: dict[str, int] = {}

    def taken(self, container: str) -> bool:
        """Tell whether somebody works on the container, or is about to."""
        return container in self._locks or container in self._expected

    def expect(
        self, container: str, work: Coroutine[Any, Any, T]
    ) -> Coroutine[Any, Any, T]:
        """Count the container as taken already before the work begins, or is closed."""
        self._expected[container] = self._expected.get(container, 0) + 1
        return _Expected(work, partial(self._has_come, container))

    def _has_come(self, container: str) -> None:
        left = self._expected.pop(container) - 1
        if left:
            self._expected[container] = left

    @asynccontextmanager
    async def of(self, container: str) -> AsyncIterator[None]:
        """Wait until nobody else works on the container."""
        lock, users = self._locks.get(container, (asyncio.Lock(), 0))
        self._locks[container] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(container)
            if users > 1:
                self._locks[container] = lock, users - 1


class Line:
    """One after another, each in a turn of the loop of its own.

    Kernel work holds the loop up. When many pods come at once, whoever only asks comes between
    two of them instead of after all.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.used = False

    def use(self) -> None:
        """Use this turn of the loop."""
        if not self.used:
            self.used = True
            asyncio.get_running_loop().call_soon(self._go_on)

    async def wait(self) -> None:
        """Wait for a turn of the loop that nobody uses, and use it."""
        if self.used:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append(mine)
            await mine
        self.use()

    def _go_on(self) -> None:
        self.used = False
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # else it was told to end
                first.set_result(None)
                self.use()
                return


class _Expected(Coroutine[Any, Any, T], Iterator[Any]):
    """A coroutine that says when its first step is done, or when there will be none."""

    def __init__(self, work: Coroutine[Any, Any, T], begun: Callable[[], None]) -> None:
        self._work = work
        self._begun: Callable[[], None] | None = begun

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as any coroutine
        try:
            return self._work.send(value)
        finally:
            self._begin()

    def throw(
        self,
        kind: Any,  # noqa: ANN401 - as any coroutine
        value: Any = None,  # noqa: ANN401 - as any coroutine
        trace: TracebackType | None = None,
    ) -> Any:  # noqa: ANN401 - as any coroutine
        try:
            why = kind if value is None else value
            return self._work.throw(why if trace is None else why.with_traceback(trace))
        finally:
            self._begin()

    def close(self) -> None:
        self._work.close()
        self._begin()

    def __await__(self) -> Generator[Any, Any, T]:
        # What an iterator ends with is the work's result.
        return (yield from cast("Generator[Any, Any, T]", self))

    def __next__(self) -> Any:  # noqa: ANN401 - as any coroutine
        return self.send(None)

    def _begin(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun()
