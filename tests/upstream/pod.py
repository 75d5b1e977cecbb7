"""podman in a node of the test's own: its files below one directory, its network ours."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from journeys.chained import Network, in_node
from upstream.programs import podman

BUSYBOX = Path("/bin/busybox")
APPLETS = ("sh", "sleep", "ip", "nc", "cat", "ping")


class Podman:
    """Runs podman in the node of a world; every path of it is below the world's place."""

    def __init__(self, network: Network) -> None:
        self.network = network
        place = network.world.place
        self.rootfs = a_rootfs(place / "rootfs")
        self._conf = place / "net.d"
        self._conf.mkdir(exist_ok=True)
        (self._conf / "10-mooring.conflist").write_text(json.dumps(network.conflist))
        (place / "containers.conf").write_text(self._containers(place))
        (place / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n'
        )

    def _containers(self, place: Path) -> str:
        plugins = json.dumps(self.network.path.split(":"))
        # Root here may lack CAP_SYS_RESOURCE, so nothing is asked for that it has not.
        return f"""
[network]
network_backend = "cni"
network_config_dir = "{self._conf}"
cni_plugin_dirs = {plugins}
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
static_dir = "{place}/static"
tmp_dir = "{place}/tmp"
volume_path = "{place}/volumes"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=256:256", "nproc=256:256"]
"""

    @property
    def environment(self) -> Mapping[str, str]:
        place = self.network.world.place
        return {
            **os.environ,
            **self.network.environment(),
            "CONTAINERS_CONF": str(place / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
            "HOME": str(place),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run podman, whatever it answers."""
        path, _ = podman()
        return subprocess.run(
            [*in_node(self.network.world), path, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def do(self, *words: str) -> str:
        """Run podman; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Start a container that sleeps."""
        about = ("--name", name, "--network", "mooring", *options)
        return self.run(
            "run", "-d", *about, "--rootfs", str(self.rootfs), "sleep", "1000"
        )

    def address(self, name: str) -> str:
        template = '{{(index .NetworkSettings.Networks "mooring").IPAddress}}'
        return self.do("inspect", name, "--format", template).strip()

    def remove(self) -> None:
        """End what a failed test left."""
        self.run("rm", "--all", "--force", "--time", "0")


def a_rootfs(place: Path) -> Path:
    """Lay out a container's files: busybox, and what podman wants to mount."""
    for name in ("bin", "dev", "proc", "sys", "etc", "tmp", "run"):
        (place / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, place / "bin/busybox")
    for name in APPLETS:
        (place / "bin" / name).symlink_to("busybox")
    return place
