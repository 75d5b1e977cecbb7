"""Serve an ASGI application on a socket, and stop so that no answer is cut off.

uvicorn's protocol does the bytes; its server is not used, because sockets here come and
go (one per VCN) and signals are the program's own business.
"""

import asyncio
import contextlib
import socket

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

# longer than any client keeps an idle connection, or it would send into a closing one
KEEP_ALIVE = 900
FAREWELL = 10.0  # seconds that answers under way get when the server stops


class HttpServer:
    """One listening socket and its connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._config = Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Accept connections from now on; the socket is ours to close."""
        # asyncio sets this only on sockets whose protocol number it knows, which accept()
        # does not tell; without it each answer waits 40 ms for a delayed acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=listener)

    async def stop(self) -> None:
        """Accept nothing more, finish what is under way, close."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while self._state.tasks:
                    await asyncio.wait(tuple(self._state.tasks))

    def _protocol(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(self._config, self._state, {})
