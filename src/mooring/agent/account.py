"""What the agent tells of its pool: the controller makes an elastic one fit by it.

It says which addresses pods hold, which cool and which are free, and which status it follows. The
controller gives an address back to the cloud only when the agent, following a status without
it, names it no more; so what is told here is never older than what the agent does, and nothing
is told before the last life is settled: a journal that was lost knows of no pod that runs.
"""

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.agent.node import Node
from mooring.agent.resume import Resume
from mooring.core.npn.port import Objects
from mooring.core.npn.usage import Usage


class Account:
    """Tells the usage of an elastic pool when it has changed."""

    def __init__(
        self, host: Host, book: Book, node: Node, resume: Resume, told: Objects
    ) -> None:
        self._host = host
        self._book = book
        self._resume = resume
        self._node = node
        self._objects = told
        self._last: Usage | None = None
        self._trouble = ""

    def turn(self, name: str) -> None:
        """Tell it; what the store refuses is told the next time."""
        pool = self._node.standing.npn.pool
        if pool is None or not self._resume.done:
            return
        usage = self._usage(pool.serial)
        if usage == self._last:
            return
        try:
            self._objects.write_usage(name, usage)
        except OSError as why:
            if str(why) != self._trouble:
                self._host.say("usage-refused", why=why)
            self._trouble = str(why)
            return
        self._last, self._trouble = usage, ""

    def _usage(self, serial: int) -> Usage:
        ledger = self._book.ledger
        free = (a for queue in ledger.pool.free.values() for a in queue)
        return Usage(
            serial=serial,
            held=frozenset(ledger.holders),
            cooling=frozenset(ledger.pool.cooling),
            free=frozenset(free),
        )
