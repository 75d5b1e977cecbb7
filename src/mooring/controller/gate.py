"""The one door to the cloud: all workers' calls pass here and keep one pace."""

import threading
from collections.abc import Callable

from mooring.core.npn.pace import Pace, answered, enter, throttled


class Stopping(Exception):
    """The program ends: no further call is begun."""


class PacedGate:
    """A `Gate` that keeps the pace of `core.npn.pace`.

    `wait(seconds)` sleeps and tells whether the program ends, as `Event.wait` does. `chance`, from
    0 to 1, spreads those who were told the same pause.
    """

    def __init__(
        self,
        now: Callable[[], float],
        wait: Callable[[float], bool],
        pace: Pace | None = None,
        chance: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._now, self._wait, self._chance = now, wait, chance
        self._pace = pace or Pace(at=now())
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Return when it is this call's turn; raise Stopping when the program ends."""
        with self._lock:
            self._pace, seconds = enter(self._pace, self._now())
        if self._wait(seconds):
            raise Stopping

    def throttled(self, retry_after: float | None) -> None:
        """Slow everybody down."""
        with self._lock:
            chance = self._chance()
            self._pace = throttled(self._pace, self._now(), retry_after, chance)

    def answered(self) -> None:
        """Let everybody be a little faster."""
        with self._lock:
            self._pace = answered(self._pace)
