"""Drift: what should be so is compared with what is, and only the difference is made.

Every turn looks at the node once: its settings, rules, VNICs' cables and tables, the pods'
host ends, routes and neighbours. The nft table and the pods' insides are looked at too, a
few pods per turn. A pod's cable that vanished is laid again while the pod's namespace
lives; when that is gone as well, the attachment is collected, because not every runtime
calls GC, and DEL may never come.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from mooring.agent.attach import Attachments
from mooring.agent.book import Book
from mooring.agent.guests import Guests
from mooring.agent.host import Host, open_alive
from mooring.agent.node import Node
from mooring.agent.reap import Doomed, Reaper
from mooring.core.ipam.ledger import Lease, Phase
from mooring.core.linux import drift
from mooring.core.linux.plan import HOST, POD, LinkUp, Plan, Sysctl, Veth
from mooring.core.linux.port import KernelError, NftError
from mooring.core.linux.seen import Link, Seen
from mooring.core.wiring import names, pod, ruleset
from mooring.core.wiring.names import host_link
from mooring.core.wiring.strays import orphans, strays
from mooring.core.wiring.words import say

REMEMBERED = 50
INSIDES_PER_TURN = 16


class Repair:
    """Makes good what others undid. `done` remembers the latest repairs, `guests` knows pods."""

    def __init__(
        self,
        host: Host,
        book: Book,
        node: Node,
        attachments: Attachments,
        reaper: Reaper,
    ) -> None:
        self.done: deque[tuple[datetime, str]] = deque(maxlen=REMEMBERED)
        self.guests = Guests(host)
        self._host = host
        self._book = book
        self._node = node
        self._attachments = attachments
        self._reaper = reaper
        self._insides: Iterator[Lease] = iter(())
        self._comparing = asyncio.Lock()
        self._refusals: tuple[set[str], set[str]] = set(), set()

    def turn(self, seen: Seen) -> None:
        """Compare the node with one look at it."""
        # What was not refused in the last turn any more may be told again.
        self._refusals = self._refusals[1], set()
        if not self._node.in_force:
            return
        wanted = self._node.standing.plan()
        settings = tuple(fact for fact in wanted if isinstance(fact, Sysctl))
        self._set(settings)
        for fact in drift.missing(wanted, {HOST: seen}):
            self._make((fact,))
        self.guests.turn(self._book.ledger.leases)
        wired = self._wired()
        for lease in wired:
            if self.guests.has_ended(lease):
                self._collect(lease)
            else:
                wanted += self._pod(lease, seen)
        self._remove_strays(wanted, seen)
        self._look_inside(wired)

    async def table(self) -> None:
        """Compare the nft table with what it should be; the look is beside the loop.

        Who asks for it meanwhile has one that begins after this.
        """
        async with self._comparing:
            await self._compare_table()

    async def _compare_table(self) -> None:
        if not self._node.in_force:
            return
        before = ruleset.sources(self._wired())
        try:
            text, tables = await asyncio.to_thread(self._look_at_nft)
        except NftError as why:
            self._refused(why)
            return
        frame, pods = ruleset.listed(text)
        now = ruleset.sources(self._wired())
        drifted = not self._node.is_written(frame)
        if drifted:
            self._note("nft table inet mooring was changed")
        if self._node.track(tables) or drifted:
            self._try(lambda: self._node.write_table(self._book.ledger.leases.values()))
            return
        # What came or went during the look is no drift.
        lost = {k: v for k, v in now.items() if k in before and pods.get(k) != v}
        extra = {k: v for k, v in pods.items() if k not in before and k not in now}
        for link, address in (*lost, *extra):
            self._note(f"nft element {link} . {address}")
        self._try(lambda: self._node.mend(lost, extra))

    def _look_at_nft(self) -> tuple[str, frozenset[tuple[str, str]]]:
        nft = self._host.nft
        others = self._node.may_begin_to_track
        tables = nft.tables() if others else frozenset()
        return nft.listing(ruleset.FAMILY, ruleset.NAME), tables

    def _wired(self) -> list[Lease]:
        leases = self._book.ledger.leases.values()
        return [lease for lease in leases if lease.phase is Phase.WIRED]

    def _pod(self, lease: Lease, seen: Seen) -> Plan:
        """Compare a pod's host side; give what is wanted of it."""
        cables = self._node.cables(lease)
        wanted = pod.host_side(cables)
        lacking = drift.missing(wanted, {HOST: seen})
        if not lacking:
            return wanted
        link = seen.links.get(host_link(lease.attachment))
        fd = open_alive(self._host.namespaces, lease.netns)
        try:
            if link is not None and (fd is None or _is_same(cables, link)):
                self._mend(lacking, fd)
            elif fd is not None:
                self._lay_anew(cables, fd, link)
            else:
                self._collect(lease)
        finally:
            if fd is not None:
                self._host.namespaces.close(fd)
        return wanted

    def _collect(self, lease: Lease) -> None:
        self._host.say("collected", attachment=names.words(lease.attachment))
        self._attachments.detach(lease.attachment)

    def _mend(self, lacking: Plan, netns: int | None) -> None:
        """Mend a cable whose host end is there: up, with its MTU, named, with routes."""
        for fact in lacking:
            if isinstance(fact, Veth):
                near = fact.near
                self._make((LinkUp(HOST, near.name, near.mtu, near.alias),))
        self._make(pod.ways_in(lacking) if netns is None else lacking, netns)

    def _lay_anew(self, cables: Plan, netns: int, link: Link | None) -> None:
        """Lay a pod's cable again; one whose MAC was changed leads nowhere, and goes."""
        if link is not None:
            self._try(lambda: self._host.kernel.delete_links(None, [link.name]))
        self._make(cables, netns)

    def _look_inside(self, wired: list[Lease]) -> None:
        """Compare some pods' insides, another few every turn."""
        for _ in range(min(INSIDES_PER_TURN, len(wired))):
            lease = next(self._insides, None)
            if lease is None:
                self._insides = iter(wired)
                lease = next(self._insides)
            if self._book.ledger.leases.get(lease.attachment) is lease:
                self._inside(lease)

    def _inside(self, lease: Lease) -> None:
        fd = open_alive(self._host.namespaces, lease.netns)
        if fd is None:
            return
        try:
            inside = pod.inside(self._node.cables(lease))
            seen = {POD: self._host.kernel.look(POD, fd)}
            if lease.attachment.ifname in seen[POD].links:
                self._make(pod.lacking(inside, seen), fd)
        except KernelError as why:
            self._refused(why)
        finally:
            self._host.namespaces.close(fd)

    def _remove_strays(self, wanted: Plan, seen: Seen) -> None:
        found = strays(seen, wanted)
        for fact in found:
            self._note(f"stray {say(fact)}")
        for refusal in self._host.kernel.take_back(found, {HOST: None}):
            self._refused(refusal)
        known = (host_link(attachment) for attachment in self._book.ledger.leases)
        for link in orphans(seen.links, known):
            if not self._reaper.has(link):
                self._note(f"stray link {link}")
                self._reaper.take(Doomed(link))

    def _set(self, settings: Plan) -> None:
        """Make settings, of which no look tells; one that is refused stops none of the others."""
        carry_out = self._host.kernel.carry_out
        if not self._try(lambda: carry_out(settings, {HOST: None})):
            for one in settings:
                self._try(partial(carry_out, (one,), {HOST: None}))

    def _make(self, facts: Plan, netns: int | None = None) -> None:
        if not facts:
            return
        spaces: Mapping[str, int | None] = (
            {HOST: None} if netns is None else {HOST: None, POD: netns}
        )
        if self._try(lambda: self._host.kernel.carry_out(facts, spaces)):
            for fact in facts:
                self._note(say(fact))

    def _try(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except (KernelError, NftError) as why:
            self._refused(why)
            return False
        return True

    def _refused(self, why: Exception) -> None:
        """Say what was refused, once as long as it lasts; it is tried every turn."""
        text = str(why)
        if isinstance(why, KernelError) and why.fact is not None:
            text = f"{say(why.fact)}: {why.message} (errno {why.errno})"
        if text not in self._refusals[0]:
            self._host.say("repair-refused", why=text)
        self._refusals[0].add(text)
        self._refusals[1].add(text)

    def _note(self, what: str) -> None:
        self._host.say("repaired", what=what)
        self.done.append((self._host.clock.wall(), what))


def _is_same(cables: Plan, link: Link) -> bool:
    """Tell whether a link is the host end that was laid, by its MAC."""
    return any(isinstance(f, Veth) and f.near.mac == link.mac for f in cables)
