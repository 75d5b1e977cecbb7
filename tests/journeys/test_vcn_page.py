"""The examples of docs/programs/vcn.md do what the page says, in the order of the page."""

import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from journeys.local_vcn import MOORING

PAGE = Path(__file__).parents[2] / "docs/programs/vcn.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens at {port}")


def test_the_examples_work(tmp_path: Path) -> None:
    port = free_port()
    page = PAGE.read_text().replace("9180", str(port))
    commands = re.findall(r"^\$ mooring (.*?)( &)?$", page, flags=re.MULTILINE)
    program = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
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
                subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        shown = subprocess.run(
            [sys.executable, "-c", program[0]],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        for server in servers:
            server.terminate()
            server.wait(60)

    assert re.fullmatch(r"AVAILABLE ocid1\.vcn\.oc1\.\S+\n", shown.stdout)
    assert [server.returncode for server in servers] == [0]
