"""A cluster as what `mooring get` shows: everything is followed, so that a watch is a second look."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from mooring.core.kube.errors import Forbidden, KubeError, Missing, Unauthorized
from mooring.core.kube.port import Followed, Token
from mooring.core.kube.resource import EVENTS, NODES, NPNS, PODS, Resource
from mooring.core.npn.shown.entry import Source
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen
from mooring.inspect.get import Unshown

PATIENCE, AWAY = 15.0, 3.0
"""Seconds that the API server has for a first answer, and when it cannot be reached."""
FINAL = (Forbidden, Missing, Unauthorized)
TURN = 0.1
Follow = Callable[[Resource, str], Followed[Any]]
"""Begin to follow a kind; the field selector may choose of it."""


class Cluster:
    """What an API server has."""

    knows = frozenset(Source)

    def __init__(self, follow: Follow, patience: float = PATIENCE) -> None:
        self._follow = follow
        self._patience = patience
        self._followed: dict[tuple[Resource, str], Followed[Any]] = {}
        self._seen: dict[tuple[Resource, str], Token] = {}

    def npns(self) -> Sequence[NpnSeen]:
        """Give all objects."""
        return self._all(NPNS)

    def nodes(self) -> Sequence[NodeSeen]:
        """Give all nodes."""
        return self._all(NODES)

    def pods(self) -> Sequence[PodSeen]:
        """Give all pods."""
        return self._all(PODS)

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:
        """Give the events about things of these names."""
        return [
            event
            for name in sorted(names)
            for event in self._all(EVENTS, f"regarding.name={name}")
        ]

    def wait(self) -> None:
        """Return when something of what was given has changed."""
        while not any(
            followed.changes(self._seen[key])[1]
            for key, followed in self._followed.items()
        ):
            time.sleep(TURN)

    def close(self) -> None:
        """Follow nothing any more."""
        for followed in self._followed.values():
            followed.close()

    def _all(self, resource: Resource, fields: str = "") -> Sequence[Any]:
        key = (resource, fields)
        if key not in self._followed:
            self._followed[key] = self._follow(resource, fields)
        followed = self._followed[key]
        self._seen[key] = {}
        waited = 0.0
        while not followed.wait(TURN):
            waited += TURN
            trouble = followed.trouble()
            patience = min(AWAY, self._patience) if trouble else self._patience
            if isinstance(trouble, FINAL) or waited >= patience:
                raise Unshown(words(resource, trouble))
        self._seen[key], _ = followed.changes({})
        return followed.all()


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
