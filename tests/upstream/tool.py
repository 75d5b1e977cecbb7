"""`cnitool`, as a runtime of the stories and verb by verb."""

import json
import os
import subprocess
from pathlib import Path

from journeys.agent_world import Pod, World
from journeys.chained import Json, Network, Refused, in_node
from upstream.programs import programs

CACHE_OF_LIBCNI = "/var/lib/cni"


class CniTool:
    """Runs cnitool in the node of a world, with a cache of its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        place = network.world.place
        self._conf = place / "net.d"
        self._cache = place / "libcni"
        self._conf.mkdir(exist_ok=True)
        self._cache.mkdir(exist_ok=True)
        (self._conf / "10-mooring.conflist").write_text(json.dumps(network.conflist))

    def run(self, verb: str, pod: Pod) -> subprocess.CompletedProcess[str]:
        """Run a verb, whatever it answers."""
        Path(CACHE_OF_LIBCNI).mkdir(parents=True, exist_ok=True)
        script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
        return subprocess.run(
            [
                *in_node(self.network.world),
                *("unshare", "--mount", "sh", "-c", script, "sh"),
                *(str(self._cache), CACHE_OF_LIBCNI),
                *(str(programs() / "cnitool"), verb, "mooring", pod.path),
            ],
            env={
                **self.network.environment(),
                "NETCONFPATH": str(self._conf),
                "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={pod.name}",
                "CAP_ARGS": json.dumps(dict(self.network.wishes)),
                "HOME": os.environ.get("HOME", "/"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def add(self, pod: Pod) -> Json:
        result: Json = json.loads(self._succeed("add", pod))
        return result

    def check(self, pod: Pod) -> None:
        self._succeed("check", pod)

    def delete(self, pod: Pod) -> None:
        self._succeed("del", pod)

    def _succeed(self, verb: str, pod: Pod) -> str:
        done = self.run(verb, pod)
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout


def tool(
    world: World, *plugins: Json, version: str = "1.0.0", **wishes: object
) -> CniTool:
    """A cnitool with such a list, and the CNI project's plugins."""
    return CniTool(Network(world, plugins, programs(), version, wishes))
