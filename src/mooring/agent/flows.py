"""Flow-safe reuse: an address goes back to the pool when connection tracking knows nobody who uses it.

Beside the loop, before an ADD needs it: a look at the kernel's table takes milliseconds on a busy
node. Flows of a pod that has just gone are forgotten; an address whose rest ends soon rests on
as long as there is a live one (`core.ipam.flows` decides). One look answers for all.
"""

import asyncio

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.core.ipam import flows
from mooring.core.ipam.flows import Verdict, Watch
from mooring.core.ipam.ledger import Cooled
from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import Ip
from mooring.core.linux.port import Conntrack, KernelError


class Flows:
    """Watches the flows of addresses that rest."""

    def __init__(self, host: Host, book: Book) -> None:
        self._host = host
        self._book = book
        self._watch: Watch | None = None
        self._told: frozenset[Ip] = frozenset()
        self._trouble = ""
        if host.conntrack is not None:
            book.looked_until = float("-inf")

    async def turn(self) -> None:
        """Look once, if any address asks for it."""
        conntrack = self._host.conntrack
        if conntrack is None:
            return
        now = self._host.clock.now()
        cooling = self._book.ledger.pool.cooling
        if self._watch is None:
            self._watch = flows.trusted(cooling, now)
        if not flows.due(self._watch, cooling, now):
            self._book.looked_until = now + flows.LEAD
            return
        # One look is for all of them: how long a flow has been silent needs every look.
        found = await asyncio.to_thread(self._look, conntrack, frozenset(cooling))
        if found is None:
            # Nobody can tell: then the cool-down alone has to do.
            self._book.looked_until = float("inf")
            return
        # What was given out during the look rests no more, what ends later was not looked at.
        here = self._book.ledger.pool.cooling
        still = {a: until for a, until in cooling.items() if here.get(a) == until}
        verdict = flows.judge(self._watch, still, found, now)
        self._follow(verdict)
        self._book.looked_until = now + flows.LEAD
        self._watch = verdict.undone
        forgotten = not verdict.forget or await asyncio.to_thread(
            self._forget, conntrack, verdict.forget
        )
        if forgotten:
            self._watch = verdict.watch

    def _follow(self, verdict: Verdict) -> None:
        self._book.note(*(Cooled(a, until) for a, until in verdict.rest.items()))
        for address, flow in verdict.why.items():
            if address not in self._told:
                others = ", ".join(str(end) for end in flow.ends if end != address)
                self._host.say(
                    "resting",
                    address=address,
                    because=f"a live flow of protocol {flow.protocol} with {others}",
                )
        known = self._told & self._book.ledger.pool.cooling.keys()
        self._told = self._book.held_back = known | verdict.rest.keys()

    def _look(
        self, conntrack: Conntrack, asked: frozenset[Ip]
    ) -> tuple[Flow, ...] | None:
        try:
            found = conntrack.flows(asked)
        except KernelError as why:
            self._complain(str(why))
            return None
        self._trouble = ""
        return found

    def _forget(self, conntrack: Conntrack, found: tuple[Flow, ...]) -> bool:
        try:
            conntrack.forget(found)
        except KernelError as why:
            self._complain(str(why))
            return False
        return True

    def _complain(self, why: str) -> None:
        """Say once what the kernel does not tell."""
        if why != self._trouble:
            self._trouble = why
            self._host.say("flows-unseen", why=why, next="the cool-down alone decides")


def forget_all(host: Host, address: Ip) -> None:
    """Have all flows of an address forgotten that gets a pod before its rest is over.

    Not beside the loop: it has to be done before the pod can send.
    """
    if host.conntrack is None:
        return
    try:
        host.conntrack.forget(host.conntrack.flows((address,)))
    except KernelError as why:
        host.say("flows-unseen", why=why, next="the pod may get packets for another")
