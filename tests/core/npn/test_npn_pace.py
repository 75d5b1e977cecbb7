"""The pace of all calls together."""

from mooring.core.npn.pace import (
    SLOWEST,
    Pace,
    allowed,
    answered,
    enter,
    throttled,
)


def waits(pace: Pace, count: int, now: float = 0.0) -> list[float]:
    found = []
    for _ in range(count):
        pace, wait = enter(pace, now)
        found.append(round(wait, 3))
    return found


def test_a_burst_passes_and_the_rest_queues() -> None:
    assert waits(Pace(rate=10, burst=2, tokens=2), 5) == [0, 0, 0.1, 0.2, 0.3]


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    assert waits(Pace(rate=10, burst=2, tokens=0), 3, now=0.1) == [0, 0.1, 0.2]
    assert waits(Pace(rate=10, burst=2, tokens=0), 3, now=9) == [0, 0, 0.1]


def test_a_clock_that_stands_gives_no_tokens_twice() -> None:
    pace, _ = enter(Pace(rate=10, burst=1, tokens=1, at=5.0), 4.0)

    assert pace.at == 5.0
    assert pace.tokens == 0


def test_good_answers_climb_to_a_bound() -> None:
    pace = Pace(rate=10)
    for _ in range(10):
        pace = answered(pace)

    assert 10.9 < pace.rate < 11.0
    assert answered(Pace(rate=50, most=50)).rate == 50


def test_what_the_operator_allows_is_where_it_begins() -> None:
    pace = allowed(5.0, 3, 7.0)

    assert waits(pace, 5, now=7.0) == [0, 0, 0, 0.2, 0.4]
    assert throttled(allowed(0.5, 1, 0.0), 1.0, None).rate == 0.5


def test_too_many_calls_cost_a_fifth_of_the_rate_and_the_burst() -> None:
    pace = throttled(Pace(rate=50), 1.0, None)

    assert pace.rate == 40
    assert waits(pace, 1, now=1.0) == [0.025]


def test_calls_in_flight_cost_only_once() -> None:
    pace = throttled(throttled(Pace(rate=50), 1.0, None), 1.1, None)

    assert pace.rate == 40
    assert throttled(pace, 1.6, None).rate == 32


def test_the_slowest_pace_is_not_standstill() -> None:
    pace = Pace()
    for i in range(100):
        pace = throttled(pace, float(i), None)

    assert pace.rate == SLOWEST


def test_the_pause_that_the_cloud_asks_for_is_kept() -> None:
    pace = throttled(Pace(rate=50), 0.0, 3.0)

    _, wait = enter(pace, 0.0)

    assert 3.0 <= wait <= 3.1


def test_who_was_told_the_same_pause_does_not_come_back_at_once() -> None:
    pace = throttled(Pace(rate=50), 0.0, 3.0, 1.0)

    assert 3.75 <= enter(pace, 0.0)[1] <= 3.85
