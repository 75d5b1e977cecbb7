"""The contract of spools: the directory and the one in memory."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.spool import FakeSpool

from mooring.adapters.spool import KEPT, Spool, listing, remove
from mooring.core.cni.frames import LIMIT, Call, encode_call

CONF = b'{"cniVersion":"1.0.0","name":"mooring","type":"mooring"}'
Ledge = tuple[Spool | FakeSpool, Callable[[str, bytes], None], list[str]]


def a_file(container: str) -> bytes:
    env = {
        "CNI_COMMAND": "DEL",
        "CNI_CONTAINERID": container,
        "CNI_IFNAME": "eth0",
        "CNI_PATH": "/opt/cni/bin",
    }
    return encode_call(Call(env, CONF))


@pytest.fixture(params=["directory", "memory"])
def ledge(request: pytest.FixtureRequest, tmp_path: Path) -> Ledge:
    said: list[str] = []
    if request.param == "memory":
        fake = FakeSpool({}, said.append)
        return fake, fake.files.__setitem__, said
    spool = Spool(tmp_path, said.append)
    return spool, lambda name, content: (tmp_path / name).write_bytes(content), said


def names(spool: Spool | FakeSpool) -> set[str]:
    if isinstance(spool, FakeSpool):
        return set(spool.files)
    return {path.name for path in spool._directory.iterdir()}


def test_nothing_waits_at_first(ledge: Ledge) -> None:
    spool, _, said = ledge

    assert spool.pending() == []
    assert said == []


def test_the_oldest_comes_first(ledge: Ledge) -> None:
    spool, put, _ = ledge
    put("00000000000000000020-1-b.del", a_file("b"))
    put("00000000000000000003-9-a.del", a_file("a"))

    assert [item.request.id.container for item in spool.pending()] == ["a", "b"]


def test_what_is_done_does_not_come_again(ledge: Ledge) -> None:
    spool, put, _ = ledge
    put("00000000000000000001-1-a.del", a_file("a"))
    put("00000000000000000002-1-b.del", a_file("b"))
    first, second = spool.pending()
    spool.done(first)
    spool.done(first)

    assert spool.pending() == [second]


def test_a_broken_file_is_set_aside_and_told_once_and_blocks_nothing(
    ledge: Ledge,
) -> None:
    spool, put, said = ledge
    put("00000000000000000001-1-a.del", b"garbage")
    put("00000000000000000002-1-b.del", a_file("b"))

    assert len(spool.pending()) == 1
    assert len(spool.pending()) == 1
    assert len(said) == 1
    assert "set aside as 00000000000000000001-1-a.del.bad" in said[0]


def test_files_under_way_and_of_others_are_left_alone(ledge: Ledge) -> None:
    spool, put, said = ledge
    put("00000000000000000001-1-a.tmp", b"half")
    put("00000000000000000001-1-a.del.bad", b"bad")
    put("README", b"hello")

    assert spool.pending() == []
    assert said == []


def test_halves_are_swept_away_and_told_and_nothing_else_is(ledge: Ledge) -> None:
    """Of executables that died while they wrote: no such DEL was ever promised."""
    spool, put, said = ledge
    whole = a_file("a")
    put("00000000000000000001-1-a.tmp", whole[: len(whole) // 2])
    put("00000000000000000002-1-a.tmp", whole)
    put("00000000000000000003-1-b.tmp", b"")
    put("00000000000000000004-1-c.del", whole)
    put("00000000000000000005-1-c.del.bad", b"bad")
    put("somebody.tmp", b"else")
    spool.sweep()
    spool.sweep()

    assert len(said) == 3
    assert "00000000000000000001-1-a.tmp: half a DEL; removed" in said[0]
    assert [item.name for item in spool.pending()] == ["00000000000000000004-1-c.del"]
    left = {"00000000000000000004-1-c.del", "00000000000000000005-1-c.del.bad"}
    assert names(spool) == {*left, "somebody.tmp"}


def test_a_file_larger_than_a_frame_is_broken(ledge: Ledge) -> None:
    spool, put, said = ledge
    put("00000000000000000001-1-a.del", a_file("a") + bytes(LIMIT))

    assert spool.pending() == []
    assert len(said) == 1


# --- the directory only


def test_a_directory_that_is_not_there_is_an_empty_spool(tmp_path: Path) -> None:
    said: list[str] = []

    spool = Spool(tmp_path / "none", said.append)

    assert spool.pending() == []
    spool.sweep()
    assert said == []


def test_a_directory_or_a_pipe_named_like_a_file_does_not_hang_or_block(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    (tmp_path / "00000000000000000001-1-a.del").mkdir()
    os.mkfifo(tmp_path / "00000000000000000002-1-b.del")
    (tmp_path / "00000000000000000003-1-c.del").write_bytes(a_file("c"))

    (item,) = Spool(tmp_path, said.append).pending()

    assert item.request.id.container == "c"
    assert len(said) == 2
    assert (tmp_path / "00000000000000000001-1-a.del.bad").is_dir()


def test_a_listing_names_all_files_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-1-a.del").write_bytes(b"broken")
    (tmp_path / "b.tmp").write_bytes(b"")
    os.utime(tmp_path / "b.tmp", ns=(5, 5))

    names = listing(tmp_path)
    assert [name for name, _ in names] == ["00000000000000000001-1-a.del", "b.tmp"]
    assert names[1] == ("b.tmp", 5)
    assert [name for name, _ in listing(tmp_path)] == [name for name, _ in names]
    assert listing(tmp_path / "none") == []


def test_a_file_is_removed_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    remove(tmp_path, "a")
    remove(tmp_path, "a")

    assert listing(tmp_path) == []


def test_what_nobody_can_read_does_not_fill_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path, lambda _line: None)
    for number in range(KEPT + 5):
        (tmp_path / f"{number:020d}-1-a.del").write_bytes(b"?")
    assert spool.pending() == []

    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == KEPT
    assert left[0] == f"{5:020d}-1-a.del.bad"
