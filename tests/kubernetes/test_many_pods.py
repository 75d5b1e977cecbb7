"""A Deployment that fills both nodes runs over addresses of the VCN, and all of it goes again."""

from itertools import pairwise

from kubernetes.cluster import (
    Space,
    a_deployment,
    a_pod,
    addresses,
    offered,
    until,
)

FILL_PATIENCE = 600.0


def test_a_deployment_fills_both_nodes(space: Space) -> None:
    """110 pods a node, less those that the cluster itself runs on the host's network there."""
    cluster = space.cluster
    nodes = cluster.workers()
    room = {node: free(space, node) for node in nodes}
    count = 2 * min(room.values())

    space.apply(a_deployment("web", count))
    pods = space.await_pods(count, patience=FILL_PATIENCE)

    by_node = {n: [p for p in pods if p["spec"]["nodeName"] == n] for n in nodes}
    known = [address for pod in pods for address in addresses(pod)]
    assert {len(found) for found in by_node.values()} == {count // 2}
    assert len(set(known)) == len(known), "no address twice"
    for node, found in by_node.items():
        own = {a for pod in found for a in addresses(pod)}
        assert own <= offered(cluster.npn_of(node))
        assert len(cluster.npn_of(node)["status"]["vnics"]) == 4
    for before, after in pairwise(pods[:: max(1, count // 20)]):
        target = addresses(after)[0]
        host = f"[{target}]" if ":" in target else target
        url = f"http://{host}:8080/hostname"
        name = before["metadata"]["name"]
        assert space.fetched(name, url) == after["metadata"]["name"]


def test_what_went_is_free_again(space: Space) -> None:
    """After the pods are gone the agents tell that their pools are whole."""
    space.apply(*(a_pod(f"p{i}") for i in range(4)))
    space.await_pods(4)

    space.cluster.kubectl("delete", "pods", "--all", "-n", space.name, "--wait=true")

    def released() -> bool:
        pools = space.cluster.items("npn")
        told = [(each["status"]["usage"], each["spec"]) for each in pools]
        # One whose connection was cut in the middle rests for as long as the kernel knows of it.
        return all(
            usage["used"] == 0
            and usage["free"] + usage["cooling"] == spec["maxPodCount"]
            and usage["free"] > usage["cooling"]
            for usage, spec in told
        )

    until(released, "pools that are whole", FILL_PATIENCE)


def free(space: Space, node: str) -> int:
    """Count the pods that still fit on a node."""
    most = int(space.cluster.get("node", node)["status"]["allocatable"]["pods"])
    field = f"spec.nodeName={node}"
    running = space.cluster.items("pods", "-A", "--field-selector", field)
    return most - len(running)
