"""A clock that goes when it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    def __init__(self, now: float = 1000.0, boot: str = "boot-1") -> None:
        self._now = now
        self._wall = datetime(2026, 7, 12, tzinfo=UTC)
        self._boot = boot

    def now(self) -> float:
        return self._now

    def wall(self) -> datetime:
        return self._wall

    def boot(self) -> str:
        return self._boot

    async def sleep(self, seconds: float) -> None:
        self.forward(seconds)
        await asyncio.sleep(0)

    def forward(self, seconds: float) -> None:
        self._now += seconds
        self._wall += timedelta(seconds=seconds)

    def step_wall(self, seconds: float) -> None:
        self._wall += timedelta(seconds=seconds)

    def reboot(self) -> None:
        self._now = 20.0
        self._boot += "+"
