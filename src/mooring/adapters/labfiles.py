"""A lab's directory: its record, its lock, its logs, the files that nodes are given.

Every write of a record goes to a temporary file that is renamed, and is on disk before the
call returns: a reader, or the next run after a crash, sees the old content or the new.
"""

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import ENOENT, ENOTEMPTY
from pathlib import Path
from typing import Any

LOCK = "lock"
TAIL = 16384


class FilesError(Exception):
    """A file of the lab that cannot be read."""


class LabFiles:
    """The directory of one lab, `path`; its parents are made and removed along with it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Tell whether the lab has a directory."""
        return self.path.is_dir()

    @contextmanager
    def locked(
        self, waiting: Callable[[], None], *, shared: bool = False
    ) -> Iterator[None]:
        """Hold the lab, alone or with others that share; `waiting` is told if it must."""
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        lock = self._take(how, waiting)
        try:
            yield
        finally:
            os.close(lock)

    @contextmanager
    def locked_name(self, name: str) -> Iterator[None]:
        """Hold one name of the lab, against others who share the lab itself."""
        place = self.path / "pods" / f".{name}.lock"
        place.parent.mkdir(exist_ok=True)
        lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self, name: str) -> dict[str, Any] | None:
        """Read a record; None when there is none, FilesError when it is damaged."""
        try:
            found = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FilesError(f"{self.path / name}: {error}") from None
        if not isinstance(found, dict):
            raise FilesError(f"{self.path / name}: is no JSON object")
        return found

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a record, whole or not at all."""
        self.put(name, (json.dumps(content, indent=2) + "\n").encode())

    def put(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file, whole or not at all; its directories are made."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{os.getpid()}.new")
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(file, "wb") as stream:
                os.fchmod(file, mode)
                stream.write(content)
                stream.flush()
                os.fsync(file)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)

    def names(self, directory: str) -> list[str]:
        """List the records of a directory, without their ending, in order."""
        with suppress(FileNotFoundError):
            found = (self.path / directory).glob("[!.]*.json")
            return sorted(each.stem for each in found)
        return []

    def drop(self, name: str) -> None:
        """Take a file away; fine when it is gone."""
        (self.path / name).unlink(missing_ok=True)

    def directory(self, name: str) -> Path:
        """Give a directory of the lab; made when it is missing."""
        place = self.path / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def tail(self, name: str, lines: int = 12) -> list[str]:
        """Give the last lines of a log; none when there is no such log."""
        with suppress(FileNotFoundError), (self.path / name).open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - TAIL))
            text = file.read().decode(errors="replace")
            return text.rstrip().splitlines()[-lines:]
        return []

    def remove(self) -> None:
        """Take the directory away, and its parents when the lab was their last content.

        The lock goes last: from then on the directory is whoever's makes the next one.
        """
        with suppress(FileNotFoundError):
            for each in sorted(self.path.iterdir()):
                if each.name != LOCK:
                    _remove(each)
            self.drop(LOCK)
        try:
            self.path.rmdir()
        except OSError as error:
            if error.errno not in (ENOENT, ENOTEMPTY):  # it is the next one's, or gone
                raise
        for parent in self.path.parents[:2]:
            with suppress(OSError):
                parent.rmdir()

    def _make(self) -> None:
        """Make the directory; FileNotFoundError when it, or a parent, goes in this moment."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except FileExistsError:
            if not stat.S_ISDIR(self.path.stat().st_mode):
                raise

    def _take(self, how: int, waiting: Callable[[], None]) -> int:
        """Open the lock and get it; anew when its file was removed meanwhile."""
        while True:
            # Another lab's end may take an empty parent away at any moment.
            with suppress(FileNotFoundError):
                self._make()
                place = self.path / LOCK
                lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                _wait(lock, how, waiting)
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(lock), place.stat()):
                        return lock
                os.close(lock)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _wait(lock: int, how: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(lock, how)
