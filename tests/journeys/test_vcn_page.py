"""The examples of docs/programs/vcn.md do what the page says, in the order of the page."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from journeys.local_vcn import MOORING, local_vcn, mooring
from ports import a_port

PAGE = Path(__file__).parents[2] / "docs/programs/vcn.md"
FABRIC = f"pag{os.getpid()}"[-12:]


def programs(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


def run(program: str, place: Path) -> str:
    """Run an example beside the configuration that `init` has written; give what it prints."""
    words = [sys.executable, "-c", program]
    done = subprocess.run(
        words, cwd=place, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


@pytest.fixture
def port() -> Iterator[int]:
    with a_port() as held:
        yield held


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=300).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens at {port}")


def patiently(words: list[str]) -> str:
    """Run a command again until it succeeds: servers outside begin by themselves; give what it prints."""
    deadline = time.monotonic() + 300
    while True:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)


def test_the_examples_work(tmp_path: Path, port: int) -> None:
    page = PAGE.read_text().replace("9180", str(port))
    commands = re.findall(r"^\$ mooring (.*?)( &)?$", page, flags=re.MULTILINE)
    servers = []
    try:
        for words, background in commands:
            command = [MOORING, *shlex.split(words)]
            if background:
                servers.append(
                    subprocess.Popen(
                        command,
                        cwd=tmp_path,
                    )
                )
                wait_for(port)
            else:
                subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
        shown = run(programs(page)[0], tmp_path)
    finally:
        for server in servers:
            server.terminate()
            server.wait(300)

    assert re.fullmatch(r"AVAILABLE ocid1\.vcn\.oc1\.\S+\n", shown)
    assert [server.returncode for server in servers] == [0]


def test_the_examples_with_packets_work(tmp_path: Path) -> None:
    with local_vcn(tmp_path, FABRIC) as server:
        page = PAGE.read_text().replace("http://127.0.0.1:9180", server.endpoint)
        page = page.replace("moor-dev-", f"moor-{FABRIC}-")
        packets, policies = programs(page)[1:]
        try:
            space = run(packets, tmp_path).strip()
            page = page.replace(f"moor-{FABRIC}-k3vxq7pa", space)
            inside = re.findall(
                rf"^# (ip netns exec {space} (?:ping|python3) .*)$", page, re.MULTILINE
            )
            said = [patiently(shlex.split(words)) for words in inside]
            run(packets.partition("vcn =")[0] + policies, tmp_path)
        finally:
            server.kill()
            mooring("vcn", "down", "--fabric", FABRIC)

    ping, address = said
    assert "1 received" in ping
    assert re.match(r"b'198\.18\.", address)
