"""The spool's files: what the executable wrote, and nothing else, becomes a DEL."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.frames import Call, encode_call
from mooring.core.cni.request import AttachmentId, Del
from mooring.core.cni.spool import (
    WRITTEN,
    Moment,
    SpooledDel,
    Unreadable,
    container_of,
    is_half,
    is_spooled,
    read,
)

NAME = "01700000000000000001-4711-c0ffee.del"
CONF = json.dumps({"cniVersion": "1.0.0", "name": "mooring", "type": "mooring"})
ENV = {
    "CNI_COMMAND": "DEL",
    "CNI_CONTAINERID": "c0ffee",
    "CNI_IFNAME": "eth0",
    "CNI_PATH": "/opt/cni/bin",
}


def a_file(**env: str) -> bytes:
    return encode_call(Call(ENV | env, CONF.encode()))


def test_a_spooled_del_is_read_with_its_time() -> None:
    spooled = read(NAME, a_file())

    assert isinstance(spooled, SpooledDel)
    assert spooled.name == NAME
    assert spooled.written_ns == 1_700_000_000_000_000_001
    assert isinstance(spooled.request, Del)
    assert spooled.request.id == AttachmentId("mooring", "c0ffee", "eth0")


@pytest.mark.parametrize(
    "name",
    [
        "01700000000000000001-4711-c0ffee.tmp",
        "01700000000000000001-4711-c0ffee.del.bad",
        "1700000000-4711-c0ffee.del",
        "01700000000000000001-c0ffee.del",
        "01700000000000000001-4711-a b.del",
        "README",
        "",
    ],
)
def test_other_files_are_not_ours(name: str) -> None:
    assert not is_spooled(name)
    with pytest.raises(Unreadable, match="not a name of the spool"):
        read(name, a_file())


@pytest.mark.parametrize("name", [NAME, "00000000000000000000-1-.del"])
def test_a_container_is_only_a_label_of_the_name(name: str) -> None:
    assert is_spooled(name)
    assert read(name, a_file()).request.id.container == "c0ffee"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 whole calls"),
        (a_file()[:-1], "0 whole calls"),
        (a_file() * 2, "2 whole calls"),
        (a_file() + b"M", "1 whole calls"),
        (b"garbage", "a frame begins with"),
        (a_file(CNI_CONTAINERID=""), "DEL needs CNI_CONTAINERID"),
        (a_file(CNI_COMMAND="ADD", CNI_NETNS="/x"), "Add; only DEL is spooled"),
    ],
)
def test_a_broken_file_is_unreadable(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(NAME, content)


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 255))
def test_any_file_is_a_del_or_unreadable(junk: bytes, at: int, byte: int) -> None:
    sound = bytearray(a_file())
    sound[at % len(sound)] = byte
    for content in (junk, bytes(sound), a_file() + junk):
        try:
            spooled = read(NAME, content)
        except Unreadable:
            continue
        assert isinstance(spooled.request, Del)


@pytest.mark.parametrize("end", [".del", ".tmp", ".del.bad"])
def test_the_label_is_read_whatever_became_of_the_file(end: str) -> None:
    assert container_of(f"{1:020}-77-a.del-container{end}") == "a.del-container"


def test_a_file_of_somebody_elses_has_no_label() -> None:
    assert container_of("README.del") == ""


WALL = 1_700_000_000.0
DAY = 86_400.0


@pytest.mark.parametrize("step", [-DAY, -1.0, 0.0, 1.0, DAY])
@pytest.mark.parametrize(
    ("up", "boot", "precedes"),
    [
        (499.9, "this", True),
        (500.0, "this", False),
        (500.1, "this", False),
        (900.0, "before", True),
        (10.0, "before", True),
    ],
)
def test_the_calendar_does_not_say_which_came_first(
    step: float, up: float, boot: str, precedes: bool
) -> None:
    """An ADD at 500 s since boot; the DEL is judged at 1,000 s, after a step of the clock."""
    spooled = read(NAME, a_file(**{WRITTEN: f"{up * 1e9:.0f}/{boot}"}))

    now = Moment(1000.0, "this", WALL + step)
    assert (spooled.since_boot, spooled.boot) == (up, boot)
    assert spooled.precedes(500.0, now) is precedes


@pytest.mark.parametrize("said", ["", "5", "/boot", "x/boot", "5/a b", f"{'9' * 20}/b"])
def test_a_file_that_does_not_say_its_boot_is_judged_by_the_calendar(said: str) -> None:
    """As those of an older executable are, and no other can be made of it."""
    spooled = read(NAME, a_file(**{WRITTEN: said} if said else {}))

    assert spooled.boot == ""
    assert spooled.precedes(500.0, Moment(1000.0, "this", WALL + 501))
    assert not spooled.precedes(500.0, Moment(1000.0, "this", WALL + 499))


@pytest.mark.parametrize(
    ("name", "half"),
    [
        (NAME.replace(".del", ".tmp"), True),
        (NAME, False),
        (f"{NAME}.bad", False),
        ("b.tmp", False),
    ],
)
def test_only_our_own_halves_are_known_as_such(name: str, half: bool) -> None:
    assert is_half(name) is half
