"""Control groups as directories: making them, who is in them, taking them away."""

import errno
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mooring.core.linux import cgroup
from mooring.core.linux.cgroup import Group, Tree

PATIENCE = 20.0
NEEDED = frozenset({"cpu", "memory"})
"""Controllers without which runc does not start a pod."""
CLONE = "cgroup.clone_children"
CPUSET = ("cpuset.cpus", "cpuset.mems")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the kernel says which groups there are."""

    own: Path = Path("/proc/self/cgroup")
    mounts: Path = Path("/proc/self/mountinfo")


class GroupBusyError(Exception):
    """A group whose processes do not go."""


class Cgroups:
    """The machine's control groups, as the caller may reach them."""

    def __init__(self, sources: Sources | None = None) -> None:
        self._sources = sources or Sources()

    def trees(self) -> tuple[Tree, ...]:
        """List the hierarchies that are mounted and where the caller sits in each."""
        return cgroup.trees(
            self._sources.own.read_text(), self._sources.mounts.read_text()
        )

    def places(self, name: str) -> tuple[str, ...]:
        """Tell which directories a group of this name would have, one per tree."""
        return tuple(
            cgroup.directory(tree, self._home(tree), name) for tree in self.trees()
        )

    def make(self, places: Sequence[str], *, parents: bool = False) -> None:
        """Make groups; `parents` are for groups below them, not for processes."""
        for place in map(Path, places):
            place.mkdir(parents=True, exist_ok=True)
            _share_cpus(place)
            if parents:
                _hand_down(place)

    def pids(self, places: Iterable[str]) -> frozenset[int]:
        """List the processes in these groups and those below them."""
        found: set[int] = set()
        for place in places:
            for group in _deepest_first(Path(place)):
                with suppress(OSError):
                    words = (group / "cgroup.procs").read_text().split()
                    found.update(int(word) for word in words)
        return frozenset(found - {0})

    def remove(self, places: Sequence[str]) -> None:
        """Take groups away with all below them; what still runs in them is killed."""
        deadline = time.monotonic() + PATIENCE
        while left := [place for place in places if not _removed(Path(place))]:
            self._kill(left)
            if time.monotonic() > deadline:
                raise GroupBusyError(f"{places[0]}: its processes do not end")
            time.sleep(0.02)

    def usable(self) -> bool:
        """Tell whether groups can be made here."""
        return self._try() is not None

    def fit_for_containers(self) -> bool:
        """Tell whether they can, with the controllers that a container runtime sets."""
        found = self._try()
        return found is not None and found >= NEEDED

    def _try(self) -> frozenset[str] | None:
        """Make a group and remove it; give its controllers, None when it failed."""
        trees = self.trees()
        places = self.places(f"mooring-look-{os.getpid()}")
        try:
            self.make(places)
            found = {c for tree in trees for c in tree.controllers.split(",")}
            for place in places:
                found.update(_read(Path(place, V2_FILES[0])).split())
        except OSError:
            return None
        finally:
            self.remove(places)
        return frozenset(found) if places else None

    def _kill(self, places: Sequence[str]) -> None:
        for pid in self.pids(places):
            with suppress(ProcessLookupError):
                fd = os.pidfd_open(pid)
                try:
                    # Only now is it sure whose pid this is.
                    if pid in self.pids(places):
                        signal.pidfd_send_signal(fd, signal.SIGKILL)
                finally:
                    os.close(fd)

    def _home(self, tree: Tree) -> str:
        """Find below which group of the tree ours may go."""
        if not tree.unified or len(self.trees()) > 1:
            return tree.own
        chain = [
            Group(path, *(_read(Path(tree.mount, path, file)) for file in V2_FILES))
            for path in cgroup.ancestors(tree.own)
        ]
        home, enable = cgroup.home(chain)
        _enable(Path(tree.mount, home), enable)
        return home


V2_FILES = ("cgroup.controllers", "cgroup.subtree_control")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _enable(group: Path, controllers: Iterable[str]) -> None:
    for controller in sorted(controllers):
        with suppress(OSError):
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _hand_down(group: Path) -> None:
    """Let a version 2 group pass on what it has; version 1 has no such file."""
    if (group / "cgroup.subtree_control").exists():
        missing = set(_read(group / V2_FILES[0]).split())
        _enable(group, missing - set(_read(group / V2_FILES[1]).split()))


def _share_cpus(group: Path) -> None:
    """Give a version 1 cpuset its parent's processors: an empty one takes no process."""
    if not (group / CPUSET[0]).exists() or not (group / CLONE).exists():
        return
    (group / CLONE).write_text("1")
    for file in CPUSET:
        if not _read(group / file).strip():
            (group / file).write_text(_read(group.parent / file))


def _deepest_first(group: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for child in group.iterdir():
            if child.is_dir() and not child.is_symlink():
                yield from _deepest_first(child)
        yield group


def _removed(place: Path) -> bool:
    for group in _deepest_first(place):
        try:
            group.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in {errno.EBUSY, errno.ENOTEMPTY}:
                raise
            return False
    return True
