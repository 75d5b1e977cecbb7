"""The objects of one kind as they were told last.

Three tell of them: a list, the watch that goes on from it, and the answers to our own
writes, so that who writes sees at once what he wrote. They overlap: an answer may come
before the watch tells of it or long after. Resource versions settle it. Those of one kind
grow (which Kubernetes promises since 1.35), so what is older than what we have says nothing
new, and an answer that is no newer than what the watch has told is told already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mooring.core.kube import meta as metas
from mooring.core.net.fields import Unreadable

T = TypeVar("T")
Read = Callable[[object], T]


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One object, or what is wrong with it."""

    key: str
    uid: str
    version: str
    value: T | Unreadable


def entry(document: object, read: Read[T]) -> Entry[T]:
    """Read an object; raise Unreadable only when not even its name can be read."""
    value: T | Unreadable
    try:
        meta = metas.read(document)
        key, uid, version = meta.key, meta.uid, meta.version
    except Unreadable as error:
        key, uid, version = _named(document)
        return Entry(key, uid, version, error)
    try:
        value = read(document)
    except Unreadable as error:
        value = error
    return Entry(key, uid, version, value)


def newer(version: str, than: str) -> bool:
    """Tell whether a version is newer; one that is no number is, unless it is the same."""
    if _number(version) and _number(than):
        return int(version) > int(than)
    return version != than


class Cache(Generic[T]):
    """The entries by key. `version` is how far list and watch have told."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry[T]] = {}
        self.version = ""
        self.synced = False
        self._leaving: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        self._token: Mapping[str, str] | None = {}

    def listed(self, found: Mapping[str, Entry[T]], version: str) -> bool:
        """Take a whole list in; tell whether that changed anything.

        What we wrote after the list was made stays: the watch will tell of it. What we
        deleted meanwhile does not come back.
        """
        fresh = dict(found)
        self._leaving = {k: u for k, u in self._leaving.items() if k in fresh}
        for key, uid in self._leaving.items():
            if fresh[key].uid == uid:
                del fresh[key]
        self._ours = {k: v for k, v in self._ours.items() if newer(v, version)}
        fresh.update((k, self.entries[k]) for k in self._ours if k in self.entries)
        changed = not self.synced or _versions(fresh) != _versions(self.entries)
        self.entries, self.version, self.synced = fresh, version, True
        if changed:
            self._token = None
        return changed

    def told(self, each: Entry[T], *, deleted: bool = False) -> bool:
        """Take an event of the watch in; tell whether that changed anything."""
        self.passed(each.version)
        if not deleted:
            return self._put(each)
        self._leaving.pop(each.key, None)
        known = self.entries.get(each.key)
        if known is None or newer(known.version, each.version):
            return False  # made anew by us, after this one went
        self._drop(each.key)
        return True

    def passed(self, version: str) -> None:
        """Hear that nothing else happened up to that version (a bookmark)."""
        self.version = version
        if self._ours:
            self._ours = {k: v for k, v in self._ours.items() if newer(v, version)}

    def written(self, each: Entry[T]) -> bool:
        """Take the answer to a write of ours in; tell whether that changed anything."""
        if self.version and not newer(each.version, self.version):
            return False
        self._ours[each.key] = each.version
        return self._put(each)

    def removed(self, key: str, uid: str) -> bool:
        """Hear that we have deleted an object; tell whether that changed anything.

        The watch may have told of its successor by now.
        """
        known = self.entries.get(key)
        if known is None or known.uid != uid:
            return False
        self._leaving[key] = known.uid
        self._drop(key)
        return True

    def token(self) -> Mapping[str, str]:
        """Give the version of every object; the same mapping as long as nothing changed."""
        if self._token is None:
            self._token = _versions(self.entries)
        return self._token

    def _put(self, each: Entry[T]) -> bool:
        known = self.entries.get(each.key)
        if known and not newer(each.version, known.version):
            return False
        if each.uid and self._leaving.get(each.key) == each.uid:
            return False  # deleted by us: the watch has yet to come that far
        self.entries[each.key] = each
        self._token = None
        return True

    def _drop(self, key: str) -> None:
        del self.entries[key]
        self._token = None


def differ(now: Mapping[str, object], since: Mapping[str, object]) -> frozenset[str]:
    """Name the keys that came, changed or went between two tokens."""
    if now is since:
        return frozenset()
    return frozenset(k for k in now.keys() | since.keys() if now.get(k) != since.get(k))


def _versions(entries: Mapping[str, Entry[T]]) -> dict[str, str]:
    return {key: f"{each.uid}@{each.version}" for key, each in entries.items()}


def _number(version: str) -> bool:
    return version.isascii() and version.isdigit()


def _named(document: object) -> tuple[str, str, str]:
    """Read only what an object is called and its version."""
    meta = metas.entity(document).at("metadata")
    namespace = meta.at("namespace").either(lambda f: f.text(63, 0), "")
    return (
        metas.key_of(namespace, meta.at("name").text(253)),
        meta.at("uid").either(lambda f: f.text(128, 0), ""),
        meta.at("resourceVersion").either(lambda f: f.text(128, 0), ""),
    )
