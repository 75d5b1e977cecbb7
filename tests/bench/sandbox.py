"""containerd's RunPodSandbox, eight at a time, with our executable and with one that does nothing.

One containerd of their own (root, state, socket) in the bench's node, with a runtime handler for
each network: two containerds differ by more than the networks do. They take turns every eight
sandboxes, since the machine's own pace changes within seconds by more than that too. Debian's
packages, the image made on the spot.
"""

import json
import os
import shutil
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
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
HANDLERS = ("mooring", "nocni")


@dataclass(frozen=True)
class Runtime:
    """A containerd whose every handler is called like the plugin that makes its pods' network."""

    place: Path

    @property
    def socket(self) -> Path:
        return self.place / "containerd.sock"

    def start(self, agent: Agent, plugins: Path, stack: ExitStack) -> None:
        """Start it in the node's network, with its image and the networks' configurations."""
        for name in HANDLERS:
            listed = {"cniVersion": "1.0.0", "name": name, "plugins": [{"type": name}]}
            place = self._networks(name) / "10-bench.conflist"
            place.parent.mkdir(parents=True)
            place.write_text(json.dumps(listed))
        (self.place / "containerd.toml").write_text(self._configuration(plugins))
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
        wait_for("containerd", self.serves, 60)
        ctr = ["ctr", "-a", str(self.socket), "-n", "k8s.io"]
        run(*ctr, "images", "import", str(self.place / "image.tar"))

    def _networks(self, handler: str) -> Path:
        return self.place / "net.d" / handler

    def _configuration(self, plugins: Path) -> str:
        wish = containerd.Containerd(
            root=str(self.place / "root"),
            bin_dir=str(plugins),
            image=IMAGE,
            snapshotter=containerd.snapshotter(
                Path("/proc/self/mounts").read_text(), str(self.place)
            ),
        )
        text = containerd.config(wish)
        for fixed, own in (
            (containerd.SOCKET, str(self.socket)),
            ('state = "/run/containerd"', f'state = "{self.place / "state"}"'),
            (containerd.CONF_DIR, str(self._networks(HANDLERS[0]))),
        ):
            text = text.replace(fixed, own)
        for name in HANDLERS:
            table = f'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}'
            text += (
                f'\n{table}]\nruntime_type = "io.containerd.runc.v2"\n'
                f'cni_conf_dir = "{self._networks(name)}"\ncni_max_conf_num = 1\n'
                f"{table}.options]\nSystemdCgroup = false\n"
            )
        return text

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

    def turn(self, handler: str, workers: int) -> list[float]:
        """Milliseconds of each of so many sandboxes at once; they are taken away again."""
        with ThreadPoolExecutor(workers) as pool, self._channel() as channel:
            made = list(
                pool.map(lambda n: self._run(channel, handler, n), range(workers))
            )
            cri = Cri(str(self.socket), 120)
            list(pool.map(cri.remove, [sandbox for sandbox, _ in made]))
            cri.close()
        return [took for _, took in made]

    def _channel(self) -> grpc.Channel:
        return grpc.insecure_channel(f"unix:{self.socket}")

    def _run(
        self, channel: grpc.Channel, handler: str, number: int
    ) -> tuple[str, float]:
        call = channel.unary_unary(
            f"/{RUNTIME}/RunPodSandbox",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES["RunPodSandboxResponse"].FromString,
        )
        word = f"{handler}-{number}"
        config = {
            "metadata": {"name": word, "uid": word, "namespace": "bench"},
            "hostname": word,
            "linux": {"cgroup_parent": GROUP},
        }
        request = CLASSES["RunPodSandboxRequest"](
            config=config, runtime_handler=handler
        )
        begun = time.perf_counter()
        sandbox = call(request, timeout=120).pod_sandbox_id
        return sandbox, (time.perf_counter() - begun) * 1e3


def measure(
    agent: Agent, place: Path, rounds: int = 150, workers: int = 8
) -> tuple[float, float]:
    """Median of RunPodSandbox with ours and with nothing, in milliseconds."""
    runtime = Runtime(place / "cri")
    plugins = runtime.place / "bin"
    plugins.mkdir(parents=True)
    for source, name in (
        (EXECUTABLE, HANDLERS[0]),
        (c_program("nocni"), HANDLERS[1]),
        (LOOPBACK, "loopback"),
    ):
        shutil.copy(source, plugins / name)
    applets = tuple(run(BUSYBOX, "--list").split())
    recipe = image.Recipe(
        name=IMAGE,
        machine=os.uname().machine,
        busybox=BUSYBOX.read_bytes(),
        applets=applets,
    )
    (runtime.place / "image.tar").write_bytes(image.archive(recipe))
    took: dict[str, list[float]] = {name: [] for name in HANDLERS}
    with ExitStack() as stack:
        stack.callback(_forget_groups)
        runtime.start(agent, plugins, stack)
        for name in HANDLERS:
            runtime.turn(name, workers)
        for number in range(rounds):
            for name in HANDLERS[:: 1 if number % 2 else -1]:
                took[name] += runtime.turn(name, workers)
    ours, nothing = (statistics.median(took[name]) for name in HANDLERS)
    return ours, nothing


def _forget_groups() -> None:
    """Remove the sandboxes' parent in every hierarchy."""
    for group in Path("/sys/fs/cgroup").glob(f"**{GROUP}"):
        group.rmdir()
