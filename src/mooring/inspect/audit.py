"""The audit: look twice, tell what both looks found, have it made good, look again.

    look -> pause -> look -> lasting differences -> (acts -> look until gone)

Pods come and go while one looks, and the sides are not seen at one moment; only what two
looks find is a difference. Nothing is written unless a repair is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mooring.core.wiring.audit import twice
from mooring.core.wiring.audit.compare import compare
from mooring.core.wiring.audit.difference import (
    Act,
    AskAgent,
    AwaitController,
    Difference,
    EndLease,
    acts,
    lasting,
)
from mooring.core.wiring.audit.kinds import Code
from mooring.core.wiring.audit.sides import Side
from mooring.inspect import repair
from mooring.inspect.look import Looker, Sight

PAUSE = 2.5
"""Seconds between two looks: longer than a DEL whose link goes at the second try, a second later,
and than the agent takes to tell of it, which may be another."""
AGENT_SECONDS = 10.0
"""How long what only the agent repairs is waited for."""

Found = Mapping[str, tuple[Difference, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What to do with what is found. `patience`: seconds to wait for the controller."""

    repair: bool = False
    dry_run: bool = False
    patience: float = 45.0


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, or would be; why it was refused."""

    act: Act
    done: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one node's audit."""

    node: str
    sides: tuple[Side, ...]
    blind: Mapping[Side, str]
    found: tuple[Difference, ...]
    deeds: tuple[Deed, ...] = ()
    left: tuple[Difference, ...] = ()


@dataclass(slots=True)
class Audit:
    """An audit of some nodes. `now` and `pause` are the clock's."""

    lookers: Sequence[Looker]
    now: Callable[[], float]
    pause: Callable[[float], None]
    _sights: dict[str, Sight] = field(default_factory=dict)

    def run(self, wishes: Wishes) -> list[Outcome]:
        """Do all of it."""
        first = self._look()
        if any(first.values()):
            self.pause(PAUSE)
            found = _both(first, self._look())
        else:
            found = first
        deeds = self._deeds(found, wishes) if wishes.repair else {}
        left = found
        if any(deed.done for each in deeds.values() for deed in each):
            left = self._until_gone(found, wishes)
        return [
            self._outcome(looker.place.name, found, deeds, left)
            for looker in self.lookers
        ]

    def _look(self) -> Found:
        self._sights = {x.place.name: x.look() for x in self.lookers}
        several = twice.across({n: s.sides for n, s in self._sights.items()})
        return {
            name: (*compare(sight.sides), *several[name])
            for name, sight in self._sights.items()
        }

    def _deeds(self, found: Found, wishes: Wishes) -> dict[str, tuple[Deed, ...]]:
        made = {}
        for looker in self.lookers:
            wanted = acts(found[looker.place.name])
            if wishes.dry_run:
                made[looker.place.name] = tuple(Deed(a, done=False) for a in wanted)
                continue
            away = _away(found[looker.place.name])
            made[looker.place.name] = tuple(_deed(x, looker, away) for x in wanted)
        return made

    def _until_gone(self, found: Found, wishes: Wishes) -> Found:
        """Look until nothing is left that somebody repairs, or patience ends."""
        begun, before = self.now(), found
        while True:
            self.pause(PAUSE)
            now = self._look()
            left, before = _both(before, now), now
            if self.now() - begun >= _patience(left, wishes):
                return left

    def _outcome(
        self,
        name: str,
        found: Found,
        deeds: Mapping[str, tuple[Deed, ...]],
        left: Found,
    ) -> Outcome:
        sight = self._sights[name]
        return Outcome(
            node=name,
            sides=tuple(s for s in Side if getattr(sight.sides, s.value) is not None),
            blind=sight.blind,
            found=found[name],
            deeds=deeds.get(name, ()),
            left=left[name],
        )


def _away(found: tuple[Difference, ...]) -> str:
    """Say why the agent need not be asked; "" when it answers."""
    away = (d.says[Side.AGENT] for d in found if d.code is Code.AGENT_AWAY)
    return next(away, "")


def _deed(act: Act, looker: Looker, away: str) -> Deed:
    asks = isinstance(act, AskAgent | EndLease)
    why = away if asks and away else repair.carry_out(act, looker.place)
    return Deed(act, done=not why, refusal=why)


def _both(first: Found, second: Found) -> Found:
    return {name: lasting(first[name], second[name]) for name in second}


def _patience(left: Found, wishes: Wishes) -> float:
    """Tell how long what is left may take; 0 when nobody is at it."""
    wanted = {d.act for each in left.values() for d in each} - {None}
    if not wanted:
        return 0.0
    return wishes.patience if AwaitController() in wanted else AGENT_SECONDS
