"""The machine as far as a lab asks: what it is, what it has, which ports are free."""

import os
import platform
import shutil
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
SETTINGS = Path("/proc/sys")
PLUGIN_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
"""Where Debian, upstream and others keep the CNI project's plugins."""


@dataclass(frozen=True, slots=True)
class System:
    """What runs here, and as whom we do."""

    name: str
    release: str
    machine: str
    uid: int


class Host:
    """The machine."""

    def __init__(self, path: str, settings: Path = SETTINGS) -> None:
        self._path, self._settings = path, settings

    def system(self) -> System:
        """Say what this is."""
        found = platform.uname()
        return System(found.system, found.release, found.machine, os.geteuid())

    def program(self, name: str) -> Path | None:
        """Find a program, or a CNI plugin."""
        found = shutil.which(name, path=self._path)
        if found is None:
            found = shutil.which(name, path=os.pathsep.join(PLUGIN_DIRECTORIES))
        return None if found is None else Path(found)

    def programs(self, names: Collection[str]) -> frozenset[str]:
        """Tell which of these programs are here."""
        return frozenset(name for name in names if self.program(name))

    def free_port(self) -> int:
        """Give a TCP port of the loopback address that nobody listens on."""
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            return int(probe.getsockname()[1])

    def answers(self, port: int) -> bool:
        """Tell whether somebody listens on this port of the loopback address."""
        with suppress(OSError):
            socket.create_connection((LOOPBACK, port), timeout=1).close()
            return True
        return False

    def setting(self, name: str) -> int:
        """Give a kernel setting of the whole machine, by its path below /proc/sys."""
        return int((self._settings / name).read_text())

    def set(self, name: str, value: int) -> None:
        """Change a kernel setting of the whole machine."""
        (self._settings / name).write_text(f"{value}\n")

    def mounts(self) -> str:
        """Give what is mounted where, as the kernel writes it."""
        return Path("/proc/self/mounts").read_text()
