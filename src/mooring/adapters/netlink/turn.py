"""One walk through a plan: which message goes where, and when.

`making` is the walk forwards, `removing` the one backwards.
"""

import os
import struct
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENODEV, ENOENT, ESRCH
from types import TracebackType
from typing import Self

from mooring.adapters.netlink.conversation import Conversation, Conversations
from mooring.core.linux import rtdump, wire
from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import Address, Fact, LinkUp, Neighbour, Route, Rule
from mooring.core.linux.port import KernelError, Spaces
from mooring.core.linux.seen import Link

GONE = frozenset({ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL, EAFNOSUPPORT})


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
        self.refused.append(refusal(fact, verdict))

    def fd(self, space: str, fact: Fact | None) -> int:
        """Find the descriptor of a namespace of the plan."""
        if space not in self._spaces:
            raise KernelError(fact, ENOENT, f"no namespace is known as {space!r}")
        fd = self._spaces[space]
        return self._conversations.home if fd is None else fd

    def conversation(self, space: str, fact: Fact | None) -> Conversation:
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
            raise refusal(fact, answer, f"link {link!r} in {space!r}: ")
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
        raise refusal(fact, answer)

    def message(
        self, fact: LinkUp | Address | Route | Rule | Neighbour, *, remove: bool = False
    ) -> wire.Message:
        """Write the message that makes the fact true, or takes it back."""
        match fact:
            case Route():
                link = fact.link
                out = None if link is None else self.index(fact.space, link, fact)
                return rt.route(fact, out, remove=remove)
            case LinkUp():
                return rt.link_up(fact)
            case Rule():
                return rt.rule(fact, remove=remove)
            case Address():
                index = self.index(fact.space, fact.link, fact)
                return rt.address(fact, index, remove=remove)
            case Neighbour():
                index = self.index(fact.space, fact.link, fact)
                return rt.neighbour(fact, index, remove=remove)


def refusal(fact: Fact, verdict: wire.Verdict, where: str = "") -> KernelError:
    """Turn the kernel's refusal of a fact into an error."""
    words = verdict.message or os.strerror(verdict.errno)
    return KernelError(fact, verdict.errno, where + words)


UNSAYABLE = (KernelError, ValueError, KeyError, struct.error)
"""What goes wrong with a fact: it may hold what no message can say, a MAC of five bytes."""


def spoken_of(fact: Fact, err: Exception) -> KernelError:
    """Turn what went wrong into an error about this fact."""
    if not isinstance(err, KernelError):
        return KernelError(fact, EINVAL, f"no message can say this: {err}")
    if err.fact is not None:
        return err
    return KernelError(fact, err.errno, err.message)
