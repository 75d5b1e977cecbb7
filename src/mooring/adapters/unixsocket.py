"""The agent's Unix socket: whole calls in, answers out, and nobody waits for a bad peer.

Only root may talk here: the socket file has mode 0600, and the kernel is asked for the
peer's user. A peer has a bounded time to send its one call and to take its answer; what
it does wrong ends its own connection and nothing else. Descriptors that came along are
always closed again.
"""

import array
import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import (
    LIMIT,
    Answer,
    Call,
    Malformed,
    calls,
    encode_answer,
    refused,
)

_CREDENTIALS = struct.Struct("=3i")  # struct ucred of unix(7): pid, uid, gid
_DESCRIPTOR = array.array("i").itemsize
_MOST_DESCRIPTORS = 4  # taken at once, so that too many are seen and closed
_CHUNK = 65536
_BREATH = 0.1  # seconds without accepting after accept(2) itself failed


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call and what came with it.

    `netns` is open until `serve` has answered; who needs it longer duplicates it.
    """

    call: Call
    netns: int | None
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, and how long, peers may ask for; only `user` may ask at all."""

    frame: int = LIMIT
    read_seconds: float = 10.0
    write_seconds: float = 10.0
    connections: int = 256
    user: int = 0


DEFAULT_LIMITS = Limits()


class Occupied(Exception):  # noqa: N818 - a word for what start() found
    """Another process listens on the path."""


class Rejected(Exception):  # noqa: N818 - a word for a verdict on a peer
    """The peer broke a rule; its connection ends without an answer."""


Serve = Callable[[Arrival], Awaitable[Answer]]


class AgentSocket:
    """Listens on `path` and lets `serve` answer, each call in a task of its own.

    `report` gets one line about each peer that was turned away.
    """

    def __init__(
        self,
        path: Path,
        serve: Serve,
        report: Callable[[str], None],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._path = path
        self._serve = serve
        self._report = report
        self._limits = limits
        self._listener: socket.socket | None = None
        self._inode = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a socket file that nobody listens on any more is replaced."""
        if _somebody_listens(self._path):
            raise Occupied(f"{self._path}: another agent listens there")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Made aside and moved over: whoever finds the file may connect to it.
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        aside.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.settimeout(0)
            listener.bind(str(aside))
            aside.chmod(0o600)
            listener.listen(self._limits.connections)
            self._inode = aside.stat().st_ino
            aside.rename(self._path)
        except OSError:
            listener.close()
            aside.unlink(missing_ok=True)
            raise
        self._listener = listener
        self._open_the_door()

    async def stop(self, grace: float = 5.0) -> None:
        """Stop listening, let calls under way be answered for `grace` seconds."""
        if self._listener is None:
            return
        self._shut_the_door()
        self._listener.close()
        self._listener = None
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        for task in self._tasks - self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open_the_door(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _shut_the_door(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as why:  # out of descriptors: the peers wait, not we
            self._report(f"accept: {why}")
            self._shut_the_door()
            asyncio.get_running_loop().call_later(_BREATH, self._open_the_door)
            return
        task = asyncio.create_task(self._visit(peer))
        self._tasks.add(task)
        task.add_done_callback(self._left)
        if len(self._tasks) >= self._limits.connections:
            self._shut_the_door()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._answering.discard(task)
        if len(self._tasks) == self._limits.connections - 1:
            self._open_the_door()

    async def _visit(self, peer: socket.socket) -> None:
        descriptors: list[int] = []
        try:
            peer.settimeout(0)
            pid = self._admit(peer)
            async with asyncio.timeout(self._limits.read_seconds):
                call = await self._receive(peer, descriptors)
            if call is None:
                return
            netns = descriptors[0] if descriptors else None
            answer = await self._answer(Arrival(call, netns, pid))
            async with asyncio.timeout(self._limits.write_seconds):
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(peer, encode_answer(answer))
        except TimeoutError:
            self._report("a peer was too slow")
        except (Rejected, Malformed, OSError) as why:
            self._report(f"a peer was turned away: {why}")
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            peer.close()

    def _admit(self, peer: socket.socket) -> int:
        """Ask the kernel who the peer is; give its process id."""
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(raw)
        if uid != self._limits.user:
            raise Rejected(f"process {pid} runs as user {uid}")
        return int(pid)

    async def _receive(
        self, peer: socket.socket, descriptors: list[int]
    ) -> Call | None:
        """Read until the call is whole; None when the peer only looked in."""
        decoder = calls(self._limits.frame)
        while True:
            chunk = await _take(peer, descriptors)
            if len(descriptors) > 1:
                raise Rejected(f"{len(descriptors)} descriptors; one is the rule")
            if not chunk:
                if decoder.idle:
                    return None
                raise Rejected("it left in the middle of a call")
            if got := decoder.feed(chunk):
                if len(got) > 1 or not decoder.idle:
                    raise Rejected("more than one call on a connection")
                return got[0]

    async def _answer(self, arrival: Arrival) -> Answer:
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
        try:
            return await self._serve(arrival)
        except Exception as why:  # noqa: BLE001 - the border: a defect becomes an answer
            self._report(f"serving failed: {why!r}")
            return refused(CniError(Code.INTERNAL, "the agent failed", repr(why)))


async def _take(peer: socket.socket, descriptors: list[int]) -> bytes:
    """Receive the next bytes; descriptors that come along are put into the list."""
    space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * _DESCRIPTOR)
    while True:
        try:
            chunk, control, flags, _ = peer.recvmsg(
                _CHUNK, space, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            await _readable(peer)
            continue
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                got = array.array("i")
                got.frombytes(data[: len(data) - len(data) % _DESCRIPTOR])
                descriptors.extend(got)
        if flags & socket.MSG_CTRUNC:
            raise Rejected("too many descriptors")
        return chunk


async def _readable(peer: socket.socket) -> None:
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


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except BlockingIOError:  # its queue is full, so somebody made one
            return True
        except OSError:
            return False
    return True
