"""Moulds of plans that are alike, made by a walk that sends nothing."""

from collections.abc import Hashable, Iterator

from mooring.adapters.netlink.conversation import Conversations
from mooring.adapters.netlink.making import Batch, Making
from mooring.core.linux import wire
from mooring.core.linux.mould import Alike, Mould
from mooring.core.linux.plan import HOST, Fact, Plan, Sysctl
from mooring.core.linux.port import Spaces

MOST = 64
NUMBERS = (0x6B8B4567, 0x327B23C6)
"""Numbers of links as marks: such as come about nowhere else in messages."""

Said = list[tuple[str, list[tuple[Fact, wire.Message]]]]


class Rehearsal(Making):
    """A walk that sends nothing, and keeps what it would have sent."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self.said: Said = []
        self._chosen = iter(NUMBERS)

    def all_of(self, plan: Plan) -> Said:
        """Walk through a plan; give its messages by datagram."""
        for fact in plan:
            if not isinstance(fact, Sysctl):
                self.make(fact)
        self.settle()
        return self.said

    def flush(self) -> None:
        """Keep what is queued."""
        if self._pending:
            self.said.append((self._pending_space, self._pending))
        self._pending, self._begun = [], None

    def _number(self) -> int:
        return next(self._chosen)


class Moulds:
    """The moulds by the plans' shape, made when the first of a shape comes."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._known: dict[Hashable, tuple[Batch, ...]] = {}

    def cast(self, turn: Making, plan: Alike, spaces: Spaces) -> bool:
        """Carry a plan out by its moulds; False when there are none, or the pair is refused."""
        if spaces.get(HOST, 0) is not None:
            return False  # an open file's number is in the message that makes the pair
        batches = self._known.get(plan.shape)
        if batches is None:
            if len(self._known) >= MOST:
                self._known.clear()
            batches = self._known[plan.shape] = self.made(plan, spaces)
        return bool(batches) and turn.cast(plan, batches)

    def made(self, plan: Alike, spaces: Spaces) -> tuple[Batch, ...]:
        """Make moulds of a sample; none if they would not give what is sent for the plan."""
        batches = tuple(self._batches(plan.sample(), spaces))
        cast = [batch.mould.cast(0, _values(plan)) for batch in batches]
        wanted = [
            b"".join(wire.framed([message for _, message in said], 0))
            for _, said in self._said(plan, spaces)
        ]
        return batches if cast == wanted else ()

    def _batches(self, sample: Alike, spaces: Spaces) -> Iterator[Batch]:
        places = {id(fact): place for place, fact in enumerate(sample)}
        marks = _values(sample)
        for space, said in self._said(sample, spaces):
            facts = tuple(places[id(fact)] for fact, _ in said)
            yield Batch(space, facts, Mould([m for _, m in said], marks))

    def _said(self, plan: Alike, spaces: Spaces) -> Said:
        return Rehearsal(self._conversations, spaces).all_of(plan)


def _values(plan: Alike) -> tuple[bytes, ...]:
    return (*plan.values, *map(wire.U32.pack, NUMBERS))
