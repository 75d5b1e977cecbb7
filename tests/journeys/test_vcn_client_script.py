"""The SDK script of tests/clients, unmodified; those of the Go SDK and the command line run in `make upstream`."""

import json
import subprocess
import sys
from pathlib import Path

from journeys.local_vcn import local_vcn

SCRIPT = Path(__file__).parents[1] / "clients/network.py"


def test_an_sdk_script_runs_unmodified(tmp_path: Path) -> None:
    with local_vcn(tmp_path) as server:
        words = [sys.executable, SCRIPT, server.config_file, server.endpoint]
        done = subprocess.run(words, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "bulk": ["BulkCreatePrivateIps", 9],  # the addresses and their VNIC
        "private_ips": [[0] * 9 + [28], [0, 28]],
        "ipv6s": [[96], [96]],
        "pods": True,
        "in_use": [409, "Conflict"],
    }
