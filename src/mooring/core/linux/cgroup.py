"""Control groups: where ours go, below which of the machine's.

Two forms. On version 2 there is one tree (`0::/path` in /proc/self/cgroup); a group that
hands controllers to its children may hold no process itself, unless it is the root
(kernel: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint"). On
version 1, and on the hybrid, every controller has a tree of its own and the process sits
at some place in each. What a lab makes lies below the place where the caller sits (on
version 2, below the nearest group above that can hand down what containers need), so that
the caller's own limits hold for all of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WANTED_V2 = frozenset({"cpu", "cpuset", "io", "memory", "pids"})
"""Controllers that container runtimes set (the others they can do without)."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A mounted hierarchy and where in it the caller sits.

    `controllers` are the mount's words for it: "memory", "cpu,cpuacct", "name=systemd"; empty
    for version 2. `own` is relative to `mount`, "" for its root.
    """

    mount: str
    own: str
    controllers: str = ""

    @property
    def unified(self) -> bool:
        """Tell whether it is version 2's."""
        return not self.controllers


def trees(cgroups: str, mountinfo: str) -> tuple[Tree, ...]:
    """Read /proc/self/cgroup and /proc/self/mountinfo: the trees that can be reached."""
    places = dict(_places(cgroups))
    found: dict[str, Tree] = {}
    for mount in mountinfo.splitlines():
        fields, _, rest = mount.partition(" - ")
        kind, _, options = rest.partition(" ")
        if kind not in {"cgroup", "cgroup2"} or len(fields.split()) < 5:
            continue
        root, at = (_unescaped(f) for f in fields.split()[3:5])
        controllers = "" if kind == "cgroup2" else _controllers(options, places)
        own = _below(root, places.get(controllers, ""))
        if own is not None and controllers in places:
            found.setdefault(controllers, Tree(at, own, controllers))
    return tuple(found.values())


def directory(tree: Tree, *names: str) -> str:
    """Give the directory of a group of the tree, from its root downwards."""
    return "/".join(part for part in (tree.mount, *names) if part)


def ancestors(path: str) -> tuple[str, ...]:
    """Give a place and those above it, the nearest first, the root ("") last."""
    parts = [part for part in path.split("/") if part]
    return tuple("/".join(parts[:n]) for n in range(len(parts), -1, -1))


@dataclass(frozen=True, slots=True)
class Group:
    """A group of version 2: the controllers it has, and those it hands down."""

    path: str
    has: str
    hands_down: str


def home(groups: Sequence[Group]) -> tuple[str, frozenset[str]]:
    """Choose below which group ours goes, and what that one must hand down first.

    `groups` are the caller's own and those above it, the root last. The nearest that
    hands down all that the root has, as far as containers want it; else the root, the
    only one that may hold processes and hand down as well.
    """
    root = groups[-1]
    wanted = WANTED_V2 & set(root.has.split())
    for group in groups:
        if wanted <= set(group.hands_down.split()):
            return group.path, frozenset()
    return root.path, wanted - set(root.hands_down.split())


def remounts(found: Sequence[Tree]) -> tuple[tuple[str, str, str], ...]:
    """Tell what to mount again inside a cgroup namespace: (type, options, place).

    Version 2 beside version 1 (the hybrid) is left out: it holds no controller that a
    container runtime asks for, and runc 1.1 would take it for the whole.
    """
    ones = [t for t in found if not t.unified]
    if not ones:
        return tuple(("cgroup2", "", t.mount) for t in found)
    # The directory that a fresh sysfs has for them takes no directories of ours.
    stage = [("tmpfs", "mode=755", HOME)] if any(_at_home(t) for t in ones) else []
    return (*stage, *(("cgroup", _options(t), t.mount) for t in ones))


HOME = "/sys/fs/cgroup"


def _at_home(tree: Tree) -> bool:
    return tree.mount.startswith(f"{HOME}/")


def _options(tree: Tree) -> str:
    named = tree.controllers.startswith("name=")
    return f"none,{tree.controllers}" if named else tree.controllers


def _places(cgroups: str) -> list[tuple[str, str]]:
    """Read lines of `number:controllers:path`."""
    lines = [line.split(":", 2) for line in cgroups.splitlines()]
    return [(parts[1], parts[2]) for parts in lines if len(parts) == 3]


def _controllers(options: str, places: dict[str, str]) -> str:
    """Find which line of /proc/self/cgroup a version 1 mount belongs to."""
    words = set(options.rpartition(" ")[2].split(","))
    for controllers in places:
        if controllers and set(controllers.split(",")) <= words:
            return controllers
    return "?"


def _below(root: str, path: str) -> str | None:
    """Give `path` as seen from a mount whose root is `root`; None when it is not below."""
    root = root.rstrip("/")
    if path == root or path.startswith(f"{root}/"):
        return path[len(root) :].strip("/")
    return None


def _unescaped(text: str) -> str:
    """Undo mountinfo's octal escapes (space, tab, newline, backslash)."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)
