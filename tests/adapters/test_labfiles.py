"""A lab's directory: records whole or not at all, one holder at a time, nothing left."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from patience import PATIENCE

from mooring.adapters.labfiles import FilesError, LabFiles


@pytest.fixture
def files(tmp_path: Path) -> LabFiles:
    return LabFiles(tmp_path / "labs" / "one")


def quiet() -> None:
    raise AssertionError("nobody should have to wait")


def test_a_record_is_read_as_it_was_written(files: LabFiles) -> None:
    files.write("a/b.json", {"x": [1, 2]})

    assert files.read("a/b.json") == {"x": [1, 2]}
    assert sorted(p.name for p in (files.path / "a").iterdir()) == ["b.json"]


def test_what_is_not_there_is_none(files: LabFiles) -> None:
    assert files.read("lab.json") is None
    assert not files.exists()
    assert files.names("pods") == []
    assert files.tail("log") == []


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_a_damaged_record_is_told(files: LabFiles, content: bytes) -> None:
    files.put("lab.json", content)

    with pytest.raises(FilesError, match=r"lab\.json"):
        files.read("lab.json")


def test_a_file_has_the_mode_that_was_asked_for(files: LabFiles) -> None:
    files.put("share/cni/mooring", b"x", 0o755)

    assert (files.path / "share/cni/mooring").stat().st_mode & 0o777 == 0o755


def test_records_are_listed_by_name_and_nothing_else(files: LabFiles) -> None:
    for name in ("pods/b.json", "pods/a.json", "pods/.a.lock", "pods/x.txt"):
        files.put(name, b"{}")

    assert files.names("pods") == ["a", "b"]
    files.drop("pods/a.json")
    files.drop("pods/a.json")
    assert files.names("pods") == ["b"]


def test_the_tail_of_a_log_is_its_last_lines(files: LabFiles) -> None:
    files.put("log", "".join(f"line {n}\n" for n in range(10_000)).encode())

    assert files.tail("log", 2) == ["line 9998", "line 9999"]


def test_the_lab_is_held_by_one_and_shared_by_many(files: LabFiles) -> None:
    waited = threading.Event()
    order: list[str] = []

    def other() -> None:
        with files.locked(waited.set, shared=True):
            order.append("other")

    with files.locked(quiet):
        thread = threading.Thread(target=other)
        thread.start()
        assert waited.wait(PATIENCE)
        order.append("first")
    thread.join()
    with files.locked(quiet, shared=True), files.locked(quiet, shared=True):
        order.append("both")

    assert order == ["first", "other", "both"]


def test_who_waited_for_a_lab_that_was_removed_holds_the_new_one(
    files: LabFiles,
) -> None:
    waited = threading.Event()
    held = []

    def other() -> None:
        with files.locked(waited.set):
            held.append(files.exists())

    with files.locked(quiet):
        thread = threading.Thread(target=other)
        thread.start()
        assert waited.wait(PATIENCE)
        files.remove()
    thread.join()

    assert held == [True]


def test_a_name_is_held_by_itself(files: LabFiles) -> None:
    with (
        files.locked(quiet, shared=True),
        files.locked_name("a"),
        files.locked_name("b"),
    ):
        assert files.names("pods") == []


def test_removing_takes_the_parents_that_are_empty(
    files: LabFiles, tmp_path: Path
) -> None:
    other = LabFiles(tmp_path / "labs" / "two")
    files.put("x", b"")
    other.put("x", b"")

    files.remove()
    assert list((tmp_path / "labs").iterdir()) == [other.path]
    files.remove()
    (tmp_path / "stays").touch()
    other.remove()

    assert list(tmp_path.iterdir()) == [tmp_path / "stays"]


def test_a_directory_is_made_when_asked_for(files: LabFiles) -> None:
    assert files.directory("nodes/a").is_dir()


def test_a_file_in_its_place_is_told(files: LabFiles) -> None:
    files.path.parent.mkdir()
    files.path.write_text("mine")

    with pytest.raises(FileExistsError), files.locked(quiet):
        pass


def test_one_that_is_removed_while_others_take_it_is_theirs(tmp_path: Path) -> None:
    def come_and_go() -> None:
        files = LabFiles(tmp_path / "labs/it")
        for _ in range(300):
            with files.locked(lambda: None):
                assert files.read("mine.json") is None
                files.write("mine.json", {"here": 1})
                assert files.read("mine.json") == {"here": 1}
                files.remove()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(come_and_go) for _ in range(4)]:
            each.result()

    assert not (tmp_path / "labs").exists()
