"""A peer at the door: what it may ask for, what it has sent, and how that is received."""

import array
import asyncio
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from mooring.core.cni.frames import LIMIT, Answer, Call, Decoder

_DESCRIPTOR = array.array("i").itemsize
_MOST_DESCRIPTORS = 4  # taken at once, so that too many are seen and closed
_CHUNK = 65536
# As plain numbers: flags of an enumeration take longer to combine than a call to parse.
_ROOM = socket.CMSG_SPACE(_MOST_DESCRIPTORS * _DESCRIPTOR)
_AT_ONCE = int(socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
_CUT = int(socket.MSG_CTRUNC)


class Arrival(NamedTuple):
    """A call and what came with it.

    `netns` is open until `serve` has answered; who needs it longer duplicates it.
    """

    call: Call
    netns: int | None
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, and how long, peers may ask for; only `user` may ask at all.

    `serving` calls are worked on at once, the next ones wait outside. Nobody gives up a
    place in the waiting room before `patience` seconds.
    """

    frame: int = LIMIT
    read_seconds: float = 10.0
    write_seconds: float = 10.0
    serving: int = 256
    waiting: int = 256
    waiting_bytes: int = 4 * LIMIT
    patience: float = 0.1
    user: int = 0


DEFAULT_LIMITS = Limits()


class Occupied(Exception):
    """Another process listens on the path."""


class Rejected(Exception):
    """The peer broke a rule; its connection ends without an answer."""


class Work(Protocol):
    """What is to be awaited for an answer, or closed if nobody wants it any more."""

    def __await__(self) -> Generator[Any, Any, Answer]:
        """Give the answer."""

    def close(self) -> None:
        """End it."""


Serve = Callable[[Arrival], Answer | Work]
"""Answers at once, or gives what is to be awaited for the answer."""


@dataclass(slots=True, eq=False)
class Visit:
    """A peer: since when it waits, what it sent, and why it had to go."""

    peer: socket.socket
    began: float
    decoder: Decoder[Call]
    pid: int = 0
    descriptors: list[int] = field(default_factory=list)
    held: int = 0
    work: Work | None = None
    frame: bytes = b""  # what is to be sent
    why: str = ""
    task: asyncio.Task[None] | None = None


def taken(peer: socket.socket, descriptors: list[int]) -> bytes:
    """Receive the next bytes; descriptors that come along are put into the list."""
    chunk, control, flags, _ = peer.recvmsg(_CHUNK, _ROOM, _AT_ONCE)
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            got = array.array("i")
            got.frombytes(data[: len(data) - len(data) % _DESCRIPTOR])
            descriptors.extend(got)
    if flags & _CUT:
        raise Rejected("too many descriptors")
    return chunk


async def readable(peer: socket.socket) -> None:
    """Wait until there is something to receive."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    loop.add_reader(peer, wake)
    try:
        await woken
    finally:
        loop.remove_reader(peer)
