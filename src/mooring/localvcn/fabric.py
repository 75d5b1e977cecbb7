"""The fabric's loop: a pass for each new world, and one every few seconds that looks again.

The world is the record and the kernel the other one; nothing is remembered in between that
a restart would miss. What somebody changes behind our back (a link, an address, a route, a
rule of nft, a whole namespace) is back after the next look, and said in the log.
"""

import asyncio
import logging

from mooring.core.linux.port import KernelError, NftError
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.packets.names import fabric_fault
from mooring.core.vcn.world import World
from mooring.localvcn.weaver import FabricError, Tools, Weaver

__all__ = ["FabricError", "FabricLoop", "Tools", "remove"]

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between looks


class FabricLoop:
    """Real packets for a world; made by `cli`, driven by the server's enforcement."""

    def __init__(self, name: str, tools: Tools, period: float = PERIOD) -> None:
        if fault := fabric_fault(name):
            raise ValueError(fault)
        self._name = name
        self._weaver = Weaver(name, tools)
        self._period = period
        self._world: World | None = None
        self._one = asyncio.Lock()

    async def apply(self, world: World) -> None:
        """Return when packets meet this world; raises FabricError when not all do."""
        async with self._one:
            self._world = world
            await asyncio.to_thread(self._pass, world, look=False)

    async def run(self) -> None:
        """Look again and again; ends by cancellation and leaves everything in place."""
        while True:
            await asyncio.sleep(self._period)
            await self.look()

    async def look(self) -> None:
        """Compare everything with the kernel and repair; what fails is said and tried again."""
        async with self._one:
            if self._world is None:
                return
            try:
                await asyncio.to_thread(self._pass, self._world, look=True)
            except (FabricError, KernelError, NftError, OSError) as error:
                log.warning("fabric not repaired why=%s", error)

    def _pass(self, world: World, *, look: bool) -> None:
        self._weaver.weave(wanted(world, self._name), look=look)


def remove(name: str, tools: Tools) -> list[str]:
    """Take a whole fabric away, with every link in it; give what was there.

    A namespace in which a process still runs loses its name and its links now, and ends with the
    process.
    """
    if fault := fabric_fault(name):
        raise ValueError(fault)
    return Weaver(name, tools).remove()
