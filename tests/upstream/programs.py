"""The CNI project's own programs, built once from what go.sum names and kept outside of the checkout; podman."""

import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from bench.tools import CACHE, go, run

HERE = Path(__file__).parent
PLUGINS = "github.com/containernetworking/plugins/plugins/meta"
PROGRAMS = {
    "cnitool": "github.com/containernetworking/cni/cnitool",
    **{name: f"{PLUGINS}/{name}" for name in ("portmap", "bandwidth", "tuning")},
}


@cache
def programs() -> Path:
    """Build cnitool, portmap, bandwidth and tuning; give their folder."""
    files = (HERE / "go.mod", HERE / "go.sum")
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]
    place = CACHE.parent / "upstream" / digest
    place.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    for name, package in PROGRAMS.items():
        if not (place / name).exists():
            new = place / f"{name}.new"
            build = ("build", "-trimpath", "-ldflags", "-s -w", "-o", str(new))
            run(go(), *build, package, cwd=HERE, env=environment)
            new.rename(place / name)
    return place


@cache
def podman() -> tuple[str, int]:
    """Find podman; give its path and its major version."""
    found = shutil.which("podman")
    assert found, "no podman here; make upstream installs it"
    done = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=True
    )
    version = re.search(r"(\d+)\.\d+", done.stdout)
    assert version, done.stdout
    return found, int(version[1])
