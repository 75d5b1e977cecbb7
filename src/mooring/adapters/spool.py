"""The directory of spooled DELs, as the agent sees it: look, carry out, mark as done."""

import contextlib
import stat
from collections.abc import Callable
from pathlib import Path

from mooring.core.cni.frames import LIMIT
from mooring.core.cni.spool import (
    SpooledDel,
    Unreadable,
    is_half,
    is_spooled,
    read,
)

_MOST = LIMIT + 64  # a frame with its header, and room to see that there is more


BAD = ".bad"
KEPT = 16
"""Files that nobody can read and that are kept for humans."""


class Spool:
    """The spool in `directory`; `report` gets one line about each broken file."""

    def __init__(self, directory: Path, report: Callable[[str], None]) -> None:
        self._directory = directory
        self._report = report

    def pending(self) -> list[SpooledDel]:
        """Give what waits, oldest first; set aside as `.bad` what nobody can read."""
        items = (self._read(name) for name in self._names() if is_spooled(name))
        return [item for item in items if item is not None]

    def sweep(self) -> None:
        """Remove what executables have left that ended in the middle of writing.

        Their runtimes were told of no success. One that still writes begins once more.
        """
        for name in filter(is_half, self._names()):
            self._report(f"spool: {name}: half a DEL; removed")
            remove(self._directory, name)

    def done(self, item: SpooledDel) -> None:
        """Forget what was carried out."""
        (self._directory / item.name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._directory.iterdir())
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> SpooledDel | None:
        path = self._directory / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Unreadable(f"{name}: not a file")  # noqa: TRY301 - one way out
            with path.open("rb") as file:
                return read(name, file.read(_MOST))
        except FileNotFoundError:
            return None
        except (Unreadable, OSError) as why:
            self._report(f"spool: {why}; set aside as {name}.bad")
            with contextlib.suppress(OSError):
                path.rename(path.with_name(f"{name}{BAD}"))
                self._drop_old()
            return None

    def _drop_old(self) -> None:
        """Keep the latest of those that nobody could read: names sort by time."""
        broken = sorted(self._directory.glob(f"*{BAD}"))
        for path in broken[:-KEPT]:
            path.unlink(missing_ok=True)


def listing(directory: Path) -> list[tuple[str, int]]:
    """Name every file of a spool and when it was written (ns since 1970); change nothing."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(directory.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.name, path.lstat().st_mtime_ns))
    return found


def remove(directory: Path, name: str) -> None:
    """Delete a file of a spool; fine when it is gone."""
    (directory / name).unlink(missing_ok=True)
