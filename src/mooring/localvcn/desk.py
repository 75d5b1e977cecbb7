"""Where faults, budgets and counts stand while a server runs, and earlier worlds with them.

What strikes a request is decided in core (`core/vcn/faults`); here are only the values of
the moment. Nothing of it is written down: a server that starts has no faults, full
budgets and no counts.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mooring.core.vcn.api.requests import Outcome, Request
from mooring.core.vcn.faults import attaching, fragments, wish
from mooring.core.vcn.faults.budgets import Budgets
from mooring.core.vcn.faults.decide import NOTHING, Asked, Effect, decide, too_many
from mooring.core.vcn.faults.fault import MOST_ACTIVE, Fault, Faults
from mooring.core.vcn.faults.kinds import Stage
from mooring.core.vcn.faults.names import called, is_list
from mooring.core.vcn.faults.past import Past
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.world import World

LOST = "lost"  # counted where a status would be: nothing was answered


@dataclass(frozen=True, slots=True)
class Chance:
    """Where time and chance come from."""

    wall: Callable[[], datetime]
    draw: Callable[[int], bytes]


class Desk:
    """The faults of one server and what they need to strike."""

    def __init__(self, settings: Settings, chance: Chance) -> None:
        self.faults = Faults()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.began = chance.wall()
        self.doomed: frozenset[str] = frozenset()  # attachments that will fail
        self._chance = chance
        self._budgets = Budgets(settings.budgets)
        self._lag = settings.list_lag
        self._past = Past()
        self._frozen: dict[str, World] = {}
        self._held: dict[str, str] = {}  # fragmented subnets by fault

    def wall(self) -> datetime:
        """Give the time."""
        return self._chance.wall()

    # -- what strikes a request

    def door(self, asked: Asked) -> Effect:
        """Say what strikes a request before anybody knows who asks."""
        return self._struck(asked, Stage.DOOR)

    def call(self, asked: Asked) -> Effect:
        """Say what strikes a call before it is carried out."""
        self._budgets, wait = self._budgets.spend(
            asked.caller, asked.operation, asked.now
        )
        if wait:
            return Effect(reply=too_many(asked.operation, wait))
        return self._struck(asked, Stage.CALL)

    def _struck(self, asked: Asked, stage: Stage) -> Effect:
        if not self.faults.active:
            return NOTHING
        self.faults, effect = decide(self.faults.expired(asked.now), asked, stage)
        return effect

    def count(self, operation: str, status: str) -> None:
        """Count a request by what it was answered."""
        self.counts[operation, status] += 1

    # -- what strikes a world

    def shown(self, world: World, request: Request) -> World:
        """Give the world that a request sees: for a list perhaps an earlier one."""
        if not self._lag or not is_list(called(request.method, request.path)):
            return world
        return self._past.at(request.now - self._lag, world)

    def carried_out(self, request: Request, outcome: Outcome) -> Outcome:
        """Change what came of a call as the faults want it."""
        if not self.faults.active:
            return outcome
        for fault in self.faults.at(Stage.SUBNET):
            met = replace(fault, met=fault.met + 1)
            if fragments.for_want_of_room(outcome.reply, fault.subnet_id):
                met = replace(met, fired=met.fired + 1)
            self.faults = self.faults.put(met)
        made = attaching.attached(outcome)
        if not made:
            return outcome
        asked = Asked(
            operation=called(request.method, request.path),
            caller=request.principal,
            now=request.now,
            entropy=request.entropy,
        )
        effect = self._struck(asked, Stage.ATTACHED)
        if effect.fails:
            self.doomed |= {attachment.id for attachment in made}
        return attaching.later(outcome, effect.later) if effect.later else outcome

    def saw(self, now: datetime, world: World) -> None:
        """Take note of a new world."""
        if self._past.keeps:
            self.remember(world)
            self._past = self._past.saw(now, world)

    def tended(self, world: World) -> World:
        """Give the world with its subnets in pieces, those and only those that are to be."""
        wanted = {f.id: f for f in self.faults.at(Stage.SUBNET)}
        for name in self._held.keys() - wanted.keys():
            world = fragments.mend(world, self._held.pop(name), name)
        for name, fault in wanted.items():
            world = fragments.cut(world, fault.subnet_id, fault.prefix, name)
            self._held[name] = fault.subnet_id
        return world

    def metadata(self, world: World) -> World:
        """Give the world that metadata tells of."""
        now = self._chance.wall()
        asked = Asked(now=now, entropy=self._chance.draw(16))
        stale = self._struck(asked, Stage.METADATA).stale
        if not stale:
            return world
        if stale[0].delay:
            return self._past.at(now - stale[0].delay, world)
        return self._frozen.get(stale[0].id, world)

    # -- what the operator does

    def add(self, words: Mapping[str, object], world: World) -> Fault:
        """Begin a fault, or raise Unread."""
        now = self._chance.wall()
        self.expire(now)
        if len(self.faults.active) >= MOST_ACTIVE:
            raise Unread(f"there are {MOST_ACTIVE} faults already; remove one first")
        fault = wish.fault(words, now)
        if fault.stage is Stage.SUBNET:
            fragments.check(world, fault.subnet_id, fault.prefix)
        self.faults = self.faults.add(fault)
        made = self.faults.find(f"f{self.faults.number}") or fault
        if fault.stage is Stage.METADATA and not fault.delay:
            self._frozen[made.id] = world
        self.remember(world)
        return made

    def end(self, id: str) -> bool:
        """End a fault; False when there is none of that name."""
        if self.faults.find(id) is None:
            return False
        self.faults = self.faults.end(id, "removed")
        return True

    def expire(self, now: datetime) -> None:
        """End what is over, and forget what was only kept for it."""
        self.faults = self.faults.expired(now)
        for name in self._frozen.keys() - {f.id for f in self.faults.active}:
            del self._frozen[name]

    def remember(self, world: World) -> None:
        """Keep earlier worlds from now on, as far back as something wants to see."""
        ages = [f.delay for f in self.faults.at(Stage.METADATA)]
        self._past = self._past.keeping(max([self._lag, *ages]), world)
