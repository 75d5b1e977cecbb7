"""Ranges behave as the sets of numbers that they stand for."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mooring.core.net.ranges import Range, Ranges, contains, merged, minus, pieces

NUMBERS = range(32)


@st.composite
def a_range(draw: st.DrawFn) -> Range:
    low = draw(st.integers(0, 30))
    return low, draw(st.integers(low, 31))


some_ranges = st.lists(a_range(), max_size=6)


def numbers(ranges: Ranges | Sequence[Range]) -> set[int]:
    return {n for n in NUMBERS for low, high in ranges if low <= n <= high}


@given(some_ranges)
def test_merged_ranges_are_the_same_set(ranges: list[Range]) -> None:
    assert numbers(merged(ranges)) == numbers(ranges)


@given(some_ranges, some_ranges)
def test_equal_sets_are_equal_values(one: list[Range], two: list[Range]) -> None:
    assert (merged(one) == merged(two)) is (numbers(one) == numbers(two))


@given(some_ranges, some_ranges)
def test_minus_takes_away(one: list[Range], two: list[Range]) -> None:
    rest = minus(merged(one), merged(two))

    assert numbers(rest) == numbers(one) - numbers(two)
    assert rest == merged(rest)


@given(some_ranges, st.sampled_from(NUMBERS))
def test_contains_asks_the_set(ranges: list[Range], number: int) -> None:
    assert contains(merged(ranges), number) is (number in numbers(ranges))


@given(st.lists(st.tuples(a_range(), st.sampled_from("abc")), max_size=6))
def test_pieces_say_of_each_number_what_lies_there(
    layers: list[tuple[Range, str]],
) -> None:
    found = list(pieces(layers, lambda those: "".join(sorted(set("".join(those))))))

    shown = {n: v for low, high, v in found for n in range(low, high + 1)}
    assert shown == {
        n: "".join(sorted({v for (low, high), v in layers if low <= n <= high}))
        for n in NUMBERS
        if any(low <= n <= high for (low, high), _ in layers)
    }


@given(st.lists(st.tuples(a_range(), st.sampled_from("abc")), max_size=6))
def test_pieces_are_disjoint_and_as_few_as_possible(
    layers: list[tuple[Range, str]],
) -> None:
    found = list(pieces(layers, lambda those: "".join(sorted(set("".join(those))))))

    for (_, high, value), (low, _, following) in pairwise(found):
        assert high < low
        assert not (high + 1 == low and value == following)
