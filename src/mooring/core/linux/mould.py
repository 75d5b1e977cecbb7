"""Plans that are alike, and moulds: what is sent for one of them, with holes where they differ.

A pod's cables are a dozen messages in which a few bytes are its own. Writing them one by one takes
forty microseconds, three times that in caches that something else has used meanwhile; filling a
mould takes three. A mould is made from what was written in the ordinary way for a sample, so that
there is one description of the messages, and it counts only if it gives byte for byte what was
written for another plan too. One whose messages have no shape but the values' lengths needs no such
proof.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence

from mooring.core.linux import wire
from mooring.core.linux.plan import Fact, Plan

SEQUENCE = 8
"""Where a message's header has its number."""


class Alike:
    """A plan, laid out when somebody looks at its facts, and how it differs from others of its shape.

    `values`: the bytes of its messages that are its own. `link`: what the host's end of its pair is
    called. `sample` gives another plan of the shape, with values of the same lengths that do
    not come about in messages by chance.
    """

    __slots__ = ("_facts", "_lay", "link", "sample", "shape", "values")

    def __init__(
        self,
        lay: Callable[[], Plan],
        shape: Hashable,
        link: str,
        values: tuple[bytes, ...],
        sample: Callable[[], "Alike"],
    ) -> None:
        self.shape, self.link, self.values, self.sample = shape, link, values, sample
        self._lay = lay
        self._facts: Plan | None = None

    @property
    def facts(self) -> Plan:
        """Lay it out, once."""
        if self._facts is None:
            self._facts = self._lay()
        return self._facts

    def __iter__(self) -> Iterator[Fact]:
        """Go through the facts."""
        return iter(self.facts)


class Mould:
    """The messages of one datagram, to be cast with other values and from another number on."""

    def __init__(self, framed: Sequence[bytes], marks: Sequence[bytes]) -> None:
        """Make holes where the marks are, and where the messages, framed, have their numbers.

        ValueError for a mark of no bytes, which is everywhere.
        """
        if not all(marks):
            raise ValueError("a mark of no bytes")
        data = b"".join(framed)
        holes: list[tuple[int, int, int | None]] = []
        begin = 0
        for each in framed:
            holes.append((begin + SEQUENCE, 4, None))
            begin += len(each)
        for which, mark in enumerate(marks):
            holes += [(at, len(mark), which) for at in _places(data, mark)]
        self.count = len(framed)
        self._parts: list[bytes] = []
        self._numbers: list[int] = []
        self._holes: list[tuple[int, int]] = []
        end = 0
        for at, size, value in sorted(holes, key=lambda hole: hole[0]):
            self._parts += [data[end:at], b""]
            place = len(self._parts) - 1
            if value is None:
                self._numbers.append(place)
            else:
                self._holes.append((place, value))
            end = at + size
        self._parts.append(data[end:])

    def cast(self, first: int, values: Sequence[bytes]) -> bytes:
        """Fill in the messages' numbers, beginning with `first`, and the values."""
        parts = self._parts.copy()
        for number, place in enumerate(self._numbers, first):
            parts[place] = wire.U32.pack(number)
        for place, which in self._holes:
            parts[place] = values[which]
        return b"".join(parts)


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + len(mark))
