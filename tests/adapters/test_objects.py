"""The store of objects: one contract for the directory and its fake."""

import json
import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from fakes.objects import FakeObjects
from objects_contract import (  # noqa: F401 - claims, collected here
    a_status,
    an_npn,
    test_a_name_that_is_not_there_is_absent,
    test_a_usage_is_a_change_only_for_whom_it_concerns,
    test_an_empty_store_has_no_names,
    test_an_object_without_a_status_has_an_empty_one,
    test_changes_name_what_came_changed_and_went,
    test_the_status_is_read_with_the_object_or_apart,
    test_what_an_agent_tells_is_kept_beside_the_object,
    test_what_is_removed_is_gone_with_its_status,
    test_what_is_written_is_read,
    test_writing_the_same_spec_again_changes_nothing,
    test_writing_the_spec_keeps_the_status_and_counts_the_change,
)

from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.port import Absent, Objects
from mooring.core.npn.record import NpnStatus
from mooring.core.npn.usage import Usage


@pytest.fixture(params=["directory", "fake"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return ObjectDirectory(tmp_path) if request.param == "directory" else FakeObjects()


# What only files can do.


@pytest.mark.parametrize("text", ["", "{", "[]", '{"usage": {"held": 5}}'])
def test_a_usage_that_a_power_cut_left_is_none(tmp_path: Path, text: str) -> None:
    store = ObjectDirectory(tmp_path)
    (tmp_path / "usage").mkdir()
    (tmp_path / "usage/a.json").write_text(text)

    assert store.read_usage("a") in {None, Usage()}


def test_files_of_others_are_not_objects(tmp_path: Path) -> None:
    objects = ObjectDirectory(tmp_path)
    objects.write(an_npn())
    for name in ("README", ".abc.json.new", "orphan.status.json", ".hidden.json"):
        (tmp_path / name).write_text("{}")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()

    assert objects.names() == ["abc"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "must be one of 'oci.oraclecloud.com/v1beta1'"),
        (b"{", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"7", "must be a JSON object"),
        (b" " * ((1 << 20) + 1), "must be at most 1048576 bytes"),
    ],
)
def test_a_broken_file_is_listed_and_unreadable(
    tmp_path: Path, content: bytes, rule: str
) -> None:
    (tmp_path / "abc.json").write_bytes(content)
    objects = ObjectDirectory(tmp_path)

    assert objects.names() == ["abc"]
    with pytest.raises(Unreadable) as caught:
        objects.read("abc")
    assert rule in caught.value.rule


def test_a_broken_object_can_still_be_told_so(tmp_path: Path) -> None:
    (tmp_path / "abc.json").write_text("{")
    objects = ObjectDirectory(tmp_path)
    objects.write_status("abc", NpnStatus(state="BACKOFF", reason="x"))

    assert objects.read_status("abc").state == "BACKOFF"


def test_a_file_whose_name_is_not_the_objects_is_unreadable(tmp_path: Path) -> None:
    objects = ObjectDirectory(tmp_path)
    objects.write(an_npn())
    (tmp_path / "abc.json").rename(tmp_path / "other.json")

    with pytest.raises(Unreadable, match=r"metadata.name: 'abc': must be other"):
        objects.read("other")


def test_a_broken_status_is_unreadable_and_the_spec_is_not(tmp_path: Path) -> None:
    objects = ObjectDirectory(tmp_path)
    objects.write(an_npn())
    (tmp_path / "abc.status.json").write_text("[]")

    with pytest.raises(Unreadable):
        objects.read("abc")
    assert objects.read_spec("abc") == an_npn()


def test_a_status_inside_the_objects_file_is_not_the_status(tmp_path: Path) -> None:
    objects = ObjectDirectory(tmp_path)
    objects.write(an_npn())
    document = json.loads((tmp_path / "abc.json").read_text())
    document["status"] = {"state": "SUCCESS"}
    (tmp_path / "abc.json").write_text(json.dumps(document))

    assert objects.read("abc") == an_npn()


@pytest.mark.parametrize("name", ["../abc", "a/b", ".abc", "a\0b"])
def test_a_name_cannot_leave_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(Absent):
        ObjectDirectory(tmp_path).read(name)


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    objects = ObjectDirectory(tmp_path)
    objects.write(an_npn())
    objects.write_status("abc", a_status())

    assert {p.name for p in tmp_path.iterdir()} == {"abc.json", "abc.status.json"}


def test_a_missing_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ObjectDirectory(tmp_path / "nowhere").names()


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    old, young = tmp_path / ".a.json.7.new", tmp_path / ".b.status.json.8.new"
    for left in (old, young):
        left.write_text("{")
    os.utime(old, (0, 0))
    ObjectDirectory(tmp_path).write(an_npn())

    assert not old.exists()
    assert young.exists()


def test_an_object_is_shown_as_an_api_server_would(tmp_path: Path) -> None:
    store = ObjectDirectory(tmp_path)
    store.write(an_npn())
    bare = store.document("abc")
    store.write_status("abc", a_status())
    store.write_usage("abc", Usage(serial=1, held=frozenset({IPv4Address("10.0.0.9")})))

    whole = store.document("abc")

    assert "status" not in bare
    assert whole["metadata"] == bare["metadata"]
    assert isinstance(whole["status"], dict)
    assert whole["status"]["state"] == "SUCCESS"
    assert whole["status"]["usage"]["used"] == 1


def test_a_usage_cut_in_half_is_left_out_of_what_is_shown(tmp_path: Path) -> None:
    store = ObjectDirectory(tmp_path)
    store.write(an_npn())
    store.write_usage("abc", Usage(serial=1))
    (tmp_path / "usage/abc.json").write_text('{"usage": {"ser')

    assert "status" not in store.document("abc")


@pytest.mark.parametrize("text", ["[]", "{", "7"])
def test_what_is_no_object_cannot_be_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "abc.json").write_text(text)

    with pytest.raises(Unreadable):
        ObjectDirectory(tmp_path).document("abc")


def test_what_is_not_there_cannot_be_shown(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        ObjectDirectory(tmp_path).document("abc")
