"""Instance metadata where instances look for it: inside every VCN's router.

The router's namespace owns 169.254.169.254; a socket made inside of it, at port 80, is
served by this process. Which VCN asks follows from the socket, which VNIC from the
peer's address. In VCNs with IPv6 the same is at fd00:c1::a9fe:a9fe.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mooring.core.vcn.imds import (
    ADDRESS,
    ADDRESS6,
    PORT,
    Identity,
    Question,
    answer,
    identified,
    is_first,
)
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces
from mooring.localvcn.http import HttpServer
from mooring.localvcn.identities import Identities

log = logging.getLogger(__name__)


class Door:
    """The ASGI application behind one VCN's socket."""

    def __init__(self, vcn_id: str, metadata: "Metadata") -> None:
        self._vcn_id = vcn_id
        self._metadata = metadata

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
        world = self._metadata.world
        identity = await self._metadata.identity(world, question)
        reply = answer(world, question, identity)
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


class Metadata:
    """The guide (see `follow`) to the metadata of all VCNs of one fabric."""

    def __init__(
        self,
        fabric: str,
        view: Callable[[World], World] = lambda world: world,
        identities: Identities | None = None,
    ) -> None:
        self._fabric = fabric
        self._view = view
        self._identities = identities
        self._world = World.empty()

    def __call__(self, world: World) -> Mapping[str, "Site"]:
        """Take the world that is told about, and give each VCN's socket."""
        self._world = world
        return self._sites(world.of(Vcn), ADDRESS)

    def over_ipv6(self, world: World) -> Mapping[str, "Site"]:
        """Do the same for the address that there is in VCNs with IPv6 (a guide too)."""
        self._world = world
        with_ipv6 = (
            vcn
            for vcn in world.of(Vcn)
            if vcn.ipv6_cidr_blocks or vcn.ipv6_private_cidr_blocks
        )
        return self._sites(with_ipv6, ADDRESS6)

    def _sites(
        self, vcns: Iterable[Vcn], address: IPv4Address | IPv6Address
    ) -> dict[str, "Site"]:
        return {
            vcn_space(self._fabric, vcn.id): Site(self, vcn.id, str(address))
            for vcn in vcns
        }

    @property
    def world(self) -> World:
        """Give what is told about; `view` may make it an earlier one."""
        return self._view(self._world)

    async def identity(self, world: World, question: Question) -> Identity | None:
        """Give the certificate of who asks for it, and what goes with it."""
        instance = identified(world, question)
        if instance is None or self._identities is None:
            return None
        return await self._identities.of(instance, first=is_first(question))


@dataclass(frozen=True, slots=True)
class Site:
    """One VCN's socket."""

    metadata: Metadata
    vcn_id: str
    address: str

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the router's namespace."""
        listener = spaces.listen_tcp(fd, self.address, PORT)
        doors.callback(listener.close)
        server = HttpServer(Door(self.vcn_id, self.metadata))
        await server.start(listener)
        doors.push_async_callback(server.stop)
