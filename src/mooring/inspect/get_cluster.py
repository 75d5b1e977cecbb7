"""A cluster as what `mooring get` shows: everything is followed, so that a watch is a second look."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.core.kube.errors import Forbidden, KubeError, Missing, Unauthorized
from mooring.core.kube.port import Followed, Token
from mooring.core.kube.resource import EVENTS, NODES, NPNS, PODS, Resource
from mooring.core.npn.shown import things
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen
from mooring.core.npn.shown.view import Source, instance
from mooring.inspect.get import ALL, Stale, Unshown

FINAL = (Forbidden, Missing, Unauthorized)
TURN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that the API server has.

    `answer`: for a first answer; `away`: for one after a call that failed, long enough for the
    next call; `closed`: for one where nobody listens; `lasting`: until it is told that what is
    watched cannot be followed, as an API server that starts anew refuses for a moment what it
    allows.
    """

    answer: float = 15.0
    away: float = 2.5
    closed: float = 1.0
    lasting: float = 3.0


@dataclass(frozen=True, slots=True)
class Lasting:
    """Trouble of one family, for how many seconds, and what was last told of what has it."""

    final: bool
    seconds: float
    told: Stale | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is followed: a kind, chosen by a field selector; objects by names that mean them."""

    resource: Resource
    fields: str = ""
    of: frozenset[str] = ALL


Follow = Callable[[Asked], Followed[Any]]
"""Begin to follow; what is not asked for by name may be None, which is small."""
USUAL = Patience()


class Cluster:
    """What an API server has."""

    knows = frozenset(Source)

    def __init__(self, follow: Follow, patience: Patience = USUAL) -> None:
        self._follow = follow
        self._patience = patience
        self._followed: dict[Asked, Followed[Any]] = {}
        self._seen: dict[Asked, Token] = {}
        self._blind: set[Asked] = set()
        self._lasting: dict[Asked, Lasting] = {}
        self._stale: Mapping[Source, Stale] = {}

    def npns(self, of: frozenset[str] = ALL) -> Sequence[NpnSeen]:
        """Give all objects, or those that one of these names means."""
        return self._all(Asked(NPNS, of=of))

    def nodes(self) -> Sequence[NodeSeen]:
        """Give all nodes."""
        return self._all(Asked(NODES))

    def pods(self, node: str = "") -> Sequence[PodSeen]:
        """Give all pods, or a node's."""
        return self._all(Asked(PODS, f"spec.nodeName={node}" if node else ""))

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:
        """Give the events about things of these names."""
        return [
            event
            for name in sorted(names)
            for event in self._all(Asked(EVENTS, f"regarding.name={name}"))
        ]

    def wait(self) -> Mapping[Source, Stale]:
        """Return when something has changed of what was given, or can(not) be followed."""
        while True:
            if any(f.changes(self._seen[a])[1] for a, f in self._followed.items()):
                return self._stale
            stale = self._troubles()
            before, self._stale = self._stale, stale
            if _kinds(stale) != _kinds(before):
                return stale
            time.sleep(TURN)

    def close(self) -> None:
        """Follow nothing any more."""
        for followed in self._followed.values():
            followed.close()

    def _troubles(self) -> Mapping[Source, Stale]:
        """Say what was given and cannot be followed, for so long that it is no accident."""
        stale: dict[Source, Stale] = {}
        for asked in self._followed.keys() - self._blind:
            lasting = self._lasts(asked, self._followed[asked].trouble())
            if lasting and lasting.told:
                stale[Source(asked.resource.plural)] = lasting.told
        return stale

    def _lasts(self, asked: Asked, trouble: OSError | None) -> Lasting | None:
        """Count for how long a trouble lasts; one of another family is counted from its begin."""
        before = self._lasting.pop(asked, None)
        if trouble is None:
            return None
        final = isinstance(trouble, FINAL)
        told = before.told if before else None
        seconds = before.seconds if before and before.final == final else 0.0
        seconds += TURN
        if seconds >= self._patience.lasting:
            told = Stale(words(asked.resource, trouble), final)
        found = self._lasting[asked] = Lasting(final, seconds, told)
        return found

    def _all(self, asked: Asked) -> Sequence[Any]:
        if asked not in self._followed:
            self._followed[asked] = self._follow(asked)
        followed = self._followed[asked]
        self._seen[asked] = {}
        self._blind.add(asked)
        waited = 0.0
        while not followed.wait(TURN):
            waited += TURN
            trouble = followed.trouble()
            if isinstance(trouble, FINAL) or waited >= self._has(trouble):
                raise Unshown(words(asked.resource, trouble))
        self._blind.discard(asked)
        self._seen[asked], _ = followed.changes({})
        return [each for each in followed.all() if each is not None]

    def _has(self, trouble: OSError | None) -> float:
        """Give the seconds that a first answer may take."""
        if trouble is None:
            return self._patience.answer
        return self._patience.closed if closed(trouble) else self._patience.away


def closed(trouble: OSError) -> bool:
    """Tell whether nobody listens there, so that trying again hardly helps."""
    cause: BaseException | None = trouble
    while cause is not None and not isinstance(cause, ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _kinds(stale: Mapping[Source, Stale]) -> Mapping[Source, bool]:
    """Leave the words out: each call of a server that is away may fail in others."""
    return {source: each.final for source, each in stale.items()}


def meant(of: frozenset[str]) -> Callable[[object], NpnSeen | None]:
    """Read the objects that one of these names means: their own, the instance's, the node's.

    Of a large cluster the others would fill the memory of whoever looks from inside a pod.
    """

    def read(document: object) -> NpnSeen | None:
        found = things.npn(document)
        return found if of & {found.meta.name, instance(found), found.node} else None

    return read


def words(resource: Resource, why: OSError | None) -> str:
    """Say why a kind cannot be shown, and what to do."""
    what = f"{resource.plural} cannot be read: {why or 'no answer yet'}"
    match why:
        case Missing() if resource == NPNS:
            step = "is Mooring installed in this cluster? kubectl get crd tells"
        case Forbidden():
            step = f"ask for the right to list and watch {resource.plural}"
        case KubeError() | None:
            step = "see --kubeconfig and --context; kubectl get nodes tries the same"
        case _:
            step = "see --kubeconfig and --context"
    return f"{what}; {step}"
