"""A thousand nodes at once, as on a cluster: the real controller, by the SDK, at one budget of calls.

The API server is the tests' own, spoken to over HTTP: nodes with the start-up taint, their agents'
pods, and no object yet. The cloud is a local VCN without a fabric whose instances' metadata ask for
native pod networking. The bar is the ratio to what as many single nodes would take at that rate.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.apiserver import ApiServer, an_api_server
from journeys.local_vcn import MOORING, SHAPE, LocalVcn, local_vcn
from oci.core import models as m

from mooring.core.kube.resource import NODES, NPNS, PODS

COUNT = 1000
QPS = 20.0
BURST = 20
PODS_PER_NODE = 31
PATIENCE = 1800.0
STARTING = {"key": "mooring/agent-not-ready", "effect": "NoSchedule"}


def start(place: Path, nodes: int = COUNT, qps: float = QPS) -> tuple[float, float]:
    """Give the seconds that all nodes took, and those of as many single ones at that rate."""
    place.mkdir(parents=True, exist_ok=True)
    with local_vcn(place) as vcn:
        estate = Estate(vcn)
        alone, *fleet = [estate.instance() for _ in range(nodes + 1)]
        _, single = run(place / "alone", vcn, [alone], qps)
        took, made = run(place / "fleet", vcn, fleet, qps)
    ideal = nodes * single / qps
    say(
        f"a single node makes {single} calls; {nodes} nodes made {made} in {took:.1f} s"
        f" at {qps:g}/s, ideal {ideal:.1f} s"
    )
    return took, ideal


def say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr)


class Estate:
    """A VCN with a subnet for nodes and one for pods."""

    def __init__(self, vcn: LocalVcn) -> None:
        self.compartment = vcn.init()["tenancy"]
        self._compute, self._network = vcn.compute, vcn.network
        details = m.CreateVcnDetails(
            compartment_id=self.compartment,
            cidr_blocks=["10.0.0.0/16", "10.1.0.0/16"],
        )
        self._vcn = self._network.create_vcn(details).data.id
        self.workers = self._subnet("10.1.0.0/20")
        self.pods = self._subnet("10.0.0.0/16")

    def _subnet(self, block: str) -> str:
        details = m.CreateSubnetDetails(
            compartment_id=self.compartment, vcn_id=self._vcn, cidr_block=block
        )
        made: str = self._network.create_subnet(details).data.id
        return made

    def instance(self) -> str:
        """Launch an instance that asks for native pod networking."""
        details = m.LaunchInstanceDetails(
            compartment_id=self.compartment,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(subnet_id=self.workers),
            metadata={
                "oke-native-pod-networking": "true",
                "oke-max-pods": str(PODS_PER_NODE),
                "pod-subnets": self.pods,
            },
        )
        made: str = self._compute.launch_instance(details).data.id
        return made


def run(
    place: Path, vcn: LocalVcn, instances: list[str], qps: float
) -> tuple[float, int]:
    """Let a controller serve a cluster of these; the seconds it took, and its calls."""
    place.mkdir()
    with an_api_server() as server:
        for number, instance in enumerate(instances):
            join(server, f"node-{number:04}", instance)
        before = calls(vcn)
        with controller(place, vcn, server, qps):
            took = served(place, server)
            made = calls(vcn) - before
        say(f"{len(instances)} nodes: {len(server.asked)} requests of the API server")
    return took, made


def join(server: ApiServer, name: str, instance: str) -> None:
    """Let a node come, as its kubelet makes it, and its agent's pod be ready."""
    node = {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"providerID": instance, "taints": [STARTING]},
        "status": {"capacity": {"pods": str(PODS_PER_NODE)}},
    }
    pod = {
        "metadata": {
            "name": f"agent-{name}",
            "namespace": "kube-system",
            "labels": {"app": "vcn-native-ip-cni"},
        },
        "spec": {"nodeName": name, "hostNetwork": True},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    server.store.put(NODES, node)
    server.store.put(PODS, pod)


@contextmanager
def controller(
    place: Path, vcn: LocalVcn, server: ApiServer, qps: float
) -> Iterator[None]:
    """Keep a controller at work."""
    kubeconfig = place / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": server.url}}
    document = {
        "clusters": [cluster],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    kubeconfig.write_text(json.dumps(document))
    command = [
        *(MOORING, "controller", "--kubernetes", "--kubeconfig", str(kubeconfig)),
        *("--config", str(vcn.config_file), "--endpoint", vcn.endpoint),
        *("--qps", str(qps), "--burst", str(BURST)),
    ]
    with (place / "controller.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def served(place: Path, server: ApiServer) -> float:
    """Wait until pods may come to every node; give the time from the controller's start."""
    log, deadline = place / "controller.log", time.monotonic() + PATIENCE

    def wait(claim: Callable[[], bool]) -> float:
        while not claim():
            if time.monotonic() > deadline:
                sys.stderr.write(log.read_text()[-2000:])
                sys.exit(f"bench: {waiting(server)} nodes are not served")
            time.sleep(0.1)
        return time.monotonic()

    began = wait(lambda: " started " in log.read_text())
    return wait(lambda: not waiting(server)) - began


def waiting(server: ApiServer) -> int:
    """Count the nodes without an object of theirs in SUCCESS, or with the start-up taint."""
    with server.store.changed:
        nodes = list(server.store.objects[NODES.plural].values())
        objects = list(server.store.objects[NPNS.plural].values())
    done = {
        owner["uid"]
        for each in objects
        for owner in each["metadata"].get("ownerReferences", ())
        if each.get("status", {}).get("state") == "SUCCESS"
    }
    return sum(
        bool(node["spec"].get("taints")) or node["metadata"]["uid"] not in done
        for node in nodes
    )


def calls(vcn: LocalVcn) -> int:
    """Count all calls of the controller, reads too; the first of each, to know somebody, not."""
    command = [MOORING, "vcn", "stats", "--state", str(vcn.state), "-o", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    counts = json.loads(done.stdout)["operations"]
    return sum(
        n for name, by in counts.items() if name != "ListVcns" for n in by.values()
    )


def main() -> None:
    """Run on its own: fleet.py [NODES [QPS]]."""
    words = [float(word) for word in sys.argv[1:]]
    nodes = int(words[0]) if words else COUNT
    with tempfile.TemporaryDirectory() as temporary:
        took, ideal = start(Path(temporary), nodes, words[1] if words[1:] else QPS)
    print(f"{nodes} nodes: {took:.1f} s of {ideal:.1f} s, {took / ideal:.3f}")


if __name__ == "__main__":
    main()
