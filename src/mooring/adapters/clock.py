"""The time: how long this machine runs, what the calendar says, which boot this is.

`now` counts seconds since boot, sleep included (CLOCK_BOOTTIME). Nobody can set it, so
a step of the wall clock moves no deadline, and it goes on over a restart of the
program: two readings can be compared when `boot` is the same.
"""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock:
    """The machine's clocks."""

    def now(self) -> float:
        """Give the seconds since boot; never goes back."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> datetime:
        """Give the calendar's time, which may jump; for people and protocols only."""
        return datetime.now(UTC)

    def boot(self) -> str:
        """Name this boot of the machine."""
        return BOOT_ID.read_text().strip()

    async def sleep(self, seconds: float) -> None:
        """Let others work for so long."""
        await asyncio.sleep(seconds)
