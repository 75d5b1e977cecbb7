"""Where the agent is asked how it does."""

import asyncio

from mooring.adapters.exposition import Exposition
from mooring.agent.host import Say
from mooring.agent.meter import Meter

AGAIN_SECONDS = 5.0


async def expose(port: int, meter: Meter, say: Say) -> None:
    """Serve metrics and health until cancelled; a port that is taken is tried again."""
    looks = {"/healthz": meter.stands, "/readyz": meter.not_ready}
    told = ""
    while True:
        try:
            with Exposition(port, meter.registry, looks):
                await asyncio.Event().wait()
        except OSError as why:
            if str(why) != told:
                say("metrics-refused", port=port, why=why)
            told = str(why)
            await asyncio.sleep(AGAIN_SECONDS)
