"""A budget is held in the long run and in every burst; who is quiet costs nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.faults.budgets import SWEPT_FROM, Budgets
from mooring.core.vcn.limits import Budget

NOW = datetime(2026, 7, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_without_a_rule_everything_is_granted() -> None:
    assert Budgets().spend("me", "GetVcn", NOW) == (Budgets(), 0.0)


def test_a_burst_is_granted_and_then_the_rate() -> None:
    budgets = Budgets((("CreateVcn", Budget(2, 3)),))
    waits = []
    for seconds in (0, 0, 0, 0, 0.5, 0.5):
        budgets, wait = budgets.spend("me", "CreateVcn", at(seconds))
        waits.append(wait)

    assert waits == [0, 0, 0, 0.5, 0, 0.5]


def test_callers_and_operations_have_buckets_of_their_own() -> None:
    budgets = Budgets((("*", Budget(1, 1)),))
    for caller, operation in (("me", "A"), ("me", "B"), ("you", "A")):
        budgets, wait = budgets.spend(caller, operation, NOW)
        assert wait == 0

    assert budgets.spend("me", "A", NOW)[1] == 1


@pytest.mark.parametrize(
    ("operation", "burst"),
    [("CreateVcn", 1), ("CreateSubnet", 2), ("GetVcn", 3), ("", 3)],
)
def test_the_narrowest_rule_counts(operation: str, burst: int) -> None:
    rules = (
        ("*", Budget(1, 3)),
        ("CreateVcn", Budget(1, 1)),
        ("Create*", Budget(1, 2)),
    )
    rule = Budgets(rules).rule(operation)

    assert rule is not None
    assert rule.burst == burst


def test_a_clock_that_goes_back_gives_nothing() -> None:
    budgets, _ = Budgets((("*", Budget(1, 1)),)).spend("me", "A", at(10))

    assert budgets.spend("me", "A", at(0))[1] > 0


def test_full_buckets_are_thrown_away() -> None:
    budgets = Budgets((("*", Budget(1, 1)),))
    for n in range(SWEPT_FROM):
        budgets, _ = budgets.spend(f"caller {n}", "A", NOW)
    budgets, _ = budgets.spend("busy", "A", at(100))

    assert set(budgets.buckets) == {("busy", "A")}


@given(
    st.lists(st.floats(0, 0.5), max_size=60), st.integers(1, 5), st.sampled_from([1, 4])
)
def test_no_more_is_granted_than_the_budget(
    pauses: list[float], burst: int, rate: int
) -> None:
    budgets = Budgets((("*", Budget(rate, burst)),))
    now, granted = 0.0, 0
    for pause in pauses:
        now += pause
        budgets, wait = budgets.spend("me", "A", at(now))
        granted += wait == 0

    assert granted <= burst + rate * now + 0.001
