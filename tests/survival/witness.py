"""Looks at the fake kernel and disk after every step of the agent, and says what must never be.

Nothing here asks the agent: what it believes is its own matter until the end.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.ledger import Ahead, Freed, Held
from mooring.core.linux.plan import MAIN, Ip
from mooring.core.linux.port import NftError
from mooring.core.linux.seen import Link
from mooring.core.wiring.names import PREFIX, host_link, read_alias
from mooring.core.wiring.names import words as name
from mooring.core.wiring.ruleset import PODS4, PODS6
from survival.machine import StoryMachine

Flow = tuple[Ip, str]
"""An address, and the host end by which its packets go."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Told:
    """A pod whose ADD was answered, and whose DEL was not asked for."""

    attachment: AttachmentId
    inode: int
    addresses: tuple[Ip, ...]

    def __post_init__(self) -> None:
        self.link = host_link(self.attachment)


@dataclass
class Witness:
    """What was seen. `now` is the world's time, which no restart sets back.

    `heard` is who was told last of a link, `lives` the pod's namespace when a flow began: a container
    that comes again has the same link. `spoken` are flows of connection tracking, by name, and whose
    they are; `disturbed`: somebody undid what the agent made, so the fast path may be ahead of the rest.
    """

    machine: StoryMachine
    cooldown: float
    now: float = 0.0
    told: dict[AttachmentId, Told] = field(default_factory=dict)
    spared: set[AttachmentId] = field(default_factory=set)
    written: dict[AttachmentId, tuple[Ip, ...]] = field(default_factory=dict)
    kept: set[AttachmentId] = field(default_factory=set)
    ahead: set[Ip] = field(
        default_factory=set
    )  # written down before they are handed out
    rests: set[Ip] = field(default_factory=set)  # ahead, and no power cut takes that
    flowing: frozenset[Flow] = frozenset()
    ended: dict[Ip, tuple[float, Told]] = field(default_factory=dict)
    heard: dict[str, Told] = field(default_factory=dict)
    lives: dict[Flow, int] = field(default_factory=dict)
    spoken: dict[bytes, Told] = field(default_factory=dict)
    blind: bool = False
    disturbed: bool = False
    steps: int = 0
    _journal: bytes = b""

    def hear(self, what: str) -> None:
        """Look after a step."""
        self.steps += 1
        if what.startswith("disk"):
            self.look_at_disk()
        else:
            self.look_at_kernel()

    def look_at_kernel(self) -> None:
        """See which packets can flow, and whether they may."""
        # The fake's own shelves: this is asked after every step.
        room = self.machine.kernel._room(None)
        links, send = room.links, self._send()
        reach = {
            (route.destination.network_address, route.link)
            for route in room.routes
            if route.table == MAIN and (route.link or "").startswith(PREFIX)
        }
        flowing = {(a, link) for a, link in send | reach if link in links}
        self._one_owner(send & flowing)
        self._one_owner(reach & flowing)
        for address, link in flowing - self.flowing:
            self.lives[address, link], _ = room.twins.get(link, (0, ""))
            self._is_recorded(links, address, link)
        for address, link in self.flowing - flowing:
            self._end(address, link)
        self.flowing = frozenset(flowing)
        self._lives_on(links, send, reach)
        self._carried_may_send(links, send)

    def look_at_disk(self) -> None:
        """See what is written, and that what was let go had ended before."""
        disk = self.machine.disk
        data = disk.journal
        if data.startswith(self._journal) and self._journal:
            tail = journal.header("") + data[len(self._journal) :]
            self._follow(tail, dict(self.written))
        else:
            self.ahead = set()
            self._follow(data, {})
        self._journal = data
        if disk.synced == len(data):
            self.kept = set(self.written)
            self.rests = set(self.ahead)
        if self.blind and data:
            self.blind = False

    def _end(self, address: Ip, link: str) -> None:
        """A flow is over; it counts if somebody was told that the address is the pod's."""
        told, life = self.heard.get(link), self.lives.pop((address, link), 0)
        if told is None or (life and told.inode and told.inode != life):
            return
        if address in told.addresses:
            self.ended[address] = self.now, told

    def forget(self) -> None:
        """Somebody else changed the journal: read it whole the next time, and excuse."""
        self._journal, self.blind = b"", True
        self.written, self.kept = {}, set()
        self.ahead, self.rests = set(), set()

    def power_cut(self) -> None:
        """The machine went down: nothing flows, and what was written is read anew."""
        for address, link in self.flowing:
            self._end(address, link)
        self.flowing = frozenset()
        self.told.clear()
        self._journal = b""
        self.written, self.kept = {}, set()
        self.ahead, self.rests = set(), set()

    def answered(self, told: Told, offered: Iterable[Ip]) -> None:
        """Hear of an ADD that was answered; `offered` is what the last status had."""
        had = set(offered)
        for other in self.told.values():
            if other.attachment != told.attachment:
                twice = set(other.addresses) & set(told.addresses)
                self._must(not twice, f"{twice} of {other} were given to {told}")
        for address in told.addresses:
            self._must(address in had, f"{address} is not offered")
            ended, other = self.ended.get(address, (float("-inf"), told))
            rested = self.now - ended >= self.cooldown - 1e-6 or told == other
            self._must(
                rested or self._said_early(told, address),
                f"{address} of {other} rested {self.now - ended:.2f} s before {told}",
            )
        self._forgotten(told)
        self.told[told.attachment] = told
        self.heard[told.link] = told

    def _said_early(self, told: Told, address: Ip) -> bool:
        """Tell whether it was said that nothing else was left."""
        words = f"attachment={name(told.attachment)} address={address} "
        return any(words in line for line in self.machine.heard("reused-early"))

    def left(self, attachment: AttachmentId) -> None:
        """Hear that a DEL was asked for, or the namespace was removed."""
        self.told.pop(attachment, None)

    def _send(self) -> set[Flow]:
        found: set[Flow] = set()
        for where in (PODS4, PODS6):
            with suppress(NftError):
                found.update(map(_flow, self.machine.nft.elements(where)))
        return found

    def _carried_may_send(self, links: Mapping[str, Link], send: set[Flow]) -> None:
        """The fast path opens no way that the source check does not."""
        carried = {} if self.disturbed else self.machine.carried()
        names = {(x.index, x.mac): name for name, x in links.items()} if carried else {}
        for key, link in carried.items():
            way = ip_address(key), names.get(link, "")
            self._must(not way[1] or way in send, f"{way} is carried and may not send")

    def _forgotten(self, told: Told) -> None:
        """Nobody goes on speaking with the pod that had the address before."""
        if self.machine.heard("flows-unseen"):
            return
        for flow in self.machine.conntrack.known:
            other = self.spoken[flow.name].attachment
            mixed = flow.ends & set(told.addresses) and other != told.attachment
            self._must(not mixed, f"{told} gets packets for {other}: {flow}")

    def _one_owner(self, flows: Iterable[Flow]) -> None:
        owners: dict[Ip, str] = {}
        for address, link in flows:
            other = owners.setdefault(address, link)
            if other != link:
                raise Broken(f"{address} is {other}'s and {link}'s")

    def _is_recorded(self, links: Mapping[str, Link], address: Ip, link: str) -> None:
        """A packet can flow from now on: the claim must be where no power cut takes it."""
        alias = read_alias(links[link].alias)
        self._must(alias is not None, f"{link} is nobody's and {address} flows by it")
        if self.blind or alias is None:
            return
        held = self.written.get(alias.attachment, ())
        self._must(
            address in held
            and (alias.attachment in self.kept or address in self.rests),
            f"{address} flows by {link}, and {alias.attachment} has {held} in the journal",
        )

    def _lives_on(
        self, links: Mapping[str, Link], send: set[Flow], reach: set[Flow]
    ) -> None:
        """Pods that run are as they were answered, at every moment."""
        for attachment, told in self.told.items():
            if attachment in self.spared:
                continue
            name = told.link
            if name not in links or not links[name].up:
                raise Broken(f"{told} lost its link")
            for address in told.addresses:
                if (address, name) not in send:
                    raise Broken(f"{told} may not send as {address}")
                if (address, name) not in reach:
                    raise Broken(f"{told} is not reached as {address}")

    def _follow(
        self, data: bytes, before: Mapping[AttachmentId, tuple[Ip, ...]]
    ) -> None:
        try:
            read = journal.read(data)
        except journal.Damaged:
            return
        now = dict(before)
        for entry in read.entries if read else ():
            if isinstance(entry, Held):
                now[entry.lease.attachment] = entry.lease.ordered
            elif isinstance(entry, Freed):
                now.pop(entry.attachment, None)
            elif isinstance(entry, Ahead):
                self.ahead.update(entry.addresses)
        for attachment in self.written.keys() - now.keys():
            link = host_link(attachment)
            still = [a for a, by in self.flowing if by == link]
            self._must(not still, f"{attachment} was let go and {still} still flow")
        self.written = now

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(what)


@lru_cache(maxsize=4096)
def _flow(key: bytes) -> Flow:
    """Read an element of the map of those who may send."""
    return ip_address(key[16:]), key[:16].rstrip(b"\0").decode()
