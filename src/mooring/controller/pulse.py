"""Whether the loops turn: each has a beat of its own, so that none stands unseen behind another."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

STANDS = 60.0
"""Seconds after which a loop that did not turn is said to stand."""

log = logging.getLogger("mooring.controller")


class Pulse:
    """When each loop turned last."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._beats: dict[str, float] = {}

    def of(self, loop: str, wait: Callable[[float], bool]) -> Callable[[float], bool]:
        """Give a loop's own `wait`: it asks it before every turn, without a pause.

        Who sleeps by it, beside the loop, says nothing of the loop.
        """
        self._beats[loop] = self._now()

        def turn(seconds: float) -> bool:
            if not seconds:
                self._beats[loop] = self._now()
            return wait(seconds)

        return turn

    def standing(self) -> str:
        """Say which loops stand; "" while all turn, and before they began."""
        now = self._now()
        idle = {loop: now - beat for loop, beat in dict(self._beats).items()}
        return ", ".join(
            f"the loop of {loop} has not turned for {seconds:.0f} s"
            for loop, seconds in sorted(idle.items())
            if seconds >= STANDS
        )


@contextlib.contextmanager
def beside(
    name: str, run: Callable[[], None], end: Callable[[], None]
) -> Iterator[None]:
    """Run something in a thread beside; whichever ends first ends the other.

    What it fails by is raised here: a program whose half is dead must end to be started anew.
    """
    failures: list[Exception] = []

    def work() -> None:
        try:
            run()
        except Exception as error:
            log.exception("broken loop=%s; ending", name)
            failures.append(error)
        finally:
            end()

    thread = threading.Thread(target=work, name=name)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join()
    if failures:
        raise failures[0]
