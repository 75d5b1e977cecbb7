"""The internet of a fabric: one server that says who called, and echoes.

At 198.51.100.10 (`core.vcn.fabric.SERVER`), in a namespace of its own: HTTP on ports 80 and
443 (plain there too: pods may often go out to 443 only) answers with the caller's address and
port as the internet sees them, port 7 echoes over TCP and UDP (RFC 862). It follows the
fabric as `imds` does: a namespace that was made anew behind our back gets new sockets.
"""

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, cast

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from mooring.core.vcn.packets.fabric import SERVER
from mooring.core.vcn.packets.names import internet_space
from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import Fabric
from mooring.localvcn.http import HttpServer

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between looks for a namespace that was made anew
HTTP, HTTPS, ECHO = 80, 443, 7


class Spaces(Protocol):
    """What is needed of network namespaces."""

    def open_fd(self, path_or_name: str, /) -> int:
        """Open a namespace; OSError when there is none."""

    def inode(self, fd: int, /) -> int:
        """Tell namespaces apart."""

    def close(self, fd: int, /) -> None:
        """Give the descriptor back."""

    def listen_tcp(self, fd: int, host: str, port: int, /) -> socket.socket:
        """Listen inside the namespace; OSError when the address is not there yet."""

    def udp_socket(self, fd: int, host: str, port: int, /) -> socket.socket:
        """Take a UDP port inside the namespace; OSError likewise."""


async def caller(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer any request with the address and port that it came from (ASGI)."""
    if scope["type"] != "http":
        return
    host, port = scope["client"]
    await PlainTextResponse(f"{host} {port}\n")(scope, receive, send)


class _UdpEcho(asyncio.DatagramProtocol):
    """Sends back what comes."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # A cast, because before Python 3.12 the class does not say what it is.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        if self._transport is not None:
            self._transport.sendto(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Let an ICMP error pass: the next datagram may have more luck."""
        log.debug("echo refused why=%s", exc)


class _TcpEcho(asyncio.Protocol):
    """Sends back what comes, as fast as the other end takes it."""

    def __init__(self, open_: set[asyncio.Transport]) -> None:
        self._open = open_
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._open.add(transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        """Read no more than the other end takes."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget it."""
        if self._transport is not None:
            self._open.discard(self._transport)


@dataclass(frozen=True, slots=True)
class _Site:
    """What is being served, to be closed, and the namespace in which it is."""

    inode: int
    doors: AsyncExitStack


class Outside:
    """The internet's sockets of one fabric; itself a fabric that follows another."""

    def __init__(self, fabric: str, inner: Fabric, spaces: Spaces) -> None:
        self._space = internet_space(fabric)
        self._inner = inner
        self._spaces = spaces
        self._site: _Site | None = None
        self._one = asyncio.Lock()

    async def apply(self, world: World) -> None:
        """Enforce the world, then serve its internet."""
        await self._inner.apply(world)
        await self.follow()

    async def run(self) -> None:
        """Keep fabric and sockets as they should be; ends by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inner.run())
                group.create_task(self._watch())
        finally:
            await self._close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self.follow()

    async def follow(self) -> None:
        """Open sockets until they are those of the fabric's internet as it is now."""
        async with self._one:
            try:
                fd = self._spaces.open_fd(self._space)
            except OSError:
                return  # there is none before the first world
            try:
                await self._serve(fd)
            except OSError as error:
                log.warning("internet not served why=%s", error)
            finally:
                self._spaces.close(fd)

    async def _serve(self, fd: int) -> None:
        inode = self._spaces.inode(fd)
        if self._site is not None and self._site.inode == inode:
            return
        await self._close()
        async with AsyncExitStack() as doors:
            await self._open(fd, doors)
            self._site = _Site(inode, doors.pop_all())

    async def _open(self, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the namespace; `doors` closes what was opened, however far it came."""
        loop = asyncio.get_running_loop()
        host = str(SERVER)
        for port in (HTTP, HTTPS):
            listener = self._spaces.listen_tcp(fd, host, port)
            doors.callback(listener.close)
            server = HttpServer(caller)
            await server.start(listener)
            doors.push_async_callback(server.stop)
        stream = self._spaces.listen_tcp(fd, host, ECHO)
        doors.callback(stream.close)
        connections: set[asyncio.Transport] = set()
        doors.callback(_abort, connections)
        echo = await loop.create_server(lambda: _TcpEcho(connections), sock=stream)
        doors.callback(echo.close)
        datagrams = self._spaces.udp_socket(fd, host, ECHO)
        doors.callback(datagrams.close)
        transport, _ = await loop.create_datagram_endpoint(_UdpEcho, sock=datagrams)
        doors.callback(transport.abort)

    async def _close(self) -> None:
        site, self._site = self._site, None
        if site is not None:
            await site.doors.aclose()


def _abort(connections: set[asyncio.Transport]) -> None:
    for connection in tuple(connections):
        connection.abort()
