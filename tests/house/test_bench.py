"""The verdict of `make bench`: a bar that is not held, or not measured, is a failure."""

import json

import pytest
from bench.bars import BARS, Bar, failed, row
from bench.turns import middle


@pytest.mark.parametrize(
    ("name", "ours", "reference", "held"),
    [
        ("add_p50", 1.0, 7.0, True),
        ("add_p50", 1.0001, 7.0, False),  # 0.142871: the bar is a seventh, not 0.143
        ("del_p50", 1.0, 40.0, True),
        ("del_p50", 1.0001, 40.0, False),
        ("add_rate_8", 4.5, 1.0, True),
        ("add_rate_8", 4.4999, 1.0, False),
        ("first_packet_lost", 0.0, None, True),
        ("first_packet_lost", 1.0, None, False),
        ("rtt_cross_node_plain", 9.0, 1.0, None),
    ],
)
def test_a_row_is_judged_by_its_bar_before_rounding(
    name: str, ours: float, reference: float | None, *, held: bool | None
) -> None:
    assert row(name, ours, reference, "1").held is held


def test_a_bar_of_ours_does_not_look_at_the_ratio() -> None:
    bar = Bar(45, of_ours=True)

    assert bar.holds(44, 2.0)
    assert not bar.holds(46, 0.5)


def test_what_is_not_held_or_not_measured_is_named() -> None:
    rows = [
        row("add_p50", 2.0, 7.0, "ms"),
        row("del_p50", 1.0, 40.0, "ms"),
        row("rtt_cross_node_plain", 9.0, 1.0, "us"),
    ]

    assert failed(rows) == ["add_p50"]
    assert failed(rows[1:]) == []
    assert failed(rows[1:], ("del_p50", "agent_rss_mib")) == ["agent_rss_mib"]


def test_a_written_row_has_its_bar_and_whether_it_is_held() -> None:
    written = json.loads(json.dumps(row("add_p50", 1.0, 10.0, "ms").document()))
    bare = row("rtt_cross_node_plain", 9.0, 1.0, "us").document()

    assert written["held"] is True
    assert written["ratio"] == 0.1
    assert written["bar"]["bound"] == 1 / 7
    assert written["bar"]["rule"] == "<= 0.1429"
    assert (bare["bar"], bare["held"]) == (None, None)


def test_the_table_says_what_does_not_hold() -> None:
    assert "NOT HELD" in str(row("add_p50", 2.0, 7.0, "ms"))
    assert "NOT HELD" not in str(row("add_p50", 1.0, 7.0, "ms"))


def test_the_bars_of_add_and_del_are_exact() -> None:
    assert BARS["add_p50"].bound == 1 / 7
    assert BARS["del_p50"].bound == 1 / 40


def test_the_turn_in_the_middle_is_that_of_the_median_ratio() -> None:
    assert middle([3.0, 8.0, 1.0], [2.0, 4.0, 1.0]) == (3.0, 2.0)
    assert middle([2.0, 1.0], [1.0, 1.0]) == (1.0, 1.0)


def test_a_bad_mood_of_the_machine_does_not_move_the_ratio() -> None:
    """All but three turns of nine are slow, and some meet the change between their two sides."""
    moods = [(1, 1), (4, 4), (4, 4), (1, 4), (4, 1), (4, 4), (1, 1), (4, 4), (1, 1)]
    ours = [1.2 * mood for mood, _ in moods]
    reference = [1.0 * mood for _, mood in moods]
    mine, others = middle(ours, reference)

    assert mine / others == pytest.approx(1.2)


def test_turns_of_which_one_side_is_missing_are_no_turns() -> None:
    with pytest.raises(ValueError, match="shorter"):
        middle([1.0, 1.0], [1.0])
