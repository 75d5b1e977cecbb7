"""One thing at a time per container; different containers do not wait for each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Locks by name, kept only while somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def taken(self, container: str) -> bool:
        """Tell whether somebody works on the container."""
        return container in self._locks

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
