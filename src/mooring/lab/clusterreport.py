"""A cluster as it is now: what its API server says, and which programs run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mooring.core.linux.node import Program
from mooring.core.npn.codec import parse_status
from mooring.core.npn.record import NpnStatus
from mooring.lab import control
from mooring.lab.cluster import NODES, NPN_PATH, Cluster, condition, taints, trouble
from mooring.lab.lifecycle import Lab
from mooring.lab.record import Standing

Json = dict[str, Any]
PODS = "/api/v1/pods"
MEND = "mooring lab up mends it"


def programs(lab: Lab, standing: Standing) -> list[Program]:
    """List what should run, the control side first."""
    cluster = Cluster(lab.tools, lab.files, standing)
    plane = cluster.control
    found = [control.vcn(lab.files, standing), plane.passage, plane.at.init]
    found += [plane.store, plane.server, *plane.others.values()]
    for worker in cluster.workers:
        found += [worker.at.init, *worker.programs]
    return found


class Seen:
    """What the API server says, asked once; nothing while it does not answer."""

    def __init__(self, lab: Lab, standing: Standing) -> None:
        kubectl = Cluster(lab.tools, lab.files, standing).kubectl
        self.nodes = {n["metadata"]["name"]: n for n in kubectl.items(NODES)}
        self.statuses: dict[str, NpnStatus] = {}
        self.pods: list[Json] = []
        if self.nodes:
            self.statuses = dict(_statuses(kubectl.items(NPN_PATH)))
            self.pods = [_pod(pod) for pod in kubectl.items(PODS)]
        self._name_vnics()

    def status(self, instance: str) -> NpnStatus:
        """Tell what Mooring's controller says of a node."""
        return self.statuses.get(instance, NpnStatus())

    def faults(self, node: str) -> Iterator[tuple[str, str]]:
        """Give what keeps a node from taking pods, the gravest first: a state, and why."""
        found = self.nodes.get(node)
        if not self.nodes:
            yield "unknown", f"the API server does not answer: {MEND}"
        elif found is None:
            yield "unknown", f"its kubelet has not told of it: {MEND}"
        elif condition(found, "Ready") != "True":
            yield "not ready", trouble(found)
        elif taints(found):
            yield "tainted", trouble(found)

    def _name_vnics(self) -> None:
        owners = {
            str(address): vnic.vnic_id
            for status in self.statuses.values()
            for vnic in status.vnics
            for pair in vnic.pod_addresses
            for address in (pair.v4, pair.v6)
            if address is not None
        }
        for pod in self.pods:
            pod["vnic"] = owners.get(pod["address"], "")


def _statuses(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, NpnStatus]]:
    for item in items:
        instance = item.get("spec", {}).get("id")
        try:
            status = parse_status(item.get("status"))
        except ValueError as error:
            status = NpnStatus(message=str(error))
        if isinstance(instance, str):
            yield instance, status


def _pod(pod: Mapping[str, Any]) -> Json:
    meta, status = pod["metadata"], pod.get("status", {})
    addresses = [each["ip"] for each in status.get("podIPs") or ()]
    ready = any(
        c["type"] == "Ready" and c["status"] == "True"
        for c in status.get("conditions") or ()
    )
    phase = str(status.get("phase", "")).lower()
    return {
        "name": f"{meta['namespace']}/{meta['name']}",
        "node": pod.get("spec", {}).get("nodeName", ""),
        "address": addresses[0] if addresses else "",
        "addresses": addresses,
        "vnic": "",
        "state": "running" if ready else ("not ready" if phase == "running" else phase),
    }
