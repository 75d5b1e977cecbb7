"""Instance metadata where instances look for it: inside every VCN's router.

The router's namespace owns 169.254.169.254; a socket made inside of it, at port 80, is
served by this process. Which VCN asks follows from the socket, which VNIC from the
peer's address.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mooring.core.vcn.imds import ADDRESS, PORT, Question, answer
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces
from mooring.localvcn.http import HttpServer

log = logging.getLogger(__name__)


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


class Metadata:
    """The guide (see `follow`) to the metadata of all VCNs of one fabric."""

    def __init__(
        self, fabric: str, view: Callable[[World], World] = lambda world: world
    ) -> None:
        self._fabric = fabric
        self._view = view
        self._world = World.empty()

    def __call__(self, world: World) -> Mapping[str, "Site"]:
        """Take the world that is told about, and give each VCN's socket."""
        self._world = world
        return {
            vcn_space(self._fabric, vcn.id): Site(self, vcn.id) for vcn in world.of(Vcn)
        }

    @property
    def world(self) -> World:
        """Give what is told about; `view` may make it an earlier one."""
        return self._view(self._world)


@dataclass(frozen=True, slots=True)
class Site:
    """One VCN's socket."""

    metadata: Metadata
    vcn_id: str

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the router's namespace."""
        listener = spaces.listen_tcp(fd, str(ADDRESS), PORT)
        doors.callback(listener.close)
        server = HttpServer(Door(self.vcn_id, lambda: self.metadata.world))
        await server.start(listener)
        doors.push_async_callback(server.stop)
