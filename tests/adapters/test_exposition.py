"""Metrics and health over HTTP, and metadata of an instance."""

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client import CollectorRegistry, Counter

from mooring.adapters import metadata
from mooring.adapters.exposition import PEERS, Exposition

TROUBLE = {"": ""}


@pytest.fixture
def exposition() -> Iterator[Exposition]:
    TROUBLE[""] = ""
    with exposed(patience=60) as made:
        yield made


def exposed(patience: float) -> Exposition:
    registry = CollectorRegistry()
    Counter("mooring_test", "A test's.", registry=registry).inc(3)
    return Exposition(0, registry, {"/healthz": lambda: TROUBLE[""]}, patience)


def get(place: Exposition, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    url = f"http://{host}:{place.port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_shown(exposition: Exposition) -> None:
    code, text = get(exposition, "/metrics")

    assert code == 200
    assert "mooring_test_total 3.0" in text
    assert get(exposition, "/metrics", "[::1]")[0] == 200


def test_health_is_as_the_look_says(exposition: Exposition) -> None:
    assert get(exposition, "/healthz") == (200, "ok\n")
    TROUBLE[""] = "the loop stands"
    assert get(exposition, "/healthz") == (503, "the loop stands\n")


def test_nothing_else_is_there(exposition: Exposition) -> None:
    assert get(exposition, "/")[0] == 404
    assert get(exposition, "/metrics/../x")[0] == 404


@contextmanager
def connected(place: Exposition, number: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        where = ("127.0.0.1", place.port)
        yield [
            stack.enter_context(socket.create_connection(where, 60))
            for _ in range(number)
        ]


def test_peers_that_say_nothing_are_bounded_and_keep_no_probe_out(
    exposition: Exposition,
) -> None:
    with connected(exposition, 2 * PEERS) as peers:
        assert get(exposition, "/healthz") == (200, "ok\n")
        for longest in peers[:PEERS]:
            assert longest.recv(1) == b""


def dripped(peer: socket.socket) -> bool:
    """Send one byte of a request that never ends; tell whether it was taken."""
    try:
        peer.sendall(b"G")
    except OSError:
        return False
    return True


def test_peers_that_drip_are_hung_up_on_and_keep_no_probe_out() -> None:
    with exposed(patience=0.2) as short, connected(short, PEERS) as peers:
        while True in {dripped(peer) for peer in peers}:
            time.sleep(0.02)
    with exposed(patience=60) as long, connected(long, PEERS) as peers:
        assert all(map(dripped, peers))
        assert get(long, "/healthz") == (200, "ok\n")


def test_who_is_left_goes_with_it() -> None:
    with exposed(patience=60) as place, connected(place, 1) as (peer,):
        assert get(place, "/healthz") == (200, "ok\n")
        place.close()
        assert peer.recv(1) == b""


def test_a_port_that_is_taken_is_refused(exposition: Exposition) -> None:
    with pytest.raises(OSError, match="in use"):
        Exposition(exposition.port, CollectorRegistry(), {})


@contextmanager
def answering(code: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that says this to whoever shows the header; give what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_an_instance_asks_who_it_is() -> None:
    with answering(200, b"ocid1.instance.oc1..a\n") as (base, asked):
        assert metadata.instance(base) == "ocid1.instance.oc1..a"
    assert asked == ["/opc/v2/instance/id Bearer Oracle"]


def test_a_refusal_and_silence_name_what_was_asked() -> None:
    with (
        answering(404, b"no such key") as (base, _),
        pytest.raises(OSError, match=r"GET .*/opc/v2/instance/id: HTTP 404: no such"),
    ):
        metadata.instance(base)
    with pytest.raises(OSError, match=rf"GET {base}/opc/v2/instance/id: .*refused"):
        metadata.instance(base)
