"""The agent's voice: events as lines on standard error."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

Hear = Callable[[str, Mapping[str, object]], None]

MOMENT = 0.02
_PLAIN = re.compile(r'[^ "=]+')


class Log:
    """Writes events to standard error, one line each.

    A line is made and written a moment later, with those that came meanwhile: answers go first.
    `hear` is told of every event after that.
    """

    def __init__(self) -> None:
        self.hear: Hear | None = None
        self._events: list[tuple[datetime, str, dict[str, object]]] = []

    def __call__(self, verb: str, /, **keys: object) -> None:
        """Write one event."""
        if not self._events:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._events.append((datetime.now(UTC), verb, keys))

    def flush(self) -> None:
        """Write what waits."""
        events, self._events = self._events, []
        sys.stderr.write("".join(_line(*event) for event in events))
        sys.stderr.flush()
        if self.hear is not None:
            for _, verb, keys in events:
                self.hear(verb, keys)


def _line(at: datetime, verb: str, keys: dict[str, object]) -> str:
    words = [f"{name}={_quoted(str(value))}" for name, value in keys.items()]
    time = at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return " ".join([f"{time}Z", verb, *words]) + "\n"


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.isprintable()
    return text if plain else json.dumps(text)
