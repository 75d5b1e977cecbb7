"""Who a node is while its metadata do not answer: what they said in this boot."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mooring.adapters.disk import StateDirectory
from mooring.cli.agent.identity import FILE, Identity
from mooring.cli.agent.work import Stopped

OCID = "ocid1.instance.oc1.iad.one"
NOBODY = "http://127.0.0.1:1"


@contextmanager
def metadata(said: str = OCID) -> Iterator[str]:
    """An instance's metadata."""

    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Says) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def asked(state: Path, url: str, *, stopped: bool = False) -> tuple[str, list[str]]:
    """Give who the node is, and what was said."""
    said: list[str] = []
    stop = asyncio.Event()
    if stopped:
        stop.set()

    def say(verb: str, /, **_: object) -> None:
        said.append(verb)

    with closing(StateDirectory(state)) as disk:
        return asyncio.run(Identity(url, disk, say).ask(stop)), said


def test_a_restart_goes_on_as_the_instance_of_this_boot(tmp_path: Path) -> None:
    with metadata() as url:
        assert asked(tmp_path, url) == (OCID, [])

    assert asked(tmp_path, NOBODY) == (OCID, ["instance-remembered"])


def test_what_the_metadata_say_counts_more(tmp_path: Path) -> None:
    with metadata() as url:
        asked(tmp_path, url)
        known = json.loads((tmp_path / FILE).read_text())
        former = known | {"instance": "ocid1.instance.oc1.iad.two"}
        (tmp_path / FILE).write_text(json.dumps(former))

        assert asked(tmp_path, url) == (OCID, [])
        assert json.loads((tmp_path / FILE).read_text()) == known


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        json.dumps({"instance": OCID}).encode(),
        json.dumps({"boot": "another", "instance": OCID}).encode(),
    ],
)
def test_nothing_else_is_believed(tmp_path: Path, kept: bytes) -> None:
    (tmp_path / FILE).write_bytes(kept)

    with pytest.raises(Stopped):
        asked(tmp_path, NOBODY, stopped=True)


def test_what_is_no_instance_is_not_kept(tmp_path: Path) -> None:
    with metadata("web-1") as url, pytest.raises(Stopped):
        asked(tmp_path, url, stopped=True)

    assert not (tmp_path / FILE).exists()
