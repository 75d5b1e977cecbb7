"""Nodes: namespaces that are held, an agent in them, and containerd if pods are containers."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.adapters import netns
from mooring.adapters.cri import Cri, CriError
from mooring.adapters.labfiles import FilesError, LabFiles
from mooring.core.cni import runtime
from mooring.core.linux import cgroup, containerd, image, kubelet, node
from mooring.core.linux.node import Node, Program
from mooring.core.linux.process import listening
from mooring.core.vcn.estate import domains
from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.packets.names import node_space
from mooring.lab.control import groups_of
from mooring.lab.errors import LabError
from mooring.lab.programs import Programs
from mooring.lab.record import (
    NodePlace,
    Standing,
    authority_file,
    npn_directory,
    plugin_directory,
    shared_directory,
)
from mooring.lab.tools import Tools, mooring

IMAGE = "localhost/mooring/pod:1"
IMAGE_FILE = "pod.tar"
SPACES = netns.DIRECTORY
SHIM = "mooring"
AGENT, CONTAINERD, STORE = "agent", "containerd", "etcd"
"""Directories of a node in which its programs keep what outlives them."""
TOLD = "status.json"
"""What the agent tells of itself, in its directory."""


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node of a lab, and what is done with it."""

    tools: Tools
    files: LabFiles
    standing: Standing
    name: str

    @property
    def place(self) -> NodePlace:
        """Tell where its files are."""
        return NodePlace(self.files.path, self.name)

    @property
    def instance(self) -> str:
        """Give the OCID of its instance."""
        return self.standing.machines[self.name]

    @property
    def space(self) -> Path:
        """Give the network namespace that the fabric made for it."""
        return SPACES / node_space(self.standing.name, self.instance)

    @property
    def programs(self) -> Programs:
        """Give the lab's supervision."""
        return Programs(self.tools, self.files)

    def program(self, name: str, *argv: str) -> Program:
        """Describe a program of the node."""
        return Program(
            name=f"{self.name}/{name}",
            argv=argv,
            record=str(self.place.record(name)),
            log=str(self.files.path / self.place.log(name)),
            groups=groups_of(self.standing, self.name, node.INSIDE),
        )

    @property
    def init(self) -> Program:
        """Describe the process that holds the node."""
        return self.program("init")

    @property
    def agent(self) -> Program:
        """Describe its agent."""
        words = (
            *("--npn-dir", str(npn_directory(self.files.path))),
            *("--instance", self.instance, "--state", str(self.place.own / AGENT)),
            *("--socket", "/run/mooring/agent.sock"),
            *("--spool", "/run/mooring/spool", "--conflist", containerd.CONF_DIR),
            *self.standing.topology.agent.arguments,
        )
        return self.program("agent", *mooring("agent", *words))

    @property
    def containerd(self) -> Program:
        """Describe its container runtime."""
        config = str(self.place.own / "containerd.toml")
        return self.program("containerd", "containerd", "--config", config)

    def holder(self) -> int | None:
        """Give the pid of the node's init; None when the node is down."""
        found = self.programs.find(self.init)
        return None if found is None else found.pid

    def door(self, pod: str | None = None) -> list[str]:
        """Give the words that make a command run in the node, or in a pod's namespace there."""
        holder = self.holder()
        if holder is None:
            raise LabError(f"{self.name} is down", "mooring lab up brings it back")
        return node.enter(holder, pod)

    def run(self, *argv: str, stdin: bytes = b"", patience: float = 60) -> str:
        """Run a command in the node; give what it printed, or raise its complaint."""
        done = self.tools.processes.run([*self.door(), *argv], stdin, patience)
        if done.code:
            raise LabError(f"{self.name}: {argv[0]}: {done.complaint}")
        return done.text

    def inside(self, path: str) -> Path:
        """Give a file of the node's own mounts, as the machine reaches it."""
        return Path(f"/proc/{self.holder()}/root{path}")

    def listens(self, port: int) -> bool:
        """Tell whether somebody listens on this port in the node."""
        tables = (Path(f"/proc/{self.holder()}/net/{each}") for each in ("tcp", "tcp6"))
        return any(listening(table.read_text(), port) for table in tables)

    # -- bringing up

    def ensure(self) -> None:
        """Have the node's namespaces held."""
        self.tools.need(f"the fabric to make {self.name}", self._has_space)
        holder = self.holder()
        if holder is None:
            self._hold()
        elif not self.in_right_space(holder):
            # The instance came back in a new namespace; nothing of the old one works.
            self.end()
            self._hold()
        self._furnish()

    def _has_space(self) -> bool:
        """Tell whether the fabric has made it: its file is there a moment before it stands for one."""
        return netns.exists(self.space.name)

    def _furnish(self) -> None:
        """Give the node the cloud's resolver and authority."""
        authority = authority_file(self.files.path).read_bytes()
        self.run(*node.furnish(domains(self.standing.topology)), stdin=authority)

    def _hold(self) -> None:
        programs, place = self.programs, self.place
        groups = groups_of(self.standing, self.name)
        self.tools.cgroups.remove(groups)
        self.tools.cgroups.make(groups)
        inside = groups_of(self.standing, self.name, node.INSIDE)
        self.tools.cgroups.make(inside)
        kept = kubelet.KEPT if self._is_worker else ()
        for directory in (AGENT, "log", "run", *kept):
            (place.own / directory).mkdir(parents=True, exist_ok=True)
        wanted = self.init
        held = Node(
            name=self.name,
            space=str(self.space),
            lab=str(self.files.path),
            own=str(place.own),
            npn=str(npn_directory(self.files.path)),
            bin=str(shared_directory(self.files.path)),
            record=wanted.record,
            log=wanted.log,
            groups=groups,
            remounts=cgroup.remounts(self.tools.cgroups.trees()) if groups else (),
            steps=kubelet.mounts(str(place.own)) if self._is_worker else (),
        )
        script = f"nodes/{self.name}/init.sh"
        self.files.put(script, node.init_script(held).encode())
        programs.launch(wanted, node.hold(held, str(self.files.path / script)))
        if not self.tools.wait(self._is_ready, 20):
            raise programs.failed(wanted, "did not come up")

    @property
    def _is_worker(self) -> bool:
        return self.standing.topology.is_cluster and self.name != CONTROL

    def _is_ready(self) -> bool:
        return self.holder() is not None and self.inside(node.MARK).exists()

    def in_right_space(self, holder: int) -> bool:
        """Tell whether the node is in the namespace that the fabric has for it now."""
        try:
            ours = Path(f"/proc/{holder}/ns/net").stat()
            return os.path.samestat(self.space.stat(), ours)
        except FileNotFoundError:
            return False

    def told(self) -> dict[str, Any]:
        """Read what the agent wrote of itself; empty while there is nothing to read."""
        place = f"nodes/{self.name}/{AGENT}/{TOLD}"
        try:
            return self.files.read(place) or {}
        except FilesError:
            return {}

    def start_agent(self) -> None:
        """Have the agent run."""
        self.programs.ensure(self.agent, self.holder())

    def await_agent(self) -> None:
        """Wait until the agent serves, and has told runtimes so by its conflist."""
        said = [""]
        listed = f"{containerd.CONF_DIR}/{runtime.FILE}"

        def serves() -> bool:
            said[0] = self.plugin_status()
            return not said[0] and self.inside(listed).exists()

        try:
            self.programs.await_ready(self.agent, serves)
        except LabError as error:
            fault = f"{error.fault}: {said[0]}" if said[0] else error.fault
            raise LabError(fault, error.next_step, error.log) from None

    def plugin_status(self) -> str:
        """Ask the CNI executable for STATUS; "" when it can serve, else why not."""
        listed = json.loads(runtime.conflist())
        (call,) = runtime.calls(listed, "STATUS", None)
        plugins = plugin_directory(self.files.path)
        done = self.tools.processes.run(
            [*self.door(), str(plugins / call.plugin)],
            call.stdin,
            env={**call.env, "CNI_PATH": str(plugins)},
        )
        return runtime.refusal(done.code, done.out, done.err) if done.code else ""

    def start_containerd(self) -> None:
        """Have containerd run."""
        root = self.place.own / CONTAINERD
        root.mkdir(exist_ok=True)
        wish = containerd.Containerd(
            root=str(root),
            bin_dir=str(plugin_directory(self.files.path)),
            image=IMAGE,
            snapshotter=containerd.snapshotter(self.tools.host.mounts(), str(root)),
        )
        name = f"nodes/{self.name}/containerd.toml"
        self.files.put(name, containerd.config(wish).encode())
        self.programs.ensure(self.containerd, self.holder())

    def await_containerd(self) -> None:
        """Wait until containerd serves, with the pods' image and the network."""
        self.programs.await_ready(self.containerd, self._serves)
        with_image = self.cri()
        try:
            if not with_image.has_image(IMAGE):
                file = str(shared_directory(self.files.path) / IMAGE_FILE)
                self.run("ctr", "-n", "k8s.io", "images", "import", file)
                self.tools.need(
                    f"{self.name} to know its image",
                    lambda: with_image.has_image(IMAGE),
                )
        finally:
            with_image.close()

    def _serves(self) -> bool:
        if not self.inside(containerd.SOCKET).exists():
            return False
        runtime_of_node = self.cri(5)
        try:
            return not any(runtime_of_node.conditions().values())
        except CriError:
            return False
        finally:
            runtime_of_node.close()

    def cri(self, patience: float = 60) -> Cri:
        """Connect to the node's containerd; to be closed."""
        if self.holder() is None:
            raise LabError(f"{self.name} is down", "mooring lab up brings it back")
        return self.tools.cri(str(self.inside(containerd.SOCKET)), patience)

    def end(self) -> None:
        """End the node with all that runs in it."""
        found = self.programs.find(self.init)
        if found is not None:
            self.tools.processes.kill(found)
        for record in (self.place.own / "run").glob("*"):
            record.unlink(missing_ok=True)

    def bury(self) -> None:
        """End the node, and take away what it kept: it went with its instance."""
        self.end()
        for kept in (AGENT, CONTAINERD, STORE, *kubelet.KEPT):
            with suppress(FileNotFoundError):
                shutil.rmtree(self.place.own / kept)


def install(tools: Tools, files: LabFiles, runtime_name: str) -> None:
    """Put the CNI executables, and the pods' image, where nodes find them."""
    plugins = {SHIM: tools.executable}
    if runtime_name == "containerd":
        plugins["loopback"] = _program(tools, "loopback")
        busybox = _program(tools, "busybox")
        listed = tools.processes.run([str(busybox), "--list"]).text.split()
        recipe = image.Recipe(
            name=IMAGE,
            machine=tools.host.system().machine,
            busybox=busybox.read_bytes(),
            applets=tuple(listed),
        )
        files.put(f"share/{IMAGE_FILE}", image.archive(recipe))
    for name, source in plugins.items():
        if not source.exists():
            raise LabError(f"there is no {source}", "make setup builds it")
        files.put(f"share/cni/{name}", source.read_bytes(), 0o755)


def _program(tools: Tools, name: str) -> Path:
    found = tools.host.program(name)
    if found is None:
        raise LabError(f"there is no {name}", "make setup")
    return found
