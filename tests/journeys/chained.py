"""Plugins of others chained behind ours, called as a runtime calls them, inside a node.

`ByHand` does what libcni does, so that nothing has to be built: one configuration per
plugin, the former result as `prevResult`, DEL backwards. Who has a real runtime hands it
in instead (`tests/upstream`).
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from journeys.agent_world import Pod, World

from mooring.adapters.cnifiles import built

DEBIAN = Path("/usr/lib/cni")
"""Where the package containernetworking-plugins has them."""

Json = dict[str, Any]


class Refused(Exception):
    """A plugin's error, as it was printed."""


class Runtime(Protocol):
    """What brings pods into a network whose list of plugins is written down."""

    def add(self, pod: Pod) -> Json:
        """Attach; give the last plugin's result."""

    def check(self, pod: Pod) -> None:
        """Compare with what ADD gave."""

    def delete(self, pod: Pod) -> None:
        """Detach."""


@dataclass(frozen=True)
class Network:
    """A list of plugins, where their executables are, and what the runtime asks of them."""

    world: World
    plugins: tuple[Json, ...]
    folder: Path = DEBIAN
    version: str = "1.0.0"
    wishes: Mapping[str, object] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """CNI_PATH: a folder that has ours alone, then the others."""
        ours = self.world.place / "bin"
        ours.mkdir(exist_ok=True)
        if not (ours / "mooring").exists():
            (ours / "mooring").symlink_to(built())
        return f"{ours}:{self.folder}"

    @property
    def conflist(self) -> Json:
        return {
            "cniVersion": self.version,
            "name": "mooring",
            "plugins": list(self.plugins),
        }

    def environment(self) -> dict[str, str]:
        """What every plugin of the list inherits."""
        return {
            "PATH": os.environ["PATH"],
            "CNI_PATH": self.path,
            "MOORING_SOCKET": str(self.world.place / "agent.sock"),
            "MOORING_SPOOL": str(self.world.place / "spool"),
            "MOORING_WAIT_MS": "500",
        }


class ByHand:
    """A runtime of a few lines; CHECK leaves out the plugins `unchecked`."""

    def __init__(self, network: Network, unchecked: tuple[str, ...] = ()) -> None:
        self.network = network
        self._unchecked = unchecked
        self._results: dict[str, Json] = {}

    def add(self, pod: Pod) -> Json:
        result: Json | None = None
        for plugin in self.network.plugins:
            result = self._call("ADD", pod, plugin, result)
        assert result is not None
        self._results[pod.name] = result
        return result

    def check(self, pod: Pod) -> None:
        for plugin in self.network.plugins:
            if plugin["type"] not in self._unchecked:
                self._call("CHECK", pod, plugin, self._results[pod.name])

    def delete(self, pod: Pod) -> None:
        for plugin in reversed(self.network.plugins):
            self._call("DEL", pod, plugin, self._results.get(pod.name))

    def _call(
        self, command: str, pod: Pod, plugin: Json, before: Json | None
    ) -> Json | None:
        network = self.network
        wished = {
            name: network.wishes[name]
            for name, on in plugin.get("capabilities", {}).items()
            if on and name in network.wishes
        }
        conf = {**plugin, "name": "mooring", "cniVersion": network.version}
        conf |= {"runtimeConfig": wished} if wished else {}
        conf |= {"prevResult": before} if before else {}
        about = network.world.environment(command, pod)
        done = subprocess.run(
            [*in_node(network.world), self._executable(plugin["type"])],
            input=json.dumps(conf),
            env={**about, **network.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else None

    def _executable(self, kind: str) -> str:
        places = (Path(place) / kind for place in self.network.path.split(":"))
        return str(next(place for place in places if place.exists()))


def in_node(world: World) -> tuple[str, ...]:
    """Begin a command that runs in the node, with the files of everybody.

    `ip netns exec` would give it mounts of its own, and namespaces that it makes would be
    seen by nobody.
    """
    return ("nsenter", f"--net=/run/netns/{world.node}")
