"""The agent's voice: events as lines on standard error."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

Hear = Callable[[str, Mapping[str, object]], None]

MOMENT = 0.02
RARE = frozenset({"reused-early"})
"""What a full node under churn says of every pod: one line in a while, with how many there were."""

WHILE = timedelta(minutes=1)
_PLAIN = re.compile(r'[^ "=]+')


class Log:
    """Writes events to standard error, one line each.

    A line is made and written a moment later, with those that came meanwhile: answers go first.
    Of RARE verbs one line is written in a WHILE; `times` says for how many events it stands.
    `hear` is told of every event after that.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.hear: Hear | None = None
        self._now = now
        self._written: dict[str, datetime] = {}
        self._unwritten: dict[str, int] = {}
        self._events: list[tuple[datetime, str, dict[str, object]]] = []

    def __call__(self, verb: str, /, **keys: object) -> None:
        """Write one event."""
        if not self._events:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._events.append((self._now(), verb, keys))

    def flush(self) -> None:
        """Write what waits."""
        events, self._events = self._events, []
        lines = (_line(*event) for event in events if self._is_told(*event))
        sys.stderr.write("".join(lines))
        sys.stderr.flush()
        if self.hear is not None:
            for _, verb, keys in events:
                self.hear(verb, keys)

    def _is_told(self, at: datetime, verb: str, keys: dict[str, object]) -> bool:
        """Tell whether an event gets a line; give it the number of those that got none."""
        if verb not in RARE:
            return True
        last = self._written.get(verb)
        if last is not None and timedelta(0) <= at - last < WHILE:
            self._unwritten[verb] = self._unwritten.get(verb, 0) + 1
            return False
        self._written[verb] = at
        if others := self._unwritten.pop(verb, 0):
            keys["times"] = others + 1
        return True


def _line(at: datetime, verb: str, keys: dict[str, object]) -> str:
    words = [f"{name}={_quoted(str(value))}" for name, value in keys.items()]
    time = at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return " ".join([f"{time}Z", verb, *words]) + "\n"


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.isprintable()
    return text if plain else json.dumps(text)
