"""`mooring get` and `mooring describe` on a real cluster, beside kubectl's own columns."""

import json

from kubernetes.cluster import Cluster, Space, a_pod, addresses


def test_nodes_are_shown_with_their_objects(cluster: Cluster) -> None:
    shown = json.loads(cluster.mooring("get", "nodes", "-o", "json"))["items"]

    assert [each["metadata"]["name"] for each in shown] == cluster.workers()
    assert {each["status"] for each in shown} == {"Ready"}
    assert {each["nativePodNetwork"]["state"] for each in shown} == {"SUCCESS"}


def test_kubectl_and_we_name_the_same_objects_and_states(cluster: Cluster) -> None:
    ours = [line.split()[:3] for line in cluster.mooring("get", "npn").splitlines()]
    theirs = [line.split()[:3] for line in cluster.kubectl("get", "npn").splitlines()]

    assert ours == theirs


def test_a_pod_is_shown_with_the_vnic_of_its_address(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    space.apply(a_pod("web", node))
    (pod,) = space.await_pods(1)

    shown = json.loads(
        cluster.mooring("get", "pods", "web", "-n", space.name, "-o", "json")
    )

    assert shown["addresses"] == addresses(pod)
    known = [vnic["vnicId"] for vnic in cluster.npn_of(node)["status"]["vnics"]]
    assert next(vnic["id"] for vnic in shown["vnics"]) in known


def test_a_node_is_described_with_its_pods_and_events(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    space.apply(a_pod("web", node))
    space.await_pods(1)

    shown = cluster.mooring("describe", "node", node)

    assert "State:     SUCCESS" in shown
    assert "IPv4 for pods:" in shown
    assert any("web" in line and space.name in line for line in shown.splitlines())
