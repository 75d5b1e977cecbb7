"""The contract of state directories: the real one and the fake one; then what only a disk can do."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.disk import FakeDisk

from mooring.adapters.disk import (
    JOURNAL,
    LOCK,
    Occupied,
    StateDirectory,
    journal,
    published,
)
from mooring.core.ipam.port import DiskError, Storage

AnyDisk = StateDirectory | FakeDisk


@pytest.fixture(params=["real", "fake"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyDisk]:
    made: AnyDisk = StateDirectory(tmp_path) if request.param == "real" else FakeDisk()
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount(place, "size=16k")
    yield place
    subprocess.run(["umount", place], check=True)


def mount(place: Path, options: str) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "moor-test", place], check=True
    )


@contextmanager
def opened(place: Path) -> Iterator[StateDirectory]:
    disk = StateDirectory(place)
    try:
        yield disk
    finally:
        disk.close()


def test_nothing_written_reads_as_nothing(disk: Storage) -> None:
    assert disk.read() == b""


def test_what_is_added_is_read_in_order(disk: Storage) -> None:
    disk.append(b"one\n", durable=True)
    disk.append(b"two\n", durable=False)

    assert disk.read() == b"one\ntwo\n"


def test_a_replaced_journal_goes_on_from_the_new_one(disk: Storage) -> None:
    disk.append(b"one\n", durable=True)
    disk.replace(b"two\n")
    disk.append(b"three\n", durable=False)

    assert disk.read() == b"two\nthree\n"


def test_what_is_set_aside_leaves_an_empty_journal(disk: Storage) -> None:
    disk.append(b"one\n", durable=True)
    names = [disk.set_aside()]
    disk.append(b"two\n", durable=True)
    names.append(disk.set_aside())
    disk.append(b"three\n", durable=True)

    assert disk.read() == b"three\n"
    assert len(set(names)) == 2


def test_publishing_keeps_the_journal(disk: Storage) -> None:
    disk.append(b"one\n", durable=True)
    disk.publish("status.json", "{}")
    disk.publish("status.json", '{"a": 1}')

    assert disk.read() == b"one\n"


def test_a_published_file_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        disk.publish("status.json", "old")
        disk.publish("status.json", "new")

    assert (tmp_path / "status.json").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lock", "status.json"]


def test_another_program_reads_what_was_not_synced_either(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        disk.append(b"one\n", durable=False)
    with opened(tmp_path) as disk:
        disk.append(b"two\n", durable=False)

        assert disk.read() == b"one\ntwo\n"


def test_a_directory_has_one_holder(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Occupied, match=str(tmp_path)):
        StateDirectory(tmp_path)

    StateDirectory(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DiskError, match="Not a directory"):
        StateDirectory(tmp_path / "file" / "state")


def test_the_damaged_journals_do_not_fill_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        for n in range(20):
            disk.append(b"%d\n" % n, durable=False)
            disk.set_aside()

    kept = sorted(tmp_path.glob("*.damaged-*"))
    assert len(kept) == 16
    assert (tmp_path / f"{JOURNAL}.damaged-16").read_bytes() == b"19\n"


def test_a_full_disk_keeps_no_part_of_an_append(small: Path) -> None:
    with opened(small) as disk:
        disk.append(b"one\n", durable=True)
        with pytest.raises(DiskError, match="No space left"):
            disk.append(b"x" * 65536, durable=True)

        assert disk.read() == b"one\n"
        disk.append(b"two\n", durable=True)
        assert disk.read() == b"one\ntwo\n"


def test_a_full_disk_keeps_the_old_journal(small: Path) -> None:
    with opened(small) as disk:
        disk.append(b"one\n", durable=True)
        with pytest.raises(DiskError, match="No space left"):
            disk.replace(b"x" * 65536)

        disk.append(b"two\n", durable=True)
        assert disk.read() == b"one\ntwo\n"
        assert not list(small.glob(".*"))


def test_what_is_kept_is_read_again_with_its_time(disk: AnyDisk) -> None:
    assert disk.kept("known.json") is None
    with pytest.raises(DiskError):
        disk.touch("known.json")
    for text in ("one", "another"):
        disk.keep("known.json", text)
        found = disk.kept("known.json")
        assert found is not None
        assert found[0] == text.encode()
    disk.touch("known.json")
    again = disk.kept("known.json")
    assert again is not None
    assert again[1] >= found[1]


def test_a_disk_that_turned_read_only_is_refused(small: Path) -> None:
    with opened(small) as disk:
        disk.append(b"one\n", durable=True)
    mount_again(small, "ro")

    with pytest.raises(DiskError, match="Read-only"):
        StateDirectory(small)
    assert (small / JOURNAL).read_bytes() == b"one\n"
    mount_again(small, "rw")


def mount_again(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def test_a_part_that_could_not_be_cut_off_is_cut_off_later(tmp_path: Path) -> None:
    with opened(tmp_path) as disk:
        disk.append(b"one\n", durable=True)
        with (tmp_path / JOURNAL).open("ab") as file:
            file.write(b"tw")
        disk.append(b"three\n", durable=True)

        assert disk.read() == b"one\nthree\n"


def test_the_journal_is_for_root_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as disk:
        disk.append(b"one\n", durable=False)

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / JOURNAL).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state" / LOCK).stat().st_mode & 0o777 == 0o600


def test_a_journal_is_read_while_its_holder_writes(tmp_path: Path) -> None:
    assert journal(tmp_path / "none") == b""
    disk = StateDirectory(tmp_path)
    disk.append(b"one\n", durable=False)
    disk.publish("status.json", "{}")

    assert journal(tmp_path) == b"one\n"
    assert published(tmp_path, "status.json") == b"{}"
    disk.append(b"two\n", durable=True)
    assert journal(tmp_path) == b"one\ntwo\n"
    disk.close()


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.journal").mkdir()

    with pytest.raises(DiskError, match=r"ledger\.journal"):
        journal(tmp_path)
