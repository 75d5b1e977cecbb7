"""What the controller, the agent and the tools need of the API server.

The real ones are in `adapters/kubernetes`; tests run them against `tests/fakes/apiserver.py`. The store
of NativePodNetwork objects is `core.npn.port.Objects`, on a cluster `KubeObjects`.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Node, NodeCondition, Taint
from mooring.core.kube.pod import Pod
from mooring.core.kube.resource import Resource

T_co = TypeVar("T_co", covariant=True)
Token = Mapping[str, Hashable]
"""What a cache looked like: per key something that differs after any change."""


class Followed(Protocol[T_co]):
    """The objects of one kind as the API server told last; reading it asks nobody.

    A key is `namespace/name`, or the name alone where the kind has no namespaces.
    """

    def synced(self) -> bool:
        """Tell whether a whole list was read once; before that the cache is empty."""

    def wait(self, seconds: float) -> bool:
        """Wait until it is synced, so long at most; tell whether it is."""

    def trouble(self) -> OSError | None:
        """Give why the API server cannot be followed now, None when it is."""

    def keys(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""

    def get(self, key: str) -> T_co | None:
        """Give an object, None when there is none; raise Unreadable when it is broken."""

    def all(self) -> tuple[T_co, ...]:
        """Give all that can be read, in the order of their keys."""

    def changes(self, since: Token) -> tuple[Token, frozenset[str]]:
        """Tell which keys came, changed or went since that token; at first since {}."""

    def close(self) -> None:
        """Stop following; nothing of it is left when this returns."""


Nodes = Followed[Node]
Pods = Followed[Pod]
Hear = Callable[[], None]
"""Called from the follower's own thread after something changed: it wakes somebody."""


class Patches(Protocol):
    """Small changes of objects of others that lose nothing of theirs.

    Missing when there is no such object, other `KubeError`s as they come. Conflicts are tried
    again inside; what is as wanted already is not written.
    """

    def label(self, name: str, labels: Mapping[str, str | None]) -> None:
        """Set labels of a node; None takes one away."""

    def taint(self, name: str, taint: Taint) -> bool:
        """Put a taint on a node, or its new value; tell whether that changed it."""

    def untaint(self, name: str, key: str, effect: str = "") -> bool:
        """Take a taint (with that effect, or with any) off a node; tell whether there was one."""

    def capacity(self, name: str, amounts: Mapping[str, int | None]) -> None:
        """Set extended resources in a node's status; None takes one away."""

    def condition(self, name: str, condition: NodeCondition) -> bool:
        """Put a condition of a node; tell whether that changed it."""

    def own(self, resource: Resource, name: str, owner: Owner) -> bool:
        """Make an object go when its owner goes; tell whether that changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The object that an event tells of."""

    resource: Resource
    name: str
    namespace: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is told: `reason` and `action` in CamelCase, `text` for people."""

    reason: str
    text: str
    action: str = "Reconcile"
    warning: bool = False


class Events(Protocol):
    """Events for people; told in the background, and lost rather than waited for."""

    def tell(self, about: Reference, note: Note) -> None:
        """Tell; what was told before is counted, what comes too often is left out."""


class Leading(Protocol):
    """Whether we are the one that works, of several that could."""

    def held(self) -> bool:
        """Tell whether we lead at this moment, and nobody else does.

        What is sent now may arrive when it is no more so: a change that must not be made then
        carries the version that it was decided upon.
        """

    def wait(self, seconds: float) -> bool:
        """Wait until we lead, so long at most; tell whether we do."""

    def lost(self, seconds: float) -> bool:
        """Wait until we lead no more, so long at most; tell whether that is so."""

    def holder(self) -> str:
        """Name who leads as far as known, "" when nobody does."""

    def trouble(self) -> Exception | None:
        """Give why the Lease cannot be read or written now, None when it could the last time."""

    def close(self) -> None:
        """Give it back, so that the next one begins at once."""
