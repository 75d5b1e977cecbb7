"""Which aligned blocks of numbers are taken, by whom, and where there is room.

A `Space` holds disjoint blocks of 2^bits numbers, each starting at a multiple of its
size: single addresses, CIDR blocks of them, or plain sort keys (blocks of one). It is a
value: taking and releasing give a new Space that shares all but one path with the old.

Inside it is a binary trie without one-child branches. A branch knows how many numbers
below it are taken and the largest aligned block that is free there, so that a free
address or block is found, and found by chance with equal odds, by walking down once;
nothing is ever probed. Two Spaces with the same entries are equal, however they came
about.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

NO_ROOM = -1


class Entry(NamedTuple):
    """A block of 2**bits numbers from `base` on, and who has it."""

    base: int
    bits: int
    owner: str


class Branch(NamedTuple):
    """Two halves, neither of them empty."""

    base: int
    bits: int
    left: "Entry | Branch"
    right: "Entry | Branch"
    used: int
    largest: int


Node = Entry | Branch


@dataclass(frozen=True, slots=True)
class Space:
    """The taken blocks among the numbers 0 .. 2**bits - 1."""

    bits: int
    root: Node | None = None
    count: int = 0

    @classmethod
    def of(cls, bits: int, entries: Sequence[Entry]) -> "Space":
        """Build from entries in any order, all at once; ValueError when two overlap."""
        ordered = sorted(entries)
        for one, two in pairwise(ordered):
            if two.base < one.base + (1 << one.bits):
                raise ValueError(f"{two} overlaps {one}")
        for entry in ordered:
            _check(bits, entry)
        return cls(bits, _build(ordered) if ordered else None, len(ordered))

    def take(self, entry: Entry) -> "Space":
        """Add an entry; ValueError when any of its numbers is taken."""
        _check(self.bits, entry)
        root = entry if self.root is None else _inserted(self.root, entry)
        return Space(self.bits, root, self.count + 1)

    def release(self, entry: Entry) -> "Space":
        """Remove an entry; ValueError when it is not there just so."""
        if self.at(entry.base) != entry or self.root is None:
            raise ValueError(f"{entry} is not taken")
        return Space(self.bits, _without(self.root, entry), self.count - 1)

    def at(self, number: int) -> Entry | None:
        """Give the entry that covers a number."""
        return self.first_in(number, 0)

    def first_in(self, base: int, bits: int) -> Entry | None:
        """Give the first entry that shares a number with this aligned block."""
        node = _below(self.root, base, bits)
        while isinstance(node, Branch):
            node = node.left
        return node

    def items(self, start: int = 0) -> Iterator[Entry]:
        """Walk the entries in order, from the first that ends after `start`."""
        stack = [] if self.root is None else [self.root]
        while stack:
            node = stack.pop()
            if node.base + (1 << node.bits) <= start:
                continue
            if isinstance(node, Branch):
                stack += (node.right, node.left)
            else:
                yield node

    def free(self, base: int, bits: int) -> int:
        """Count the numbers of an aligned block that nobody has."""
        node = _below(self.root, base, bits)
        if node is None:
            return 1 << bits
        return 0 if node.bits > bits else (1 << bits) - _used(node)

    def largest(self, base: int, bits: int) -> int:
        """Give the bits of a block's largest free aligned part, or NO_ROOM."""
        node = _below(self.root, base, bits)
        if node is not None and node.bits > bits:
            return NO_ROOM
        return _room(bits, node)

    def pick(self, within: tuple[int, int], want: int, dice: int) -> int | None:
        """Choose the base of a free block of 2**want numbers inside `within`.

        `within` is the base and bits of an aligned block. Single numbers come out with
        equal odds when dice come from a range that is large against 2**bits, blocks
        in proportion to the free numbers around them. None: no room.
        """
        base, bits = within
        if self.largest(base, bits) < want:
            return None
        node = _below(self.root, base, bits)
        while node is not None:
            bits -= 1
            middle = base + (1 << bits)
            left, right = _halves(node, bits, middle)
            free_left = _free_for(want, bits, left)
            dice %= free_left + _free_for(want, bits, right)
            if dice < free_left:
                node = left
            else:
                node, base, dice = right, middle, dice - free_left
        return base + (dice % (1 << (bits - want)) << want)


def _check(bits: int, entry: Entry) -> None:
    if entry.base < 0 or entry.base + (1 << entry.bits) > 1 << bits:
        raise ValueError(f"{entry} lies outside of 2**{bits} numbers")
    if entry.base & ((1 << entry.bits) - 1):
        raise ValueError(f"{entry} does not start at a multiple of its size")


def _used(node: Node) -> int:
    return node.used if isinstance(node, Branch) else 1 << node.bits


def _room(slot: int, node: Node | None) -> int:
    """Give the bits of the largest free block of a slot that holds only `node`."""
    if node is None:
        return slot
    if node.bits < slot:
        return slot - 1
    return node.largest if isinstance(node, Branch) else NO_ROOM


def _free_for(want: int, slot: int, node: Node | None) -> int:
    """Count a slot's free numbers; 0 when no block of the wanted size fits."""
    if node is None:
        return 0 if slot < want else 1 << slot
    if node.bits < slot:
        return 0 if slot <= want else (1 << slot) - _used(node)
    if isinstance(node, Entry) or node.largest < want:
        return 0
    return (1 << slot) - node.used


def _halves(node: Node, half: int, middle: int) -> tuple[Node | None, Node | None]:
    """Split what lies in a slot with halves of 2**half that meet at `middle`."""
    if isinstance(node, Branch) and node.bits == half + 1:
        return node.left, node.right
    return (node, None) if node.base < middle else (None, node)


def _branch(base: int, bits: int, left: Node, right: Node) -> Branch:
    half = bits - 1
    largest = max(_room(half, left), _room(half, right))
    return Branch(base, bits, left, right, _used(left) + _used(right), largest)


def _join(one: Node, two: Node) -> Branch:
    bits = (one.base ^ two.base).bit_length()
    left, right = (one, two) if one.base < two.base else (two, one)
    return _branch(left.base >> bits << bits, bits, left, right)


def _covers(node: Node, base: int, bits: int) -> bool:
    return node.bits >= bits and node.base >> node.bits == base >> node.bits


def _below(node: Node | None, base: int, bits: int) -> Node | None:
    """Give the highest node inside an aligned block, or the entry that covers it."""
    while isinstance(node, Branch) and node.bits > bits and _covers(node, base, bits):
        middle = node.base + (1 << (node.bits - 1))
        node = node.left if base < middle else node.right
    if node is None or node.base >> bits == base >> bits or _covers(node, base, bits):
        return node
    return None


def _down(node: Node, base: int) -> tuple[list[Branch], Entry]:
    """Go down to the entry that shares most with a number, which covers it if any does."""
    path: list[Branch] = []
    while isinstance(node, Branch):
        path.append(node)
        top, bits, left, right, _, _ = node
        node = left if base < top + (1 << (bits - 1)) else right
    return path, node


def _inserted(root: Node, entry: Entry) -> Node:
    base, bits, _ = entry
    path, near = _down(root, base)
    apart = (near.base ^ base).bit_length()
    if apart <= max(near.bits, bits):
        raise ValueError(f"{entry} overlaps {near}")
    node: Node = near
    while path and path[-1].bits <= apart:
        node = path.pop()
    return _above(path, base, _join(node, entry), 1 << bits)


def _without(root: Node, entry: Entry) -> Node | None:
    """Take out an entry that is there."""
    path, found = _down(root, entry.base)
    if not path:
        return None
    last = path.pop()
    other = last.right if last.left is found else last.left
    return _above(path, entry.base, other, -(1 << entry.bits))


def _above(path: list[Branch], base: int, node: Node, more: int) -> Node:
    """Make a path's branches anew, from the last to the first, over what is new below them.

    The path leads to the number `base`; so many numbers `more` are taken there. This is what
    most of a change costs: nothing is asked twice, and a plain tuple is made into a Branch.
    """
    for top, bits, left, right, used, _ in reversed(path):
        half = bits - 1
        if base < top + (1 << half):
            left = node  # noqa: PLW2901 - the half that is new
        else:
            right = node  # noqa: PLW2901 - the half that is new
        one = two = half - 1
        if left[1] >= half:
            one = left.largest if isinstance(left, Branch) else NO_ROOM
        if right[1] >= half:
            two = right.largest if isinstance(right, Branch) else NO_ROOM
        room = one if one > two else two  # noqa: FURB136 - max() takes four times as long
        node = tuple.__new__(Branch, (top, bits, left, right, used + more, room))
    return node


def _build(ordered: Sequence[Entry]) -> Node:
    if len(ordered) == 1:
        return ordered[0]
    first, last = ordered[0], ordered[-1]
    bits = (first.base ^ last.base).bit_length()
    base = first.base >> bits << bits
    middle = bisect_left(ordered, base + (1 << (bits - 1)), key=lambda e: e.base)
    return _branch(base, bits, _build(ordered[:middle]), _build(ordered[middle:]))
