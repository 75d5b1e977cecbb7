"""Waiting for what comes: asked again until it is so. The bound is only for what never does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 300.0


def until(claim: Callable[[], T], what: object = "it", patience: float = PATIENCE) -> T:
    """Ask until it is so, and give what was found; `what` is told else, asked for then if it can be.

    A question that takes long leaves the processor as long to what is asked.
    """
    begun = time.monotonic()
    while True:
        asked = time.monotonic()
        if found := claim():
            return found
        now = time.monotonic()
        assert now - begun < patience, (
            f"did not come: {what() if callable(what) else what}"
        )
        time.sleep(max(0.01, min(now - asked, 1.0)))
