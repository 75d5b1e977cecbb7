"""Which events are told, and how: repeated ones are counted, similar ones put together.

client-go's rules: what is told again is counted in the series of the first; of more than ten
that differ only in their text within ten minutes one speaks for all; an object that makes
more than 25 at once is heard once in five minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import EVENTS

SIMILAR, SIMILAR_SECONDS = 10, 600.0
BURST, REFILL_SECONDS = 25.0, 300.0
SERIES_SECONDS = 360.0
"""A series that nothing was added to for so long has ended."""
MOST = 4096
"""Series and objects that are remembered; beyond that the oldest are forgotten."""
LONGEST_NOTE = 1024
COMBINED = "(combined from similar events): "


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells: `component` as `nativepodnetwork`, `instance` as the pod's name."""

    component: str
    instance: str


@dataclass(frozen=True, slots=True)
class Make:
    """Make a new event."""

    namespace: str
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Count:
    """Say of an event made before that it happened again."""

    namespace: str
    name: str
    body: Mapping[str, Any]


Key = tuple[str, ...]


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float


@dataclass(slots=True)
class _Budget:
    left: float
    at: float


@dataclass(slots=True)
class _Group:
    since: float
    texts: set[str] = field(default_factory=set)


class Events:
    """Remembers what was told. `now` is a clock that does not jump, `stamp` the time as text."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._series: dict[Key, _Series] = {}
        self._budgets: dict[Key, _Budget] = {}
        self._groups: dict[Key, _Group] = {}

    def tell(
        self, about: Reference, note: Note, now: float, stamp: str
    ) -> Make | Count | None:
        """Say what to write, None for nothing; `stamp` is the wall clock's as MicroTime."""
        thing = (about.resource.kind, about.namespace, about.name, about.uid)
        if not self._allowed(thing, now):
            return None
        text = self._text(thing, note, now)
        key = (*thing, note.reason, note.action, str(note.warning), text)
        known = self._series.pop(key, None)
        if known and now - known.last < SERIES_SECONDS:
            self._series[key] = _Series(known.name, known.count + 1, now)
            return _count(about, self._series[key], stamp)
        name = _name(about.name, stamp, len(self._series))
        _remember(self._series, key, _Series(name, 1, now))
        return self._make(about, note, text, (name, stamp))

    def forget(self, name: str) -> None:
        """Hear that the event of that name is gone: the next time it is made anew."""
        self._series = {k: s for k, s in self._series.items() if s.name != name}

    def _allowed(self, thing: Key, now: float) -> bool:
        known = self._budgets.pop(thing, None) or _Budget(BURST, now)
        left = min(known.left + (now - known.at) / REFILL_SECONDS, BURST)
        allowed = left >= 1
        _remember(self._budgets, thing, _Budget(left - allowed, now))
        return allowed

    def _text(self, thing: Key, note: Note, now: float) -> str:
        """Give the text; one that stands for all when there were too many similar ones."""
        key = (*thing, note.reason, note.action, str(note.warning))
        group = self._groups.pop(key, None)
        if group is None or now - group.since > SIMILAR_SECONDS:
            group = _Group(now)
        if len(group.texts) <= SIMILAR:
            group.texts.add(note.text[:LONGEST_NOTE])
        _remember(self._groups, key, group)
        if len(group.texts) > SIMILAR:
            return f"{COMBINED}{note.reason}"
        return note.text[:LONGEST_NOTE]

    def _make(
        self, about: Reference, note: Note, text: str, named: tuple[str, str]
    ) -> Make:
        name, stamp = named
        if text.startswith(COMBINED):
            text = (COMBINED + note.text)[:LONGEST_NOTE]
        namespace = _namespace(about)
        return Make(
            namespace,
            name,
            {
                "apiVersion": EVENTS.api_version,
                "kind": EVENTS.kind,
                "metadata": {"name": name, "namespace": namespace},
                "eventTime": stamp,
                "reportingController": self._teller.component,
                "reportingInstance": self._teller.instance[:128],
                "action": note.action[:128],
                "reason": note.reason[:128],
                "type": "Warning" if note.warning else "Normal",
                "note": text,
                "regarding": _regarding(about),
            },
        )


def _count(about: Reference, series: _Series, stamp: str) -> Count:
    body = {"series": {"count": series.count, "lastObservedTime": stamp}}
    return Count(_namespace(about), series.name, body)


def _namespace(about: Reference) -> str:
    """Give where an event stands: with its object, or in `default` for cluster-wide ones."""
    return about.namespace or "default"


def _regarding(about: Reference) -> Mapping[str, str]:
    said = {
        "apiVersion": about.resource.api_version,
        "kind": about.resource.kind,
        "name": about.name,
        "namespace": about.namespace,
        "uid": about.uid,
    }
    return {key: value for key, value in said.items() if value}


def _name(about: str, stamp: str, turn: int) -> str:
    """Make a name: the object's, and the moment's."""
    digits = "".join(c for c in stamp if c.isdigit())
    return f"{about[:200]}.{int(digits or 0):x}{turn % 4096:03x}"


def _remember(table: dict[Key, Any], key: Key, value: object) -> None:
    """Keep it, as the youngest; forget the oldest beyond the limit."""
    table[key] = value
    while len(table) > MOST:
        del table[next(iter(table))]
