"""The record of what was decided: entries in one SQLite file, all or nothing.

An answered request is on disk (WAL, full synchronisation), so neither `kill -9` nor a
power cut loses it. The directory's lock lets one server in. A file that somebody else
wrote, or that is damaged, is named and left exactly as it is.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = "vcn.sqlite"
LOCK = "lock"
SCHEMA = "1"
MAGIC = b"SQLite format 3\x00"

CREATE = """
BEGIN IMMEDIATE;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
INSERT INTO about VALUES ('schema', '1');
COMMIT;
"""
WALK = "SELECT kind, key, body FROM entry ORDER BY kind, key"
READ = "SELECT body FROM entry WHERE kind = ? AND key = ?"
PUT = (
    "INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
)
DROP = "DELETE FROM entry WHERE kind = ? AND key = ?"


class JournalError(Exception):
    """The journal cannot be used; the message names the file and what to do next."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is true of `key` among its `kind`; `body` None says that it is gone."""

    kind: str
    key: str
    body: str | None


class Journal:
    """The entries of one state directory; held by one process at a time."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(directory)
        try:
            self._database = self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def entries(self) -> list[Entry]:
        """Read everything that holds, kind by kind in the order of keys."""
        return list(self.walk())

    def walk(self) -> Iterator[Entry]:
        """Read the same one by one, so that no more than one is in memory."""
        try:
            for row in self._database.execute(WALK):
                yield Entry(*row)
        except sqlite3.Error as error:
            raise JournalError(self._damaged(error)) from error

    def read(self, kind: str, key: str) -> str | None:
        """Read one entry's body; None when there is none."""
        try:
            row = self._database.execute(READ, (kind, key)).fetchone()
        except sqlite3.Error as error:
            raise JournalError(self._damaged(error)) from error
        return None if row is None else str(row[0])

    def commit(self, entries: Iterable[Entry]) -> None:
        """Make all of these true, or none; on disk when this returns."""
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            for entry in entries:
                if entry.body is None:
                    database.execute(DROP, (entry.kind, entry.key))
                else:
                    database.execute(PUT, (entry.kind, entry.key, entry.body))
            database.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}; nothing was changed") from error
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")

    def close(self) -> None:
        """Fold the write-ahead log in and let the next server have the directory."""
        self._database.close()
        os.close(self._lock)

    def _open(self) -> sqlite3.Connection:
        self._check_start()
        database = sqlite3.connect(self.path, isolation_level=None)
        try:
            self._check(database)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            database.close()
            raise JournalError(self._damaged(error)) from error
        except JournalError:
            database.close()
            raise
        self.path.chmod(0o600)
        return database

    def _check_start(self) -> None:
        """Look at the first bytes before SQLite may touch the file."""
        try:
            with self.path.open("rb") as file:
                start = file.read(len(MAGIC))
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error
        if start not in (MAGIC, b""):
            raise JournalError(
                f"{self.path}: not a SQLite database; it was left as it is. "
                "Move it away, or give another --state directory"
            )

    def _check(self, database: sqlite3.Connection) -> None:
        """Create what an empty file needs, refuse what is not ours to read."""
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_schema")}
        if not tables:
            database.executescript(CREATE)
        elif not tables >= {"about", "entry"}:
            raise JournalError(
                f"{self.path}: a database, but not one of mooring; it was left as it "
                "is. Move it away, or give another --state directory"
            )
        row = database.execute("SELECT value FROM about WHERE name = 'schema'")
        found = (row.fetchone() or ("unknown",))[0]
        if found != SCHEMA:
            raise JournalError(
                f"{self.path}: schema {found}, this mooring reads {SCHEMA}; it was "
                "left as it is. Use the mooring that wrote it, or another --state"
            )
        health = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if health != "ok":
            raise JournalError(self._damaged(health))

    def _damaged(self, words: object) -> str:
        return (
            f"{self.path}: damaged ({words}); it was left as it is. Move it away to "
            "start anew, or bring back a copy"
        )


def _locked(directory: Path) -> int:
    path = directory / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise JournalError(
            f"{directory}: in use by another server (process {holder or 'unknown'}); "
            "stop it, or give another --state directory"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
