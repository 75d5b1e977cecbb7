"""Space against the plainest thing that could do it: a dict of single numbers."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.net.blocks import NO_ROOM, Entry, Space

BITS = 6
NUMBERS = range(1 << BITS)

blocks = st.integers(0, 4).flatmap(
    lambda bits: st.builds(
        lambda n: (n << bits, bits), st.integers(0, (1 << (BITS - bits)) - 1)
    )
)
steps = st.lists(st.tuples(st.booleans(), blocks), max_size=40)


class Oracle:
    """Who has which number, and the entries as they were taken."""

    def __init__(self) -> None:
        self.owners: dict[int, Entry] = {}

    def covered(self, base: int, bits: int) -> list[Entry]:
        return [
            self.owners[n] for n in range(base, base + (1 << bits)) if n in self.owners
        ]

    def take(self, entry: Entry) -> None:
        for n in range(entry.base, entry.base + (1 << entry.bits)):
            self.owners[n] = entry

    def release(self, entry: Entry) -> None:
        self.owners = {n: e for n, e in self.owners.items() if e != entry}

    def free_blocks(self, base: int, bits: int, want: int) -> list[int]:
        return [
            n
            for n in range(base, base + (1 << bits), 1 << want)
            if not self.covered(n, want)
        ]

    @property
    def entries(self) -> list[Entry]:
        return sorted(set(self.owners.values()))


def both(drawn: list[tuple[bool, tuple[int, int]]]) -> tuple[Space, Oracle]:
    """Carry out the same steps on both; where a block is taken, release what is there."""
    space, oracle = Space(BITS), Oracle()
    for number, (release, (base, bits)) in enumerate(drawn):
        there = oracle.covered(base, bits)
        if there and release:
            space = space.release(there[0])
            oracle.release(there[0])
        elif there:
            with pytest.raises(ValueError, match="overlaps"):
                space.take(Entry(base, bits, "late"))
        else:
            entry = Entry(base, bits, f"owner{number}")
            space = space.take(entry)
            oracle.take(entry)
    return space, oracle


@given(steps)
def test_entries_come_in_order_and_are_all_there(
    drawn: list[tuple[bool, tuple[int, int]]],
) -> None:
    space, oracle = both(drawn)

    assert list(space.items()) == oracle.entries
    assert space.count == len(oracle.entries)


@given(steps)
def test_a_space_is_the_same_however_it_came_about(
    drawn: list[tuple[bool, tuple[int, int]]],
) -> None:
    space, oracle = both(drawn)

    assert space == Space.of(BITS, oracle.entries)


@given(steps, st.sampled_from(NUMBERS))
def test_walking_may_begin_anywhere(
    drawn: list[tuple[bool, tuple[int, int]]], start: int
) -> None:
    space, oracle = both(drawn)

    assert list(space.items(start)) == [
        e for e in oracle.entries if e.base + (1 << e.bits) > start
    ]


@given(steps, blocks)
def test_what_is_in_a_block_is_known(
    drawn: list[tuple[bool, tuple[int, int]]], block: tuple[int, int]
) -> None:
    space, oracle = both(drawn)
    base, bits = block
    covered = oracle.covered(base, bits)

    assert space.first_in(base, bits) == (covered[0] if covered else None)
    assert space.at(base) == oracle.owners.get(base)
    assert space.free(base, bits) == (1 << bits) - len(covered)


@given(steps, blocks, st.integers(0, 4), st.integers(0, 1 << 64))
def test_a_free_block_is_found_exactly_when_there_is_one(
    drawn: list[tuple[bool, tuple[int, int]]],
    within: tuple[int, int],
    want: int,
    dice: int,
) -> None:
    space, oracle = both(drawn)
    base, bits = within
    free = oracle.free_blocks(base, bits, want) if want <= bits else []

    found = space.pick(within, want, dice)

    assert (found in free) if free else (found is None)
    assert (space.largest(base, bits) >= want) == bool(free)


@given(steps)
def test_single_numbers_come_with_equal_odds(
    drawn: list[tuple[bool, tuple[int, int]]],
) -> None:
    space, oracle = both(drawn)
    free = oracle.free_blocks(0, BITS, 0)
    rounds = 3

    found = Counter(
        space.pick((0, BITS), 0, dice) for dice in range(rounds * len(free))
    )

    assert found == dict.fromkeys(free, rounds)


def test_every_free_block_can_come_out() -> None:
    space = Space(BITS).take(Entry(5, 0, "a")).take(Entry(32, 3, "b"))
    wanted = {n for n in range(0, 64, 4) if n not in (4, 32, 36)}

    assert {space.pick((0, BITS), 2, dice) for dice in range(640)} == wanted


def test_a_full_space_has_no_room() -> None:
    space = Space(1).take(Entry(0, 1, "all"))

    assert space.largest(0, 1) == NO_ROOM
    assert space.largest(0, 0) == NO_ROOM
    assert space.free(0, 0) == 0
    assert space.pick((0, 1), 0, 0) is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry(-1, 0, ""), "outside"),
        (Entry(64, 0, ""), "outside"),
        (Entry(0, 7, ""), "outside"),
        (Entry(2, 2, ""), "multiple"),
    ],
)
def test_a_block_that_cannot_be_is_refused(entry: Entry, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Space(BITS).take(entry)
    with pytest.raises(ValueError, match=words):
        Space.of(BITS, [entry])


def test_overlapping_entries_build_no_space() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        Space.of(BITS, [Entry(4, 0, "in"), Entry(0, 3, "out")])


@pytest.mark.parametrize(
    "entry", [Entry(1, 0, "mine"), Entry(0, 0, "other"), Entry(0, 1, "mine")]
)
def test_only_what_is_taken_can_be_released(entry: Entry) -> None:
    with pytest.raises(ValueError, match="not taken"):
        Space(BITS).take(Entry(0, 0, "mine")).release(entry)
