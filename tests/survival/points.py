"""Crash points: before and after every step of a program that changes something outside it.

A program dies at a point by `Killed`, which is no `Exception`: nothing of the program's own
catches it. What it does on its way out (an undo, a `finally`) touches nothing any more,
because whoever is dead dies again at the next point.
"""

from collections.abc import Callable
from dataclasses import dataclass
from errno import EIO, ENOBUFS, ENOSPC, EROFS

from journeys.agent_fakes import Fuse, Killed

from mooring.core.ipam.port import DiskError
from mooring.core.linux.plan import (
    Address,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.port import KernelError, NftError

FACTS = (Address, LinkUp, Neighbour, Route, Rule, Sysctl, Veth)
ERRNOS = {
    "kernel": (ENOBUFS,),
    "nft": (ENOBUFS,),
    "disk": (ENOSPC, EROFS, EIO),
    "usage": (EIO,),
    "conntrack": (ENOBUFS,),
}


@dataclass
class Fault:
    """A refusal to come: of the steps whose names begin so, `after` pass, `times` fail.

    `lost`: the step is made, and its answer is what got lost. `errno` is one of ERRNOS.
    """

    what: str
    after: int
    times: int
    errno: int
    lost: bool = False

    def strikes(self, what: str) -> bool:
        """Tell whether this step is one to fail, and count it."""
        if not what.startswith(self.what) or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Points(Fuse):
    """Counts a program's points, kills it at one, refuses steps.

    `watch` is called after each step, `then` once when a point is reached; `fate` is how many
    more points, in whichever of its lives, there are until it dies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dead = False
        self.died = ""
        self.faults: list[Fault] = []
        self.struck = self.deaths = 0
        self.names: set[str] = set()
        self.fate: int | None = None
        self.watch: Callable[[str], None] = lambda _what: None
        self.then: dict[int, Callable[[], None]] = {}
        self._lost: Exception | None = None

    def revive(self) -> None:
        """Another life begins; it is not to die."""
        self.dead, self.at, self._lost = False, None, None
        self.then.clear()

    def kill(self) -> None:
        """The program dies here and now."""
        self.deaths += not self.dead
        self.dead, self.at = True, None

    def kill_in(self, points: int) -> None:
        """The program dies when it has come so many points further."""
        self.at = self.burned + points

    def reset(self, at: int | None = None) -> None:
        super().reset(at)
        self.revive()
        self.at = at

    def burn(self, what: str = "", about: object = None) -> None:
        self._pass(f"before {what}")
        error = self._failure(what, about)
        if error is not None:
            raise error

    def done(self, what: str) -> None:
        self.watch(what)
        self._pass(f"after {what}")
        error, self._lost = self._lost, None
        if error is not None:
            raise error

    def glance(self, what: str) -> None:
        error = self._failure(what, None)
        if error is not None:
            raise error

    def goes_on(self) -> bool:
        return not self.dead

    def _pass(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.burned += 1
        self.names.add(name)
        act = self.then.pop(self.burned, None)
        if act is not None:
            act()
        if self.fate is not None:
            self.fate -= 1
            if not self.fate:
                self.fate, self.at = None, self.burned
        if self.at is not None and self.burned >= self.at:
            self.kill()
            self.died = name
            raise Killed(name)

    def _failure(self, what: str, about: object) -> Exception | None:
        """Give the error of a step that is to fail; one whose answer is lost has it later."""
        for fault in self.faults:
            if fault.strikes(what):
                self.struck += 1
                error = _error(what, about, fault.errno)
                if not fault.lost or what in {"kernel look", "nft look"}:
                    return error
                self._lost = error
        return None


def _error(what: str, about: object, errno: int) -> Exception:
    if what.startswith("nft"):
        return NftError("told to refuse", errno)
    if what.startswith("disk"):
        return DiskError(errno, f"{what}: told to refuse")
    if what.startswith("usage"):
        return OSError(errno, "told to refuse")
    fact = about if isinstance(about, FACTS) else None
    return KernelError(fact, errno, "told to refuse")
