"""Where the things of one node are, and what one looks at them with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mooring.adapters.clock import Clock
from mooring.core.linux.port import Kernel, Namespaces, Nft
from mooring.core.npn.metadata import name_of
from mooring.core.npn.port import Cloud, Objects
from mooring.core.wiring.audit.sides import PodTold


class Unseen(Exception):
    """A side could not be looked at; the text names cause and next step."""


class Proc(Protocol):
    """See `adapters.proc`."""

    def settings(self, fd: int | None, keys: Iterable[str]) -> Mapping[str, str]:
        """Read kernel settings of a network namespace."""

    def inhabited(self) -> frozenset[int]:
        """Give the inodes of network namespaces in which processes live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One node. `space` is its network namespace (None: ours), `root` its file system."""

    name: str
    instance: str
    root: Path
    space: Path | None
    state: Path
    socket: Path
    spool: Path

    @property
    def object(self) -> str:
        """Name its NativePodNetwork."""
        return name_of(self.instance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """The adapters that only look."""

    kernel: Kernel
    nft: Nft
    namespaces: Namespaces
    proc: Proc
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Those who know of a node from outside. None: they are not asked.

    `pods` asks the runtime, `cloud` gives the cloud; both raise Unseen when they cannot.
    """

    objects: Objects
    pods: Callable[[], tuple[PodTold, ...]] | None = None
    cloud: Callable[[], Cloud] | None = None
