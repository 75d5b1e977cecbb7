"""A Deployment that fills both nodes runs over addresses of the VCN, and all of it goes again."""

from kubernetes.cluster import (
    Space,
    a_deployment,
    a_pod,
    addresses,
    family,
    offered,
    url,
)
from patience import until

FILL_PATIENCE = 600.0
PODS = 110
"""On each node, besides what the cluster itself runs on the host's network there."""


def test_a_deployment_of_110_pods_a_node_runs_over_addresses_of_the_vcn(
    space: Space, families: tuple[str, ...]
) -> None:
    cluster = space.cluster
    nodes = cluster.workers()
    room = {node: free(space, node) for node in nodes}
    assert all(fits >= PODS for fits in room.values()), room
    count = PODS * len(nodes)

    space.apply(a_deployment("web", count))
    pods = space.await_pods(count, patience=FILL_PATIENCE)

    by_node = {n: [p for p in pods if p["spec"]["nodeName"] == n] for n in nodes}
    assert {n: len(found) for n, found in by_node.items()} == dict.fromkeys(nodes, PODS)
    assert {tuple(map(family, addresses(pod))) for pod in pods} == {families}
    known = {a: pod["metadata"]["name"] for pod in pods for a in addresses(pod)}
    assert len(known) == count * len(families), "no address twice"
    for node, found in by_node.items():
        own = {a for pod in found for a in addresses(pod)}
        assert own <= offered(cluster.npn_of(node))
        assert len(cluster.npn_of(node)["status"]["vnics"]) == 4
    for found in by_node.values():
        reaches_all(space, found[0]["metadata"]["name"], known)


def reaches_all(space: Space, pod: str, known: dict[str, str]) -> None:
    """From this pod every address of every pod answers with that pod's name."""
    pages = {url(address, "hostname"): name for address, name in known.items()}
    seen: dict[str, str] = {}

    def asked() -> bool:
        left = [page for page in pages if page not in seen]
        seen.update(space.fetched_all(pod, left))
        return len(seen) == len(pages)

    until(asked, f"answers of {len(pages)} addresses to {pod}")
    assert seen == pages


def test_what_went_is_free_again(space: Space) -> None:
    """After the pods are gone the agents tell that their pools are whole."""
    space.apply(*(a_pod(f"p{i}") for i in range(4)))
    space.await_pods(4, patience=FILL_PATIENCE)

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
