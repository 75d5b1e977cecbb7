"""Metrics and health over HTTP, and metadata of an instance."""

import socket
import threading
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
    registry = CollectorRegistry()
    Counter("mooring_test", "A test's.", registry=registry).inc(3)
    TROUBLE[""] = ""
    looks = {"/healthz": lambda: TROUBLE[""]}
    with Exposition(0, registry, looks) as made:
        yield made


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


def test_peers_that_say_nothing_are_bounded_and_go_with_it(
    exposition: Exposition,
) -> None:
    with ExitStack() as stack:
        for _ in range(2 * PEERS):
            peer = socket.create_connection(("127.0.0.1", exposition.port), 60)
            stack.enter_context(peer)
        # Those beyond the bound are hung up on at once; the others after a few seconds.
        peer.settimeout(60)
        assert peer.recv(1) == b""
    while get_or_none(exposition) != (200, "ok\n"):
        pass


def get_or_none(place: Exposition) -> tuple[int, str] | None:
    try:
        return get(place, "/healthz")
    except OSError:
        return None


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
