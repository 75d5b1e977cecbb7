"""Ages and tables as kubectl has them."""

from datetime import UTC, datetime, timedelta

import pytest

from mooring.core.npn.shown.age import lasted, since
from mooring.core.npn.shown.table import chosen, columns, grid, plain, tail, widths

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (599, "9m59s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (10860, "3h1m"),
        (28799, "7h59m"),
        (28800, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + 3600, "2d1h"),
        (8 * DAY, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (731 * DAY, "2y1d"),
        (8 * 365 * DAY, "8y"),
    ],
)
def test_an_age_has_the_words_of_kubectl(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def test_an_age_that_nobody_knows_is_unknown() -> None:
    assert since(None, NOW) == "<unknown>"
    assert since(NOW - timedelta(seconds=5), NOW) == "5s"


def test_a_table_has_its_heads_above_its_cells() -> None:
    heads = columns("NAME STATE", "MORE")

    assert grid(chosen(heads, [("a", "SUCCESS", "x"), ("longer", "", "y")])) == [
        "NAME     STATE",
        "a        SUCCESS",
        "longer   <none>",
    ]


def test_wide_columns_are_shown_when_asked_for() -> None:
    found = chosen(columns("A", "B"), [("1", "2")], wide=True, head=False)

    assert found == [["1", "2"]]


def test_lines_that_come_later_stand_below_those_before() -> None:
    before = widths([["NAME", "B"]])

    assert grid([["n", "2"]], before) == ["n      2"]
    assert grid([["longer", "2"]], before) == ["longer   2"]


def test_a_table_of_nothing_is_nothing() -> None:
    assert grid([]) == []


def test_a_cell_cannot_move_the_cursor_or_break_the_line() -> None:
    assert plain("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\x0ac"


def test_an_ocid_is_known_by_its_end() -> None:
    assert tail("ocid1.vnic.oc1..abcdefghijkl") == "…efghijkl"
    assert tail("short") == "short"
