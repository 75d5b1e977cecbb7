"""The agent's state directory: a journal, a lock, and what is published for readers.

An append either is in the journal whole or not at all: what a full disk took of it is cut
off again, so that a broken line can only stand at the end, and only after a power cut.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mooring.core.ipam.port import DiskError

JOURNAL, LOCK = "ledger.journal", "lock"
_KEPT = 16  # damaged journals that are kept for humans


class Occupied(Exception):
    """Another agent works with this state directory."""


class StateDirectory:
    """The directory, made when it is missing and held by one program at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path / JOURNAL
        self._journal: int | None = None
        self._length = 0
        with _translated(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._lock = os.open(path / LOCK, flags, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                raise Occupied(f"{path}: another agent holds this state") from None

    def close(self) -> None:
        """Give the directory free for the next program."""
        self._forget()
        os.close(self._lock)

    def read(self) -> bytes:
        """Give the whole journal; nothing when there is none."""
        with _translated(self._path / JOURNAL):
            try:
                return (self._path / JOURNAL).read_bytes()
            except FileNotFoundError:
                return b""

    def append(self, data: bytes, *, durable: bool) -> None:
        """Add to the journal; `durable` waits until a power cut could not undo it."""
        try:
            self._append(data, durable=durable)
        except OSError as error:
            raise _refusal(self._place, error) from error

    def _append(self, data: bytes, *, durable: bool) -> None:
        file = self._open()
        # What fstat would say, without making all that it says.
        if os.lseek(file, 0, os.SEEK_END) != self._length:
            os.ftruncate(file, self._length)
        try:
            _write_all(file, data)
            if durable:
                os.fdatasync(file)
        except OSError:
            # If this is refused too, the next append does it first.
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._length)
            raise
        self._length += len(data)

    def replace(self, data: bytes) -> None:
        """Put another journal in its place, at once or not at all."""
        with _translated(self._path / JOURNAL):
            self._put(JOURNAL, data, durable=True)
            self._forget()

    def set_aside(self) -> str:
        """Move the journal away for a human to look at; give its new name."""
        with _translated(self._path / JOURNAL):
            names = (f"{JOURNAL}.damaged-{n}" for n in range(1, _KEPT))
            spare = (name for name in names if not (self._path / name).exists())
            name = next(spare, f"{JOURNAL}.damaged-{_KEPT}")
            (self._path / JOURNAL).replace(self._path / name)
            self._forget()
            return name

    def publish(self, name: str, text: str) -> None:
        """Write a file for readers, at once or not at all."""
        with _translated(self._path / name):
            self._put(name, text.encode(), durable=False)

    def keep(self, name: str, text: str) -> None:
        """Write a file durably, at once or not at all."""
        with _translated(self._path / name):
            self._put(name, text.encode(), durable=True)

    def kept(self, name: str) -> tuple[bytes, float] | None:
        """Read it, and when it was written or touched; None when there is none."""
        with _translated(self._path / name):
            try:
                with (self._path / name).open("rb") as file:
                    return file.read(), os.fstat(file.fileno()).st_mtime
            except FileNotFoundError:
                return None

    def touch(self, name: str) -> None:
        """Say that what stands there is true now."""
        with _translated(self._path / name):
            os.utime(self._path / name)

    def _open(self) -> int:
        """Open the journal at the end of what counts in it."""
        if self._journal is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._journal = os.open(self._place, flags, 0o600)
            self._length = os.fstat(self._journal).st_size
        return self._journal

    def _forget(self) -> None:
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None

    def _put(self, name: str, data: bytes, *, durable: bool) -> None:
        aside = self._path / f".{name}.new"
        file = os.open(
            aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        try:
            _write_all(file, data)
            if durable:
                os.fsync(file)
            aside.replace(self._path / name)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        if durable:
            self._keep_names()

    def _keep_names(self) -> None:
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def journal(path: Path) -> bytes:
    """Read the journal of a state directory that others hold; nothing when there is none."""
    return published(path, JOURNAL)


def published(path: Path, name: str) -> bytes:
    """Read a file of a state directory that others hold; nothing when there is none."""
    with _translated(path / name):
        try:
            return (path / name).read_bytes()
        except FileNotFoundError:
            return b""


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)[os.write(file, data) :]
    while rest:
        rest = rest[os.write(file, rest) :]


@contextmanager
def _translated(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refusal(place, error) from error


def _refusal(place: Path, error: OSError) -> DiskError:
    return DiskError(error.errno or 0, f"{place}: {error.strerror or error}")
