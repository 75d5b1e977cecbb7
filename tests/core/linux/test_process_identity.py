"""Processes as values: one pid may be two processes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.linux.process import (
    Identity,
    Stat,
    identity,
    is_alive,
    listening,
    stat,
)

LINE = "42 (a b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0"
ME = Identity(42, 777, "boot-1")


def test_a_name_may_hold_anything() -> None:
    assert stat(LINE) == Stat(42, "S", 1, 777)


def test_our_own_line_is_read() -> None:
    assert stat(Path("/proc/self/stat").read_text())


@pytest.mark.parametrize(
    "text", ["", "42", "42 (x", "42 (x) S 1", LINE.replace("42 (", "x (", 1), LINE[:40]]
)
def test_what_is_no_such_line_is_nobody(text: str) -> None:
    assert stat(text) is None


@given(st.text())
def test_any_text_is_read_or_nobody(text: str) -> None:
    assert stat(text) is None or isinstance(stat(text), Stat)


def test_a_line_with_words_for_numbers_is_nobody() -> None:
    assert stat(LINE.replace("777", "soon")) is None


def test_a_record_is_a_line_and_the_boot() -> None:
    assert identity(f"{LINE}\nboot-1\n") == ME


@pytest.mark.parametrize("record", ["", LINE, f"{LINE}\n", "x\nboot-1"])
def test_a_record_that_was_cut_off_is_nobody(record: str) -> None:
    assert identity(record) is None


@pytest.mark.parametrize(
    ("boot", "now", "alive"),
    [
        ("boot-1", Stat(42, "S", 1, 777), True),
        ("boot-1", Stat(42, "Z", 1, 777), False),
        ("boot-1", Stat(42, "S", 1, 778), False),
        ("boot-2", Stat(42, "S", 1, 777), False),
        ("boot-1", None, False),
    ],
)
def test_only_the_same_process_of_the_same_boot_is_alive(
    boot: str, now: Stat | None, alive: bool
) -> None:
    assert is_alive(ME, boot, now) is alive


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:094B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:1A2B 0100007F:094C 01 00000000:00000000 00:00000000 00000000     0

"""


@pytest.mark.parametrize(("port", "there"), [(2379, True), (6699, False), (9, False)])
def test_who_listens_stands_in_the_kernels_table(port: int, there: bool) -> None:
    assert listening(TABLE, port) is there
