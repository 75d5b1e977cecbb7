"""Kubernetes on a lab's machines: the control plane, then the workers, then Mooring by its manifests.

Each step finds what an earlier run made and makes only what is missing; what runs goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mooring.adapters.labfiles import LabFiles
from mooring.core.linux import controlplane, kubelet
from mooring.core.vcn.labcluster import CONTROL, of_families, services
from mooring.lab import manifests
from mooring.lab.controlplane import STORE_PORT, Control
from mooring.lab.errors import LabError
from mooring.lab.keys import Keys
from mooring.lab.kubectl import Kubectl
from mooring.lab.nodes import LabNode
from mooring.lab.record import Standing, authority_file
from mooring.lab.tools import Tools
from mooring.lab.worker import LabWorker

T = TypeVar("T")
NODES = "/api/v1/nodes"
SYSTEM = "kube-system"
LABELS = "app%20in%20(mooring-controller,vcn-native-ip-cni)"
MOORING_PODS = f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector={LABELS}"
READY_PATIENCE = 180.0
NPN_PATH = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster of a lab."""

    tools: Tools
    files: LabFiles
    standing: Standing

    def _at(self, name: str) -> LabNode:
        return LabNode(self.tools, self.files, self.standing, name)

    def _of(self, name: str) -> tuple[str, ...]:
        known = self.standing.addresses.get(name, ())
        # Nobody knows them yet where `up` was cut short.
        return of_families(known, self.standing.topology.families) or ("",)

    @property
    def control(self) -> Control:
        """Give the control plane."""
        return Control(self._at(CONTROL), self._of(CONTROL))

    @property
    def workers(self) -> tuple[LabWorker, ...]:
        """List the workers."""
        api = self._of(CONTROL)[0]
        return tuple(
            LabWorker(self._at(name), self._of(name), api)
            for name in self.standing.instances
        )

    @property
    def kubectl(self) -> Kubectl:
        """Give the administrator."""
        return Kubectl(self.tools, self.files, self.standing)

    def up(self, images: Sequence[Path]) -> None:
        """Have all of it run."""
        held = Keys(self.files, self.tools.clock.wall())
        plane, workers = self.control, self.workers
        self._start_control(plane, held)
        for worker in workers:
            worker.at.ensure()
            worker.furnish(held)
        stands = any(w.at.programs.find(w.kubelet) for w in workers)
        with ThreadPoolExecutor(1) as pool:
            ready = pool.submit(self._await_api, plane)
            new = self._runtimes(workers, images)
            ready.result()
        if new and stands:
            self._renew()
        self._forget_old_nodes()
        for worker in workers:
            worker.start()
        self.tools.say(f"kubelets started: {', '.join(w.at.name for w in workers)}")
        self._await_nodes(workers)

    def load(self, archives: Sequence[Path]) -> None:
        """Have every worker know images, whatever it knew of that name."""
        for archive in archives:
            _each(self.workers, partial(LabWorker.load, archive=archive))
            self.tools.say(f"every node has the images of {archive}")

    def _start_control(self, plane: Control, held: Keys) -> None:
        plane.at.ensure()
        plane.furnish(held)
        supervised, holder = plane.at.programs, plane.at.holder()
        supervised.ensure(plane.store, holder)
        supervised.await_ready(plane.store, lambda: plane.at.listens(STORE_PORT))
        self.tools.say("etcd serves")
        supervised.ensure(plane.server, holder)
        plane.open_passage()

    def _await_api(self, plane: Control) -> None:
        supervised = plane.at.programs
        supervised.await_ready(plane.server, self.kubectl.ready)
        self.tools.say("the API server is ready")
        self._install(plane)
        for program in plane.others.values():
            supervised.ensure(program, plane.at.holder())
        for port, program in plane.others.items():
            supervised.await_ready(program, partial(plane.at.listens, port))

    def _runtimes(self, workers: Sequence[LabWorker], images: Sequence[Path]) -> bool:
        """Have every worker's containerd run and know the images; tell if any was new."""

        def bring(worker: LabWorker) -> bool:
            worker.start_containerd()
            return worker.take_images(images)

        new = any(_each(workers, bring))
        self.tools.say(f"containerd serves with {len(images)} archives of images")
        return new

    def _forget_old_nodes(self) -> None:
        """Remove the Node of an instance that is another one by now."""
        for node in self.kubectl.items(NODES):
            name = node["metadata"]["name"]
            wanted = self.standing.instances.get(name)
            if wanted and node.get("spec", {}).get("providerID") not in {None, wanted}:
                self.kubectl.do("delete", "node", name, "--wait=false")

    def _install(self, plane: Control) -> None:
        dns = services(self.standing.topology.families).dns
        authority = authority_file(self.files.path).read_text()
        own = [
            controlplane.dns_objects(plane.plane, dns),
            manifests.authorities(authority),
        ]
        found = manifests.texts(self.standing.topology.agent.arguments)
        self.kubectl.apply(*own, *found.values())
        self.tools.say(f"applied {', '.join(found)}")

    def _renew(self) -> None:
        """Have Mooring's pods begin again where they run an image that was replaced."""
        for pods in self.kubectl.items(MOORING_PODS):
            name = pods["metadata"]["name"]
            self.kubectl.run("delete", "pod", "-n", SYSTEM, name, "--wait=false")

    def _await_nodes(self, workers: Sequence[LabWorker]) -> None:
        names = {worker.at.name for worker in workers}
        wanted = is_ready if manifests.complete() else is_there
        said: set[str] = set()

        def settled() -> bool:
            for node in self.kubectl.items(NODES):
                name = node["metadata"]["name"]
                if name in names and name not in said and wanted(node):
                    said.add(name)
                    self.tools.say(
                        f"{name} is {'Ready' if is_ready(node) else 'there'}"
                    )
            return said >= names

        if not self.tools.wait(settled, READY_PATIENCE):
            left = sorted(names - said)
            seen = {n["metadata"]["name"]: n for n in self.kubectl.items(NODES)}
            raise LabError(
                f"not Ready after {READY_PATIENCE:g} s: {', '.join(left)}",
                "mooring lab status and kubectl tell more; mooring lab up goes on",
                [f"{name}: {trouble(seen.get(name, {}))}" for name in left],
            )


def _each(workers: Sequence[LabWorker], act: Callable[[LabWorker], T]) -> list[T]:
    """Do something on all workers, side by side."""
    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(act, workers))


def is_there(node: Mapping[str, Any]) -> bool:
    """Tell whether a kubelet has told of its node."""
    return bool(node.get("status", {}).get("conditions"))


def is_ready(node: Mapping[str, Any]) -> bool:
    """Tell whether a node is Ready, and its pods' addresses are there."""
    begins = ":".join(kubelet.TAINT)
    return condition(node, "Ready") == "True" and begins not in taints(node)


def trouble(node: Mapping[str, Any]) -> str:
    """Tell what keeps a node from being ready."""
    found = node.get("status", {}).get("conditions") or ()
    said = [str(c.get("message", "")) for c in found if c["type"] == "Ready"]
    if condition(node, "Ready") != "True":
        return said[0] if said else "its kubelet has not told of it"
    return ", ".join(taints(node))


def condition(node: Mapping[str, Any], kind: str) -> str:
    """Give the status of a condition; "" when there is none."""
    found = node.get("status", {}).get("conditions") or ()
    return next((str(c["status"]) for c in found if c["type"] == kind), "")


def taints(node: Mapping[str, Any]) -> tuple[str, ...]:
    """List what keeps pods from a node."""
    found = node.get("spec", {}).get("taints") or ()
    return tuple(f"{t['key']}:{t['effect']}" for t in found)
