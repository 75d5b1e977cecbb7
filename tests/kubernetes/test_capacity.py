"""No pod comes to a node that cannot give it an address: it runs elsewhere, or waits and says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes.capacity import SHORT, TAINTED, pooled, refused_by, stuck, taint_of
from kubernetes.cluster import Space, a_deployment, a_pod, ready
from patience import until

MAXIMUM = 20
"""Addresses that one node's pool may have; its kubelet allows over a hundred pods."""


def spreading(name: str, replicas: int, **spec: Any) -> dict[str, Any]:
    """A deployment whose pods go where there is room."""
    made = a_deployment(name, replicas, **spec)
    del made["spec"]["template"]["spec"]["topologySpreadConstraints"]
    return made


@contextmanager
def too_small(space: Space, node: str) -> Iterator[None]:
    """Let a node's pool be smaller than its kubelet's max-pods."""
    with pooled(space.cluster, node, f"warmTarget=4,maximum={MAXIMUM}"):
        most = int(space.cluster.get("node", node)["status"]["allocatable"]["pods"])
        value = f"{MAXIMUM}-for-{most}-pods"
        until(lambda: taint_of(space.cluster, node, SHORT) == value, value)
        yield


def test_rt_13_no_pod_comes_to_a_node_with_fewer_addresses_than_its_kubelet_allows(
    space: Space,
) -> None:
    """More replicas than it has addresses, in one burst: all run elsewhere, or wait and say why."""
    small = space.cluster.workers()[0]
    there = {"nodeSelector": {"kubernetes.io/hostname": small}}
    with too_small(space, small):
        space.apply(spreading("web", 2 * MAXIMUM), a_pod("there", **there))
        found = space.await_pods(2 * MAXIMUM, "app=web")
        until(lambda: TAINTED in refused_by(space.pod("there")), "why it waits")

        assert small not in {pod["spec"]["nodeName"] for pod in found}
        assert stuck(space, small) == []
    until(lambda: taint_of(space.cluster, small, SHORT) is None, "an open node")
    until(lambda: ready(space.pod("there")), "the pod that waited")

    def told() -> bool:
        events = space.cluster.items("events", "-n", "default")
        said = {e["reason"] for e in events if e["involvedObject"]["name"] == small}
        return said >= {"TooFewAddresses", "EnoughAddresses"}

    until(told, "an event of each")
