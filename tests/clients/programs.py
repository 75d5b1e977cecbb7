"""The two heavy clients, made once and kept outside of the checkout: the Go program and the `oci` command."""

import hashlib
import os
import sys
from pathlib import Path

from bench.tools import CACHE, go, run

HERE = Path(__file__).parent
PLACE = CACHE.parent / "clients"


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def go_program() -> Path:
    """Build `go/main.go` with the modules that go.sum names."""
    source = HERE / "go"
    files = [source / name for name in ("main.go", "go.mod", "go.sum")]
    binary = PLACE / f"network-{_digest(*files)}"
    if not binary.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
        new = f"{binary}.new"
        run(go(), "build", "-trimpath", "-o", new, ".", cwd=source, env=environment)
        Path(new).rename(binary)
    return binary


def oci_command() -> Path:
    """Install the `oci` command that the lock names, in an environment of its own."""
    lock = HERE / "requirements.lock"
    place = PLACE / f"oci-{_digest(lock)}"
    done = place / "done"
    if not done.exists():
        run(sys.executable, "-m", "venv", "--clear", place)
        run(place / "bin/pip", "install", "-q", "--require-hashes", "-r", lock)
        done.touch()
    return place / "bin/oci"
