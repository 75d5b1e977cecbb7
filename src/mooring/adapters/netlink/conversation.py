"""Sockets: one conversation with rtnetlink in one namespace, and the idle ones at home."""

import os
import random
import socket
from collections.abc import Callable
from errno import EAGAIN, EBADF, EINTR, ENOBUFS
from itertools import count, islice
from pathlib import Path

from mooring import setns
from mooring.core.linux import wire
from mooring.core.linux.mould import Mould
from mooring.core.linux.port import KernelError

SYSCTLS = Path("/proc/sys")
SOL_NETLINK = 270
CAPPED_ACK, EXTENDED_ACK = 10, 11
# rtnetlink answers before send(2) returns: what is not there to be read will never come.
AT_ONCE = int(socket.MSG_DONTWAIT)
REPLY, PIECE = 1 << 14, 1 << 16  # dumps come in pieces of at most 32 KiB
TRIES = 50
LOST = frozenset({ENOBUFS, EAGAIN})
"""An answer was dropped, or another one after it that will never come."""

# As many refusals as this fit in a receive buffer of the default size.
BATCH = 128
REMEMBERED = 4096
FIRST_NUMBERS = range(1 << 24, 1 << 30)
"""Where the numbers of links begin that we choose: the kernel counts up from 1."""


GRANTED = wire.Verdict(0, "")

Dial = Callable[[], socket.socket]


def dialled() -> socket.socket:
    """Open a socket to the kernel of the thread's namespace."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)


class Conversation:
    """One netlink socket in one namespace, for one thread at a time.

    A socket on which something got lost is not used again: what is still to be read there belongs
    to nobody, and the kernel may go on dropping answers until all of it is read.
    """

    def __init__(self, fd: int, home: int, dial: Dial) -> None:
        self._where = fd, home, dial
        self._socket = self._opened()
        self._broken = False
        self._sequence = 0

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def tell(self, messages: list[wire.Message]) -> dict[int, wire.Verdict]:
        """Send all, in order; return the refusals by the message's place."""
        refused: dict[int, wire.Verdict] = {}
        for start in range(0, len(messages), BATCH):
            batch = list(islice(messages, start, start + BATCH))
            for place, verdict in self._tell_batch(batch).items():
                refused[start + place] = verdict
        return refused

    def ask(self, message: wire.Message) -> bytes | wire.Verdict:
        """Send one question; return the body of the answer, or the refusal."""
        self._sequence = number = self._sequence + 1
        self._send(wire.frame(message, number))
        _, answer = self._heard(self._receive(), number, number)
        return answer

    def say(self, mould: Mould, values: tuple[bytes, ...]) -> dict[int, wire.Verdict]:
        """Send what a mould gives, one datagram; return the refusals by the message's place."""
        return self._told(mould.cast(self._sequence + 1, values), mould.count)

    def dump(self, message: wire.Message) -> list[bytes]:
        """Send one question for all; return bodies from a moment in which nothing changed."""
        last = KernelError(None, EINTR, "what was looked at changed all the time")
        for _ in range(TRIES):
            try:
                bodies = self._dump_once(message)
            except KernelError as err:
                if err.errno not in LOST:
                    raise
                bodies, last = None, err
            if bodies is not None:
                return bodies
        raise last

    def _tell_batch(self, messages: list[wire.Message]) -> dict[int, wire.Verdict]:
        framed = wire.framed(messages, self._sequence + 1)
        return self._told(b"".join(framed), len(framed))

    def _told(self, data: bytes, messages: int) -> dict[int, wire.Verdict]:
        refused, verdict = self._talk(data, messages)
        if isinstance(verdict, wire.Verdict) and verdict.errno:
            refused[messages - 1] = verdict
        return refused

    def _talk(
        self, data: bytes, messages: int
    ) -> tuple[dict[int, wire.Verdict], bytes | wire.Verdict]:
        """Send one datagram; give what was refused, and what the last message is told."""
        first = self._sequence + 1
        self._sequence = last = self._sequence + messages
        self._send(data)
        answer = self._receive()
        if wire.is_granted(answer, last):
            return {}, GRANTED
        return self._heard(answer, first, last)

    def _heard(
        self, answer: bytes, first: int, last: int
    ) -> tuple[dict[int, wire.Verdict], bytes | wire.Verdict]:
        """Read answers up to that of the last message."""
        refused: dict[int, wire.Verdict] = {}
        while True:
            for reply in wire.replies(answer):
                if not first <= reply.sequence <= last:
                    continue
                if reply.kind != wire.ERROR:
                    if reply.sequence == last:
                        return refused, reply.body
                    continue
                verdict = wire.verdict(reply)
                if reply.sequence == last:
                    return refused, verdict
                if verdict.errno:
                    refused[reply.sequence - first] = verdict
            answer = self._receive()

    def _dump_once(self, message: wire.Message) -> list[bytes] | None:
        self._sequence += 1
        self._send(wire.frame(message, self._sequence))
        bodies: list[bytes] = []
        whole = True
        while True:
            for reply in wire.replies(self._receive(PIECE)):
                if reply.sequence != self._sequence:
                    continue
                whole = whole and not reply.flags & wire.DUMP_INTERRUPTED
                if reply.kind in {wire.DONE, wire.ERROR}:
                    _require(wire.verdict(reply))
                    return bodies if whole else None
                bodies.append(reply.body)

    def _send(self, data: bytes) -> None:
        try:
            if self._broken:
                self._begin_anew()
            self._socket.send(data)
        except OSError as err:
            self._broken = True
            raise KernelError(None, err.errno or 0, f"sending: {err}") from err

    def _receive(self, size: int = REPLY) -> bytes:
        try:
            return self._socket.recv(size, AT_ONCE)
        except OSError as err:
            self._broken = True
            words = "the kernel's answer got lost" if err.errno in LOST else "receiving"
            raise KernelError(None, err.errno or 0, f"{words}: {err}") from err

    def _begin_anew(self) -> None:
        self._socket.close()
        self._socket = self._opened()
        self._broken = False

    def _opened(self) -> socket.socket:
        talk = setns.do_inside(*self._where)
        talk.setsockopt(SOL_NETLINK, CAPPED_ACK, 1)
        talk.setsockopt(SOL_NETLINK, EXTENDED_ACK, 1)
        return talk


class Conversations:
    """Where conversations come from. Those at home are kept for the next who asks.

    `sysctls` is where the settings' files are, `dial` gives a socket where the thread is.
    """

    def __init__(self, sysctls: Path = SYSCTLS, dial: Dial = dialled) -> None:
        self.sysctls = sysctls
        self._dial = dial
        self.home = setns.open_own()
        self._idle: list[Conversation] = []
        self._links: dict[str, int] = {}
        # Chance, because others in a namespace may choose numbers the same way.
        self._numbers = count(random.SystemRandom().choice(FIRST_NUMBERS))

    def close(self) -> None:
        """Give all descriptors back."""
        while self._idle:
            self._idle.pop().close()
        if self.home >= 0:
            os.close(self.home)
            self.home = -1

    def number(self) -> int:
        """Choose a number for a new link, one that nobody has in any namespace."""
        return next(self._numbers)

    def remember(self, link: str, number: int) -> None:
        """Note the number of a link at home, for whoever takes it away."""
        if len(self._links) >= REMEMBERED:
            self._links.clear()
        self._links[link] = number

    def recall(self, link: str) -> int | None:
        """Give what is remembered, once: it may be a link's that is gone."""
        return self._links.pop(link, None)

    def open(self, fd: int | None) -> Conversation:
        """Begin a conversation in a namespace (None: at home, where the thread is)."""
        if self.home < 0:
            raise OSError(EBADF, "closed")
        if fd is not None:
            return Conversation(fd, self.home, self._dial)
        try:
            return self._idle.pop()
        except IndexError:
            return Conversation(self.home, self.home, self._dial)

    def end(self, conversation: Conversation, *, keep: bool) -> None:
        """End a conversation; `keep` for one at home in which every reply was read."""
        if keep:
            self._idle.append(conversation)
        else:
            conversation.close()


def _require(verdict: wire.Verdict) -> None:
    if verdict.errno:
        words = verdict.message or os.strerror(verdict.errno)
        raise KernelError(None, verdict.errno, words)
