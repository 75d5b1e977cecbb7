"""Pods on VNICs and addresses in blocks, with the vectors of the facts (1.7, 8.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn.capacity import (
    MOST_PODS,
    blocks,
    objects,
    pods,
    prefix,
    spread,
    vnics_for,
)


@pytest.mark.parametrize(
    ("vnics", "expected"),
    [(0, 0), (1, 0), (2, 31), (3, 62), (4, 93), (9, 248), (10, 256), (24, 256)],
)
def test_pods_of_a_shape(vnics: int, expected: int) -> None:
    assert pods(vnics) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (1,)),
        (31, (31,)),
        (32, (31, 1)),
        (34, (31, 3)),
        (62, (31, 31)),
        (64, (31, 31, 2)),
        (256, (31,) * 8 + (8,)),
    ],
)
def test_pods_fill_one_vnic_after_the_other(
    count: int, expected: tuple[int, ...]
) -> None:
    assert spread(count) == expected
    assert len(expected) == vnics_for(count)


@given(st.integers(1, MOST_PODS))
def test_as_many_vnics_as_needed_hold_the_pods(count: int) -> None:
    assert sum(spread(count)) == count
    assert pods(vnics_for(count) + 1) >= count
    assert pods(vnics_for(count)) < count


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, ()), (1, (1,)), (3, (2, 1)), (14, (8, 4, 2)), (32, (32,)), (33, (32, 1))],
)
def test_addresses_come_in_powers_of_two(count: int, expected: tuple[int, ...]) -> None:
    assert blocks(count) == expected


def test_a_bound_splits_the_blocks_further() -> None:
    assert blocks(14, largest=4) == (4, 4, 4, 2)
    assert blocks(3, largest=1) == (1, 1, 1)


@given(st.integers(0, 300), st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256]))
def test_blocks_add_up_and_fall(count: int, largest: int) -> None:
    sizes = blocks(count, largest)

    assert sum(sizes) == count
    assert list(sizes) == sorted(sizes, reverse=True)
    assert all(size & (size - 1) == 0 and size <= largest for size in sizes)


@pytest.mark.parametrize(("size", "expected"), [(1, 32), (2, 31), (32, 27), (256, 24)])
def test_a_block_has_its_prefix(size: int, expected: int) -> None:
    assert prefix(size) == expected


def test_pieces_beyond_the_fewest_are_counted() -> None:
    assert objects(()) == 0
    assert objects((32,)) == 0
    assert objects((2, 1)) == 0
    assert objects((16, 8, 8)) == 2
