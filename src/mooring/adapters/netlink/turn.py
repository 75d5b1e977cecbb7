"""One walk through a plan, forwards or backwards: which message goes where, and when."""

import os
import time
from contextlib import suppress
from errno import (
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EEXIST,
    EINVAL,
    ENODEV,
    ENOENT,
    ESRCH,
)
from pathlib import Path
from types import TracebackType
from typing import Self

from mooring import setns
from mooring.adapters.netlink.conversation import Conversation, Conversations
from mooring.core.linux import drift, rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.port import KernelError, Spaces
from mooring.core.linux.seen import Link

GONE = frozenset({ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL, EAFNOSUPPORT})
REAPED = 0x6D6F6F72  # "moor": the group in which links wait to be deleted together
SYSCTLS = Path("/proc/sys")
CARRIER_TRIES, CARRIER_PAUSE = 500, 0.002


class Turn:
    """The state of one walk: sockets by namespace, known indices, what is still to be sent."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        self.refused: list[KernelError] = []
        self._conversations = conversations
        self._spaces = spaces
        self._open: dict[str, Conversation] = {}
        self._indices: dict[tuple[str, str], int] = {}
        self._pending: list[tuple[Fact, wire.Message]] = []
        self._pending_space = ""

    def __enter__(self) -> Self:
        """Open sockets as needed; they live as long as the block."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close what was opened; keep what is at home, unless something is unread there."""
        for space, conversation in self._open.items():
            at_home = self._spaces[space] is None
            self._conversations.end(conversation, keep=at_home and error is None)

    def queue(self, space: str, fact: Fact, message: wire.Message) -> None:
        """Send this with its neighbours in the plan."""
        if space != self._pending_space:
            self.flush()
            self._pending_space = space
        self._pending.append((fact, message))

    def flush(self) -> None:
        """Send what is queued, and note what was refused."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        conversation = self.conversation(self._pending_space, pending[0][0])
        verdicts = conversation.tell([message for _, message in pending])
        for place, verdict in sorted(verdicts.items()):
            self.refuse(pending[place][0], verdict)

    def refuse(self, fact: Fact, verdict: wire.Verdict) -> None:
        """Note a refusal; each kind of walk has some that are none."""
        self.refused.append(_refusal(fact, verdict))

    def fd(self, space: str, fact: Fact) -> int:
        """Find the descriptor of a namespace of the plan."""
        if space not in self._spaces:
            raise KernelError(fact, ENOENT, f"no namespace is known as {space!r}")
        fd = self._spaces[space]
        return self._conversations.home if fd is None else fd

    def conversation(self, space: str, fact: Fact) -> Conversation:
        """Find the socket in a namespace of the plan, opened on first use."""
        found = self._open.get(space)
        if found is None:
            self.fd(space, fact)
            try:
                found = self._conversations.open(self._spaces[space])
            except OSError as err:
                raise KernelError(fact, err.errno or 0, str(err)) from err
            self._open[space] = found
        return found

    def index(self, space: str, link: str, fact: Fact) -> int:
        """Find a link's index, asked for once."""
        known = self._indices.get((space, link))
        if known is not None:
            return known
        answer = self.conversation(space, fact).ask(rt.get_link(link))
        if isinstance(answer, wire.Verdict):
            raise _refusal(fact, answer, f"link {link!r} in {space!r}: ")
        return self.learn(space, link, rtdump.link_index(answer))

    def learn(self, space: str, link: str, index: int) -> int:
        """Remember a link's index for this walk."""
        self._indices[space, link] = index
        return index

    def link(self, space: str, name: str, fact: Fact) -> Link | None:
        """Look at a link as it is now."""
        answer = self.conversation(space, fact).ask(rt.get_link(name))
        if not isinstance(answer, wire.Verdict):
            return rtdump.link(answer)
        if answer.errno in GONE:
            return None
        raise _refusal(fact, answer)

    def message(
        self, fact: LinkUp | Address | Route | Rule | Neighbour, *, remove: bool = False
    ) -> wire.Message:
        """Write the message that makes the fact true, or takes it back."""
        match fact:
            case LinkUp():
                return rt.link_up(fact)
            case Rule():
                return rt.rule(fact, remove=remove)
            case Route():
                link = fact.link
                out = None if link is None else self.index(fact.space, link, fact)
                return rt.route(fact, out, remove=remove)
            case Address():
                index = self.index(fact.space, fact.link, fact)
                return rt.address(fact, index, remove=remove)
            case Neighbour():
                index = self.index(fact.space, fact.link, fact)
                return rt.neighbour(fact, index, remove=remove)


class Making(Turn):
    """The walk forwards: stops at the first refusal."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self._made: list[Veth] = []

    def make(self, fact: Fact) -> None:
        """Make one fact true, or queue what will."""
        match fact:
            case Veth():
                self._make_veth(fact)
            case Sysctl():
                self.flush()
                self._write(fact)
            case _:
                self.queue(fact.space, fact, self.message(fact))

    def finish(self) -> None:
        """Send the rest, and see to it that the first packets through each pair arrive.

        An end whose carrier came with its twin drops packets until the kernel's deferred
        linkwatch work ran (one in ten of the first to a pod was lost, half of the first from
        it); asking for a link does that work now (Linux 6.8), or it is waited for.
        """
        self.flush()
        for veth in self._made:
            self._await_carrier(veth, veth.far)
            self._await_carrier(veth, veth.near)

    def flush(self) -> None:
        """Send what is queued; raises the first refusal."""
        super().flush()
        if self.refused:
            raise self.refused[0]

    def refuse(self, fact: Fact, verdict: wire.Verdict) -> None:
        """Note a refusal; a rule that exists is none: the kernel compared all of it."""
        if isinstance(fact, Rule) and verdict.errno == EEXIST:
            return
        super().refuse(fact, verdict)

    def _make_veth(self, veth: Veth) -> None:
        # On its own and acknowledged before anything else is sent: were it refused because a
        # stranger has the name, what follows would land on the stranger.
        self.flush()
        device = rt.born_up(veth)
        peer = veth.near if device is veth.far else veth.far
        message = rt.new_veth(veth, self.fd(peer.space, veth))
        verdict = self.conversation(device.space, veth).tell([message]).get(0)
        if verdict is None:
            self._learn(veth.near)
            self._learn(veth.far)
        else:
            self._adopt(veth, verdict)
        for end in (veth.far, veth.near):
            # The peer is down; the near end, peer or not, has no alias yet.
            if verdict is not None or end is peer or end is veth.near:
                self.queue(end.space, veth, rt.raise_end(end))
        self._made.append(veth)

    def _learn(self, end: End) -> None:
        if end.index is not None:
            self.learn(end.space, end.name, end.index)

    def _adopt(self, veth: Veth, verdict: wire.Verdict) -> None:
        """Take the pair that exists for the fact's, if it is; else the refusal stands."""
        if verdict.errno != EEXIST:
            raise _refusal(veth, verdict)
        near, far = veth.near, veth.far
        one = self.link(near.space, near.name, veth)
        other = self.link(far.space, far.name, veth)
        if one is None or other is None or not drift.is_pair(veth, one, other):
            raise _refusal(veth, verdict)
        self.learn(near.space, near.name, one.index)
        self.learn(far.space, far.name, other.index)

    def _await_carrier(self, veth: Veth, end: End) -> None:
        question = rt.get_link(end.name)
        talk = self.conversation(end.space, veth)
        for _ in range(CARRIER_TRIES):
            answer = talk.ask(question)
            if isinstance(answer, wire.Verdict) or rtdump.is_operational(answer):
                return
            time.sleep(CARRIER_PAUSE)

    def _write(self, fact: Sysctl) -> None:
        path = SYSCTLS / fact.key
        if ".." in path.parts or SYSCTLS not in path.parents:
            raise KernelError(fact, EINVAL, f"{fact.key!r} is no setting's name")
        try:
            with setns.inside(self.fd(fact.space, fact)):
                _write(path, fact.value)
        except OSError as err:
            raise KernelError(fact, err.errno or 0, str(err)) from err


class Removing(Turn):
    """The walk backwards: notes every refusal and goes on. What is gone is no refusal."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self._doomed: dict[str, list[Veth]] = {}

    def remove(self, fact: Fact) -> None:
        """Take one fact back, or queue what will; one in an unknown namespace went with it."""
        space = fact.near.space if isinstance(fact, Veth) else fact.space
        if space not in self._spaces:
            return
        try:
            self._remove(fact)
        except KernelError as err:
            self._note(err)

    def finish(self) -> None:
        """Send the rest, then delete the pairs; several for the price of about one."""
        self.flush()
        for space, pairs in self._doomed.items():
            names = [pair.near.name for pair in pairs]
            for message in removal(names):
                self.queue(space, pairs[0], message)
            self.flush()

    def flush(self) -> None:
        """Send what is queued; what cannot be sent is noted too."""
        try:
            super().flush()
        except KernelError as err:
            self._note(err)

    def refuse(self, fact: Fact, verdict: wire.Verdict) -> None:
        """Note a refusal that is one."""
        self._note(_refusal(fact, verdict))

    def _remove(self, fact: Fact) -> None:
        match fact:
            case Veth(near=near):
                link = self.link(near.space, near.name, fact)
                # Another's link of that name is not the fact: it stays.
                if link is not None and drift.is_end(near, link):
                    self._doomed.setdefault(near.space, []).append(fact)
            case LinkUp() | Sysctl():
                pass  # shared with others, who may still want it
            case Rule(mark=None):
                for each, remove in self._unmarked(fact):
                    self.queue(fact.space, fact, rt.rule(each, remove=remove))
            case _:
                self.queue(fact.space, fact, self.message(fact, remove=True))

    def _unmarked(self, rule: Rule) -> list[tuple[Rule, bool]]:
        """List the rules to remove (True) and make again, so that only the given one goes.

        A rule without a mark, when deleted, names the first of its table and priority.
        """
        self.flush()
        talk = self.conversation(rule.space, rule)
        bodies = talk.dump(rt.dump(rt.GET_RULE, rt.FAMILY[rule.family]))
        found = [rtdump.rule(rule.space, body) for body in bodies]
        if rule not in found:
            return []
        before = [
            each
            for each in found[: found.index(rule)]
            if each is not None
            and (each.priority, each.table) == (rule.priority, rule.table)
        ]
        return [
            *((each, True) for each in [*before, rule]),
            *((each, False) for each in before),
        ]

    def _note(self, error: KernelError) -> None:
        if error.errno not in GONE:
            self.refused.append(error)


def removal(names: list[str]) -> list[wire.Message]:
    """List what deletes links: one costs an RCU grace period, and so does a group."""
    if len(names) == 1:
        return [rt.delete_link(names[0])]
    return [*(rt.link_group(name, REAPED) for name in names), rt.delete_group(REAPED)]


def _refusal(fact: Fact, verdict: wire.Verdict, where: str = "") -> KernelError:
    words = verdict.message or os.strerror(verdict.errno)
    return KernelError(fact, verdict.errno, where + words)


def _write(path: Path, value: str) -> None:
    """Write a setting unless it holds: /proc/sys may be read-only where it already does."""
    with suppress(OSError):
        if path.read_text().split() == value.split():
            return
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
