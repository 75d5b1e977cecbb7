"""Pods have addresses of the VCN and reach each other with them, and so do Services and host ports."""

import os
from itertools import permutations

import pytest
from kubernetes.cluster import (
    Cluster,
    Json,
    Space,
    a_deployment,
    a_pod,
    a_service,
    addresses,
    family,
    offered,
    url,
)
from patience import until

from mooring.cli.lab import opened

EACH_FAMILY = "PreferDualStack"
"""A Service has an address of each family of the cluster, be it one or two."""


@pytest.fixture
def proxy(cluster: Cluster) -> str:
    """kube-proxy's mode as the lab was asked for it."""
    asked = os.environ.get("MOORING_E2E_PROXY")
    return asked or opened(cluster.lab).needed().topology.proxy


@pytest.fixture
def pods(space: Space) -> dict[str, Json]:
    """A pod on each node, by its name."""
    nodes = space.cluster.workers()
    space.apply(*(a_pod(f"on-{node}", node) for node in nodes))
    space.await_pods(len(nodes))
    return {pod["metadata"]["name"]: pod for pod in space.pods()}


def test_a_pod_has_addresses_that_its_node_s_object_offers(
    cluster: Cluster, pods: dict[str, Json]
) -> None:
    for pod in pods.values():
        node = pod["spec"]["nodeName"]
        assert set(addresses(pod)) <= offered(cluster.npn_of(node))


def test_pods_on_all_nodes_see_each_other_s_own_addresses(
    space: Space, pods: dict[str, Json]
) -> None:
    for one, other in permutations(pods, 2):
        own = {family(address): address for address in addresses(pods[one])}
        for target in addresses(pods[other]):
            seen = until(
                lambda one=one, target=target: space.fetched(one, url(target)),
                f"an answer of {target} to {one}",
            )
            assert seen.rpartition(":")[0].strip("[]") == own[family(target)]


def test_a_service_leads_to_pods_of_all_nodes_by_address_and_by_name(
    space: Space, families: tuple[str, ...]
) -> None:
    count = len(space.cluster.workers())
    web = a_service("web", ipFamilyPolicy=EACH_FAMILY)
    space.apply(a_deployment("web", count), web, a_pod("client"))
    pods = space.await_pods(count, "app=web")
    space.await_pods(1, "app=client")
    names = {pod["metadata"]["name"] for pod in pods}
    service = space.cluster.get("service", "web", "-n", space.name)["spec"][
        "clusterIPs"
    ]
    assert tuple(map(family, service)) == families

    for host in (*service, f"web.{space.name}.svc.cluster.local", "web"):
        seen: set[str] = set()

        def asked(host: str = host, seen: set[str] = seen) -> bool:
            seen.add(space.fetched("client", url(host, "hostname", 80)))
            return seen >= names

        until(asked, f"answers of {names} at {host}")


def test_rt_31_kube_proxy_works_in_the_mode_that_was_asked_for(
    cluster: Cluster, proxy: str
) -> None:
    page = ("curl", "-sf", "--max-time", "5", "http://127.0.0.1:10249/proxyMode")
    for node in cluster.workers():
        mode = until(
            lambda node=node: cluster.at_node(node, *page), f"kube-proxy of {node}"
        )
        assert mode == proxy


def test_rt_40_a_pod_reaches_itself_through_its_own_service(space: Space) -> None:
    space.apply(a_pod("web"), a_service("web"))
    space.await_pods(1)

    # Its own name is the pod's in its /etc/hosts, not the Service's.
    page = url(f"web.{space.name}.svc", "hostname", 80)
    found = until(lambda: space.fetched("web", page), "an answer")

    assert found == "web"


def test_rt_30_a_node_port_answers_on_every_node(
    space: Space, families: tuple[str, ...]
) -> None:
    web = a_service("web", type="NodePort", ipFamilyPolicy=EACH_FAMILY)
    space.apply(a_deployment("web", 1), web, a_pod("client"))
    space.await_pods(2)
    spec = space.cluster.get("service", "web", "-n", space.name)["spec"]
    port = spec["ports"][0]["nodePort"]

    for node in space.cluster.items("nodes"):
        hosts = internal(node)
        assert tuple(map(family, hosts)) == families
        for host in hosts:
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

    for host in internal(space.cluster.get("node", node)):
        found = until(
            lambda host=host: space.fetched("client", url(host, "hostname", 18080)),
            f"an answer at {host}",
        )
        assert found == "web"


def internal(node: Json) -> list[str]:
    """Give a node's own addresses, the preferred family's first."""
    found = node["status"]["addresses"]
    return [str(each["address"]) for each in found if each["type"] == "InternalIP"]


def test_a_pod_has_the_families_of_the_cluster_in_their_order(
    cluster: Cluster, pods: dict[str, Json], families: tuple[str, ...]
) -> None:
    for pod in pods.values():
        spec = cluster.npn_of(pod["spec"]["nodeName"])["spec"]
        assert tuple(spec["ipFamilies"]) == families
        assert tuple(map(family, addresses(pod))) == families
