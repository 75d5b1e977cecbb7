"""Where the agent meets the runtime: files and socket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.adapters import cnifiles
from mooring.agent.host import Say
from mooring.core.cni.conflist import chain, conflist

AGAIN_SECONDS = 5.0


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

    def publish(self) -> tuple[str, ...]:
        """Install the executables, then write the list; name lists that go before ours."""
        found: tuple[str, ...] = ()
        if self.install is not None:
            if self.plugins is not None:
                found = cnifiles.install_chained(self.plugins, self.install)
            cnifiles.install(cnifiles.built(), self.install)
        if self.conflist is None:
            return ()
        text = conflist(self.network, chain(found, self.tuning))
        cnifiles.publish(text, self.conflist, self.volatile)
        return cnifiles.before_ours(self.conflist)


async def announce(doors: Doors, ready: asyncio.Event, say: Say) -> None:
    """Tell the runtime, last of all, that pods can be started."""
    await ready.wait()
    say("ready")
    told = ""
    while True:
        try:
            before = await asyncio.to_thread(doors.publish)
        except (OSError, cnifiles.NotBuilt) as why:
            if str(why) != told:
                say("conflist-refused", why=why)
            told = str(why)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            break
    if before:
        say("conflist-behind", files=",".join(before), next="remove them")
