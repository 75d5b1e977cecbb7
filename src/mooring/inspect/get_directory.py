"""A directory of NativePodNetwork objects as what `mooring get` shows; it knows nothing else."""

import time
from collections.abc import Mapping, Sequence
from typing import Never

from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.port import Absent, Token
from mooring.core.npn.shown import things
from mooring.core.npn.shown.things import EventSeen, NpnSeen
from mooring.core.npn.shown.view import Source, instance
from mooring.inspect.get import ALL, Stale, Unshown

TURN = 0.2
"""Seconds between two looks at the directory while it is watched."""


class Directory:
    """Objects in files."""

    knows = frozenset({Source.NPNS})

    def __init__(self, objects: ObjectDirectory) -> None:
        self._objects = objects
        self._seen: Token = {}

    def npns(self, of: frozenset[str] = ALL) -> Sequence[NpnSeen]:
        """Give the objects; one that cannot be read has a name only, and why."""
        try:
            self._seen, _ = self._objects.changes({}, usage=True)
            found = [self._npn(name) for name in self._objects.names()]
        except OSError as why:
            raise Unshown(_words(why)) from why
        here = [npn for npn in found if npn is not None]
        return [npn for npn in here if not of or of & {npn.meta.name, instance(npn)}]

    def nodes(self) -> Never:
        """Refuse: there are none."""
        raise _foreign(Source.NODES)

    def pods(self, node: str = "") -> Never:  # noqa: ARG002 - a directory holds none
        """Refuse: there are none."""
        raise _foreign(Source.PODS)

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:  # noqa: ARG002 - a directory holds none
        """Give none."""
        return ()

    def wait(self) -> Mapping[Source, Stale]:
        """Return when a file has changed since the last look."""
        try:
            while not self._objects.changes(self._seen, usage=True)[1]:
                time.sleep(TURN)
        except OSError as why:
            raise Unshown(_words(why)) from why
        return {}

    def _npn(self, name: str) -> NpnSeen | None:
        try:
            found = things.npn(self._objects.document(name))
        except Absent:
            return None
        except Unreadable as why:
            return things.npn({"metadata": {"name": name}}, str(why))
        if found.meta.name == name:
            return found
        # The file is what the agent asks for; what it calls itself is what is wrong.
        wrong = f"metadata.name: {found.meta.name!r}: must be {name}, as the file"
        return things.npn({"metadata": {"name": name}}, wrong)


def _foreign(source: Source) -> Unshown:
    return Unshown(
        f"a directory of objects knows no {source.value}: leave --npn-dir out and"
        " name a cluster by --kubeconfig"
    )


def _words(why: OSError) -> str:
    place = f"{why.filename}: " if why.filename else ""
    return f"{place}{why.strerror or why}; --npn-dir is the agent's and controller's"
