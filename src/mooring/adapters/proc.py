"""What /proc shows: settings of a network namespace, and the namespaces that have processes."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mooring import setns

PROC = Path("/proc")


def settings(fd: int | None, keys: Iterable[str]) -> dict[str, str]:
    """Read kernel settings of a network namespace; those that it does not have are left out."""
    found = {}
    with setns.inside(fd):
        for key in keys:
            with suppress(OSError):
                found[key] = (PROC / "sys" / key).read_text().strip()
    return found


def inhabited() -> frozenset[int]:
    """Give the inodes of the network namespaces in which processes live, as far as we see."""
    found = set()
    for each in PROC.glob("[0-9]*/ns/net"):
        with suppress(OSError):  # it ended meanwhile
            found.add(each.stat().st_ino)
    return frozenset(found)
