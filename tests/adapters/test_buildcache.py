"""What is built once: whole or not at all, and by one at a time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring.adapters.buildcache import BuildCache, scratch


def silent() -> None:
    pass


def test_a_file_that_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    cache = BuildCache(tmp_path)
    target = cache.directory("a") / "file"
    with pytest.raises(OSError, match="No space"):
        cache.write(target, parts())

    assert not target.exists()


def test_what_a_killed_builder_left_is_swept_away(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)
    left = cache.directory("a") / ".new-1"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    (cache.directory("a") / "whole").write_bytes(b"y")

    with cache.locked("a", silent) as place:
        assert [each.name for each in place.iterdir()] == ["whole"]


def test_nothing_but_what_was_made_is_left(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)
    with cache.locked("a", silent) as place:
        cache.write(place / "file", [b"1", b"2"])
        scratch(place / "other").write_bytes(b"given up")

    assert [each.name for each in place.iterdir()] == ["file"]
    assert (place / "file").read_bytes() == b"12"


def test_a_name_is_held_by_one_and_others_are_told(tmp_path: Path) -> None:
    cache, order = BuildCache(tmp_path), []
    told, entered = threading.Event(), threading.Event()

    def second() -> None:
        with cache.locked("a", told.set):
            order.append("second")
            entered.set()

    with cache.locked("a", silent):
        other = threading.Thread(target=second)
        other.start()
        assert told.wait(60)
        order.append("first")
    other.join(60)

    assert entered.is_set()
    assert order == ["first", "second"]


def test_two_names_do_not_wait_for_each_other(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)

    def fail() -> None:
        raise AssertionError

    with cache.locked("a", silent), cache.locked("b", fail):
        pass
