"""Where the agent meets the runtime: files and socket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.adapters import cnifiles
from mooring.agent.host import Say
from mooring.core.cni.conflist import chain, conflist


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The agent's socket and spool, and what it gives the runtime. None: nothing of it.

    `install` is the runtime's directory of executables, `plugins` where those of others are that
    stand behind ours; `conflist` the runtime's directory of lists, `volatile` a place that a reboot
    empties.
    """

    socket: Path
    spool: Path
    network: str
    conflist: Path | None = None
    volatile: Path | None = None
    install: Path | None = None
    plugins: Path | None = None
    tuning: Mapping[str, str] = field(default_factory=dict)
    metrics: int | None = None

    def put(self) -> tuple[Path, ...]:
        """Install the executables, ours last; give their places."""
        if self.install is None:
            return ()
        found: tuple[str, ...] = ()
        if self.plugins is not None:
            found = cnifiles.install_chained(self.plugins, self.install)
        ours = cnifiles.install(cnifiles.built(), self.install)
        return (*(self.install / name for name in found), ours)

    def publish(self, executables: tuple[Path, ...]) -> tuple[Path, ...]:
        """Write the list, with those of the executables behind ours; give its place."""
        if self.conflist is None:
            return ()
        behind = chain([path.name for path in executables], self.tuning)
        text = conflist(self.network, behind)
        return (cnifiles.publish(text, self.conflist, self.volatile),)

    def before(self) -> tuple[str, ...]:
        """Name lists that a runtime takes before ours."""
        return () if self.conflist is None else cnifiles.before_ours(self.conflist)


class Telling:
    """What the runtime is told, and kept told while the agent runs: the list last of all."""

    def __init__(self, doors: Doors, say: Say) -> None:
        self.untold = "the runtime was not told yet"
        self._doors = doors
        self._say = say
        self._executables: tuple[Path, ...] | None = None
        self._list: tuple[Path, ...] | None = None
        self._before: tuple[str, ...] = ()

    async def turn(self) -> None:
        """Put what the runtime does not find, and look who stands before ours.

        What is refused is told once as long as it lasts.
        """
        try:
            gone, before = await asyncio.to_thread(self._look)
        except (OSError, cnifiles.NotBuilt) as why:
            if self.untold != str(why):
                self._say("conflist-refused", why=why)
            self.untold = str(why)
            return
        self.untold = ""
        for path in gone:
            self._say("repaired", what=f"{path} was gone")
        if before != self._before:
            self._tell_of(before)
        self._before = before

    def _look(self) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Make good; give what was gone, and the lists that go before ours."""
        executables = cnifiles.lost(self._executables or ())
        if executables or self._executables is None:
            self._executables = self._doors.put()
        listed = cnifiles.lost(self._list or ())
        if listed or self._list is None:
            self._list = self._doors.publish(self._executables)
        return (*executables, *listed), self._doors.before()

    def _tell_of(self, before: tuple[str, ...]) -> None:
        if before:
            files = ",".join(before)
            self._say("conflist-behind", files=files, next="remove them")
        else:
            self._say("conflist-first")


async def announce(
    telling: Telling, ready: asyncio.Event, say: Say, every: float
) -> None:
    """Tell the runtime that pods can be started, and look every so many seconds that it stays told."""
    await ready.wait()
    say("ready")
    while True:
        await telling.turn()
        await asyncio.sleep(every)
