"""The walk forwards: every fact is made true, in order, up to the first refusal."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EAFNOSUPPORT, EBUSY, EEXIST, EINVAL, ENETDOWN
from pathlib import Path

from mooring import setns
from mooring.adapters.netlink.conversation import Conversation, Conversations
from mooring.adapters.netlink.turn import UNSAYABLE, Turn, refusal, spoken_of
from mooring.core.linux import drift, rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.mould import Alike, Mould
from mooring.core.linux.plan import Address, End, Fact, Plan, Rule, Sysctl, Veth
from mooring.core.linux.port import KernelError, Spaces

PATIENCE, PAUSE = 0.1, 0.0005
"""How long the kernel's deferred work for one pair is waited for, all in all: others wait too."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One datagram of a walk, as a mould; `facts` are the messages' places in the plan."""

    space: str
    facts: tuple[int, ...]
    mould: Mould


@dataclass(frozen=True, slots=True)
class Casting:
    """What is done for every plan of a shape: settings, datagrams, and a question after the far end.

    `late`: it has addresses that the kernel takes in later than it says.
    """

    settings: Plan
    batches: tuple[Batch, ...]
    far: str
    question: wire.Message
    late: bool


class Making(Turn):
    """The walk forwards: stops at the first refusal.

    A pair and what follows in its far end's namespace are one datagram, because links are named by
    numbers that were chosen here: were the pair refused, nobody would have that number, and what
    follows would land nowhere. Then the walk begins again at the pair.
    """

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self._made: list[Veth] = []
        self._found: list[Veth] = []  # of those made, the ones that were there
        self._begun: Veth | None = None  # the pair at the head of what is queued
        self._down: list[tuple[Veth, End]] = []
        self._slow: list[Address] = []

    def make(self, fact: Fact) -> None:
        """Make one fact true, or queue what will."""
        try:
            match fact:
                case Veth():
                    self.settle()
                    self._make_veth(fact)
                case Sysctl():
                    self.settle()
                    self._write(fact)
                case _:
                    if self._down and fact.space == self._down[0][1].space:
                        self._raise_ends()
                    self.queue(fact.space, fact, self.message(fact))
                    if isinstance(fact, Address) and _comes_late(fact):
                        self._slow.append(fact)
        except UNSAYABLE as err:
            raise spoken_of(fact, err) from err

    def finish(self) -> None:
        """Send the rest, and see to it that the first packets through each pair arrive.

        An end whose carrier came with its twin drops packets until the kernel's deferred
        linkwatch work ran (half of the first from a pod were lost, and one in ten of those to
        it, or rather of the answers); asking for a link does that work now (Linux 6.8), or it is
        waited for. An end that is raised when its twin is up sends at once: of a pair that was
        made here only the far one has to be asked for. An end that has no carrier by then is
        refused. A kernel that is only late with its work is not: all is made, and it will come.
        """
        self.settle()
        until = time.monotonic() + PATIENCE * max(1, len(self._made))
        for veth in self._made:
            self._await_carrier(veth, veth.far, until)
        for veth in self._found:
            self._await_carrier(veth, veth.near, until)
        for address in self._slow:
            self._await_delivery(address, until)

    def refuse(self, fact: Fact, verdict: wire.Verdict) -> None:
        """Note a refusal, unless it is none.

        A rule that exists: the kernel compared all of it. A pair without IPv6: it gets no address.
        """
        if isinstance(fact, Rule) and verdict.errno == EEXIST:
            return
        if isinstance(fact, Veth) and verdict.errno == EAFNOSUPPORT:
            return
        super().refuse(fact, verdict)

    def settle(self) -> None:
        """Send all that is queued or has to be."""
        self._raise_ends()
        self.flush()

    def flush(self) -> None:
        """Send what is queued; raises the first refusal, or begins again at the pair."""
        queued, begun = self._pending, self._begun
        self._begun = None
        super().flush()
        if not self.refused:
            return
        first = self.refused[0]
        if begun is None or first.fact is not begun:
            raise first
        self.refused.clear()
        self._adopt(begun, first)
        for fact, _ in queued[1:]:
            if not isinstance(fact, Veth | Sysctl):  # the pair is as it is
                self.queue(self._pending_space, fact, self.message(fact))
        self.flush()

    def cast(self, plan: Alike, casting: Casting) -> bool:
        """Make all of a plan as moulds give it; False when the pair is refused: then nothing is there.

        The moulds' values are the plan's and the numbers of the pair's ends, the near one at home.
        Its facts are looked at only when one is refused, or has to be waited for.
        """
        number = self._conversations.number
        near, far = number(), number()
        values = (*plan.values, wire.U32.pack(near), wire.U32.pack(far))
        for setting in casting.settings:
            self.make(setting)
        for batch in casting.batches:
            verdicts = self._to(batch, plan).say(batch.mould, values)
            if not verdicts:
                continue
            if 0 in verdicts and batch is casting.batches[0]:
                return False
            self._heed([plan.facts[place] for place in batch.facts], verdicts)
        self._conversations.remember(plan.link, near)
        far_end = self._open[casting.far]
        if casting.late or not _is_ready(far_end.ask(casting.question)):
            for fact in plan:
                self._note(fact)
            self.finish()
        return True

    def _to(self, batch: Batch, plan: Alike) -> Conversation:
        try:
            return self.conversation(batch.space, None)
        except KernelError as err:
            raise spoken_of(plan.facts[batch.facts[0]], err) from err

    def _heed(
        self, facts: Sequence[Fact], verdicts: Mapping[int, wire.Verdict]
    ) -> None:
        """Raise the first refusal that is one."""
        for place, verdict in sorted(verdicts.items()):
            self.refuse(facts[place], verdict)
        if self.refused:
            raise self.refused[0]

    def _note(self, fact: Fact) -> None:
        """Note what has been cast, for the end of the walk."""
        match fact:
            case Veth():
                self._made.append(fact)
            case Address() if _comes_late(fact):
                self._slow.append(fact)

    def _make_veth(self, veth: Veth) -> None:
        """Queue what makes the pair; the near end is raised once it is there."""
        far = veth.far
        self.queue(far.space, veth, self._pair(veth))
        if not far.own_ip6:
            index = self.index(far.space, far.name, veth)
            self.queue(far.space, veth, rt.no_own_ip6(index))
        self._begun = veth
        self._down.append((veth, veth.near))
        self._made.append(veth)

    def _pair(self, veth: Veth) -> wire.Message:
        numbered = Veth(self._numbered(veth.near), self._numbered(veth.far))
        return rt.new_veth(numbered, self.fd(veth.near.space, veth))

    def _numbered(self, end: End) -> End:
        """Choose a number for an end that has none; `replace` takes as long as a message."""
        number = end.index or self._number()
        self.learn(end.space, end.name, number)
        mac, mtu, group = end.mac, end.mtu, end.group
        return End(end.space, end.name, mac, mtu, number, end.alias, group)

    def _number(self) -> int:
        return self._conversations.number()

    def _raise_ends(self) -> None:
        """Queue what raises ends that the kernel could not make up."""
        if self._begun is not None:
            self.flush()  # its name may be a stranger's, its number another one
        down, self._down = self._down, []
        for veth, end in down:
            if not end.own_ip6:
                index = self.index(end.space, end.name, veth)
                self.queue(end.space, veth, rt.no_own_ip6(index))
            self.queue(end.space, veth, rt.raise_end(end))

    def _adopt(self, veth: Veth, why: KernelError) -> None:
        """Take the pair that exists for the fact's, if it is; else the refusal stands.

        If neither name exists it was a number that somebody has; others are chosen, once.
        """
        if why.errno not in {EEXIST, EBUSY}:
            raise why
        near, far = veth.near, veth.far
        one = self.link(near.space, near.name, veth)
        other = self.link(far.space, far.name, veth)
        if one is None and other is None:
            told = self.conversation(far.space, veth).tell([self._pair(veth)])
            if told:
                raise refusal(veth, told[0])
            return
        if one is None or other is None or not drift.is_pair(veth, one, other):
            raise why
        self._found.append(veth)
        self.learn(near.space, near.name, one.index)
        self.learn(far.space, far.name, other.index)
        self.queue(far.space, veth, rt.raise_end(far))

    def _await_carrier(self, veth: Veth, end: End, until: float) -> None:
        question = rt.get_link(end.name)
        talk = self.conversation(end.space, veth)
        while True:
            answer = talk.ask(question)
            if isinstance(answer, wire.Verdict) or _is_ready(answer):
                return
            if time.monotonic() >= until:
                break
            time.sleep(PAUSE)
        if not rtdump.has_carrier(answer):
            words = f"{end.name!r} has no carrier: an end of the pair is down"
            raise KernelError(veth, ENETDOWN, words)

    def _await_delivery(self, fact: Address, until: float) -> None:
        """Wait until packets to an IPv6 address are taken in.

        The kernel makes the route for that in deferred work, though nothing is in doubt
        (NODAD): for up to 20 ms what came to one address in four was dropped.
        """
        question = rt.get_route(fact.address.ip)
        talk = self.conversation(fact.space, fact)
        while True:
            answer = talk.ask(question)
            delivered = isinstance(answer, bytes) and rtdump.is_delivered_here(answer)
            if delivered or time.monotonic() >= until:
                return
            time.sleep(PAUSE)

    def _write(self, fact: Sysctl) -> None:
        sysctls = self._conversations.sysctls
        path = sysctls / fact.key
        if ".." in path.parts or sysctls not in path.parents:
            raise KernelError(fact, EINVAL, f"{fact.key!r} is no setting's name")
        try:
            with setns.inside(self.fd(fact.space, fact)):
                _write(path, fact.value)
        except OSError as err:
            raise KernelError(fact, err.errno or 0, str(err)) from err


def _comes_late(fact: Address) -> bool:
    return not (fact.address.version == 4 or fact.address.is_link_local)


def _is_ready(answer: bytes | wire.Verdict | None) -> bool:
    return isinstance(answer, bytes) and rtdump.is_operational(answer)


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
