"""Pods have addresses of the VCN and reach each other with them, and so do Services and host ports."""

import json

import pytest
from kubernetes.cluster import (
    Cluster,
    Space,
    a_deployment,
    a_pod,
    a_service,
    addresses,
    offered,
    until,
)


@pytest.fixture
def pair(space: Space) -> dict[str, str]:
    """A pod on each node; their first addresses by name."""
    nodes = space.cluster.workers()
    space.apply(*(a_pod(f"on-{node}", node) for node in nodes))
    space.await_pods(len(nodes))
    return {pod["metadata"]["name"]: addresses(pod)[0] for pod in space.pods()}


def url(host: str, path: str = "clientip", port: int = 8080) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/{path}"


def test_a_pod_has_an_address_that_its_node_s_object_offers(
    space: Space, pair: dict[str, str]
) -> None:
    for pod in space.pods():
        node = pod["spec"]["nodeName"]
        assert addresses(pod)[0] in offered(space.cluster.npn_of(node))


def test_pods_on_two_nodes_see_each_other_s_own_address(
    space: Space, pair: dict[str, str]
) -> None:
    (one, address), (other, target) = pair.items()

    assert space.fetched(one, url(target)).rpartition(":")[0].strip("[]") == address
    assert space.fetched(other, url(address)).rpartition(":")[0].strip("[]") == target


def test_a_service_leads_to_pods_of_both_nodes_by_address_and_by_name(
    space: Space,
) -> None:
    count = len(space.cluster.workers())
    space.apply(a_deployment("web", count), a_service("web"), a_pod("client"))
    pods = space.await_pods(count, "app=web")
    space.await_pods(1, "app=client")
    names = {pod["metadata"]["name"] for pod in pods}
    service = space.cluster.get("service", "web", "-n", space.name)["spec"]["clusterIP"]

    for host in (service, f"web.{space.name}.svc.cluster.local", "web"):
        seen: set[str] = set()

        def asked(host: str = host, seen: set[str] = seen) -> bool:
            seen.add(space.fetched("client", url(host, "hostname", 80)))
            return seen >= names

        until(asked, f"answers of {names} at {host}")


def test_rt_40_a_pod_reaches_itself_through_its_own_service(space: Space) -> None:
    space.apply(a_pod("web"), a_service("web"))
    space.await_pods(1)

    # Its own name is the pod's in its /etc/hosts, not the Service's.
    page = url(f"web.{space.name}.svc", "hostname", 80)
    found = until(lambda: space.fetched("web", page), "an answer")

    assert found == "web"


def test_rt_30_a_node_port_answers_on_every_node(space: Space) -> None:
    web = a_service("web", type="NodePort")
    space.apply(a_deployment("web", 1), web, a_pod("client"))
    space.await_pods(2)
    spec = space.cluster.get("service", "web", "-n", space.name)["spec"]
    port = spec["ports"][0]["nodePort"]

    for node in space.cluster.items("nodes"):
        host = internal(node)
        found = until(
            lambda host=host: space.fetched("client", url(host, "hostname", port)),
            f"an answer at {host}:{port}",
        )
        assert found.startswith("web-")


def test_a_host_port_leads_to_its_pod(space: Space) -> None:
    node, other = space.cluster.workers()[:2]
    web = a_pod("web", node)
    web["spec"]["containers"][0]["ports"] = [{"containerPort": 8080, "hostPort": 18080}]
    space.apply(web, a_pod("client", other))
    space.await_pods(2)
    host = internal(space.cluster.get("node", node))

    found = until(
        lambda: space.fetched("client", url(host, "hostname", 18080)), "an answer"
    )

    assert found == "web"


def internal(node: dict[str, object]) -> str:
    """Give a node's own address."""
    status = json.loads(json.dumps(node["status"]))
    return next(
        str(a["address"]) for a in status["addresses"] if a["type"] == "InternalIP"
    )


def test_a_pod_has_the_families_of_the_cluster_in_their_order(
    cluster: Cluster, pair: dict[str, str], space: Space
) -> None:
    for pod in space.pods():
        spec = cluster.npn_of(pod["spec"]["nodeName"])["spec"]
        wanted = [6 if family == "IPv6" else 4 for family in spec["ipFamilies"]]
        assert [6 if ":" in a else 4 for a in addresses(pod)] == wanted
