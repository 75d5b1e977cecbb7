"""A worker of the lab's cluster: containerd, kubelet and kube-proxy in a node's namespaces."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mooring.adapters.cri import CriError
from mooring.core.linux import containerd, imageset, kubeconfig, kubelet, node
from mooring.core.linux.kubeconfig import Access
from mooring.core.linux.kubelet import Worker
from mooring.core.linux.node import Program
from mooring.core.vcn.labcluster import DOMAIN, services
from mooring.core.wiring.names import PREFIX
from mooring.lab import keys
from mooring.lab.keys import Keys
from mooring.lab.nodes import CONTAINERD, LabNode

PLUGINS = ("loopback", "portmap", "bandwidth", "tuning", "ptp", "host-local")
IMPORTED = "imported"

IMPORT_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class LabWorker:
    """A worker on its machine, which has these addresses; `api` is where the API server is."""

    at: LabNode
    addresses: tuple[str, ...]
    api: str

    @property
    def worker(self) -> Worker:
        """Give what its programs are told."""
        standing = self.at.standing
        topology = standing.topology
        plan = next(n for n in topology.nodes if n.name == self.at.name)
        return Worker(
            name=self.at.name,
            programs=standing.programs,
            home=str(self.at.place.own),
            instance=self.at.instance,
            addresses=self.addresses,
            max_pods=plan.max_pods,
            dns=services(topology.families).dns,
            proxy=topology.proxy,
            domain=DOMAIN,
            links=PREFIX,
        )

    @property
    def containerd(self) -> Program:
        """Describe its container runtime."""
        config = f"{self.at.place.own}/containerd.toml"
        programs = self.at.standing.programs
        words = (f"{programs}/containerd", "--config", config)
        path = f"PATH={programs}:{node.PATH}"
        return self.at.program("containerd", "env", path, *words)

    @property
    def kubelet(self) -> Program:
        """Describe its kubelet."""
        return self.at.program("kubelet", *kubelet.kubelet(self.worker))

    @property
    def kube_proxy(self) -> Program:
        """Describe its kube-proxy."""
        return self.at.program("kube-proxy", *kubelet.kube_proxy(self.worker))

    @property
    def programs(self) -> tuple[Program, ...]:
        """List its programs."""
        return (self.containerd, self.kubelet, self.kube_proxy)

    def furnish(self, held: Keys) -> None:
        """Write what the programs read, and put the CNI plugins where containerd finds them."""
        place, files = f"nodes/{self.at.name}", self.at.files
        held.publish(place, keys.AUTHORITY)
        mine = kubeconfig.node_identities(self.at.name, self.addresses)
        for identity in mine:
            held.pair(place, identity)
        proxy = kubeconfig.PROXY
        for identity in (mine[0], proxy):
            pair = held.pair(place, identity)
            access = Access(
                server=kubeconfig.server(self.api),
                authority=held.authority().certificate,
                certificate=pair.certificate,
                key=pair.key,
                cluster=self.at.standing.name,
            )
            text = kubeconfig.kubeconfig(access)
            files.put(f"{place}/{identity.name}.kubeconfig", text.encode())
        worker = self.worker
        files.put(f"{place}/kubelet.json", kubelet.kubelet_config(worker).encode())
        files.put(f"{place}/kube-proxy.json", kubelet.proxy_config(worker).encode())
        self._furnish_containerd()

    def _furnish_containerd(self) -> None:
        root = self.at.place.own / CONTAINERD
        root.mkdir(exist_ok=True)
        wish = containerd.Containerd(
            root=str(root),
            bin_dir=kubelet.PLUGINS,
            image=imageset.PAUSE,
            snapshotter=containerd.snapshotter(self.at.tools.host.mounts(), str(root)),
        )
        text = containerd.config3(wish)
        self.at.files.put(f"nodes/{self.at.name}/containerd.toml", text.encode())
        for name in PLUGINS:
            source = Path(self.at.standing.programs) / name
            target = self.at.place.own / "cni" / name
            if source.exists() and not target.exists():
                new = target.with_name(f".{name}.new")
                shutil.copy(source, new)
                new.replace(target)

    def start_containerd(self) -> None:
        """Have containerd run and serve."""
        program = self.containerd
        self.at.programs.ensure(program, self.at.holder())
        self.at.programs.await_ready(program, self._serves)

    def _serves(self) -> bool:
        if not self.at.inside(containerd.SOCKET).exists():
            return False
        cri = self.at.cri(5)
        try:
            cri.conditions()
        except CriError:
            return False
        finally:
            cri.close()
        return True

    def take_images(self, archives: Sequence[Path]) -> bool:
        """Have containerd know images, each archive once; tell whether one was new."""
        new = False
        done = self.at.files.directory(f"nodes/{self.at.name}/{CONTAINERD}/{IMPORTED}")
        for archive in archives:
            mark = done / f"{archive.parent.name}-{archive.name}"
            if not mark.exists():
                self.load(archive)
                mark.touch()
                new = True
        return new

    def load(self, archive: Path) -> None:
        """Have containerd know the images of an archive."""
        ctr = f"{self.at.standing.programs}/ctr"
        words = (ctr, "-n", "k8s.io", "images", "import", "--local", "-")
        content = archive.read_bytes()
        self.at.run(*words, stdin=content, patience=IMPORT_PATIENCE)

    def start(self) -> None:
        """Have kubelet and kube-proxy run."""
        for program in (self.kube_proxy, self.kubelet):
            self.at.programs.ensure(program, self.at.holder())
