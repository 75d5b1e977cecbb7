"""The cloud's API where instances find it: at 198.19.0.2, port 443, with TLS.

The address is in Oracle's services network, which a VCN reaches through a service gateway, and over
the internet too; the same application answers there that answers on the host. Its certificate
names the region's services and is of the state directory's authority.
"""

import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from mooring.core.vcn.model import ServiceGateway
from mooring.core.vcn.packets.fabric_outside import API_SERVER
from mooring.core.vcn.packets.names import internet_space, services_space
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces
from mooring.localvcn.http import HttpServer

PORT = 443
KEEP_ALIVE = 900  # seconds; longer than any client keeps an idle connection
CONNECTIONS = 1024  # of one place, at once


class Inside:
    """The guide (see `follow`) to the API's doors; there are none before an application is let in."""

    def __init__(self, fabric: str, certificate: Path) -> None:
        self._fabric = fabric
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._app: ASGIApp | None = None

    def let_in(self, app: ASGIApp) -> None:
        """Take the application that is served."""
        self._app = app

    def __call__(self, world: World) -> Mapping[str, "Site"]:
        """Tell where the API is served: in the internet and behind every service gateway."""
        if self._app is None:
            return {}
        site = Site(self._app, self._tls)
        gateways = world.of(ServiceGateway)
        behind = (services_space(self._fabric, gateway.id) for gateway in gateways)
        return dict.fromkeys((internet_space(self._fabric), *behind), site)


@dataclass(frozen=True, slots=True)
class Site:
    """One place's door."""

    app: ASGIApp
    tls: ssl.SSLContext = field(repr=False)

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the namespace."""
        listener = spaces.listen_tcp(fd, str(API_SERVER), PORT)
        doors.callback(listener.close)
        server = HttpServer(self.app, keep_alive=KEEP_ALIVE, most=CONNECTIONS)
        await server.start(listener, self.tls)
        doors.push_async_callback(server.stop)
