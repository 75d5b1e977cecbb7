"""Plans that are alike, and moulds: what is sent for one of them, with holes where they differ.

A pod's cables are a dozen messages in which a few bytes are its own. Writing them one by one takes
forty microseconds, three times that in caches that something else has used meanwhile; filling a
mould takes three. A mould is made from what was written in the ordinary way for a sample, so that
there is one description of the messages, and it counts only if it gives byte for byte what was
written for another plan too.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Self

from mooring.core.linux import wire
from mooring.core.linux.plan import Fact

SEQUENCE = 8
"""Where a message's header has its number."""


class Alike(tuple[Fact, ...]):  # noqa: SLOT001 - a tuple has no room for slots
    """A plan, and how it differs from others of its shape.

    `values`: the bytes of its messages that are its own. `sample` gives another plan of the shape,
    with values of the same lengths that do not come about in messages by chance.
    """

    shape: Hashable
    values: tuple[bytes, ...]
    sample: Callable[[], "Alike"]

    def __new__(
        cls,
        facts: Iterable[Fact],
        shape: Hashable,
        values: tuple[bytes, ...],
        sample: Callable[[], "Alike"],
    ) -> Self:
        """Make one."""
        made = super().__new__(cls, facts)
        made.shape, made.values, made.sample = shape, values, sample
        return made


class Mould:
    """The messages of one datagram, to be cast with other values and from another number on."""

    def __init__(
        self, messages: Sequence[wire.Message], marks: Iterable[bytes]
    ) -> None:
        """Make holes where the marks are; the last message asks for an acknowledgement."""
        framed = wire.framed(messages, 0)
        data = b"".join(framed)
        holes: list[tuple[int, int, int | None]] = []
        begin = 0
        for each in framed:
            holes.append((begin + SEQUENCE, 4, None))
            begin += len(each)
        for which, mark in enumerate(marks):
            holes += [(at, len(mark), which) for at in _places(data, mark)]
        self.count = len(messages)
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
