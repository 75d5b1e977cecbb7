"""Serve an ASGI application on a socket, and stop so that no answer is cut off.

uvicorn's protocol does the bytes; its server is not used, because sockets here come and
go (one per VCN) and signals are the program's own business.
"""

import asyncio
import contextlib
import socket
from typing import cast

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

FAREWELL = 10.0  # seconds that answers under way get when the server stops


class _Refusing(asyncio.Protocol):
    """What a connection too many gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End it at once."""
        cast("asyncio.Transport", transport).abort()


class HttpServer:
    """One listening socket and its connections.

    At most `most` of them at once, further ones are cut off: a guest that opens many must
    not take the descriptors of the process. An answered connection that stays idle ends
    after `keep_alive` seconds.
    """

    def __init__(self, app: ASGIApp, *, keep_alive: int = 5, most: int = 256) -> None:
        self._most = most
        self._config = Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=keep_alive,
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

    def _protocol(self) -> asyncio.Protocol:
        if len(self._state.connections) >= self._most:
            return _Refusing()
        return HttpToolsProtocol(self._config, self._state, {})
