"""A table as kubectl lays one out: a head, columns three spaces apart, `<none>` for nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NONE, UNKNOWN = "<none>", "<unknown>"
GAP = 3
TAIL = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; `wide` ones are shown with -o wide only."""

    head: str
    wide: bool = False


def columns(normal: str, wide: str = "") -> tuple[Column, ...]:
    """Make columns of their heads: the usual ones, then those of -o wide."""
    return (
        *(Column(head) for head in normal.split()),
        *(Column(head, wide=True) for head in wide.split()),
    )


def chosen(
    heads: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    wide: bool = False,
    head: bool = True,
) -> list[list[str]]:
    """Give the cells that are shown, the heads before them when those are asked for."""
    kept = [i for i, column in enumerate(heads) if wide or not column.wide]
    body = [[plain(row[i]) for i in kept] for row in rows]
    return [*([[heads[i].head for i in kept]] if head else []), *body]


def widths(cells: Sequence[Sequence[str]], least: Sequence[int] = ()) -> list[int]:
    """Give how wide columns are to be; `least` is what they had before, as a watch goes on."""
    found = [max(map(len, column)) + GAP for column in zip(*cells, strict=True)]
    return [max(pair) for pair in zip(found, least or found, strict=True)]


def grid(cells: Sequence[Sequence[str]], least: Sequence[int] = ()) -> list[str]:
    """Put cells below each other; the last of a line is as long as it is."""
    places = widths(cells, least)
    return [
        "".join(c.ljust(w) for c, w in zip(line, places, strict=True)).rstrip()
        for line in cells
    ]


def plain(cell: str) -> str:
    """Keep a cell on its line: what a terminal would obey is shown instead."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cell)
    return shown or NONE


def tail(ocid: str) -> str:
    """Shorten an OCID to the end that tells it from others."""
    return f"…{ocid[-TAIL:]}" if len(ocid) > TAIL else ocid


def several(words: Iterable[object]) -> str:
    """Put words into one cell."""
    return ",".join(map(str, words))
