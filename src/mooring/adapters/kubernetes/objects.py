"""The API server as the store of NativePodNetwork objects (`core.npn.port.Objects`).

What is read comes from an informer's cache, so that it is there while the API server is away;
what is written goes to the server at once, and into the cache with the answer. Of each object
only what `core.npn` reads is kept, as compact JSON: with the agent's telling apart from the
rest, since it changes often and concerns few.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.follow import Following, Informer
from mooring.core.kube import change
from mooring.core.kube import meta as metas
from mooring.core.kube.cache import differ
from mooring.core.kube.errors import Away, Conflict, Missing, Present
from mooring.core.kube.meta import Owner
from mooring.core.kube.port import Hear
from mooring.core.kube.resource import NPNS, Scope
from mooring.core.npn import usage as usages
from mooring.core.npn.codec import (
    Unreadable,
    named,
    parse,
    parse_status,
    render,
    render_status,
)
from mooring.core.npn.port import Absent, Token
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.usage import Usage

USAGE = "usage"
TRIES = 4
"""Somebody else's change of an object in each of so many tries: then it is left to the next turn."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it is kept; both are JSON, `usage` may be null."""

    uid: str
    version: str
    owners: tuple[Owner, ...]
    plain: bytes
    usage: bytes


def following(
    scope: Scope | None = None, hear: Hear = lambda: None
) -> Following[Stored]:
    """Say what a store follows: all objects, or those of a scope."""
    return Following(resource=NPNS, read=_stored, scope=scope or Scope(), hear=hear)


class KubeObjects:
    """The objects that are in scope. Until the first list was read it is out of reach.

    `answer` is how many seconds a change may wait for its answer, the Api's own patience otherwise.
    """

    def __init__(
        self,
        api: Api,
        following_: Following[Stored] | None = None,
        answer: float | None = None,
    ) -> None:
        self._api = api.fork(answer)
        self._informer = Informer(api, following_ or following())
        self._seen: dict[bool, tuple[Token, Token]] = {}

    def wait(self, seconds: float) -> bool:
        """Wait until the first list was read, so long at most; tell whether it was."""
        return self._informer.wait(seconds)

    def trouble(self) -> OSError | None:
        """Give why the API server cannot be followed now, None when it is."""
        return self._informer.trouble()

    def close(self) -> None:
        """Stop; nothing of it is left when this returns."""
        self._informer.close()
        self._api.close()

    def names(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""
        self._reach()
        return self._informer.keys()

    def read(self, name: str) -> Npn:
        """Read spec and status; raise Absent or Unreadable."""
        document = self._document(name)
        return parse(document)

    def read_spec(self, name: str) -> Npn:
        """Read without the status, which stays empty; raise Absent or Unreadable."""
        return parse({**self._document(name), "status": None})

    def read_status(self, name: str) -> NpnStatus:
        """Read only the status, empty when there is none; raise Unreadable."""
        try:
            document = self._document(name)
        except Absent:
            return NpnStatus()
        return parse_status(document.get("status"))

    def owners(self, name: str) -> tuple[Owner, ...]:
        """Tell whose the object is; raise Absent or Unreadable."""
        return self._stored(name).owners

    def uid(self, name: str) -> str:
        """Give the object's uid; raise Absent or Unreadable."""
        return self._stored(name).uid

    def write(self, npn: Npn) -> None:
        """Put an object's spec (a changed one: generation + 1); the status stays.

        One that is not known and yet there is read first: only what differs is changed.
        """
        self._reach()
        document = _new(npn)
        try:
            before = self._document(npn.name)
        except (Absent, Unreadable):
            if self.create(npn):
                return
            before = dict(_mapping(self._now(npn.name)))
        self._rewrite(npn.name, before, document)

    def create(self, npn: Npn) -> bool:
        """Make an object; tell whether it was made: one that is there already stays as it is."""
        self._reach()
        try:
            self._informer.written(self._api.create(NPNS.path(), _new(npn)))
        except Present:
            return False
        return True

    def write_status(self, name: str, status: NpnStatus) -> None:
        """Put an object's status; raise Absent when there is no such object.

        What the agent tells of its pool stands there too, and stays. Where the server has another
        status than we know of it is a Conflict: of two who lead one after the other, the first
        undoes nothing.
        """
        before, version = self._status(name)
        wanted = change.replaced(_mapping(before), render_status(status))
        tries = 0
        while True:
            try:
                self._patch_status(name, wanted, version)
            except Conflict:
                tries += 1
                now, version = self._status_anew(name)
                if tries == TRIES or now != before:
                    raise
            else:
                return

    def read_usage(self, name: str) -> Usage | None:
        """Read what the agent told of its pool; None when it told nothing that can be read."""
        self._reach()
        try:
            told = json.loads(self._stored(name).usage)
            return None if told is None else usages.read(told)
        except (Absent, Unreadable):
            return None

    def write_usage(self, name: str, usage: Usage) -> None:
        """Put what the agent tells of its pool; nothing when the object is gone."""
        self._reach()
        try:
            before = json.loads(self._stored(name).usage)
            wanted = change.replaced(_mapping(before), usages.write(usage))
            self._patch_status(name, {USAGE: wanted})
        except (Absent, Unreadable):
            return

    def remove(self, name: str) -> None:
        """Take the object away, with all that is told of it; fine when it is gone already."""
        uid = self._informer.uid(name)
        try:
            answer = self._api.delete(NPNS.path(name=name))
        except Missing:
            answer = {}
        if isinstance(answer, dict) and answer.get("kind") == NPNS.kind:
            self._informer.written(answer)  # somebody's finalizer holds it
        else:
            self._informer.removed(name, uid)

    def changes(
        self, since: Token, *, usage: bool = False
    ) -> tuple[Token, frozenset[str]]:
        """Tell cheaply which names came, changed or went since that token."""
        self._reach()
        mark = self._informer.token()
        seen = self._seen.get(usage)
        if seen is None or seen[0] is not mark:
            seen = self._seen[usage] = mark, self._looks(usage=usage)
        return seen[1], differ(seen[1], since)

    def _looks(self, *, usage: bool) -> Token:
        looks: dict[str, Any] = {}
        for name in self.names():
            try:
                known = self._informer.get(name)
            except Unreadable as error:
                looks[name] = str(error)
                continue
            if known is not None:
                looks[name] = (known.plain, known.usage) if usage else known.plain
        return looks

    def _stored(self, name: str) -> Stored:
        self._reach()
        known = self._informer.get(name)
        if known is None:
            raise Absent(name)
        return known

    def _document(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._stored(name).plain)
        return document

    def _status(self, name: str) -> tuple[object, str]:
        """Give the status without the usage, and the version; nothing where it is broken."""
        try:
            stored = self._stored(name)
        except Unreadable:
            return None, ""
        return _status_of(stored), stored.version

    def _now(self, name: str) -> object:
        """Read an object from the server; raise Absent."""
        with self._absent_if_missing(name):
            document: object = self._api.get(NPNS.path(name=name))
        self._informer.written(document)
        return document

    def _status_anew(self, name: str) -> tuple[object, str]:
        """Give the same as the server has it now."""
        document = self._now(name)
        stored = _stored(document)
        return _status_of(stored), stored.version

    def _reach(self) -> None:
        if not self._informer.synced():
            raise self._informer.trouble() or Away(
                NPNS.path(), "the objects are not listed yet"
            )

    def _rewrite(
        self, name: str, before: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> None:
        spec = change.replaced(_mapping(before.get("spec")), wanted["spec"])
        old = _mapping(_mapping(before.get("metadata")).get("annotations"))
        new = _mapping(wanted["metadata"].get("annotations"))
        notes = {k: v for k, v in new.items() if old.get(k) != v}
        if wanted["spec"] == before.get("spec") and not notes:
            return
        patch = {
            "spec": spec,
            **({"metadata": {"annotations": notes}} if notes else {}),
        }
        self._patched(name, NPNS.path(name=name), patch)

    def _patch_status(
        self, name: str, status: Mapping[str, Any], version: str = ""
    ) -> None:
        """Patch it, of that version only where one is given."""
        lock = {"metadata": {"resourceVersion": version}} if version else {}
        path = NPNS.path(name=name, part="status")
        self._patched(name, path, {"status": status, **lock})

    def _patched(self, name: str, path: str, patch: Mapping[str, Any]) -> None:
        with self._absent_if_missing(name):
            self._informer.written(self._api.patch(path, patch))

    @contextlib.contextmanager
    def _absent_if_missing(self, name: str) -> Iterator[None]:
        """Hear that an object is gone: that one, not another that was made meanwhile."""
        uid = self._informer.uid(name)
        try:
            yield
        except Missing:
            self._informer.removed(name, uid)
            raise Absent(name) from None


def _new(npn: Npn) -> dict[str, Any]:
    """Write an object as it is put to the server."""
    document = render(replace(npn, name=named(npn.name), status=NpnStatus()))
    document.get("metadata", {}).pop("generation", None)  # the server counts
    return document


def _stored(document: object) -> Stored:
    """Keep of an object what is read of it; raise Unreadable when it is none."""
    meta = metas.read(document)
    body = metas.entity(document).mapping()
    status, usage = body.get("status"), None
    if isinstance(status, dict):
        status = dict(status)
        usage = status.pop(USAGE, None)
        status = status or None  # as it was before the agent said anything
    kept = {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata": {
            "name": meta.name,
            "generation": meta.generation or 1,
            "annotations": dict(meta.annotations),
            "uid": meta.uid,
            **({"deletionTimestamp": "set"} if meta.deleting else {}),
        },
        "spec": body.get("spec"),
        "status": status,
    }
    return Stored(meta.uid, meta.version, meta.owners, _compact(kept), _compact(usage))


def _status_of(stored: Stored) -> object:
    document: dict[str, Any] = json.loads(stored.plain)
    return document["status"]


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
