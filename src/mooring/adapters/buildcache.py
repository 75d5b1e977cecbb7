"""What is built once and kept outside of any checkout: directories named by their content.

A file appears whole or not at all, and a lock lets one builder at a time work on a name.
What a killed builder left is swept away by the next.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SCRATCH = ".new"


class BuildCache:
    """The directory `root`; made when it is first needed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def directory(self, name: str) -> Path:
        """Give the directory of that name; made when it is missing."""
        place = self.root / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    @contextmanager
    def locked(self, name: str, waiting: Callable[[], None]) -> Iterator[Path]:
        """Hold a name alone and give its directory; `waiting` is told if another has it."""
        place = self.directory(name)
        lock = os.open(
            self.root / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            _sweep(place)
            yield place
            _sweep(place)
        finally:
            os.close(lock)

    def settle(self, new: Path, target: Path) -> None:
        """Put a finished file in its place, on disk before its name is."""
        file = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
        new.replace(target)

    def write(self, target: Path, parts: Iterable[bytes]) -> None:
        """Write a file, whole or not at all."""
        new = scratch(target)
        try:
            with new.open("wb") as stream:
                stream.writelines(parts)
            self.settle(new, target)
        finally:
            new.unlink(missing_ok=True)


def scratch(target: Path) -> Path:
    """Name the place where a file is made before it is put in its own."""
    directory = target.parent / f"{SCRATCH}-{os.getpid()}"
    directory.mkdir(exist_ok=True)
    return directory / target.name


def _sweep(place: Path) -> None:
    for left in place.glob(f"{SCRATCH}-*"):
        shutil.rmtree(left, ignore_errors=True)
