"""Instance metadata where instances look for it: inside every VCN's router.

The router's namespace owns 169.254.169.254; a socket made inside of it, at port 80, is
served by this process. Which VCN asks follows from the socket, which VNIC from the
peer's address. Sockets come and go with the VCNs, and with their namespaces: one that
was made anew behind our back gets a new socket.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mooring.core.vcn.imds import ADDRESS, PORT, Question, answer
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import Fabric
from mooring.localvcn.http import HttpServer

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between looks for namespaces that were made anew


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


class Door:
    """The ASGI application behind one VCN's socket."""

    def __init__(self, vcn_id: str, world: Callable[[], World]) -> None:
        self._vcn_id = vcn_id
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one instance."""
        if scope["type"] != "http":
            return
        question = Question(
            vcn_id=self._vcn_id,
            source=scope["client"][0] if scope["client"] else "",
            method=scope["method"],
            path=scope["path"],
            headers={
                k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]
            },
        )
        reply = answer(self._world(), question)
        await Response(reply.body, reply.status, dict(reply.headers))(
            scope, receive, send
        )
        log.info(
            "imds %s %s %d source=%s vcn=%s",
            question.method,
            scope["raw_path"].decode("latin-1"),
            reply.status,
            question.source,
            question.vcn_id,
        )


@dataclass(frozen=True, slots=True)
class Site:
    """One socket being served, and the namespace that it was made in."""

    inode: int
    server: HttpServer


class Metadata:
    """The sockets of all VCNs of one fabric; itself a fabric that follows another.

    As a step of enforcement it runs right after the fabric: an instance that is said to
    run can ask about itself.
    """

    def __init__(self, fabric: str, inner: Fabric, spaces: Spaces) -> None:
        self._fabric = fabric
        self._inner = inner
        self._spaces = spaces
        self._sites: dict[str, Site] = {}
        self._world = World.empty()
        self._one = asyncio.Lock()

    async def apply(self, world: World) -> None:
        """Enforce the world, then serve its VCNs, as far as the first went well."""
        try:
            await self._inner.apply(world)
        finally:
            self._world = world
            await self.follow()

    async def run(self) -> None:
        """Keep fabric and sockets as they should be; ends by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inner.run())
                group.create_task(self._watch())
        finally:
            for vcn_id in tuple(self._sites):
                await self._close(vcn_id)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self.follow()

    async def follow(self) -> None:
        """Open and close sockets until they are those of the world's VCNs."""
        async with self._one:
            wanted = {vcn.id for vcn in self._world.of(Vcn)}
            for vcn_id in self._sites.keys() - wanted:
                await self._close(vcn_id)
            for vcn_id in sorted(wanted):
                try:
                    await self._serve(vcn_id)
                except OSError as error:
                    log.warning("imds not served vcn=%s why=%s", vcn_id, error)

    async def _serve(self, vcn_id: str) -> None:
        fd = self._spaces.open_fd(vcn_space(self._fabric, vcn_id))
        try:
            inode = self._spaces.inode(fd)
            site = self._sites.get(vcn_id)
            if site is not None and site.inode == inode:
                return
            await self._close(vcn_id)
            listener = self._spaces.listen_tcp(fd, str(ADDRESS), PORT)
        finally:
            self._spaces.close(fd)
        server = HttpServer(Door(vcn_id, lambda: self._world))
        try:
            await server.start(listener)
        except BaseException:
            listener.close()
            raise
        self._sites[vcn_id] = Site(inode, server)

    async def _close(self, vcn_id: str) -> None:
        site = self._sites.pop(vcn_id, None)
        if site is not None:
            await site.server.stop()
