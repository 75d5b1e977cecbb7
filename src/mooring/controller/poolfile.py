"""The lines of `--node-pools`, read again when they change: one that is broken stops nobody."""

import logging
import threading
from collections.abc import Callable

from mooring.core.kube.port import Note
from mooring.core.npn import nodepools
from mooring.core.npn.nodepools import ANY, Lines, NodePool

PAUSE = 5.0
"""Seconds between two looks at the text; a mounted ConfigMap lags by a minute anyway."""
AGAIN = 3000.0
"""Seconds after which what is still wrong is told again: events are forgotten after an hour."""
NAME = "--node-pools"

log = logging.getLogger("mooring.controller")


class PoolFile:
    """Gives the lines that hold. `text` reads all of it and raises OSError when it cannot."""

    def __init__(
        self,
        text: Callable[[], str],
        now: Callable[[], float],
        tell: Callable[[Note], None],
    ) -> None:
        self._text, self._now, self._tell = text, now, tell
        self._looked = self._told = float("-inf")
        self._last: str | None = None
        self._trouble = ""
        self._lines = Lines(pools=(ANY,))  # until the text can be read
        self._looking = threading.Lock()

    def __call__(self) -> tuple[NodePool, ...]:
        """Give the lines that hold now; any thread may ask."""
        with self._looking:
            if self._now() - self._looked >= PAUSE:
                self._looked = self._now()
                self._look()
            return self._lines.pools

    def _look(self) -> None:
        try:
            text = self._text()
        except OSError as error:
            # What held goes on to hold: it may only be away for a moment.
            if str(error) != self._trouble:
                log.warning("%s cannot be read: %s; pools stay", NAME, error)
            self._trouble = str(error)
            return
        self._trouble = ""
        if text != self._last:
            self._last = text
            self._lines = nodepools.read(text, NAME, self._lines.pools)
            held = sum(not pool.broken for pool in self._lines.pools)
            log.info("%s: %d lines hold", NAME, held)
            self._complain()
        elif self._now() - self._told >= AGAIN:
            self._complain()

    def _complain(self) -> None:
        """Say of each broken line what is wrong with it."""
        self._told = self._now()
        for fault in self._lines.faults:
            text = f"left out, {fault.instead}: {fault.error}"
            log.warning("%s", text)
            self._tell(Note(reason="NodePoolRefused", text=text, warning=True))
