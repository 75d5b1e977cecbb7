"""The admin socket and the public one: who may talk, for how long, and how much."""

import asyncio
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from journeys.local_vcn import LocalVcn, local_vcn, mooring
from starlette.responses import PlainTextResponse

from mooring.adapters import adminsocket
from mooring.adapters.adminsocket import AdminError
from mooring.localvcn.http import LONGEST_HEAD, HttpServer

NOBODY = 65534


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


def test_the_socket_is_the_servers_alone(server: LocalVcn) -> None:
    mode = (server.state / adminsocket.FILE).stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_another_user_is_turned_away_even_with_a_way_in(tmp_path: Path) -> None:
    with local_vcn(tmp_path) as server:
        path = server.state / adminsocket.FILE
        server.state.chmod(0o755)
        path.chmod(0o666)
        code = (
            "import os,socket,sys\n"
            "os.chdir(sys.argv[1]); os.setuid(int(sys.argv[2]))\n"
            "peer = socket.socket(socket.AF_UNIX); peer.connect('admin.sock')\n"
            "try:\n"
            "    peer.sendall(b'GET /faults HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')\n"
            "    got = peer.recv(100)\n"
            "except OSError:\n"
            "    got = b''\n"
            "print(got)\n"
        )

        def told(user: int) -> str:
            words = [sys.executable, "-c", code, str(server.state), str(user)]
            return subprocess.run(
                words, check=True, capture_output=True, text=True
            ).stdout

        assert told(NOBODY) == "b''\n"
        assert told(os.geteuid()).startswith("b'HTTP/1.1 200")
        assert "admin peer turned away" in server.log


def test_a_deep_state_directory_has_a_socket_too(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with local_vcn(deep) as server:
        assert adminsocket.ask(server.state, "GET", "/faults")["faults"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"kind": {"x": 1}}', "is no kind of fault"),
        (b'"' + b"x" * 70_000 + b'"', "longer than 65536 bytes"),
        (b"[" * 60_000, "the body is no JSON"),
    ],
)
def test_what_is_no_wish_is_refused(server: LocalVcn, body: bytes, says: str) -> None:
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = adminsocket._connected(server.state)
    connection.request("POST", "/faults", body)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()

    assert response.status == 400
    assert says in answer["message"]
    assert adminsocket.ask(server.state, "GET", "/faults")["faults"] == []


def test_other_paths_are_not_there(server: LocalVcn) -> None:
    for method, path in (("GET", "/"), ("PUT", "/faults"), ("POST", "/stats")):
        with pytest.raises(AdminError, match="There is nothing at"):
            adminsocket.ask(server.state, method, path)


def test_who_may_not_connect_is_told_so(server: LocalVcn) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from mooring.adapters import adminsocket\n"
        "os.chdir(sys.argv[1]); os.setuid(int(sys.argv[2]))\n"
        "try:\n"
        "    adminsocket.ask(pathlib.Path('.'), 'GET', '/faults')\n"
        "except adminsocket.AdminError as why:\n"
        "    print(why)\n"
    )
    words = [sys.executable, "-c", code, str(server.state), str(NOBODY)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout

    assert "not permitted; be root or the user who serves" in said


def test_a_head_that_is_too_long_is_refused(server: LocalVcn) -> None:
    host, port = server.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", "/20160918/vcns", headers={"x-long": "x" * 40_000})
    response = connection.getresponse()

    assert response.status == 431
    assert json.loads(response.read())["code"] == "RequestHeaderFieldsTooLarge"
    connection.close()


def test_a_head_that_does_not_end_is_cut_off(server: LocalVcn) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nx-long: ")
        with pytest.raises(ConnectionError):
            peer.sendall(b"x" * LONGEST_HEAD * 1000)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTT",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx",
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /",
    ],
)
def test_a_client_that_does_not_go_on_is_cut_off(begun: bytes) -> None:
    async def story() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = HttpServer(PlainTextResponse("hello"), patience=0.05, keep_alive=900)
        await server.start(listener)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        async with asyncio.timeout(60):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
        await server.stop()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--delay", "vnic-atach=1s"], "did you mean vnic-attach?"),
        (["--delay", "vnic-attach=1"], "'1' is no duration such as 300ms"),
        (["--budget", "CreatVcn=1/s"], "did you mean CreateVcn?"),
        (["--budget", "CreateVcn=1"], "'1' is no budget such as 20/s"),
        (["--list-lag", "soon"], "'soon' is no duration"),
        (["--limit", "vnc-count=1"], "did you mean vcn-count?"),
        (["--limit", "vcn-count=few"], "'few' is no number of things"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, words: list[str], says: str
) -> None:
    refused = mooring("vcn", "serve", "--state", str(tmp_path), *words)

    assert refused.returncode == 2
    assert says in refused.stderr.replace("\n", " ")
