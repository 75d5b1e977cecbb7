"""Following a kind of objects: a thread that lists, watches, and keeps what it is told.

What to ask next and how long to wait is decided in `core.kube.informer`, what is known in
`core.kube.cache`; here is the thread, its connection and the lock between it and its readers.
"""

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube import informer
from mooring.core.kube.cache import Cache, Entry, Read, differ, entry
from mooring.core.kube.errors import Answer, Away, family
from mooring.core.kube.informer import Course, ListPage, Pace, WatchFrom
from mooring.core.kube.lines import Lines
from mooring.core.kube.port import Hear, Token
from mooring.core.kube.resource import EVERYTHING, Resource, Scope
from mooring.core.net.fields import Unreadable

T = TypeVar("T")
WATCH_SECONDS = 300
"""Seconds after which the server is asked to end a watch; up to half of it is added by chance."""
SPARE_SECONDS = 30
PACE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Following(Generic[T]):
    """What to follow, how an object is read, and who is told that something changed."""

    resource: Resource
    read: Read[T]
    scope: Scope = EVERYTHING
    hear: Hear = lambda: None
    pace: Pace = PACE
    chance: Callable[[], float] = random.random
    watch_seconds: int = WATCH_SECONDS


class Informer(Generic[T]):
    """Follows from when it is made until it is closed. It is a `core.kube.port.Followed`."""

    def __init__(self, api: Api, following: Following[T]) -> None:
        self._api, self._following = api.fork(), following
        self._cache: Cache[T] = Cache()
        self._course = Course()
        self._found: dict[str, Entry[T]] = {}
        self._trouble: OSError | None = None
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"follow {following.resource.plural}", daemon=True
        )
        self._thread.start()

    def synced(self) -> bool:
        """Tell whether a whole list was read once; before that the cache is empty."""
        with self._lock:
            return self._cache.synced

    def wait(self, seconds: float) -> bool:
        """Wait until it is synced, so long at most; tell whether it is."""
        with self._lock:
            return self._lock.wait_for(lambda: self._cache.synced, seconds)

    def trouble(self) -> OSError | None:
        """Give why the API server cannot be followed now, None when it is."""
        with self._lock:
            return self._trouble

    def keys(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""
        with self._lock:
            return sorted(self._cache.entries)

    def get(self, key: str) -> T | None:
        """Give an object, None when there is none; raise Unreadable when it is broken."""
        with self._lock:
            known = self._cache.entries.get(key)
        if known is None:
            return None
        if isinstance(known.value, Unreadable):
            error = known.value
            raise Unreadable(error.field, error.value, error.rule)
        return known.value

    def uid(self, key: str) -> str:
        """Give an object's uid, a broken one's too; "" when there is none."""
        with self._lock:
            known = self._cache.entries.get(key)
        return known.uid if known else ""

    def all(self) -> tuple[T, ...]:
        """Give all that can be read, in the order of their keys."""
        with self._lock:
            known = sorted(self._cache.entries.items())
        return tuple(
            each.value for _, each in known if not isinstance(each.value, Unreadable)
        )

    def token(self) -> Token:
        """Give what it looks like now; the same mapping as long as nothing changed."""
        with self._lock:
            return self._cache.token()

    def changes(self, since: Token) -> tuple[Token, frozenset[str]]:
        """Tell which keys came, changed or went since that token; at first since {}."""
        now = self.token()
        return now, differ(now, since)

    def written(self, document: object) -> None:
        """Take in what the server answered to a write of ours."""
        with contextlib.suppress(Unreadable):
            each = entry(document, self._following.read)
            with self._lock:
                changed = self._cache.written(each)
            self._told(changed=changed)

    def removed(self, key: str, uid: str) -> None:
        """Take in that the server has no such object any more; another one of its name stays."""
        with self._lock:
            changed = self._cache.removed(key, uid)
        self._told(changed=changed)

    def close(self) -> None:
        """Stop following; nothing of it is left when this returns."""
        self._stopping.set()
        self._api.shut()
        self._thread.join()
        self._api.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            error: Exception | None = None
            step = self._course.step()
            try:
                self._turn(step)
            except (OSError, Unreadable) as why:
                error = why
            except Exception as why:  # noqa: BLE001 - it has to go on, whatever it met
                error = Away(self._path(), f"{type(why).__name__}: {why}")
            if error is not None:
                self._failed(error)
            pace, chance = self._following.pace, self._following.chance()
            rest = informer.wait(self._course, pace, chance, error, step)
            if rest:
                self._stopping.wait(rest)

    def _turn(self, step: ListPage | WatchFrom) -> None:
        match step:
            case ListPage():
                self._list(step)
            case WatchFrom():
                self._watch(step)

    def _failed(self, error: Exception) -> None:
        self._course = self._course.failed(error)
        known = error if isinstance(error, OSError) else Away(self._path(), str(error))
        with self._lock:
            self._trouble = known

    def _list(self, asked: ListPage) -> None:
        if not asked.continues:
            self._found = {}
        query = {**self._following.scope.query(), **asked.query()}
        page = informer.page(self._api.get(self._path(), query))
        for item in page.items:
            with contextlib.suppress(Unreadable):  # without a name it is nobody's
                each = entry(item, self._following.read)
                self._found[each.key] = each
        if not page.continues:
            self._listed(page.version)
        self._course = self._course.turned(page)

    def _listed(self, version: str) -> None:
        with self._lock:
            changed = self._cache.listed(self._found, version)
            self._trouble = None
            self._lock.notify_all()
        self._found = {}
        self._told(changed=changed)

    def _watch(self, asked: WatchFrom) -> None:
        seconds = round(
            self._following.watch_seconds * (1 + self._following.chance() / 2)
        )
        query = {**self._following.scope.query(), **asked.query(seconds)}
        lines, began = Lines(), time.monotonic()
        silence = seconds + SPARE_SECONDS
        try:
            with self._api.stream(self._path(), query, silence) as chunks:
                with self._lock:
                    self._trouble = None
                for chunk in chunks:
                    self._hear(lines.feed(chunk))
        finally:
            lived = time.monotonic() - began
            self._course = self._course.lasted(lived)
        self._course = self._course.ended(lived)

    def _hear(self, lines: list[bytes]) -> None:
        changed = False
        try:
            for line in lines:
                told = _told(line)
                if told.kind == "ERROR":
                    raise family(
                        Answer(call=self._path(), status=500, body=told.object)
                    )
                with self._lock:
                    changed |= self._take(told)
                self._course = self._course.heard(told.version)
        finally:
            self._told(changed=changed)

    def _take(self, told: informer.Told) -> bool:
        if told.kind == "BOOKMARK":
            self._cache.passed(told.version)
            return False
        each = entry(told.object, self._following.read)
        return self._cache.told(each, deleted=told.kind == "DELETED")

    def _told(self, *, changed: bool) -> None:
        if changed:
            with contextlib.suppress(RuntimeError):  # an event loop that has ended
                self._following.hear()

    def _path(self) -> str:
        return self._following.resource.path(self._following.scope.namespace)


def _told(line: bytes) -> informer.Told:
    try:
        return informer.told(json.loads(line))
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        shown = line[:60].decode(errors="replace")
        raise Unreadable("event", shown, "must be JSON") from None
