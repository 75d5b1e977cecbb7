"""What the agent works with: the outside things, handed in once, and its voice."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mooring.core.ipam.ledger import Netns
from mooring.core.linux.port import Conntrack, FastPath, Kernel, Namespaces, Nft


class Say(Protocol):
    """Write one event: a fixed verb, and keys that say whose."""

    def __call__(self, verb: str, /, **keys: object) -> None:
        """Write it."""


class Clock(Protocol):
    """See `adapters.clock.Clock`."""

    def now(self) -> float:
        """Give the seconds since boot."""

    def wall(self) -> datetime:
        """Give the calendar's time."""

    def boot(self) -> str:
        """Name this boot."""

    async def sleep(self, seconds: float) -> None:
        """Let others work for so long."""


@dataclass(frozen=True, slots=True)
class Host:
    """The machine. Without `conntrack` nobody asks whether an address has live flows.

    Without `fast_path` every packet takes the normal way.
    """

    kernel: Kernel
    nft: Nft
    namespaces: Namespaces
    clock: Clock
    say: Say
    conntrack: Conntrack | None = None
    fast_path: FastPath | None = None


def open_alive(namespaces: Namespaces, netns: Netns) -> int | None:
    """Open a pod's namespace; None when it is gone, or another one has its path."""
    if not netns.path:
        return None
    try:
        fd = namespaces.open_fd(netns.path)
    except OSError:
        return None
    if namespaces.inode(fd) == netns.inode:
        return fd
    namespaces.close(fd)
    return None


class Stopwatch:
    """How long the steps of one journey took; `last`: when the last one ended."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._begin = self.last = clock.now()
        self._steps: list[tuple[str, float]] = []

    def lap(self, step: str) -> None:
        """Note that a step is done."""
        now = self._now()
        self._steps.append((step, now - self.last))
        self.last = now

    def times(self) -> dict[str, "Took"]:
        """Give the whole and the steps, for the log."""
        whole = ("ms", self.last - self._begin)
        return {name: Took(took) for name, took in (whole, *self._steps)}


class Took(float):
    """Seconds that are told in milliseconds, and written when somebody reads them."""

    __slots__ = ()

    def __str__(self) -> str:
        """Write them."""
        return f"{self * 1000:.2f}"
