r"""How a kind of objects is followed: a list in pages, then a watch that goes on from it.

Theory of operation. A `Course` says where a follower stands, `step` what it asks next, and
what comes of it makes the next course:

    listing --last page--> watching --torn, ended, 429, 5xx--> watching, from the same version
       ^  \--page--> listing            \--410, unreadable------> listing
       \-- continue token expired: once more, all in one answer

The version to go on from moves with every event and with every bookmark, so that a torn stream
is resumed where it tore. What was told twice is known by its version (`cache`). No turn of
this wheel is without a pause that grows, unless something was heard in between: neither a
server that hangs up at once nor one that answers every watch with 410 makes a busy loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mooring.core.kube.errors import Gone, KubeError
from mooring.core.net.fields import Field, Unreadable

LIMIT = 100
"""Objects of one page. Of 250, a page of pods on its way through JSON costs an agent 3 MiB more."""
MOST_ITEMS = 1 << 20
SHORT = 1.0
"""Seconds; a watch that ends sooner, without a word, is a failure."""
STEADY = 10.0
"""Seconds; a watch that lived so long, heard or not, is no failure of those before it."""
KINDS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait after failures: `first`, doubled up to `most`, and up to half again."""

    first: float = 0.8
    most: float = 30.0

    def pause(self, failures: int, chance: float, least: float | None = None) -> float:
        """Give the seconds to wait after so many failures; `chance` is in [0, 1)."""
        doubled: float = self.first * 2 ** min(max(failures - 1, 0), 16)
        base = min(doubled, self.most)
        return max(base * (1 + chance / 2), least or 0.0)


@dataclass(frozen=True, slots=True)
class ListPage:
    """Ask for a page; limit 0 is all in one answer."""

    limit: int
    continues: str = ""

    def query(self) -> Mapping[str, str]:
        """Give it as parameters of the call."""
        asked = {"limit": str(self.limit or ""), "continue": self.continues}
        return {key: value for key, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class WatchFrom:
    """Ask for what happened after a version."""

    version: str

    def query(self, seconds: int) -> Mapping[str, str]:
        """Give it as parameters of the call, which the server ends after `seconds`."""
        return {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.version,
            "timeoutSeconds": str(seconds),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a follower stands; `version` is empty while it lists."""

    version: str = ""
    continues: str = ""
    paged: bool = True
    failures: int = 0

    def step(self) -> ListPage | WatchFrom:
        """Say what to ask next."""
        if self.version:
            return WatchFrom(self.version)
        return ListPage(LIMIT if self.paged else 0, self.continues)

    def turned(self, page: "Page") -> "Course":
        """Go on after a page: to the next one, or to the watch."""
        if page.continues:
            return replace(self, continues=page.continues)
        return Course(version=page.version, failures=self.failures)

    def heard(self, version: str) -> "Course":
        """Go on after an event or a bookmark."""
        return replace(self, version=version, failures=0)

    def failed(self, error: Exception) -> "Course":
        """Go on after an error: from the same place where that can be, else from the start."""
        failures = self.failures + 1
        if isinstance(error, Gone | Unreadable):
            expired = bool(self.continues)
            return Course(paged=not expired, failures=failures)
        return replace(self, failures=failures)

    def ended(self, lived: float) -> "Course":
        """Go on after the watch ended as it should, `lived` seconds after it began."""
        failures = 0 if lived >= SHORT else self.failures + 1
        return replace(self, failures=failures)

    def lasted(self, lived: float) -> "Course":
        """Forget earlier failures after a watch that was steady, however it ends."""
        return replace(self, failures=0) if lived >= STEADY else self


def wait(
    course: Course,
    pace: Pace,
    chance: float,
    error: object = None,
    step: ListPage | WatchFrom | None = None,
) -> float:
    """Give the seconds to wait after a step; a page that was answered is followed at once.

    Else whoever was away for long would wait before each page, and be deaf after the last.
    """
    if not course.failures or (error is None and isinstance(step, ListPage)):
        return 0.0
    asked = error.retry_after if isinstance(error, KubeError) else None
    return pace.pause(course.failures, chance, asked)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list."""

    items: tuple[Any, ...]
    version: str
    continues: str = ""


def page(document: object) -> Page:
    """Read a list's page; its items stay as they are. Raise Unreadable."""
    root = Field("", document)
    meta = root.at("metadata")
    continues = meta.at("continue").either(lambda f: f.text(1 << 16, 0), "")
    return Page(
        tuple(each.value for each in root.at("items").items(MOST_ITEMS)),
        meta.at("resourceVersion").text(128, 0 if continues else 1),
        continues,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a watch; `version` is empty for an ERROR, whose object is a Status."""

    kind: str
    object: Mapping[str, Any]
    version: str = ""


def told(document: object) -> Told:
    """Read an event; its object stays as it is. Raise Unreadable."""
    event = Field("", document)
    kind = event.at("type").one_of(*KINDS)
    body = event.at("object")
    if kind == "ERROR":
        return Told(kind, body.mapping())
    version = body.at("metadata").at("resourceVersion").text(128)
    return Told(kind, body.mapping(), version)
