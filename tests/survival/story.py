"""A story with every kind of step in it, and each point at which a program can die in it.

The story has every kind of step in it. It is played once for each point that its program comes
to, the program dies there (killed, or with its machine), another one is started, and the
story goes on; the witness (`survival.witness`) looks after each step, and in the end everything
must agree without an operator.
"""

import random
from dataclasses import dataclass

from survival.loop import StoryLoop
from survival.moves import Move, Player, Schedule

STORY: tuple[tuple[Move, ...], ...] = (
    (("control", 12),),
    (("start",),),
    (("follow",), ("look",)),
    (("add", "a"), ("add", "b")),
    (("report",), ("check", "a"), ("account",), ("knock", "a")),
    (("stop", "a"),),
    (("want", 6),),
    (("control", 12),),
    (("beat",),),
    (("add", "c"),),
    (("drift", "element"), ("look",)),
    (("drift", "table"), ("look",)),
    (("unassign",), ("tamper",), ("control", 8)),
    (("beat",),),
    (("delete", "b"), ("gc", 1)),
    (("leave",), ("delete", "c")),  # the agent is away: this DEL is spooled
    (("spoil", "flip", 300),),
    (("start",),),
    (("beat",),),
    (("add", "d"), ("report",)),
)
GIVING_BACK: tuple[tuple[Move, ...], ...] = (
    (("stop", "d"),),
    (("time", 6),),
    (("beat",),),
    (("control", 3),),
    (("time", 61), ("beat",)),
    (("control", 3),),
    (("beat",),),
    (("control", 3),),
    (("add", "e"),),
    (("beat",),),
    (("control", 6),),
    (("beat",),),
)
"""What comes after it with an elastic pool: what is free too long goes, and something comes."""

STEPS = {
    "agent": {
        "kernel make",
        "kernel take back",
        "kernel delete",
        "nft run",
        "nft elements",
        "disk append",
        "disk replace",
        "disk publish",
        "disk set aside",
        "spool done",
        "usage write",
        "conntrack forget",
    },
    "fast": {"fast put", "fast drop", "fast guard"},
    "controller": {
        "cloud AttachVnic",
        "cloud UpdateVnic",
        "cloud CreateAddressBlock",
        "cloud write_status",
    },
    "elastic": {"cloud DeleteAddresses"},
    "preallocated": {"cloud CreateAddress"},
}


class Fated(Player):
    """Plays the story; the program dies at its n-th point."""

    def __init__(self, fate: "Fate") -> None:
        told = STORY + GIVING_BACK if fate.pool else STORY
        turns = [list(turn) for turn in told]
        fixed = Schedule(1, 4, fate.families, 0.0, 0.0, fate.pool, fate.fast, turns)
        super().__init__(fixed)
        self.met = False

    async def until(self, program: str, point: int, end: str) -> bool:
        """Play it and judge what is left; tell whether the program came to the point."""
        world = self.world
        points = world.points if program == "agent" else world.controls
        points.fate = point
        for turn in self.schedule.turns:
            died = points.deaths
            await self.turn(turn)
            if points.deaths > died and end == "power cut":
                await world.reboot()
            await world.start()
        met = points.fate is None
        points.fate = None
        await self.rest()
        return met


@dataclass(frozen=True)
class Fate:
    """Whose death it is, in which kind of world, and how it comes."""

    program: str
    families: tuple[str, ...]
    end: str
    pool: str = ""
    fast: bool = False

    def __str__(self) -> str:
        more = (self.pool and "elastic", self.fast and "fast path")
        words = (self.program, "/".join(self.families), self.end, *more)
        return ", ".join(word for word in words if word)

    @property
    def steps(self) -> set[str]:
        """Name the kinds of steps that its program takes."""
        found = set(STEPS[self.program])
        if self.program == "agent":
            return found | (STEPS["fast"] if self.fast else set())
        return found | STEPS["elastic" if self.pool else "preallocated"]


ELASTIC = "warmTarget=2,minimum=2"
FATES = (
    Fate("agent", ("IPv4",), "kill"),
    Fate("agent", ("IPv4",), "power cut"),
    Fate("agent", ("IPv4", "IPv6"), "kill"),
    Fate("agent", ("IPv4", "IPv6"), "power cut"),
    Fate("controller", ("IPv4",), "kill"),
    Fate("controller", ("IPv4", "IPv6"), "kill"),
    Fate("controller", ("IPv4",), "kill", ELASTIC),
    Fate("agent", ("IPv4",), "kill", ELASTIC),
    Fate("agent", ("IPv4", "IPv6"), "kill", fast=True),
)


def played(fate: Fate, point: int) -> Fated:
    """Play the story; its program dies at its n-th point."""
    loop = StoryLoop()
    player = Fated(fate)
    try:
        story = player.until(fate.program, point, fate.end)
        player.met = loop.play(random.Random(1), story)
    except Exception as why:
        raise AssertionError(f"{fate}, point {point}: {why!r}") from why
    finally:
        loop.close()
    return player


def points(fate: Fate, every: int = 1, first: int = 1) -> int:
    """Die at each point, or at some of them; give how many deaths there were."""
    deaths = 0
    while played(fate, first + deaths * every).met:
        deaths += 1
    return deaths
