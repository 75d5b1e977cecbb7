"""What answers outside of the VCNs: a server that says who called, and echoes.

HTTP on ports 80 and 443 (plain there too: pods may often go out to 443 only) answers with the
caller's address and port as they are seen there, port 7 echoes over TCP and UDP (RFC 862). Where
they are `core.vcn.packets.fabric.hosts` says: the internet has some at 198.51.100.10 and
2001:db8:ffff::10, Oracle's services at 198.19.16.10, premises behind a DRG at the first address of each
of their networks.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from mooring.core.vcn.packets.fabric import hosts
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces
from mooring.localvcn.http import HttpServer

log = logging.getLogger(__name__)

HTTP, HTTPS, ECHO = 80, 443, 7
MOST = 256  # connections to an echo at once

Places = Callable[[World], Mapping[str, tuple[str, ...]]]
"""Where callers are told and echoed: addresses by the namespace's name."""


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


class TcpEcho(asyncio.Protocol):
    """Sends back what comes, as fast as the other end takes it.

    At most `most` connections are open at once, further ones are cut off: a guest that opens many must
    not take the descriptors of the process.
    """

    def __init__(self, open_: set[asyncio.Transport], most: int = MOST) -> None:
        self._open = open_
        self._most = most
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection, unless it is one too many."""
        connection = cast("asyncio.Transport", transport)
        if len(self._open) >= self._most:
            connection.abort()
            return
        self._transport = connection
        self._open.add(connection)

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
class Echo:
    """The servers at these addresses of one namespace."""

    hosts: tuple[str, ...]

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the namespace; `doors` closes what was opened, however far it came."""
        for host in self.hosts:
            await _pages(spaces, fd, host, doors)
            await _echoes(spaces, fd, host, doors)


class Echoes:
    """The guide (see `follow`) to echo servers wherever `places` says."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def __call__(self, world: World) -> Mapping[str, Echo]:
        """Tell which namespaces have servers, and at which addresses."""
        return {space: Echo(hosts) for space, hosts in self._places(world).items()}


def outside(fabric: str) -> Places:
    """Give the places of a fabric: its internet, Oracle's services, premises behind DRGs."""
    return lambda world: {
        space: tuple(map(str, found)) for space, found in hosts(world, fabric).items()
    }


async def _pages(spaces: Spaces, fd: int, host: str, doors: AsyncExitStack) -> None:
    for port in (HTTP, HTTPS):
        listener = spaces.listen_tcp(fd, host, port)
        doors.callback(listener.close)
        server = HttpServer(caller)
        await server.start(listener)
        doors.push_async_callback(server.stop)


async def _echoes(spaces: Spaces, fd: int, host: str, doors: AsyncExitStack) -> None:
    loop = asyncio.get_running_loop()
    stream = spaces.listen_tcp(fd, host, ECHO)
    doors.callback(stream.close)
    connections: set[asyncio.Transport] = set()
    doors.callback(_abort, connections)
    echo = await loop.create_server(lambda: TcpEcho(connections), sock=stream)
    doors.callback(echo.close)
    datagrams = spaces.udp_socket(fd, host, ECHO)
    doors.callback(datagrams.close)
    transport, _ = await loop.create_datagram_endpoint(_UdpEcho, sock=datagrams)
    doors.callback(transport.abort)


def _abort(connections: set[asyncio.Transport]) -> None:
    for connection in tuple(connections):
        connection.abort()
