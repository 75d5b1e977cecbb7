"""The store of objects on a cluster, with what their nodes say of them, and people told.

An object's pool follows its node's labels where it says nothing itself, and the kubelet's max-pods is
compared with it: both come from the node, so a change of the node is a change of the object. While
nobody knows the node, the pool stays as its status says, and one that has none does not begin. While
a broken line stands where the node's may be, it stays too, but one that has none begins by the others.
What is written is told as events.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Node
from mooring.core.kube.port import Events, Note, Reference
from mooring.core.kube.resource import NPNS
from mooring.core.net.fields import Unreadable
from mooring.core.npn import policy
from mooring.core.npn.metadata import name_of
from mooring.core.npn.nodepools import NodePool, chosen, keeps
from mooring.core.npn.notes import REMOVED, notes
from mooring.core.npn.policy import PREALLOCATE
from mooring.core.npn.port import Absent, Objects, Token
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.usage import Usage


class Stored(Objects, Protocol):
    """Objects of an API server: each has a uid, which its events name, and may have owners."""

    def create(self, npn: Npn) -> bool:
        """Make an object; tell whether it was made: one that is there already stays as it is."""

    def uid(self, name: str) -> str:
        """Give the object's uid; raise Absent or Unreadable."""

    def owners(self, name: str) -> tuple[Owner, ...]:
        """Tell whose the object is; raise Absent or Unreadable."""


class Watching(Protocol):
    """Who wants to know of every status, `controller.meter` for one."""

    def status(self, name: str, status: NpnStatus) -> None:
        """Hear of a status that was read or written."""

    def removed(self, name: str) -> None:
        """Hear that an object is gone."""

    def told(self, note: Note) -> None:
        """Hear of an event."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an object's node says of it: how many pods it allows, which pool's line selects it.

    `known` is False while nobody knows which node it is; `keeps` where an object that has a pool keeps it.
    """

    pods: int | None = None
    pool: str | None = None
    known: bool = False
    keeps: bool = False


class ClusterObjects:
    """Objects with their nodes' say. `nodes` are the objects' nodes as far as they are known."""

    def __init__(
        self,
        inner: Stored,
        nodes: Mapping[str, Node],
        pools: Callable[[], tuple[NodePool, ...]],
        events: Events,
        watching: Watching,
    ) -> None:
        self._inner, self._nodes, self._ask = inner, nodes, pools
        self._pools = pools()
        self._events, self._watching = events, watching
        self._said: dict[str, tuple[Node, tuple[NodePool, ...], Said]] = {}
        self._going: dict[str, Reference] = {}
        self._asking = threading.Lock()
        self._leaving = threading.Lock()

    def names(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""
        return self._inner.names()

    def read(self, name: str) -> Npn:
        """Read spec and status; raise Absent or Unreadable."""
        npn = self._inner.read(name)
        return self._with(npn, lambda: npn.status)

    def read_spec(self, name: str) -> Npn:
        """Read without the status, which stays empty; raise Absent or Unreadable."""
        npn = self._inner.read_spec(name)
        return self._with(npn, lambda: self._inner.read_status(name))

    def read_status(self, name: str) -> NpnStatus:
        """Read only the status, empty when there is none; raise Unreadable."""
        status = self._inner.read_status(name)
        self._watching.status(name, status)
        return status

    def owners(self, name: str) -> tuple[Owner, ...]:
        """Tell whose the object is; raise Absent or Unreadable."""
        return self._inner.owners(name)

    def write(self, npn: Npn) -> None:
        """Put an object's spec; the status stays."""
        self._inner.write(npn)

    def create(self, npn: Npn) -> bool:
        """Make an object; tell whether it was made: one that is there already stays as it is."""
        return self._inner.create(npn)

    def write_status(self, name: str, status: NpnStatus) -> None:
        """Put an object's status and tell what is new; raise Absent when there is no such object."""
        try:
            before = self._inner.read_status(name)
        except Unreadable:
            before = NpnStatus()
        self._inner.write_status(name, status)
        self._watching.status(name, status)
        for note in notes(before, status):
            self.tell(name, note)

    def read_usage(self, name: str) -> Usage | None:
        """Read what the agent told of its pool; None when it told nothing that can be read."""
        return self._inner.read_usage(name)

    def write_usage(self, name: str, usage: Usage) -> None:
        """Put what the agent tells of its pool."""
        self._inner.write_usage(name, usage)

    def remove(self, name: str) -> None:
        """Take the object away; fine when it is gone already, which is not told again."""
        # Locked: whoever sees it go tells by what stands here, or has told, and it is Absent.
        with self._leaving, contextlib.suppress(Absent):
            self._going[name] = self._there(name)
        self._inner.remove(name)
        self._gone(name)

    def tell(self, name: str, note: Note) -> None:
        """Tell an event of an object."""
        self._watching.told(note)
        self._events.tell(self._about(name), note)

    def changes(
        self, since: Token, *, usage: bool = False
    ) -> tuple[Token, frozenset[str]]:
        """Tell which names came, changed or went; a node that says something else counts."""
        with self._asking:  # two loops ask, each for its own kind of changes
            marks, _ = self._inner.changes({}, usage=usage)
            self._pools = self._ask()
        now = {name: (mark, self._of(name)) for name, mark in marks.items()}
        differ = {n for n in now.keys() | since.keys() if now.get(n) != since.get(n)}
        for name in differ - now.keys():
            self._gone(name)
        return now, frozenset(differ)

    def _gone(self, name: str) -> None:
        """Tell once that an object is gone: as the answer says, or, when that was lost, as it is seen."""
        self._watching.removed(name)
        self._said.pop(name, None)
        with self._leaving:
            about = self._going.pop(name, None)
        if about:
            self._watching.told(REMOVED)
            self._events.tell(about, REMOVED)

    def _about(self, name: str) -> Reference:
        try:
            return self._there(name)
        except Absent:
            return Reference(resource=NPNS, name=name)

    def _there(self, name: str) -> Reference:
        """Give what events name of an object that is there; raise Absent."""
        try:
            uid = self._inner.uid(name)
        except Unreadable:
            uid = ""
        return Reference(resource=NPNS, name=name, uid=uid)

    def _with(self, npn: Npn, status: Callable[[], NpnStatus]) -> Npn:
        """Add what the node says; while it is not known the pool stays as it is."""
        wanted = name_of(npn.spec.id)
        if npn.name != wanted:
            rule = (
                f"must be {wanted}, the end of spec.id: the node's agent asks for that"
            )
            raise Unreadable("metadata.name", npn.name, rule)
        said = self._of(npn.name)
        alone = not said.known and not self._inner.owners(npn.name)
        npn = replace(npn, kubelet_pods=said.pods, alone=alone)
        if npn.pool is not None:
            return npn
        if (said.known and not said.keeps) or not self._pools:
            return replace(npn, pool=said.pool)
        now = _read(status)
        if now.pool:
            return replace(npn, pool=policy.say(now.pool.policy))
        if now.vnics:
            return replace(npn, pool=PREALLOCATE)
        return replace(npn, pool=said.pool, unplaced=not said.known)

    def _of(self, name: str) -> Said:
        node = self._nodes.get(name)
        if node is None:
            self._said.pop(name, None)
            return Said()
        known, pools = self._said.get(name), self._pools
        if known is None or known[0] is not node or known[1] is not pools:
            line = chosen(pools, node.labels)
            pool = policy.say(line.policy) if line else None
            kept = keeps(pools, node.labels)
            said = Said(node.most_pods, pool, known=True, keeps=kept)
            known = self._said[name] = node, pools, said
        return known[2]


def _read(status: Callable[[], NpnStatus]) -> NpnStatus:
    try:
        return status()
    except Unreadable:
        return NpnStatus()
