"""A Deployment of 200 pods on two nodes, by Mooring and by the CNI project's ptp with host-local.

One cluster of the lab serves both, in turns: a file that sorts before Mooring's list in
`/etc/cni/net.d` puts ptp in its place, with the same plugins behind it, and taking it away
gives Mooring its nodes back. So kubelets, containerd, scheduler and images are the same ones.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from kubernetes.cluster import MOORING, Cluster
from patience import until
from tools import run

from mooring.cli.lab import opened
from mooring.core.linux.imageset import PAUSE
from mooring.lab.cluster import Cluster as LabCluster
from mooring.lab.worker import LabWorker

NAME = f"r{os.getpid()}"
PODS, ROUNDS, PATIENCE = 200, 3, 900.0
SPACE = "rollout"
LIST = "05-ptp.conflist"
REST = 0.5
"""The share of the processors that is idle when nothing is left of the last rollout."""
BLOCK = ip_network("10.200.0.0/16")
"""Where ptp's addresses are from; no pod of it leaves its node here."""


@dataclass
class Took:
    """Seconds of each round, by whose network it was."""

    ours: list[float] = field(default_factory=list)
    ptp: list[float] = field(default_factory=list)

    @property
    def medians(self) -> tuple[float, float]:
        """Give ours and the reference's."""
        return statistics.median(self.ours), statistics.median(self.ptp)


def measure(place: Path, programs: Path | None = None) -> tuple[float, float]:
    """Give the median of three rollouts each, in turns, each first as often as it can be.

    The first one on a fresh cluster takes less than any later one, so it does not count; and what
    is left of one, when its pods are gone from the API server, is waited for before the next.
    """
    with cluster(place, programs) as (made, workers):
        took = Took()
        rollout(made, reference=False)
        for number in range(ROUNDS):
            for reference in (number % 2 == 0, number % 2 != 0):
                for worker in workers:
                    _choose(worker, reference=reference)
                seconds = rollout(made, reference=reference)
                (took.ptp if reference else took.ours).append(seconds)
        print(f"rollouts in seconds: ours {took.ours}, ptp {took.ptp}")
        return took.medians


@contextmanager
def cluster(
    place: Path, programs: Path | None
) -> Iterator[tuple[Cluster, tuple[LabWorker, ...]]]:
    """Have a cluster of two nodes with room for 110 pods each."""
    place.mkdir(parents=True, exist_ok=True)
    nodes = [{"name": f"node-{i}", "ocpus": 5, "maxPods": 110} for i in (1, 2)]
    wish = {"name": NAME, "runtime": "kubernetes", "nodes": nodes}
    (place / "lab.yaml").write_text(json.dumps(wish))
    lab = [*MOORING, "lab"]
    more = ["--programs", str(programs)] if programs else []
    try:
        run(*lab, "up", "-f", str(place / "lab.yaml"), *more)
        here = opened(NAME)
        standing = here.needed()
        kubeconfig = place / "kubeconfig"
        kubeconfig.write_text(here.kubeconfig(standing))
        made = Cluster(NAME, kubeconfig, Path(standing.programs))
        made.kubectl("create", "namespace", SPACE)
        words = ("get", "sa", "default", "-n", SPACE)
        until(lambda: made.run(*words).returncode == 0, "the default service account")
        yield made, LabCluster(here.tools, here.files, standing).workers
    finally:
        run(*lab, "down", "--name", NAME)


def rollout(made: Cluster, *, reference: bool) -> float:
    """Roll out and take away; give the seconds until all pods were available."""
    until(lambda: _canary(made, reference=reference), "the network to be in force")
    until(lambda: _idle(3.0) > REST, "the machine to rest")
    began = time.monotonic()
    made.apply(_deployment(PODS))
    status = ("rollout", "status", "deployment/many", "-n", SPACE)
    made.kubectl(*status, f"--timeout={PATIENCE:g}s")
    seconds = time.monotonic() - began
    pods = made.items("pods", "-n", SPACE, "-l", "app=many")
    assert len(pods) == PODS
    assert all(_of_reference(pod) is reference for pod in pods)
    made.kubectl("delete", "deployment", "many", "-n", SPACE, "--cascade=foreground")
    until(lambda: not made.items("pods", "-n", SPACE), "all pods to go", PATIENCE)
    return seconds


def _canary(made: Cluster, *, reference: bool) -> bool:
    """Tell whether a pod on each node gets its address of the wanted network."""
    nodes = made.workers()
    made.apply(*(_pod(f"canary-{node}", nodeName=node) for node in nodes))

    def there() -> list[Any] | None:
        found = made.items("pods", "-n", SPACE)
        return found if all(p["status"].get("podIP") for p in found) else None

    pods = until(there, "canaries")
    made.kubectl("delete", "pods", "--all", "-n", SPACE, "--wait=true")
    return all(_of_reference(pod) is reference for pod in pods)


def _of_reference(pod: dict[str, Any]) -> bool:
    return ip_address(pod["status"]["podIP"]) in BLOCK


def _idle(seconds: float) -> float:
    """Tell which share of the processors' time is nobody's, looking so long."""
    before = _times()
    time.sleep(seconds)
    spent = [now - then for now, then in zip(_times(), before, strict=True)]
    return (spent[3] + spent[4]) / sum(spent)


def _times() -> list[int]:
    """Ticks of user, nice, system, idle, iowait, irq, softirq and steal: proc(5)."""
    words = Path("/proc/stat").read_text().split("\n", maxsplit=1)[0].split()
    return [int(word) for word in words[1:9]]


def _choose(worker: LabWorker, *, reference: bool) -> None:
    """Put ptp before Mooring's list, with the same plugins behind it; or take it away."""
    folder = Path(worker.at.inside("/etc/cni/net.d"))
    if not reference:
        (folder / LIST).unlink(missing_ok=True)
        return
    number = worker.at.name.rpartition("-")[2]
    subnet = str(list(BLOCK.subnets(new_prefix=24))[int(number)])
    ranges = {"type": "host-local", "ranges": [[{"subnet": subnet}]]}
    ipam = {**ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    ptp = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    listed = {
        "cniVersion": "1.0.0",
        "name": "reference",
        "plugins": [ptp, *_behind(worker)],
    }
    new = folder / f".{LIST}"
    new.write_text(json.dumps(listed))
    new.rename(folder / LIST)


def _behind(worker: LabWorker) -> list[dict[str, Any]]:
    """Give what stands behind Mooring in its own list."""
    # It is a link to a place of the node's own file system.
    text = worker.at.inside("/run/mooring/10-mooring.conflist").read_text()
    plugins: list[dict[str, Any]] = json.loads(text)["plugins"]
    return plugins[1:]


def _container() -> dict[str, Any]:
    return {"name": "pause", "image": PAUSE, "imagePullPolicy": "IfNotPresent"}


def _pod(name: str, **spec: str) -> dict[str, Any]:
    own = {"containers": [_container()], "terminationGracePeriodSeconds": 0, **spec}
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": own}


def _deployment(count: int) -> dict[str, Any]:
    labels = {"app": "many"}
    spec = {
        "replicas": count,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [_container()], "terminationGracePeriodSeconds": 0},
        },
    }
    metadata = {"name": "many", "namespace": SPACE}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": spec,
    }
