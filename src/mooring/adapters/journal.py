"""The record of what was decided: entries in one SQLite file, all or nothing.

An answered request is on disk (WAL, full synchronisation), so neither `kill -9` nor a
power cut loses it. The directory's lock lets one server in. A file that somebody else
wrote, or that is damaged, is named and left exactly as it is.

Rows stand in the order in which they were written, so that what is new fills the last page
and not a page of the file for each row. Which row is whose is known in memory.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FILE = "vcn.sqlite"
LOCK = "lock"
SCHEMA = "2"
READABLE = ("1", SCHEMA)
MAGIC = b"SQLite format 3\x00"

CREATE = """
BEGIN IMMEDIATE;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL
);
INSERT INTO about VALUES ('schema', '2');
COMMIT;
"""
# Schema 1 had its rows in the order of kind and key.
FROM_1 = """
BEGIN IMMEDIATE;
ALTER TABLE entry RENAME TO before;
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL
);
INSERT INTO entry (kind, key, body) SELECT kind, key, body FROM before;
DROP TABLE before;
UPDATE about SET value = '2' WHERE name = 'schema';
COMMIT;
"""
WALK = "SELECT seq, kind, key, body FROM entry ORDER BY seq"
READ = "SELECT body FROM entry WHERE seq = ?"
MAKE = "INSERT INTO entry VALUES (?, ?, ?, ?)"
CHANGE = "UPDATE entry SET body = ? WHERE seq = ?"
DROP = "DELETE FROM entry WHERE seq = ?"


class JournalError(Exception):
    """The journal cannot be used; the message names the file and what to do next."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is true of `key` among its `kind`; `body` None says that it is gone."""

    kind: str
    key: str
    body: str | None


@dataclass(slots=True)
class _Work:
    """The statements of one transaction, and where rows stand when it is done."""

    make: list[tuple[int, str, str, str]] = field(default_factory=list)
    change: list[tuple[str, int]] = field(default_factory=list)
    drop: list[tuple[int]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)


class Journal:
    """The entries of one state directory; held by one process at a time."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._places: dict[str, dict[str, int]] | None = None
        self._last = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(directory)
        try:
            self._database = self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def entries(self) -> list[Entry]:
        """Read everything that holds, kind by kind in the order of keys."""
        return sorted(self.walk(), key=lambda entry: (entry.kind, entry.key))

    def walk(self) -> Iterator[Entry]:
        """Read the same one by one, oldest first, so that no more than one is in memory."""
        places: dict[str, dict[str, int]] = {}
        last = 0
        try:
            for last, kind, key, body in self._database.execute(WALK):
                if places.setdefault(kind, {}).setdefault(key, last) != last:
                    raise JournalError(self._damaged(f"{kind} {key} is there twice"))
                yield Entry(kind, key, body)
        except sqlite3.Error as error:
            raise JournalError(self._damaged(error)) from error
        self._places, self._last = places, last

    def read(self, kind: str, key: str) -> str | None:
        """Read one entry's body; None when there is none."""
        place = self._known().get(kind, {}).get(key)
        if place is None:
            return None
        try:
            row = self._database.execute(READ, (place,)).fetchone()
        except sqlite3.Error as error:
            raise JournalError(self._damaged(error)) from error
        return None if row is None else str(row[0])

    def commit(self, entries: Iterable[Entry]) -> None:
        """Make all of these true, or none; on disk when this returns."""
        database = self._database
        work = self._work(entries)
        try:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(MAKE, work.make)
            if work.change or work.drop:
                database.executemany(CHANGE, work.change)
                database.executemany(DROP, work.drop)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}; nothing was changed") from error
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
        self._follow(work)

    def _work(self, entries: Iterable[Entry]) -> _Work:
        """Find out what becomes of which row; the last word on an entry holds."""
        places = self._known()
        work = _Work()
        seq = self._last
        for (kind, key), body in {(e.kind, e.key): e.body for e in entries}.items():
            place = places.get(kind, {}).get(key)
            if place is None and body is not None:
                seq += 1
                work.make.append((seq, kind, key, body))
            elif place is not None and body is not None:
                work.change.append((body, place))
            elif place is not None:
                work.drop.append((place,))
                work.gone.append((kind, key))
        return work

    def _follow(self, work: _Work) -> None:
        """Know where rows stand after a transaction."""
        places = self._known()
        for self._last, kind, key, _ in work.make:
            places.setdefault(kind, {})[key] = self._last
        for kind, key in work.gone:
            del places[kind][key]

    def _known(self) -> dict[str, dict[str, int]]:
        """Give the number of each row, by kind and key."""
        if self._places is None:
            for _ in self.walk():
                pass
        assert self._places is not None  # noqa: S101 - a walk to the end sets it
        return self._places

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
        if found not in READABLE:
            raise JournalError(
                f"{self.path}: schema {found}, this mooring reads {SCHEMA}; it was "
                "left as it is. Use the mooring that wrote it, or another --state"
            )
        health = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if health != "ok":
            raise JournalError(self._damaged(health))
        if found == "1":
            database.executescript(FROM_1)

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
