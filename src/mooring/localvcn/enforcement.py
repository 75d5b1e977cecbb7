"""From the decided world to the enforced one: nothing is told before it is so.

Every change of the world is a generation. One worker hands the newest to the fabric, as
often as there is something new; whoever answers a client waits for the generation that
the answer speaks of. Patience is counted from the fabric's last progress, so one in
trouble slows the first answers and not all that follow.
"""

import asyncio
import logging
from typing import Protocol

from mooring.core.vcn.world import World

log = logging.getLogger(__name__)

PATIENCE = 15.0  # seconds without progress until answers are given without waiting
RETRY = 1.0


class Fabric(Protocol):
    """What makes the kernel do as the world says; may raise whatever it meets."""

    async def apply(self, world: World) -> None:
        """Return when packets meet this world (or a later one)."""

    async def run(self) -> None:
        """Keep the kernel as the last world wants it; ends by cancellation."""


class NoFabric:
    """A cloud on paper: there are no packets, so every world is enforced, and nobody waits."""

    async def apply(self, world: World) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Do nothing, for ever."""
        await asyncio.Event().wait()


class Enforcement:
    """The generations of one world and how far the fabric has come."""

    def __init__(
        self, fabric: Fabric, patience: float = PATIENCE, retry: float = RETRY
    ) -> None:
        self._fabric = fabric
        self._paper = isinstance(fabric, NoFabric)
        self._patience = patience
        self._retry = retry
        self._wanted = 0
        self._applied = 0
        self._moved = 0.0  # when the oldest generation not applied began to wait
        self._late = False
        self._world: World | None = None
        self._news = asyncio.Event()
        self._progress = asyncio.Event()

    def submit(self, world: World) -> None:
        """Take a new generation; earlier ones need not be applied any more."""
        if self._paper:
            return
        if self._applied == self._wanted:
            self._moved = asyncio.get_running_loop().time()
        self._wanted += 1
        self._world = world
        self._news.set()

    async def reached(self) -> None:
        """Wait until everything submitted so far is enforced, or patience is over."""
        goal = self._wanted
        try:
            while self._applied < goal:
                progress = self._progress
                async with asyncio.timeout_at(self._moved + self._patience):
                    await progress.wait()
        except TimeoutError:
            if not self._late:
                log.warning("fabric late wanted=%d applied=%d", goal, self._applied)
            self._late = True

    async def run(self) -> None:
        """Apply the newest generation whenever there is one; ends by cancellation."""
        while True:
            await self._news.wait()
            self._news.clear()
            goal, world = self._wanted, self._world
            if world is not None and await self._apply(world):
                self._arrive(goal)

    async def _apply(self, world: World) -> bool:
        try:
            await self._fabric.apply(world)
        except Exception:
            log.exception("fabric failed wanted=%d", self._wanted)
            await asyncio.sleep(self._retry)
            self._news.set()
            return False
        return True

    def _arrive(self, goal: int) -> None:
        if self._late:
            log.warning("fabric recovered applied=%d", goal)
        self._applied, self._late = goal, False
        self._moved = asyncio.get_running_loop().time()
        progress, self._progress = self._progress, asyncio.Event()
        progress.set()
