"""Moulds of plans that are alike, made by a walk that sends nothing."""

from collections.abc import Hashable, Iterable, Iterator

from mooring.adapters.netlink.conversation import Conversations
from mooring.adapters.netlink.making import Batch, Casting, Making
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux import wire
from mooring.core.linux.mould import Alike, Mould
from mooring.core.linux.plan import HOST, Address, Fact, Plan, Sysctl, Veth
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

    def all_of(self, plan: Iterable[Fact]) -> Said:
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
    """How plans are cast, by their shape; found out when the first of a shape comes."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._known: dict[Hashable, Casting | None] = {}

    def cast(self, turn: Making, plan: Alike, spaces: Spaces) -> bool:
        """Carry a plan out by its moulds; False when there are none, or the pair is refused."""
        if spaces.get(HOST, 0) is not None:
            return False  # an open file's number is in the message that makes the pair
        try:
            casting = self._known[plan.shape]
        except KeyError:
            casting = self._learned(plan, spaces)
        return casting is not None and turn.cast(plan, casting)

    def _learned(self, plan: Alike, spaces: Spaces) -> Casting | None:
        if len(self._known) >= MOST:
            self._known.clear()
        casting = self._known[plan.shape] = self.made(plan, spaces)
        return casting

    def made(self, plan: Alike, spaces: Spaces) -> Casting | None:
        """Find out by a sample; None if that would not give what is done for the plan."""
        sample = plan.sample()
        casting = self._casting(sample, spaces)
        cast = [batch.mould.cast(0, _values(plan)) for batch in casting.batches]
        wanted = [
            b"".join(wire.framed([message for _, message in said], 0))
            for _, said in self._said(plan, spaces)
        ]
        veth = _pair(plan)
        told = _settings(plan), veth.far.space, rt.get_link(veth.far.name)
        same = told == (casting.settings, casting.far, casting.question)
        return (
            casting if same and cast == wanted and veth.near.name == plan.link else None
        )

    def _casting(self, sample: Alike, spaces: Spaces) -> Casting:
        far = _pair(sample).far
        return Casting(
            settings=_settings(sample),
            batches=tuple(self._batches(sample, spaces)),
            far=far.space,
            question=rt.get_link(far.name),
            late=any(isinstance(f, Address) and f.address.version == 6 for f in sample),
        )

    def _batches(self, sample: Alike, spaces: Spaces) -> Iterator[Batch]:
        places = {id(fact): place for place, fact in enumerate(sample)}
        marks = _values(sample)
        for space, said in self._said(sample, spaces):
            facts = tuple(places[id(fact)] for fact, _ in said)
            framed = wire.framed([message for _, message in said], 0)
            yield Batch(space, facts, Mould(framed, marks))

    def _said(self, plan: Alike, spaces: Spaces) -> Said:
        return Rehearsal(self._conversations, spaces).all_of(plan)


def _settings(plan: Alike) -> Plan:
    return tuple(fact for fact in plan if isinstance(fact, Sysctl))


def _pair(plan: Alike) -> Veth:
    return next(fact for fact in plan if isinstance(fact, Veth))


def _values(plan: Alike) -> tuple[bytes, ...]:
    return (*plan.values, *map(wire.U32.pack, NUMBERS))
