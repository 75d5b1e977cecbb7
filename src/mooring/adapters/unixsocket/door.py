"""The door itself: who comes in, who is answered, who has to go."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from mooring.adapters.unixsocket.visit import (
    DEFAULT_LIMITS,
    Arrival,
    Limits,
    Occupied,
    Rejected,
    Serve,
    Visit,
    Work,
    readable,
    taken,
)
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import (
    Answer,
    Call,
    Malformed,
    calls,
    encode_answer,
    refused,
)

_CREDENTIALS = struct.Struct("=3i")  # struct ucred of unix(7): pid, uid, gid
_AT_A_TIME = 16  # peers that come in before others have their turn of the loop
_BREATH = 0.1  # seconds without accepting after accept(2) itself failed
_TOO_MUCH = "half calls were too large together, and its half the largest"
_QUEUE = 1024  # who finds it full is told to try again


class Listener(socket.socket):
    """A listening stream socket; `accept` asks for what it is, each time, which takes a while."""

    @property
    def family(self) -> socket.AddressFamily:
        """Say it without converting the system's number."""
        return socket.AF_UNIX

    @property
    def type(self) -> socket.SocketKind:
        """As `family`."""
        return socket.SOCK_STREAM


class AgentSocket:
    """Listens on `path` and lets `serve` answer; what takes time has a task of its own.

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
        self._serving = 0
        self._waiting: dict[Visit, None] = {}  # in the order of coming
        self._held = 0

    async def start(self) -> None:
        """Listen; a socket file that nobody listens on any more is replaced."""
        if _somebody_listens(self._path):
            raise Occupied(f"{self._path}: another agent listens there")
        if self._path.exists() and not self._path.is_socket():
            raise Occupied(f"{self._path}: is there and is no socket")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Made aside and moved over: whoever finds the file may connect to it.
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        aside.unlink(missing_ok=True)
        listener = Listener(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.settimeout(0)
            listener.bind(str(aside))
            aside.chmod(0o600)
            listener.listen(_QUEUE)
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
        for _ in range(_AT_A_TIME):
            if self._listener is None or not self._has_room():
                return
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as why:  # out of descriptors: the peers wait, not we
                self._report(f"accept: {why}")
                self._pause(_BREATH)
                return
            now = asyncio.get_running_loop().time()
            visit = Visit(peer, now, calls(self._limits.frame))
            self._waiting[visit] = None
            if self._is_done(visit):
                self._left(visit)
            else:
                self._let_in(visit)

    def _let_in(self, visit: Visit) -> None:
        visit.peer.settimeout(0)
        visit.task = asyncio.create_task(self._visit(visit))
        visit.task.add_done_callback(lambda _: self._left(visit))
        self._tasks.add(visit.task)
        if visit.frame:
            self._waiting[visit] = None
        elif visit.work is not None:
            self._answering.add(visit.task)

    def _is_done(self, visit: Visit) -> bool:
        """Do what can be done for a peer without waiting; tell whether that was all."""
        try:
            visit.pid = self._admit(visit.peer)
            call = self._heard(visit)
            if call is None:
                return True
            self._begin(visit, call)
            if visit.work is None:
                sent = visit.peer.send(visit.frame, socket.MSG_DONTWAIT)
                visit.frame = visit.frame[sent:]
                return not visit.frame
        except BlockingIOError:
            pass
        except (Rejected, Malformed, OSError) as why:
            self._report(f"a peer was turned away: {why}")
            return True
        return False

    def _has_room(self) -> bool:
        """Tell whether another peer may come in; if not, the door opens by itself."""
        if self._serving >= self._limits.serving:
            self._shut_the_door()
            return False
        if len(self._waiting) < self._limits.waiting:
            return True
        first = next(iter(self._waiting))
        age = asyncio.get_running_loop().time() - first.began
        if age < self._limits.patience:
            self._pause(self._limits.patience - age)
            return False
        self._turn_away(first, "others waited for its place")
        return True

    def _pause(self, seconds: float) -> None:
        self._shut_the_door()
        asyncio.get_running_loop().call_later(seconds, self._open_the_door)

    def _turn_away(self, visit: Visit, why: str) -> None:
        visit.why = why
        visit.decoder = calls()  # its half is forgotten now, not when the task ends
        self._leave_the_room(visit)
        if visit.task is not None:
            visit.task.cancel()

    def _leave_the_room(self, visit: Visit) -> None:
        self._waiting.pop(visit, None)
        self._held -= visit.held
        visit.held = 0

    def _left(self, visit: Visit) -> None:
        """Clean up after a visit, also one that ended before it began."""
        self._leave_the_room(visit)
        self._end(visit)
        for descriptor in visit.descriptors:
            os.close(descriptor)
        visit.peer.close()
        if visit.task is not None:
            self._tasks.discard(visit.task)
            self._answering.discard(visit.task)
        if visit.why:
            self._report(f"a peer was turned away: {visit.why}")

    async def _visit(self, visit: Visit) -> None:
        try:
            if not visit.frame and visit.work is None:
                async with asyncio.timeout(self._limits.read_seconds):
                    call = await self._receive(visit)
                if call is None:
                    return
                self._begin(visit, call)
            if visit.work is not None:
                await self._answer(visit, visit.work)
            async with asyncio.timeout(self._limits.write_seconds):
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(visit.peer, visit.frame)
        except TimeoutError:
            self._report("a peer was too slow")
        except (Rejected, Malformed, OSError) as why:
            self._report(f"a peer was turned away: {why}")

    def _admit(self, peer: socket.socket) -> int:
        """Ask the kernel who the peer is; give its process id."""
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(raw)
        if uid != self._limits.user:
            raise Rejected(f"process {pid} runs as user {uid}")
        return int(pid)

    async def _receive(self, visit: Visit) -> Call | None:
        """Read until the call is whole; None when the peer only looked in."""
        while True:
            try:
                return self._heard(visit)
            except BlockingIOError:
                await readable(visit.peer)

    def _heard(self, visit: Visit) -> Call | None:
        """Read what is there; BlockingIOError when it is not a whole call."""
        while True:
            chunk = taken(visit.peer, visit.descriptors)
            if len(visit.descriptors) > 1:
                raise Rejected(f"{len(visit.descriptors)} descriptors; one is the rule")
            if not chunk:
                if visit.decoder.idle:
                    return None
                raise Rejected("it left in the middle of a call")
            if got := visit.decoder.feed(chunk):
                if len(got) > 1 or not visit.decoder.idle:
                    raise Rejected("more than one call on a connection")
                return got[0]
            self._hold(visit, len(chunk))

    def _hold(self, visit: Visit, size: int) -> None:
        """Count what half calls take; when it is too much, the largest goes."""
        visit.held += size
        self._held += size
        while self._held > self._limits.waiting_bytes:
            largest = max(self._waiting, key=lambda each: each.held)
            if largest is visit:
                raise Rejected(_TOO_MUCH)
            self._turn_away(largest, _TOO_MUCH)

    def _begin(self, visit: Visit, call: Call) -> None:
        """Have a call answered, or its answer worked on."""
        self._leave_the_room(visit)
        netns = visit.descriptors[0] if visit.descriptors else None
        try:
            given = self._serve(Arrival(call, netns, visit.pid))
        except Exception as why:  # noqa: BLE001 - the border: a defect becomes an answer
            given = self._defect(why)
        if isinstance(given, Answer):
            visit.frame = encode_answer(given)
            return
        visit.work = given
        self._serving += 1
        if visit.task is not None:
            self._answering.add(visit.task)

    async def _answer(self, visit: Visit, work: Work) -> None:
        try:
            visit.frame = encode_answer(await work)
        except Exception as why:  # noqa: BLE001 - the border: a defect becomes an answer
            visit.frame = encode_answer(self._defect(why))
        finally:
            self._end(visit)
            # Until the answer is taken it waits once more.
            visit.began = asyncio.get_running_loop().time()
            self._waiting[visit] = None

    def _end(self, visit: Visit) -> None:
        """Count a call as answered, once."""
        if visit.work is None:
            return
        visit.work.close()
        visit.work = None
        self._serving -= 1
        self._open_the_door()

    def _defect(self, why: Exception) -> Answer:
        self._report(f"serving failed: {why!r}")
        return refused(CniError(Code.INTERNAL, "the agent failed", repr(why)))


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
