"""The agent as a DaemonSet: reboots, little processor time, what stands behind it in the list."""

import json
import os
import signal
import subprocess
from typing import Any

from kubernetes.cluster import (
    Cluster,
    Space,
    a_deployment,
    a_pod,
    addresses,
    ready,
    until,
)

from mooring.cli.lab import opened
from mooring.lab.nodes import LabNode

AGENT = ("-n", "kube-system", "-l", "app=vcn-native-ip-cni")
DAEMONS = ("-n", "kube-system", "daemonset/vcn-native-ip-cni")
READ = ("python3", "-c", "import sys; print(open(sys.argv[1]).read())")
"""The image has no cat."""
BURST = 100
BURST_PATIENCE = 600.0


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


def agents(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.items("pods", *AGENT)


def all_ready(cluster: Cluster) -> bool:
    found = agents(cluster)
    return len(found) == len(cluster.workers()) and all(map(ready, found))


def test_rt_22_a_node_that_reboots_starts_no_pod_before_its_agent_serves(
    space: Space,
) -> None:
    """Not one sandbox fails, and the addresses of before are all free or held again (RT-04)."""
    cluster = space.cluster
    node = cluster.workers()[0]
    space.apply(a_deployment("web", 6, nodeName=node, topologySpreadConstraints=[]))
    space.await_pods(6)
    init = machine(cluster, node).holder()
    assert init is not None
    os.kill(init, signal.SIGKILL)
    until(lambda: machine(cluster, node).holder() is None, "the node's end")
    cluster.mooring("lab", "up", "--name", cluster.lab)

    def again() -> bool:
        pods = space.pods()
        whole = len(pods) == 6 and all(map(ready, pods))
        return whole and all(restarts(pod) for pod in pods)

    until(again, "every pod again")
    until(lambda: all_ready(cluster), "every agent")
    failed = [
        event["message"]
        for event in cluster.items("events", "-n", space.name)
        if event["reason"] == "FailedCreatePodSandBox"
    ]

    assert failed == []
    held = {address for pod in space.pods() for address in addresses(pod)}
    assert len(held) >= 6
    until(lambda: used(cluster, node) == len(on(cluster, node)), "an exact pool")


def restarts(pod: dict[str, Any]) -> int:
    return sum(each["restartCount"] for each in pod["status"]["containerStatuses"])


def used(cluster: Cluster, node: str) -> int:
    return int(cluster.npn_of(node)["status"]["usage"]["used"])


def on(cluster: Cluster, node: str) -> list[str]:
    """The pods of a node that have an address of the VCN."""
    return [
        pod["metadata"]["name"]
        for pod in cluster.items("pods", "-A", f"--field-selector=spec.nodeName={node}")
        if not pod["spec"].get("hostNetwork")
    ]


def test_rt_27_a_burst_with_little_processor_time_restarts_no_agent(
    space: Space,
) -> None:
    cluster = space.cluster
    limit(cluster, "50m")
    try:
        until(lambda: all_ready(cluster), "every agent")
        before = {pod["metadata"]["uid"] for pod in agents(cluster)}
        space.apply(a_deployment("burst", BURST))
        space.await_pods(BURST, patience=BURST_PATIENCE)

        assert {pod["metadata"]["uid"] for pod in agents(cluster)} == before
        assert sum(map(restarts, agents(cluster))) == 0
    finally:
        limit(cluster, None)


def limit(cluster: Cluster, cpu: str | None) -> None:
    """Limit the agents' processor time, and wait until all are new."""
    old = {pod["metadata"]["uid"] for pod in agents(cluster)}
    container = {"name": "agent", "resources": {"limits": {"cpu": cpu}}}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    cluster.kubectl("patch", *DAEMONS, "-p", json.dumps(patch))
    until(
        lambda: (
            all_ready(cluster)
            and old.isdisjoint(pod["metadata"]["uid"] for pod in agents(cluster))
        ),
        "new agents",
    )


def test_host_ports_and_bandwidth_are_the_chained_plugins(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    pod = a_pod("shaped", node)
    pod["metadata"]["annotations"] = {
        "kubernetes.io/ingress-bandwidth": "17M",
        "kubernetes.io/egress-bandwidth": "19M",
    }
    (container,) = pod["spec"]["containers"]
    container["ports"] = [{"containerPort": 8080, "hostPort": 18080}]
    space.apply(pod, a_pod("asking", cluster.workers()[-1]))
    space.await_pods(2)
    host = space.pod("shaped")["status"]["hostIP"]
    where = f"[{host}]" if ":" in host else host

    until(
        lambda: space.fetched("asking", f"http://{where}:18080/hostname") == "shaped",
        "an answer at the host's port",
    )
    shaped = at(cluster, node, "tc", "qdisc", "show")
    assert "rate 17Mbit" in shaped
    assert "rate 19Mbit" in shaped


def test_the_agents_container_has_what_it_needs_and_no_more(space: Space) -> None:
    cluster = space.cluster
    for pod in agents(cluster):
        name = pod["metadata"]["name"]
        words = ("exec", "-n", "kube-system", name, "--", *READ, "/proc/1/status")
        lines = cluster.kubectl(*words).splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)

        # CAP_NET_ADMIN and CAP_SYS_ADMIN; a seccomp profile; no way to more.
        assert int(status["CapBnd"], 16) == 1 << 12 | 1 << 21
        assert status["Seccomp"].strip() == "2"
        assert status["NoNewPrivs"].strip() == "1"
        assert int(status["VmRSS"].split()[0]) < 60 * 1024
