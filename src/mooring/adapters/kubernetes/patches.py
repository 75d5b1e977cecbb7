"""Small changes of objects of others; what they are is decided in `core.kube.change`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube import change
from mooring.core.kube.change import Patch
from mooring.core.kube.errors import Conflict, Invalid
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import NodeCondition, Taint
from mooring.core.kube.resource import NODES, Resource
from mooring.core.net.fields import Unreadable

TRIES = 6
"""Somebody else's change in each of so many tries: then it is left to the caller's next turn."""


class KubePatches:
    """Reads, decides, writes for that version only; begins anew when another was faster."""

    def __init__(self, api: Api) -> None:
        self._api = api.fork()

    def label(self, name: str, labels: Mapping[str, str | None]) -> None:
        """Set labels of a node; None takes one away."""
        self._change(NODES.path(name=name), lambda d: change.labelled(d, labels))

    def taint(self, name: str, taint: Taint) -> bool:
        """Put a taint on a node, or its new value; tell whether that changed it."""
        return self._change(NODES.path(name=name), lambda d: change.tainted(d, taint))

    def untaint(self, name: str, key: str, effect: str = "") -> bool:
        """Take a taint (with that effect, or with any) off a node; tell whether there was one."""
        return self._change(
            NODES.path(name=name), lambda d: change.untainted(d, key, effect)
        )

    def capacity(self, name: str, amounts: Mapping[str, int | None]) -> None:
        """Set extended resources in a node's status; None takes one away."""
        self._change(
            NODES.path(name=name), lambda d: change.capacitated(d, amounts), "/status"
        )

    def condition(self, name: str, condition: NodeCondition) -> bool:
        """Put a condition of a node; tell whether that changed it."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._change(
            NODES.path(name=name),
            lambda d: change.conditioned(d, condition, stamp),
            "/status",
        )

    def own(self, resource: Resource, name: str, owner: Owner) -> bool:
        """Make an object go when its owner goes; tell whether that changed it."""
        return self._change(resource.path(name=name), lambda d: change.owned(d, owner))

    def close(self) -> None:
        """Leave nothing open."""
        self._api.close()

    def _change(
        self, path: str, decide: Callable[[object], Patch | None], part: str = ""
    ) -> bool:
        tries = 0
        while True:
            try:
                patch = decide(self._api.get(path))
                if patch is None:
                    return False
                self._api.patch(path + part, patch)
            except Conflict:
                tries += 1
                if tries == TRIES:
                    raise
            except Unreadable as error:
                raise Invalid(f"GET {path}", str(error)) from None
            else:
                return True
