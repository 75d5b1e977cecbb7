"""What guests of a fabric do in tests: commands, sockets, questions to the servers outside."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

from fabric_field import Field

from mooring.adapters import netns
from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.follow import Following, Guide
from mooring.localvcn.internet import ECHO, HTTP, Echoes, outside

PATIENCE = 120.0
IMPATIENCE = 0.3


class Served:
    """The servers outside of a fabric and what more is to be served, on a loop of their own."""

    def __init__(self, field: Field, *more: Guide) -> None:
        self._field = field
        self._loop = asyncio.new_event_loop()
        echoes = Echoes(outside(field.name))
        self._servers = Following(NoFabric(), netns, echoes, *more)

    def follow(self) -> None:
        """Serve what the cloud is now."""
        world = self._field.cloud.world
        asyncio.run_coroutine_threadsafe(self._servers.apply(world), self._loop).result(
            PATIENCE
        )

    def run(self, ready: Future[None]) -> None:
        async def serve() -> None:
            await self._servers.apply(self._field.cloud.world)
            ready.set_result(None)
            with suppress(asyncio.CancelledError):
                await self._servers.run()

        self._loop.run_until_complete(serve())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()


@contextmanager
def served(field: Field, *more: Guide) -> Iterator[Served]:
    ready: Future[None] = Future()
    servers = Served(field, *more)
    thread = threading.Thread(target=servers.run, args=(ready,))
    thread.start()
    try:
        ready.result(PATIENCE)
        yield servers
    finally:
        servers.stop()
        thread.join()


def at(space: str, script: str, *, check: bool = True) -> str:
    done = subprocess.run(
        ["ip", "netns", "exec", space, "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 or not check, done.stderr + done.stdout
    return done.stdout


def a_socket(
    field: Field, space: str, to: str, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    """A socket in a namespace, of the family of an address."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with field.inside(space):
        made = socket.socket(family, kind)
    made.settimeout(PATIENCE)
    return made


def who(field: Field, space: str, server: str, port: int = HTTP) -> str:
    """What a server says about a caller."""
    with a_socket(field, space, server) as ours:
        ours.connect((server, port))
        ours.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := ours.recv(4096):
            answer += part
    return answer.decode().splitlines()[-1].split()[0]


def misses(
    field: Field, space: str, server: str, kind: int = socket.SOCK_DGRAM
) -> bool:
    """Whether no echo comes back; a short wait is enough, since none is on its way."""
    return not hears(field, space, server, kind, IMPATIENCE)


def hears(
    field: Field,
    space: str,
    server: str,
    kind: int = socket.SOCK_DGRAM,
    patience: float = PATIENCE,
) -> bool:
    """Whether an echo comes back."""
    with a_socket(field, space, server, kind) as ours:
        ours.settimeout(patience)
        try:
            ours.connect((server, ECHO))
            ours.send(b"anybody there?")
            return ours.recv(100) == b"anybody there?"
        except OSError:
            return False


def pings(space: str, to: str, more: str = "") -> bool:
    """Whether a ping is answered; it is over as soon as it is, or is refused."""
    return "1 received" in at(space, f"ping -nc1 -W60 {more} {to}", check=False)


def silent(space: str, to: str, more: str = "") -> bool:
    """Whether no ping is answered; a short wait is enough, since no answer is on its way."""
    return "1 received" not in at(space, f"ping -nc1 -W1 {more} {to}", check=False)
