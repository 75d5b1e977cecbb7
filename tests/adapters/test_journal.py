"""The journal: one contract for the real one and the fake, then what only files do."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.journal import FakeJournal

from mooring.adapters.journal import FILE, Entry, Journal, JournalError

AnyJournal = Journal | FakeJournal


@pytest.fixture(params=["real", "fake"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyJournal]:
    opened = Journal(tmp_path) if request.param == "real" else FakeJournal()
    yield opened
    opened.close()


def test_a_new_journal_is_empty(journal: AnyJournal) -> None:
    assert journal.entries() == []


def test_one_entry_can_be_read_alone(journal: AnyJournal) -> None:
    journal.commit([Entry("a", "1", "one")])

    assert journal.read("a", "1") == "one"
    assert journal.read("a", "2") is None


def test_what_was_committed_is_read_in_order_of_kind_and_key(
    journal: AnyJournal,
) -> None:
    journal.commit([Entry("b", "2", "two"), Entry("b", "1", "one")])
    journal.commit([Entry("a", "3", "thrée")])

    assert journal.entries() == [
        Entry("a", "3", "thrée"),
        Entry("b", "1", "one"),
        Entry("b", "2", "two"),
    ]


def test_the_last_word_holds(journal: AnyJournal) -> None:
    journal.commit([Entry("a", "1", "old"), Entry("a", "1", "new")])
    journal.commit([Entry("a", "2", "x"), Entry("b", "1", "other kind")])
    journal.commit([Entry("a", "2", None), Entry("a", "unknown", None)])

    assert journal.entries() == [Entry("a", "1", "new"), Entry("b", "1", "other kind")]


def test_nothing_is_something_that_can_be_committed(journal: AnyJournal) -> None:
    journal.commit([])

    assert journal.entries() == []


def broken_entries() -> Iterator[Entry]:
    yield Entry("a", "1", "new")
    raise JournalError("the caller stops in the middle")


def test_a_commit_that_fails_changes_nothing(journal: AnyJournal) -> None:
    journal.commit([Entry("a", "1", "old")])

    with pytest.raises(JournalError):
        journal.commit(broken_entries())

    assert journal.entries() == [Entry("a", "1", "old")]
    journal.commit([Entry("a", "1", "later")])
    assert journal.entries() == [Entry("a", "1", "later")]


def test_another_server_finds_what_the_last_one_committed(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.commit([Entry("a", "1", "one")])
    first.close()

    second = Journal(tmp_path)

    assert second.entries() == [Entry("a", "1", "one")]
    second.close()


def test_two_servers_on_one_state_are_refused(tmp_path: Path) -> None:
    first = Journal(tmp_path)

    with pytest.raises(JournalError, match=rf"in use.*process {os.getpid()}"):
        Journal(tmp_path)

    first.close()
    Journal(tmp_path).close()


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    Journal(tmp_path / "state").close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600


def text(path: Path) -> None:
    path.write_text("my shopping list, do not lose it")


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE shopping (item)")
    database.close()


def newer(path: Path) -> None:
    Journal(path.parent).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE about SET value = '7' WHERE name = 'schema'")
    database.close()


def unsaid(path: Path) -> None:
    Journal(path.parent).close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM about")
    database.close()


def damaged(path: Path) -> None:
    journal = Journal(path.parent)
    journal.commit(Entry("a", str(n), "x" * 500) for n in range(100))
    journal.close()
    whole = bytearray(path.read_bytes())
    whole[4096:] = b"\xa5" * len(whole[4096:])
    path.write_bytes(whole)


def cut_off(path: Path) -> None:
    damaged(path)
    path.write_bytes(path.read_bytes()[:5000])


def a_directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (text, "not a SQLite database"),
        (foreign, "not one of mooring"),
        (newer, "schema 7, this mooring reads 2"),
        (unsaid, "schema unknown"),
        (damaged, "damaged"),
        (cut_off, "damaged"),
        (a_directory, "directory"),
    ],
)
def test_a_file_that_is_not_ours_to_read_is_named_and_kept(
    spoil: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    path = tmp_path / FILE
    spoil(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(JournalError, match=words) as refusal:
        Journal(tmp_path)

    assert str(path) in str(refusal.value)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("make", [Path.touch, lambda p: sqlite3.connect(p).close()])
def test_a_start_that_was_cut_short_is_begun_again(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / FILE)

    journal = Journal(tmp_path)

    assert journal.entries() == []
    journal.close()


SCHEMA_1 = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
INSERT INTO about VALUES ('schema', '1');
INSERT INTO entry VALUES ('a', '2', 'two'), ('a', '1', 'one');
"""


def test_a_file_of_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        database.executescript(SCHEMA_1)
    database.close()

    journal = Journal(tmp_path)
    journal.commit([Entry("a", "1", "changed"), Entry("a", "2", None)])
    journal.close()

    again = Journal(tmp_path)
    assert again.entries() == [Entry("a", "1", "changed")]
    again.close()


def test_an_entry_that_is_there_twice_is_damage(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(
            "INSERT INTO entry VALUES (1, 'a', 'x', ''), (2, 'a', 'x', '')"
        )
    database.close()
    journal = Journal(tmp_path)

    with pytest.raises(JournalError, match=r"damaged \(a x is there twice\)"):
        journal.entries()

    journal.close()


def test_what_a_failed_commit_would_have_made_is_made_by_the_next(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    journal.commit([Entry("a", "1", "one")])
    with pytest.raises(JournalError, match="nothing was changed"):
        journal.commit([Entry("a", "2", "two"), Entry("a", "3", [])])  # no text

    journal.commit([Entry("a", "1", None), Entry("a", "2", "later")])
    journal.commit([Entry("a", "1", "anew"), Entry("a", "2", "last")])

    assert journal.entries() == [Entry("a", "1", "anew"), Entry("a", "2", "last")]
    assert journal.read("a", "2") == "last"
    assert journal.read("a", "1") == "anew"
    journal.close()


def test_a_kill_after_the_commit_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; "
        "from mooring.adapters.journal import Entry, Journal; "
        "journal = Journal(Path(sys.argv[1])); "
        "journal.commit([Entry('a', '1', 'one')]); "
        "os.kill(os.getpid(), 9)"
    )
    died = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=False,
        env={**os.environ, "PYTHONPATH": "src"},
    )

    assert died.returncode == -signal.SIGKILL
    journal = Journal(tmp_path)
    assert journal.entries() == [Entry("a", "1", "one")]
    journal.close()
