"""The official Python client sees what kubectl sees: objects, their status, pods and their addresses."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.tools import CACHE, run
from kubernetes.cluster import Space, a_pod

HERE = Path(__file__).parent / "client"


@pytest.fixture(scope="module")
def python() -> Path:
    """The client's own environment, made once for what the lock names."""
    lock = HERE / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    place = CACHE.parent / "clients" / f"kubernetes-{key}"
    if not (place / "done").exists():
        run(sys.executable, "-m", "venv", "--clear", place)
        run(place / "bin/pip", "install", "-q", "--require-hashes", "-r", lock)
        (place / "done").touch()
    return place / "bin/python"


def test_the_official_client_reads_objects_and_pods(space: Space, python: Path) -> None:
    space.apply(a_pod("web"))

    done = subprocess.run(
        [python, HERE / "look.py", space.cluster.kubeconfig, space.name, "web"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["states"].values()) == {"SUCCESS"}
    assert told["state"] == "SUCCESS"
    assert "npn" in told["short"]
    offered = {value for pair in told["offered"] for value in pair.values()}
    assert told["addresses"]
    assert set(told["addresses"]) <= offered
