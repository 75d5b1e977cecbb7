"""`Kernel`: what services ask, in terms of conversations and turns."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EOPNOTSUPP
from functools import partial
from pathlib import Path
from typing import TypeVar

from mooring.adapters.netlink.casting import Moulds
from mooring.adapters.netlink.conversation import (
    SYSCTLS,
    Conversation,
    Conversations,
    Dial,
    dialled,
)
from mooring.adapters.netlink.making import Making
from mooring.adapters.netlink.removing import Removing, removal
from mooring.adapters.netlink.turn import GONE
from mooring.closing import Closing
from mooring.core.linux import drift, rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.mould import Alike
from mooring.core.linux.plan import Fact, Plan
from mooring.core.linux.port import KernelError, Spaces
from mooring.core.linux.seen import Link, Seen

T = TypeVar("T")
FAMILIES = (rt.AF_INET, rt.AF_INET6)
KINDS = {
    rt.GET_ADDRESS: "addresses",
    rt.GET_ROUTE: "routes",
    rt.GET_RULE: "rules",
    rt.GET_NEIGHBOUR: "neighbours",
}


class Kernel(Closing):
    """Linux. None as a namespace stands for the one in which this object was made.

    `sysctls` is where its settings are: a container may have /proc/sys read-only, and the host's
    somewhere else. Several threads, all of them in that namespace, may use one at the same time.
    `close`, or a with block, gives its descriptors back. `dial` gives a socket to the kernel.
    """

    def __init__(self, sysctls: Path = SYSCTLS, dial: Dial = dialled) -> None:
        self._conversations = Conversations(sysctls, dial)
        self._moulds = Moulds(self._conversations)

    def close(self) -> None:
        """Give the descriptors back; the object is of no use after that."""
        self._conversations.close()

    def carry_out(self, plan: Iterable[Fact], spaces: Spaces) -> None:
        """Make every fact true, in order; see `core.linux.port.Kernel`."""
        with Making(self._conversations, spaces) as turn:
            if isinstance(plan, Alike) and self._moulds.cast(turn, plan, spaces):
                return
            for fact in plan:
                turn.make(fact)
            turn.finish()

    def take_back(self, plan: Plan, spaces: Spaces) -> tuple[KernelError, ...]:
        """Remove the facts in reverse order; see `core.linux.port.Kernel`."""
        with Removing(self._conversations, spaces) as turn:
            for fact in drift.backwards(plan):
                turn.remove(fact)
            turn.finish()
            return tuple(turn.refused)

    def look(self, space: str, fd: int | None, last: Seen | None = None) -> Seen:
        """See everything a namespace shows; see `core.linux.port.Kernel`."""
        with self._talk(fd) as talk:
            links = _links(talk)
            raw = {kind: tuple(_all(talk, kind)) for kind in KINDS}
        names = {link.index: link.name for link in links.values()}
        if last is not None and _names(last) != names:
            last = None
        reading = _Reading(raw, last)
        return Seen(
            space,
            links,
            reading.of(rt.GET_ADDRESS, partial(rtdump.address, space, names)),
            reading.of(rt.GET_ROUTE, partial(rtdump.route, space, names)),
            reading.of(rt.GET_RULE, partial(rtdump.rule, space)),
            reading.of(rt.GET_NEIGHBOUR, partial(rtdump.neighbour, space, names)),
            raw,
        )

    def link(self, fd: int | None, name: str) -> Link | None:
        """See one link with its counters; None when it is absent."""
        with self._talk(fd) as talk:
            answer = talk.ask(rt.get_link(name))
        if not isinstance(answer, wire.Verdict):
            return rtdump.link(answer)
        _require(answer)
        return None

    def links(self, fd: int | None) -> Mapping[str, Link]:
        """See all links by name: the cheap look."""
        with self._talk(fd) as talk:
            return _links(talk)

    def delete_links(self, fd: int | None, names: Iterable[str]) -> None:
        """Delete these links; the absent are deleted already. Waits for the kernel (RCU).

        Raises KernelError for a link that cannot be deleted, after the others are gone.
        """
        wanted = list(names)
        if not wanted:
            return
        with self._talk(fd) as talk:
            refused = talk.tell(removal(wanted))
            if any(verdict.errno == EOPNOTSUPP for verdict in refused.values()):
                # One that no one can delete spoils the group for all.
                refused = talk.tell([rt.delete_link(name) for name in wanted])
        for verdict in refused.values():
            _require(verdict)

    def delete_group(self, fd: int | None, group: int) -> None:
        """Delete every link of this group at once; none is fine. Waits for the kernel."""
        if group == 0:
            raise ValueError("every link is in group 0 that is in no other")
        self._order(fd, rt.delete_group(group))

    def set_group(self, fd: int | None, name: str, group: int) -> bool:
        """Put a link in a group; False when it is gone."""
        return self._order(fd, rt.link_group(name, group))

    def _order(self, fd: int | None, message: wire.Message) -> bool:
        """Tell the kernel one thing; False when what it is about is gone."""
        with self._talk(fd) as talk:
            verdict = talk.tell([message]).get(0)
        if verdict is None:
            return True
        _require(verdict)
        return False

    @contextmanager
    def _talk(self, fd: int | None) -> Iterator[Conversation]:
        try:
            talk = self._conversations.open(fd)
        except OSError as err:
            raise KernelError(None, err.errno or 0, str(err)) from err
        done = False
        try:
            yield talk
            done = True
        finally:
            self._conversations.end(talk, keep=done and fd is None)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Dumps by kind; what is byte for byte as in an earlier look was read then."""

    raw: Mapping[int, tuple[bytes, ...]]
    last: Seen | None

    def of(self, kind: int, read: Callable[[bytes], T | None]) -> frozenset[T]:
        """Give what the messages of a kind say."""
        bodies = self.raw[kind]
        if self.last is not None and self.last.raw.get(kind) == bodies:
            known: frozenset[T] = getattr(self.last, KINDS[kind])
            return known
        return frozenset(each for each in map(read, bodies) if each is not None)


def _names(seen: Seen) -> dict[int, str]:
    return {link.index: link.name for link in seen.links.values()}


def _links(talk: Conversation) -> Mapping[str, Link]:
    bodies = talk.dump(rt.dump_links())
    return {link.name: link for link in map(rtdump.link, bodies)}


def _all(talk: Conversation, kind: int) -> Iterator[bytes]:
    for family in FAMILIES:
        yield from talk.dump(rt.dump(kind, family))


def _require(verdict: wire.Verdict) -> None:
    """Raise a refusal, unless it says that something is gone."""
    if verdict.errno not in GONE:
        words = verdict.message or f"errno {verdict.errno}"
        raise KernelError(None, verdict.errno, words)
