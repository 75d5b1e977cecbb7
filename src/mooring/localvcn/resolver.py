"""The VCNs' resolvers: names answered at 169.254.169.254, port 53, inside of every router.

Over UDP a question is an answer; over TCP each has its length before it (RFC 1035 4.2.2), and a
connection that brings nonsense or nothing for a while ends.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

from mooring.core.vcn import dns
from mooring.core.vcn.imds import ADDRESS
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.resolver import PORT, answer
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces

log = logging.getLogger(__name__)

IDLE = 10.0  # seconds that a connection may be silent
CONNECTIONS = 64  # of one VCN, at once
LONGEST = 0xFFFF
PREFIX = 2


class Resolver:
    """The guide (see `follow`) to the resolvers of all VCNs of one fabric."""

    def __init__(self, fabric: str) -> None:
        self._fabric = fabric
        self._world = World.empty()

    def __call__(self, world: World) -> Mapping[str, "Site"]:
        """Take the world whose names are told, and give each VCN's resolver."""
        self._world = world
        return {
            vcn_space(self._fabric, vcn.id): Site(self, vcn.id) for vcn in world.of(Vcn)
        }

    def reply(self, vcn_id: str, message: bytes, limit: int) -> bytes | None:
        """Answer a message; None for what is no question."""
        question = dns.read(message)
        if question is None:
            return None
        code, found = answer(self._world, vcn_id, question)
        log.debug("dns %s %s vcn=%s", ascii(question.name), code.name, vcn_id)
        return dns.write(question, code, found, limit)


@dataclass(frozen=True, slots=True)
class Site:
    """One VCN's resolver."""

    resolver: Resolver
    vcn_id: str

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the router's namespace."""
        loop = asyncio.get_running_loop()
        host = str(ADDRESS)
        datagrams = spaces.udp_socket(fd, host, PORT)
        doors.callback(datagrams.close)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), sock=datagrams
        )
        doors.callback(transport.abort)
        listener = spaces.listen_tcp(fd, host, PORT)
        doors.callback(listener.close)
        open_: set[asyncio.Transport] = set()
        doors.callback(_abort, open_)
        server = await loop.create_server(lambda: _Stream(self, open_), sock=listener)
        doors.callback(server.close)

    def reply(self, message: bytes, limit: int) -> bytes | None:
        """Answer a message; None for what is no question."""
        return self.resolver.reply(self.vcn_id, message, limit)


class _Datagrams(asyncio.DatagramProtocol):
    """Questions over UDP."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # A cast, because before Python 3.12 the class does not say what it is.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, or drop."""
        reply = self._site.reply(data, dns.LONGEST_UDP)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        """Let an ICMP error pass: who asked is not there any more."""
        log.debug("dns refused why=%s", exc)


class _Stream(asyncio.Protocol):
    """Questions over one TCP connection."""

    def __init__(self, site: Site, open_: set[asyncio.Transport]) -> None:
        self._site = site
        self._open = open_
        self._bytes = bytearray()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection, if there are not too many."""
        made = cast("asyncio.Transport", transport)
        if len(self._open) >= CONNECTIONS:
            made.abort()
            return
        self._transport = made
        self._open.add(made)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Answer every whole message."""
        if self._transport is None or self._transport.is_closing():
            return
        self._bytes += data
        self._wait()
        while len(self._bytes) >= PREFIX:
            end = PREFIX + int.from_bytes(self._bytes[:PREFIX])
            if len(self._bytes) < end:
                return
            reply = self._site.reply(bytes(self._bytes[PREFIX:end]), LONGEST)
            del self._bytes[:end]
            if reply is None:
                self._transport.abort()
                return
            self._transport.write(len(reply).to_bytes(PREFIX) + reply)

    def pause_writing(self) -> None:
        """End a connection that asks and does not listen."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget it."""
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None:
            self._open.discard(self._transport)

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(IDLE, self._transport.abort)


def _abort(connections: set[asyncio.Transport]) -> None:
    for connection in tuple(connections):
        connection.abort()
