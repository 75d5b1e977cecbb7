"""What `mooring audit --repair` asks of the agent: look after the node now, not at the next turn.

The request comes in by the same door as CNI's, with a variable that no runtime sends. All
that is done for it the agent does by itself as well, turn by turn; here it does not wait
until no pod comes, and looks into every pod.
"""

import asyncio

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.agent.refill import Refill
from mooring.agent.repair import INSIDES_PER_TURN, Repair
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import ASK, DONE, Answer, Call, refused
from mooring.core.linux.plan import HOST
from mooring.core.linux.port import KernelError, NftError

REPAIR = "repair"


class Ask:
    """Answers calls that ask for something of ours."""

    def __init__(self, host: Host, book: Book, refill: Refill, repair: Repair) -> None:
        self._host = host
        self._book = book
        self._refill = refill
        self._repair = repair

    async def give(self, call: Call) -> Answer:
        """Do what is asked for; what the kernel refuses is in the log, and tried again."""
        if call.env[ASK] != REPAIR:
            text = f"{ASK}={call.env[ASK]!r}: must be {REPAIR}"
            return refused(CniError(Code.INVALID_ENVIRONMENT, text))
        try:
            await self._look_after_all()
        except (KernelError, NftError) as why:
            return refused(CniError(Code.KERNEL_REFUSED, str(why)))
        return DONE

    async def _look_after_all(self) -> None:
        self._book.reclaim()
        self._book.rewrite()
        pods = len(self._book.ledger.leases)
        for _ in range(1 + pods // INSIDES_PER_TURN):
            seen = self._host.kernel.look(HOST, None)
            self._refill.relook(seen)
            self._repair.turn(seen)
            await asyncio.sleep(0)
        await self._repair.table()
