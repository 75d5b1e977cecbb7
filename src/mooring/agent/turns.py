"""One thing at a time per container; different containers do not wait for each other."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Turns:
    """Locks by name, kept only while somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._expected: dict[str, int] = {}

    def taken(self, container: str) -> bool:
        """Tell whether somebody works on the container, or is about to."""
        return container in self._locks or container in self._expected

    def expect(self, container: str, work: Coroutine[Any, Any, T]) -> "Expected[T]":
        """Count the container as taken from now on, until the work ends or is closed."""
        self._expected[container] = self._expected.get(container, 0) + 1
        return Expected(work, partial(self._leave, container))

    def _leave(self, container: str) -> None:
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


class Start:
    """The first moments of a life, in which the store has said nothing yet.

    Whoever comes then waits for its first word instead of being refused: a runtime that is
    refused tries again only after many seconds.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._over = asyncio.Event()

    @property
    def over(self) -> bool:
        """Tell whether nobody has to wait any more."""
        return self._over.is_set()

    def end(self) -> None:
        """Let all go on who wait."""
        self._over.set()

    async def wait(self) -> None:
        """Wait for the end, which comes after `patience` seconds in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await self._over.wait()
        self.end()


class Line:
    """One after another, each in a turn of the loop of its own.

    Kernel work holds the loop up. When many pods come at once, whoever only asks comes between
    two of them instead of after all. `then` is called at the end of each turn that was used.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._then = then
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
        self._let_next()
        self._then()

    def _let_next(self) -> None:
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # else it was told to end
                first.set_result(None)
                self.use()
                return


class Expected(Generic[T]):
    """Work that keeps its container's place until it ends, or is closed before it began."""

    def __init__(self, work: Coroutine[Any, Any, T], leave: Callable[[], None]) -> None:
        self._work = work
        self._leave = leave

    def __await__(self) -> Generator[Any, Any, T]:
        """Do it."""
        try:
            return (yield from self._work.__await__())
        finally:
            self.close()

    def close(self) -> None:
        """Give the place back, whatever is left to do."""
        self._work.close()
        leave, self._leave = self._leave, _nothing
        leave()


def _nothing() -> None:
    """Do what is left after the place was given back."""
