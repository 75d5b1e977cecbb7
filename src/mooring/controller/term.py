"""A term of office: from when this replica leads until it leads no more, or the program ends."""

import logging
import threading
from collections.abc import Callable

from mooring.controller.gate import Stopping
from mooring.core.kube.port import Leading

WAIT = 1.0
STANDS = 60.0
"""Seconds after which a loop that did not turn is said to stand."""

log = logging.getLogger("mooring.controller")


class Term:
    """Tells everybody when to end. `stop` is set from outside; the Lease ends it as well."""

    def __init__(self, stop: threading.Event, now: Callable[[], float]) -> None:
        self._stop, self._now = stop, now
        self._standing: Leading | None = None
        self._leading: Leading | None = None
        self._beat = now()
        self.lost = False

    def begin(self, leading: Leading) -> bool:
        """Wait until this replica leads; tell whether it does, or is to end instead."""
        self._standing = leading
        known = trouble = ""
        while not self._stop.is_set():
            if leading.wait(WAIT):
                self._leading, self._beat = leading, self._now()
                threading.Thread(target=self._watch, daemon=True).start()
                return True
            if (why := self.waiting()) != trouble:
                trouble = why
                log.warning("standby lease %s", why or "can be read and written again")
            holder = leading.holder()
            if holder != known:
                log.info("standby leader=%s", holder or "none")
            known = holder
        return False

    def wait(self, seconds: float) -> bool:
        """Sleep; tell whether it is over. Asked before every change, it ends in time."""
        self._beat = self._now()
        if self._stop.wait(seconds):
            return True
        if self._leading is not None and not self._leading.held():
            self._lose()
        return self.lost

    def guard(self) -> None:
        """Raise Stopping when it is over: asked before every change of the cluster."""
        if self.wait(0):
            raise Stopping

    def end(self) -> None:
        """Let it be over."""
        self._stop.set()

    def standing(self) -> str:
        """Say that the loops stand; "" while they turn, or while another replica leads."""
        idle = self._now() - self._beat
        if self._leading is None or idle < STANDS:
            return ""
        return f"no loop has turned for {idle:.0f} s"

    def waiting(self) -> str:
        """Say why this replica could not take over; "" while it could, or while it leads."""
        if self._leading is not None:
            return ""
        if self._standing is None:
            return "it does not stand for election yet"
        return str(self._standing.trouble() or "")

    def _watch(self) -> None:
        """Wake sleepers when the Lease is lost."""
        assert self._leading is not None  # noqa: S101 - set before the thread begins
        while not self._stop.is_set():
            if self._leading.lost(WAIT):
                self._lose()

    def _lose(self) -> None:
        if not self._stop.is_set():
            trouble = self._leading.trouble() if self._leading else None
            log.warning("lost the lease; ending%s", f": {trouble}" if trouble else "")
            self.lost = True
            self._stop.set()
