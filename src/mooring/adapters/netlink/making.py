"""The walk forwards: every fact is made true, in order, up to the first refusal."""

import os
import time
from contextlib import suppress
from errno import EEXIST, EINVAL
from pathlib import Path

from mooring import setns
from mooring.adapters.netlink.conversation import Conversations
from mooring.adapters.netlink.turn import Turn, refusal, speaking_of
from mooring.core.linux import drift, rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import End, Fact, Rule, Sysctl, Veth
from mooring.core.linux.port import KernelError, Spaces

SYSCTLS = Path("/proc/sys")
CARRIER_TRIES, CARRIER_PAUSE = 500, 0.002


class Making(Turn):
    """The walk forwards: stops at the first refusal."""

    def __init__(self, conversations: Conversations, spaces: Spaces) -> None:
        super().__init__(conversations, spaces)
        self._made: list[Veth] = []

    def make(self, fact: Fact) -> None:
        """Make one fact true, or queue what will."""
        with speaking_of(fact):
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
            raise refusal(veth, verdict)
        near, far = veth.near, veth.far
        one = self.link(near.space, near.name, veth)
        other = self.link(far.space, far.name, veth)
        if one is None or other is None or not drift.is_pair(veth, one, other):
            raise refusal(veth, verdict)
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
