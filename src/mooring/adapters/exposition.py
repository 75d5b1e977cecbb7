"""Metrics and health over HTTP, in threads beside the program: `/metrics`, `/healthz`, `/readyz`.

The port is the host's and open to whoever reaches it, so what waits there is bounded: a few
peers at once, each for a few seconds in all, however it spends them. With one more at the door
whoever has been there longest goes, so that a probe comes in.
"""

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

PEERS = 16
PATIENCE = 5.0
PLAIN = "text/plain; charset=utf-8"

Look = Callable[[], str]
"""Say what is wrong, nothing when all is well."""


class Exposition:
    """Serves until closed. `looks` are the paths that tell of health: 503 when one has words."""

    def __init__(
        self,
        port: int,
        registry: CollectorRegistry,
        looks: Mapping[str, Look],
        patience: float = PATIENCE,
    ) -> None:
        self._server = _listening(port)
        self._server.patience = patience
        self._server.registry, self._server.looks = registry, looks
        self._thread = Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.5},
            name="exposition",
            daemon=True,
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Give the port, which the system chose if it was to be 0."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *words: Any) -> None:
        self.registry = CollectorRegistry()
        self.looks: Mapping[str, Look] = {}
        self.patience = PATIENCE
        self._since: dict[socket.socket, float] = {}
        self._lock = Lock()
        super().__init__(*words)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._since) >= PEERS:
                self._hang_up(next(iter(self._since)))
            self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._since.pop(request, None)

    def service_actions(self) -> None:
        """Hang up on those whose time is over; called every half second."""
        now = time.monotonic()
        with self._lock:
            for peer in [p for p, t in self._since.items() if now - t > self.patience]:
                self._hang_up(peer)

    def server_close(self) -> None:
        """Hang up on all who are left."""
        super().server_close()
        with self._lock:
            for peer in list(self._since):
                self._hang_up(peer)

    def _hang_up(self, peer: socket.socket) -> None:
        """End what its thread waits for; the thread closes it."""
        del self._since[peer]
        with suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a peer that goes away in the middle is no news."""


class _BothFamilies(_Server):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def _listening(port: int) -> _Server:
    try:
        return _BothFamilies(("::", port), _Asked)
    except OSError:
        return _Server(("0.0.0.0", port), _Asked)  # noqa: S104 - who scrapes is elsewhere


class _Asked(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        look = self.server.looks.get(self.path)
        if self.path == "/metrics":
            text = generate_latest(self.server.registry)
            self._answer(200, text, CONTENT_TYPE_LATEST)
        elif look is None:
            self._answer(404, b"not found\n")
        elif trouble := look():
            self._answer(503, trouble.encode() + b"\n")
        else:
            self._answer(200, b"ok\n")

    def _answer(self, status: int, body: bytes, kind: str = PLAIN) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: probes come every few seconds."""
