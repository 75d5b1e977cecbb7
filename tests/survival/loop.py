"""An event loop whose time passes only when nobody has anything to do, and without threads.

What services do in a thread is done in the loop's own one, some turns later: how many, chance
says. So a story is the same every time, and what would never end is found at once.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
MOST_TURNS = 4


class Stuck(Exception):
    """Everybody waits, and nothing is left that could wake anybody."""


class _Idle(selectors.DefaultSelector):
    """Waits for nothing: time jumps instead."""

    loop: "StoryLoop"

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            raise Stuck
        if not events and timeout:
            self.loop.passed += timeout
        return events


class _Later(ThreadPoolExecutor):
    """Runs work in the loop, some turns later."""

    def __init__(self, loop: "StoryLoop") -> None:
        super().__init__(1)
        self._loop = loop

    def submit(
        self, fn: Callable[..., T], /, *args: object, **kwargs: object
    ) -> Future[T]:
        future: Future[T] = Future()

        def run(turns: int) -> None:
            if turns:
                self._loop.call_soon(run, turns - 1)
                return
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as why:  # noqa: BLE001 - it is whose work it is to judge
                future.set_exception(why)

        self._loop.call_soon(run, self._loop.chance.randrange(MOST_TURNS))
        return future


class StoryLoop(asyncio.SelectorEventLoop):
    """The loop of one story after another."""

    def __init__(self) -> None:
        selector = _Idle()
        selector.loop = self
        super().__init__(selector)
        self.passed = 0.0
        self.chance = random.Random(0)
        self.set_default_executor(_Later(self))
        self.set_exception_handler(self._hear)
        self._trouble: list[BaseException] = []

    def time(self) -> float:
        return self.passed

    def play(self, chance: random.Random, story: Coroutine[Any, Any, T]) -> T:
        """Run a story to its end."""
        self.chance = chance
        self._trouble.clear()
        told = self.run_until_complete(story)
        for why in self._trouble:
            raise why
        return told

    def _hear(self, _loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
        """Hear what a callback ended with; a program that was killed there is no news."""
        why = about.get("exception")
        if isinstance(why, Exception):
            self._trouble.append(why)
