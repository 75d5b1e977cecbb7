"""containerd's RunPodSandbox, eight at a time, with our executable and with one that does nothing.

Two containerds of their own (root, state, socket) in the bench's node, in turns; Debian's packages,
the image made on the spot.
"""

import json
import os
import shutil
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from tools import c_program, run
from world import EXECUTABLE, NAME, Agent, wait_for

from mooring.adapters.cri import RUNTIME, Cri, CriError
from mooring.adapters.cri.wire import CLASSES
from mooring.core.linux import containerd, image

IMAGE = "localhost/mooring/bench:1"
BUSYBOX = Path("/bin/busybox")
LOOPBACK = Path("/usr/lib/cni/loopback")
GROUP = f"/{NAME}"


@dataclass
class Runtime:
    """One containerd; `took` in milliseconds per RunPodSandbox."""

    name: str
    place: Path
    took: list[float] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.place / "containerd.sock"

    def start(self, agent: Agent, bin_dir: Path, stack: ExitStack) -> None:
        """Start it in the node's network, with its image and its network's configuration."""
        conf_dir = self.place / "net.d"
        conf_dir.mkdir(parents=True)
        plugin = {"type": self.name}
        listed = {"cniVersion": "1.0.0", "name": "bench", "plugins": [plugin]}
        (conf_dir / "10-bench.conflist").write_text(json.dumps(listed))
        wish = containerd.Containerd(
            root=str(self.place / "root"),
            bin_dir=str(bin_dir),
            image=IMAGE,
            snapshotter=containerd.snapshotter(
                Path("/proc/self/mounts").read_text(), str(self.place)
            ),
        )
        text = containerd.config(wish)
        for fixed, own in (
            (containerd.SOCKET, str(self.socket)),
            ('state = "/run/containerd"', f'state = "{self.place / "state"}"'),
            (containerd.CONF_DIR, str(conf_dir)),
        ):
            text = text.replace(fixed, own)
        (self.place / "containerd.toml").write_text(text)
        command = ["containerd", "--config", str(self.place / "containerd.toml")]
        environment = {**os.environ, "MOORING_SOCKET": str(agent.socket)}
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{agent.side.space}", *command],
            stdout=subprocess.DEVNULL,
            stderr=(self.place / "log").open("wb"),
            env=environment,
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        wait_for(f"containerd with {self.name}", self.serves, 60)
        ctr = ["ctr", "-a", str(self.socket), "-n", "k8s.io"]
        run(*ctr, "images", "import", str(self.place.parent / "image.tar"))

    def serves(self) -> bool:
        """Tell whether it answers, and knows its network."""
        if not self.socket.exists():
            return False
        cri = Cri(str(self.socket), 5)
        try:
            return not any(cri.conditions().values())
        except CriError:
            return False
        finally:
            cri.close()

    def turn(self, pods: int, workers: int) -> None:
        """Run so many sandboxes, so many at a time, and take them away again."""
        with ThreadPoolExecutor(workers) as pool, self._channel() as channel:
            made = list(pool.map(lambda n: self._run(channel, n), range(pods)))
            self.took += [took for _, took in made]
            cri = Cri(str(self.socket), 120)
            list(pool.map(cri.remove, [sandbox for sandbox, _ in made]))
            cri.close()

    def _channel(self) -> grpc.Channel:
        return grpc.insecure_channel(f"unix:{self.socket}")

    def _run(self, channel: grpc.Channel, number: int) -> tuple[str, float]:
        call = channel.unary_unary(
            f"/{RUNTIME}/RunPodSandbox",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES["RunPodSandboxResponse"].FromString,
        )
        word = f"{self.name}-{len(self.took)}-{number}"
        config = {
            "metadata": {"name": word, "uid": word, "namespace": "bench"},
            "hostname": word,
            "linux": {"cgroup_parent": GROUP},
        }
        request = CLASSES["RunPodSandboxRequest"](config=config)
        begun = time.perf_counter()
        sandbox = call(request, timeout=120).pod_sandbox_id
        return sandbox, (time.perf_counter() - begun) * 1e3


def measure(
    agent: Agent, place: Path, rounds: int = 6, pods: int = 40
) -> tuple[float, float]:
    """Median of RunPodSandbox with ours and with nothing, in milliseconds."""
    base = place / "cri"
    plugins = base / "bin"
    plugins.mkdir(parents=True)
    shutil.copy(EXECUTABLE, plugins / "mooring")
    shutil.copy(c_program("nocni"), plugins / "nocni")
    shutil.copy(LOOPBACK, plugins / "loopback")
    applets = tuple(run(BUSYBOX, "--list").split())
    recipe = image.Recipe(
        name=IMAGE,
        machine=os.uname().machine,
        busybox=BUSYBOX.read_bytes(),
        applets=applets,
    )
    (base / "image.tar").write_bytes(image.archive(recipe))
    both = [Runtime(name, base / name) for name in ("mooring", "nocni")]
    with ExitStack() as stack:
        stack.callback(_forget_groups)
        for each in both:
            each.start(agent, plugins, stack)
            each.turn(8, 8)
            each.took.clear()
        for number in range(rounds):
            for each in both[:: 1 if number % 2 else -1]:
                each.turn(pods, 8)
    ours, nothing = (statistics.median(each.took) for each in both)
    return ours, nothing


def _forget_groups() -> None:
    """Remove the sandboxes' parent in every hierarchy."""
    for group in Path("/sys/fs/cgroup").glob(f"**{GROUP}"):
        group.rmdir()
