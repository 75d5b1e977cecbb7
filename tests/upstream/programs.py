"""The CNI project's own programs, from the module and by the builder of the lab's cluster; podman."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from mooring.core.linux.upstream import CLUSTER, Program
from mooring.lab.programs_built import Builder

CHAINED = ("portmap", "bandwidth", "tuning")
CNITOOL = "github.com/containernetworking/cni/cnitool"


@cache
def programs() -> Path:
    """Build cnitool, portmap, bandwidth and tuning; give their folder."""
    plugins = [each for each in CLUSTER if each.name in CHAINED]
    tool = Program("cnitool", "cniplugins", CNITOOL, 3)
    return Builder.usual(os.environ, print).build([tool, *plugins])


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
