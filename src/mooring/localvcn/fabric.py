"""The fabric's loop: a pass for each new world, and a look every few seconds.

The world is the record and the kernel the other one; nothing is remembered in between that
a restart would miss. What somebody changes behind our back (a link, an address, a route, a
rule of nft, a whole namespace) is back after the next look, and said in the log.

Looks keep out of the way of changes. A look only compares, beside whatever passes there are; when
it finds something, a pass repairs it. And the more a look costs, the longer it is until
the next one.
"""

import asyncio
import logging
import time

from mooring.core.linux.port import KernelError, NftError
from mooring.core.vcn.packets.fabric import Fabric, wanted
from mooring.core.vcn.packets.names import fabric_fault
from mooring.core.vcn.world import World
from mooring.localvcn.weaver import FabricError, Tools, Weaver

__all__ = ["FabricError", "FabricLoop", "Tools", "remove"]

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between looks
SHARE = 40  # of a processor's time one part at most is for looks


class FabricLoop:
    """Real packets for a world; made by `cli`, driven by the server's enforcement."""

    def __init__(self, name: str, tools: Tools, period: float = PERIOD) -> None:
        if fault := fabric_fault(name):
            raise ValueError(fault)
        self._name = name
        self._weaver = Weaver(name, tools)
        self._period = period
        self._last: tuple[World, Fabric] | None = None
        self._one = asyncio.Lock()
        self._cost = 0.0

    async def apply(self, world: World) -> None:
        """Return when packets meet this world; raises FabricError when not all do."""
        async with self._one:
            await asyncio.to_thread(self._pass, world)

    async def run(self) -> None:
        """Look again and again; ends by cancellation and leaves everything in place."""
        while True:
            await asyncio.sleep(max(self._period, SHARE * self._cost))
            await self.look()

    async def look(self) -> None:
        """Compare everything with the kernel and repair; what fails is said and tried again."""
        last = self._last
        if last is None or not await asyncio.to_thread(self._finds, last[1]):
            return
        async with self._one:
            try:
                await asyncio.to_thread(self._repair)
            except (FabricError, KernelError, NftError, OSError) as error:
                log.warning("fabric not repaired why=%s", error)

    def _pass(self, world: World) -> None:
        fabric = wanted(world, self._name)
        self._last = world, fabric
        self._weaver.weave(fabric, look=False)

    def _finds(self, fabric: Fabric) -> bool:
        began = time.thread_time()
        found = self._weaver.finds(fabric)
        self._cost = time.thread_time() - began
        return found

    def _repair(self) -> None:
        if self._last is not None:
            self._weaver.weave(self._last[1], look=True)


def remove(name: str, tools: Tools) -> list[str]:
    """Take a whole fabric away, with every link in it; give what was there.

    A namespace in which a process still runs loses its name and its links now, and ends with the
    process.
    """
    if fault := fabric_fault(name):
        raise ValueError(fault)
    return Weaver(name, tools).remove()
