"""The agent's voice: events as lines on standard error."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Hear = Callable[[str, Mapping[str, object]], None]

MOMENT = 0.02
RARE = frozenset({"reused-early"})
"""What a full node under churn says of every pod: one line in a while, with how many there were."""

WHILE = timedelta(minutes=1)
Event = tuple[datetime, str, dict[str, object]]
_PLAIN = re.compile(r'[^ "=]+')


@dataclass(slots=True)
class Held:
    """How many events of a verb have no line yet, what the last one said, and what writes it."""

    timer: asyncio.TimerHandle
    keys: dict[str, object]
    times: int = 0


class Log:
    """Writes events to standard error, one line each.

    A line is made and written a moment later, with those that came meanwhile: answers go first.
    Of RARE verbs one line is written in a WHILE; `times` says for how many events it stands. Those
    that got none have a line with the last one's words when the WHILE is over, or at the end.
    `hear` is told of every event after that.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every: timedelta = WHILE,
    ) -> None:
        self.hear: Hear | None = None
        self._now = now
        self._every = every
        self._written: dict[str, datetime] = {}
        self._held: dict[str, Held] = {}
        self._events: list[Event] = []

    def __call__(self, verb: str, /, **keys: object) -> None:
        """Write one event."""
        if not self._events:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
        self._events.append((self._now(), verb, keys))

    def flush(self) -> None:
        """Write what waits, but for what is held back."""
        events, self._events = self._events, []
        _write([event for event in events if self._is_told(*event)])
        if self.hear is not None:
            for _, verb, keys in events:
                self.hear(verb, keys)

    def end(self) -> None:
        """Write all, as nothing comes after it."""
        self.flush()
        for verb in [*self._held]:
            self._release(verb)

    def _is_told(self, at: datetime, verb: str, keys: dict[str, object]) -> bool:
        """Tell whether an event gets a line; give it the number of those that got none."""
        if verb not in RARE:
            return True
        last = self._written.get(verb)
        if last is not None and timedelta(0) <= at - last < self._every:
            self._hold(verb, keys, self._every - (at - last))
            return False
        self._written[verb] = at
        if held := self._held.pop(verb, None):
            held.timer.cancel()
            keys["times"] = held.times + 1
        return True

    def _hold(self, verb: str, keys: dict[str, object], rest: timedelta) -> None:
        held = self._held.get(verb)
        if held is None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(rest.total_seconds(), self._release, verb)
            held = self._held[verb] = Held(timer, keys)
        held.keys = keys
        held.times += 1

    def _release(self, verb: str) -> None:
        """Write a line for those that got none."""
        held = self._held.pop(verb)
        held.timer.cancel()
        at = self._written[verb] = self._now()
        times = {"times": held.times} if held.times > 1 else {}
        _write([(at, verb, held.keys | times)])


def _write(events: list[Event]) -> None:
    sys.stderr.write("".join(_line(*event) for event in events))
    sys.stderr.flush()


def _line(at: datetime, verb: str, keys: dict[str, object]) -> str:
    words = [f"{name}={_quoted(str(value))}" for name, value in keys.items()]
    time = at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return " ".join([f"{time}Z", verb, *words]) + "\n"


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.isprintable()
    return text if plain else json.dumps(text)
