"""Sets of whole numbers as ranges: ports, addresses, ICMP types.

`Ranges` are inclusive, sorted, disjoint and not adjacent, so that equal sets are equal
values. That is also what nft's interval sets take: they refuse overlaps.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")
Range = tuple[int, int]
Ranges = tuple[Range, ...]
Piece = tuple[int, int, T]


def merged(ranges: Iterable[Range]) -> Ranges:
    """Give the set of all numbers in any of the ranges."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def minus(left: Ranges, right: Ranges) -> Ranges:
    """Give the numbers of the left set that the right one does not have."""
    found: list[Range] = []
    for low, high in left:
        start = low
        for cut_low, cut_high in right:
            if cut_high < start or cut_low > high:
                continue
            if cut_low > start:
                found.append((start, cut_low - 1))
            start = cut_high + 1
        if start <= high:
            found.append((start, high))
    return tuple(found)


def contains(ranges: Ranges, number: int) -> bool:
    """Tell whether the set has the number."""
    return any(low <= number <= high for low, high in ranges)


def pieces(
    layers: Iterable[tuple[Range, T]], fold: Callable[[Sequence[T]], U]
) -> Iterator[Piece[U]]:
    """Cut overlapping layers into disjoint pieces, each with its layers folded into one.

    Where no layer lies there is no piece. Adjacent pieces with equal values become one.
    `fold` gets the values of a piece's layers in the order in which they were given and
    is asked once for each combination of layers.
    """
    given = list(layers)
    known: dict[frozenset[int], U] = {}
    last: Piece[U] | None = None
    for low, high, those in _cut([each for each, _ in given]):
        if those not in known:
            known[those] = fold([given[number][1] for number in sorted(those)])
        value = known[those]
        if last is not None and last[1] + 1 == low and last[2] == value:
            last = (last[0], high, value)
            continue
        if last is not None:
            yield last
        last = (low, high, value)
    if last is not None:
        yield last


def _cut(ranges: Sequence[Range]) -> Iterator[Piece[frozenset[int]]]:
    """Give each stretch between two edges with the places of the ranges that lie there."""
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, (low, high) in enumerate(ranges):
        begins.setdefault(low, []).append(number)
        ends.setdefault(high + 1, []).append(number)
    lying: set[int] = set()
    for edge, following in pairwise(sorted(begins.keys() | ends.keys())):
        lying.difference_update(ends.get(edge, ()))
        lying.update(begins.get(edge, ()))
        if lying:
            yield edge, following - 1, frozenset(lying)
