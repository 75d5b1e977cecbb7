"""The agents of a cluster: where they are, what they hold, and how it is without one."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kubernetes.cluster import (
    Cluster,
    Json,
    Space,
    a_deployment,
    addresses,
    offered,
    ready,
)
from patience import until

from mooring.cli.lab import opened
from mooring.lab.nodes import LabNode

AGENT = ("-n", "kube-system", "-l", "app=vcn-native-ip-cni")
DAEMONS = ("-n", "kube-system", "daemonset/vcn-native-ip-cni")
READ = ("python3", "-c", "import sys; print(open(sys.argv[1]).read())")
"""The image has no cat."""
MOST_KIB = 60 * 1024
"""What an agent may hold with 256 pods, and so with fewer."""
SANDBOX, KILL = "FailedCreatePodSandBox", "FailedKillPod"
OTHER = "20-other.conflist"
CHANGE_PATIENCE = 1800.0
"""Agents are replaced node by node, and one of them may have little processor time."""


def machine(cluster: Cluster, node: str) -> LabNode:
    """The lab's machine behind a node."""
    lab = opened(cluster.lab)
    return lab.nodes(lab.needed())[node]


def at(cluster: Cluster, node: str, *words: str) -> str:
    """Run a program on a node."""
    done = subprocess.run(
        [*machine(cluster, node).door(), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def agents(cluster: Cluster) -> list[Json]:
    return cluster.items("pods", *AGENT)


def all_ready(cluster: Cluster) -> bool:
    found = agents(cluster)
    return len(found) == len(cluster.workers()) and all(map(ready, found))


def uids(pods: list[Json]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def restarts(pod: Json) -> int:
    return sum(each["restartCount"] for each in pod["status"]["containerStatuses"])


def asked_in(cluster: Cluster, agent: Json, *words: str) -> str:
    """Run a program in an agent's container."""
    name = agent["metadata"]["name"]
    return cluster.kubectl("exec", "-n", "kube-system", name, "--", *words)


def status(cluster: Cluster, agent: Json) -> dict[str, str]:
    """What the kernel says of an agent's process."""
    lines = asked_in(cluster, agent, *READ, "/proc/1/status").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def memory(cluster: Cluster) -> dict[str, int]:
    """The KiB that each node's agent holds."""
    return {
        agent["spec"]["nodeName"]: int(status(cluster, agent)["VmRSS"].split()[0])
        for agent in agents(cluster)
    }


def used(cluster: Cluster, node: str) -> int:
    return int(cluster.npn_of(node)["status"]["usage"]["used"])


def on(cluster: Cluster, node: str) -> list[str]:
    """The pods of a node that have an address of the VCN."""
    return [
        pod["metadata"]["name"]
        for pod in cluster.items("pods", "-A", f"--field-selector=spec.nodeName={node}")
        if not pod["spec"].get("hostNetwork")
    ]


def is_exact(cluster: Cluster, node: str) -> bool:
    """Tell whether a node's pool holds an address for each of its pods, and the others are free."""
    npn = cluster.npn_of(node)
    usage = npn["status"]["usage"]
    held = len(on(cluster, node))
    rest = usage["free"] + usage["cooling"]
    return bool(usage["used"] == held and rest == npn["spec"]["maxPodCount"] - held)


def complaints(space: Space, *reasons: str) -> list[str]:
    """What the events of a namespace say for these reasons."""
    return [
        event["message"]
        for event in space.cluster.items("events", "-n", space.name)
        if event["reason"] in reasons
    ]


def changed(cluster: Cluster, **container: Any) -> None:
    """Change the agents' container, and wait until all are new."""
    patched(cluster, {"containers": [{"name": "agent", **container}]})


def patched(cluster: Cluster, spec: Json) -> None:
    """Change the agents' pods, and wait until all are new."""
    old = uids(agents(cluster))
    patch = {"spec": {"template": {"spec": spec}}}
    cluster.kubectl("patch", *DAEMONS, "-p", json.dumps(patch))
    until(
        lambda: all_ready(cluster) and old.isdisjoint(uids(agents(cluster))),
        "new agents",
        CHANGE_PATIENCE,
    )


def daemons(cluster: Cluster) -> Json:
    """The DaemonSet as it can be made again."""
    found = cluster.get(*DAEMONS)
    kept = ("name", "namespace", "labels")
    meta = {key: found["metadata"][key] for key in kept}
    head = {key: found[key] for key in ("apiVersion", "kind")}
    return {**head, "metadata": meta, "spec": found["spec"]}


@contextmanager
def without_agent(cluster: Cluster, *nodes: str) -> Iterator[None]:
    """These nodes have no agent while the block runs; those of the others go on."""
    made = daemons(cluster)
    cluster.kubectl("delete", *DAEMONS, "--cascade=orphan")
    try:
        for agent in agents(cluster):
            if agent["spec"]["nodeName"] in nodes:
                name = agent["metadata"]["name"]
                cluster.kubectl("delete", "pod", "-n", "kube-system", name)
        yield
    finally:
        cluster.apply(made)
        until(lambda: all_ready(cluster), "every agent")


@contextmanager
def another_network(cluster: Cluster, node: str) -> Iterator[None]:
    """The node has the list of another network that works, behind ours, while the block runs."""
    ipam = {"type": "host-local", "subnet": "10.97.0.0/24"}
    network = {
        "cniVersion": "1.0.0",
        "name": "other",
        "plugins": [{"type": "ptp", "ipam": ipam}],
    }
    # What the node's /etc/cni/net.d is, also while the node is down.
    folder = Path(machine(cluster, node).place.own) / "net.d"
    aside = folder / ".other"
    aside.write_text(json.dumps(network))
    aside.rename(folder / OTHER)
    try:
        yield
    finally:
        (folder / OTHER).unlink()


def sandboxes(cluster: Cluster, node: str) -> set[str]:
    """Name the pods that a node's runtime has a sandbox for that was not stopped."""
    with closing(machine(cluster, node).cri()) as runtime:
        return {each.name for each in runtime.sandboxes() if each.ready}


def reboot(cluster: Cluster, node: str) -> None:
    """Kill everything of a node at once, and have the lab start it again."""
    init = machine(cluster, node).holder()
    assert init is not None
    os.kill(init, signal.SIGKILL)
    until(lambda: machine(cluster, node).holder() is None, "the node's end")
    cluster.mooring("lab", "up", "--name", cluster.lab)


def survive_reboots(space: Space, times: int) -> None:
    """Reboot a node with pods again and again: no sandbox may fail, no other network may come in.

    The addresses of before are all free or held again.
    """
    cluster = space.cluster
    node = cluster.workers()[0]
    space.apply(a_deployment("web", 6, nodeName=node, topologySpreadConstraints=[]))
    space.await_pods(6)
    with another_network(cluster, node):
        for turn in range(1, times + 1):
            before = {pod["metadata"]["uid"]: restarts(pod) for pod in space.pods()}
            reboot(cluster, node)
            until(lambda before=before: came_again(space, before), f"pods ({turn})")
            until(lambda: all_ready(cluster), f"every agent ({turn})")

            assert complaints(space, SANDBOX) == []
            held = {address for pod in space.pods() for address in addresses(pod)}
            assert len(held) >= 6
            assert held <= offered(cluster.npn_of(node))
            until(lambda: is_exact(cluster, node), f"an exact pool ({turn})")


def came_again(space: Space, before: dict[str, int]) -> bool:
    """Tell whether six pods are ready that were started since, or are others."""
    pods = space.pods()
    whole = len(pods) == 6 and all(map(ready, pods))
    return whole and all(
        restarts(pod) > before.get(pod["metadata"]["uid"], -1) for pod in pods
    )
