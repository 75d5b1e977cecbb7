"""What the tests of a node's capacity ask and do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kubernetes.cluster import Cluster, Space, addresses

SHORT = "mooring/too-few-addresses"
TAINTED = "untolerated taint"
"""What the scheduler says of a node; it does not name the taint any more."""


@contextmanager
def pooled(cluster: Cluster, node: str, policy: str) -> Iterator[None]:
    """Let a node's pool have this policy while the block runs."""
    name = cluster.npn_of(node)["metadata"]["name"]
    cluster.kubectl("annotate", "npn", name, f"mooring/pool={policy}")
    try:
        yield
    finally:
        cluster.kubectl("annotate", "npn", name, "mooring/pool-")


def taint_of(cluster: Cluster, node: str, key: str) -> str | None:
    """Give a taint's value, None when there is no such taint."""
    taints = cluster.get("node", node)["spec"].get("taints", ())
    return next((t.get("value", "") for t in taints if t["key"] == key), None)


def refused_by(pod: Mapping[str, Any]) -> str:
    """Say what the scheduler says of a pod that is on no node; "" when it is on one."""
    if "nodeName" in pod["spec"]:
        return ""
    for each in pod["status"].get("conditions", ()):
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return str(each["message"])
    return ""


def stuck(space: Space, node: str) -> list[str]:
    """Name the pods that are on a node and have no address."""
    return [
        pod["metadata"]["name"]
        for pod in space.pods()
        if pod["spec"].get("nodeName") == node and not addresses(pod)
    ]
