"""Serve an ASGI application on a socket, and stop so that no answer is cut off.

uvicorn's protocol does the bytes; its server is not used, because sockets here come and
go (one per VCN) and signals are the program's own business.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import cast

from starlette.types import ASGIApp, Receive, Scope
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

# In a request's state: what ends its connection, and the connection's socket.
CUT, PEER = "mooring.cut", "mooring.peer"
LONGEST_HEAD = 256 * 1024  # bytes of headers or trailers that do not end
PATIENCE = 60.0  # seconds that a client has for each request
FAREWELL = 10.0  # seconds that answers under way get when the server stops


class _Refusing(asyncio.Protocol):
    """What a connection too many gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End it at once."""
        cast("asyncio.Transport", transport).abort()


class _Connection(HttpToolsProtocol):
    """One client, who has a bounded time and a bounded head for each request.

    The time runs from the connection, or from a request's first byte, to its last one. Trailers are
    bounded as the head is, and discarded: they are no headers (RFC 9110 6.5.1).
    """

    patience = PATIENCE
    _deadline: asyncio.TimerHandle | None = None
    _beside = 0  # bytes since the head's begin or its end, or the last of the body
    _is_beside = True
    _in_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        connection = cast("asyncio.Transport", transport)
        super().connection_made(connection)
        self.app_state[CUT] = connection.abort
        self.app_state[PEER] = connection.get_extra_info("socket")
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._have()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that does not end is too long, and so are trailers."""
        self._is_beside = True
        super().data_received(data)
        if self._is_beside:
            self._beside += len(data)
            if self._beside > LONGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head, self._is_beside, self._beside = True, True, 0
        self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and no trailer."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End it."""
        self._in_head, self._is_beside, self._beside = False, False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, whose length is others' to bound."""
        self._is_beside, self._beside = False, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Have a whole request."""
        self._have()
        super().on_message_complete()

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self._late)

    def _have(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self.transport.abort()


async def cut(scope: Scope, receive: Receive) -> None:
    """End the connection of a request without an answer, and wait until it is ended."""
    scope["state"][CUT]()
    while (await receive())["type"] != "http.disconnect":
        pass


class HttpServer:
    """One listening socket and its connections.

    At most `most` of them at once, further ones are cut off: a guest that opens many must
    not take the descriptors of the process. An answered connection that stays idle ends
    after `keep_alive` seconds, one that brings no whole request after `patience` seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keep_alive: int = 5,
        most: int = 256,
        patience: float = PATIENCE,
    ) -> None:
        self._most = most
        self._patience = patience
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

    async def start(
        self, listener: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        """Accept connections from now on; the socket is ours to close."""
        # asyncio sets this only on sockets whose protocol number it knows, which accept()
        # does not tell; without it each answer waits 40 ms for a delayed acknowledgement
        if listener.family != socket.AF_UNIX:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol,
            sock=listener,
            ssl=tls,
            ssl_handshake_timeout=self._patience if tls else None,
        )

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
        connection = _Connection(self._config, self._state, {})
        connection.patience = self._patience
        return connection
