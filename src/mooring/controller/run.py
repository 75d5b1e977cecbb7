"""Drives many objects: whose turn it is, a few turns at a time, what the log is told.

The loop is level-triggered. It takes an object's turn when its spec changed, when the pause
of its last turn is over, and so every `interval` in any case. One thread owns all that is
known; workers only take turns. Whose turn it is `core.npn.turns` says: a new node does not wait
for a thousand resyncs, nor for one of many needs. Nothing is kept that a look would not tell.
"""

import heapq
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from mooring.controller.gate import Stopping
from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler, Turn, policy_of
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.elastic import presses, room
from mooring.core.npn.errors import CloudError
from mooring.core.npn.memory import Memory, after_trouble, pause_after
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.port import Absent, Cloud, Objects, Token
from mooring.core.npn.record import Npn
from mooring.core.npn.turns import Place, after_turn, anew, rank
from mooring.core.npn.usage import Usage, lists

POLL = 0.25
"""Seconds between two looks at the directory; one is a few system calls."""
NEAR = 0.05
"""Seconds between two looks at least, however often one is told to look: each asks for all objects."""

NEVER = float("inf")

log = logging.getLogger("mooring.controller")


@dataclass(slots=True)
class Entry:
    """An object that the loop knows. `spec` is what its last turn was for.

    `usage` is what its agent told last; `pressed` that an elastic pool cannot wait for the next
    look, but for the `haste` of its last turn.
    """

    spec: object
    due: float
    usage: Usage | None = None
    pressed: bool = False
    memory: Memory = field(default_factory=Memory)
    place: Place = field(default_factory=Place)
    haste: float = NEVER
    said: str = ""


Ended: TypeAlias = tuple[str, Entry, Turn | Exception]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the loop needs of the outside. `wait` sleeps and tells whether to end."""

    objects: Objects
    cloud: Cloud
    now: Callable[[], float]
    wait: Callable[[float], bool]
    chance: Callable[[], float]


class Controller:
    """Takes all objects' turns until `world.wait` says that it is over."""

    def __init__(
        self,
        world: World,
        interval: float = 30.0,
        workers: int = 8,
        pool: PoolPolicy | None = None,
    ) -> None:
        self._world, self._workers, self._pool = world, workers, pool
        self._looker = Looker(world.cloud, world.now, interval)
        self._reconciler = Reconciler(
            world.objects, self._looker, world.chance, interval, pool
        )
        self._entries: dict[str, Entry] = {}
        self._token: Token = {}
        self._running: set[str] = set()
        self._came = 0
        self._ended: queue.SimpleQueue[Ended | None] = queue.SimpleQueue()
        self._woken = threading.Event()
        self._away = self._unread = False

    def wake(self) -> None:
        """Look now: something changed, or it is over. Any thread may call it."""
        if not self._woken.is_set():
            self._woken.set()
            self._ended.put(None)

    def run(self) -> None:
        """Work until told to end; turns under way end at their next call."""
        with ThreadPoolExecutor(self._workers + 1, "turn") as pool:
            pool.submit(self._greet)
            looked = NEVER
            while not self._world.wait(0):
                now = self._world.now()
                rest = looked + (NEAR if self._woken.is_set() else POLL) - now
                if not 0 < rest <= POLL:
                    looked, rest = now, POLL  # not after every turn: it asks for all
                    self._woken.clear()
                    self._notice()
                self._start(pool)
                self._hear(rest)
        log.info("stopped objects=%d", len(self._entries))

    def _greet(self) -> None:
        """Say whether the cloud answers, before there is any object to try it on."""
        failures = 0
        while True:
            try:
                self._world.cloud.ping()
            except CloudError as error:
                failures += 1
                pause = pause_after(failures, self._world.chance())
                log.warning("unreachable %s; again in %.0f s", error, pause)
                if self._world.wait(pause):
                    return
            except Stopping:
                return
            else:
                log.info("connected")
                return

    def _notice(self) -> None:
        """Give a turn to every object whose spec came or changed."""
        try:
            objects = self._world.objects
            self._token, names = objects.changes(self._token, usage=True)
            for name in sorted(names):
                self._notice_one(name)
        except OSError as error:
            # What changed is asked for again, all of it.
            self._token = {}
            if not self._unread:
                log.warning("unreadable store: %s; trying again", error)
            self._unread = True
        else:
            self._unread = False

    def _notice_one(self, name: str) -> None:
        spec: object
        try:
            spec = self._world.objects.read_spec(name)
        except Unreadable as error:
            spec = str(error)
        except Absent:
            self._entries.pop(name, None)
            return
        entry = self._entries.get(name)
        if entry is None:
            place = self._last(settled=self._served(name, spec))
            self._entries[name] = Entry(spec, self._world.now(), place=place)
        elif entry.spec != spec:
            entry.spec, entry.due = spec, self._world.now()
            entry.memory = Memory(salt=entry.memory.salt)
            entry.place = self._last()
        elif isinstance(spec, Npn):
            self._notice_usage(name, spec, entry)

    def _served(self, name: str, spec: object) -> bool:
        """Tell whether a status says of an object, as it is, that all of it is there."""
        if not isinstance(spec, Npn):
            return False
        try:
            status = self._world.objects.read_status(name)
        except Unreadable:
            return False
        current = status.observed_generation == spec.generation
        return current and status.state == "SUCCESS"

    def _last(self, *, settled: bool = False) -> Place:
        """Give the place of who comes now."""
        self._came += 1
        place = Place(number=self._came)
        return anew(place, rounds=self._rounds(), settled=settled)

    def _rounds(self) -> int:
        """Give the rounds of who has used up the fewest and is not settled."""
        entries = self._entries.values()
        waiting = (e.place for e in entries if not e.place.settled)
        return min((place.rounds for place in waiting), default=0)

    def _notice_usage(self, name: str, spec: Npn, entry: Entry) -> None:
        """Give a turn to an elastic pool that is too small, or whose agent has let go."""
        chosen = policy_of(spec, self._pool)
        if chosen is None:
            return
        told = lists(self._world.objects.read_usage(name))
        before, entry.usage = entry.usage, told
        # A status of our own is no news of the agent's.
        if told != before and presses(chosen, room(spec.spec), before, told):
            entry.pressed = True
            entry.place = anew(entry.place, rounds=self._rounds())
            entry.due = min(entry.due, self._world.now() + entry.haste)

    def _start(self, pool: Executor) -> None:
        """Hand out the turns that are due, in the order of the queue."""
        now = self._world.now()
        self._looker.survey.crowd = len(self._entries)
        free = self._workers - len(self._running)
        due = (
            (rank(entry.place, entry.due, now), name)
            for name, entry in self._entries.items()
            if name not in self._running and entry.due <= now
        )
        for _, name in heapq.nsmallest(free, due):
            entry = self._entries[name]
            entry.due, entry.haste, entry.pressed = NEVER, NEVER, False
            self._running.add(name)
            pool.submit(self._take, name, entry)

    def _take(self, name: str, entry: Entry) -> None:
        """Take a turn, in a worker; whatever happens there is an answer."""
        ended: Turn | Exception
        try:
            ended = self._reconciler.turn(name, entry.memory)
        except Exception as error:  # noqa: BLE001 - one object must not stop the others
            ended = error
        self._ended.put((name, entry, ended))

    def _hear(self, most: float) -> None:
        """Take in the turns that ended, or wait for one, or to be woken."""
        wait = most
        now = self._world.now()
        if len(self._running) < self._workers:
            idle = (e.due for n, e in self._entries.items() if n not in self._running)
            wait = min(wait, max(min(idle, default=NEVER) - now, 0.0))
        try:
            ended = self._ended.get(timeout=wait)
            while True:
                if ended is not None:
                    self._learn(*ended)
                ended = self._ended.get_nowait()
        except queue.Empty:
            return

    def _learn(self, name: str, entry: Entry, ended: Turn | Exception) -> None:
        """Take in a turn. What came meanwhile, another spec or the object anew, is due already."""
        self._running.discard(name)
        if self._entries.get(name) is not entry:
            return  # removed, and perhaps made anew, while the turn was taken
        turn = ended if isinstance(ended, Turn) else self._mishap(name, entry, ended)
        self._tell(name, entry, turn)
        if entry.due != NEVER:
            return
        if turn.pause is None:
            del self._entries[name]
            # One that was made anew just as it was has been taken for the old one.
            self._token = {**self._token, name: object()}
            return
        entry.memory, entry.haste = turn.memory, turn.haste
        pause = min(turn.pause, turn.haste) if entry.pressed else turn.pause
        entry.place = after_turn(
            entry.place,
            settled=turn.settled and not entry.pressed,
            waits=turn.pause > 0,
            rounds=self._rounds(),
        )
        entry.due = self._world.now() + pause

    def _mishap(self, name: str, entry: Entry, error: Exception) -> Turn:
        """Make a turn of what should not have happened."""
        memory = after_trouble(entry.memory)
        if not isinstance(error, OSError | Stopping):
            log.error("broken npn=%s", name, exc_info=error)
        return Turn(
            memory=memory,
            pause=pause_after(memory.failures, self._world.chance()),
            said=f"interrupted {type(error).__name__}: {error}",
            trouble=True,
        )

    def _tell(self, name: str, entry: Entry, turn: Turn) -> None:
        """Log what is new."""
        if turn.away != self._away:
            self._away = turn.away
            log.warning("cloud %s", "away, trying again" if turn.away else "back")
        if turn.said != entry.said:
            level = logging.WARNING if turn.trouble else logging.INFO
            log.log(level, "turn npn=%s %s", name, turn.said)
        entry.said = turn.said
