"""`mooring get` and `mooring describe` on a real cluster, beside kubectl's own columns."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kubernetes.cluster import MOORING, Cluster, Json, Space, a_pod, addresses
from patience import until

AGENT = ("-n", "kube-system", "-l", "app=vcn-native-ip-cni")


def rows(text: str) -> list[dict[str, str]]:
    """A table's rows by its heads; no cell of these columns has a blank."""
    head, *found = [line.split() for line in text.splitlines()]
    return [dict(zip(head, row, strict=False)) for row in found]


def settled(cluster: Cluster, node: str) -> Json | None:
    """A node's object when its agent has told of its pool."""
    found = cluster.npn_of(node)
    status = found.get("status", {})
    return found if status.get("state") == "SUCCESS" and "usage" in status else None


def test_nodes_are_shown_with_their_objects(cluster: Cluster) -> None:
    shown = json.loads(cluster.mooring("get", "nodes", "-o", "json"))["items"]

    assert [each["metadata"]["name"] for each in shown] == cluster.workers()
    assert {each["status"] for each in shown} == {"Ready"}
    assert {each["nativePodNetwork"]["state"] for each in shown} == {"SUCCESS"}


def test_kubectl_and_we_name_the_same_objects_and_states(cluster: Cluster) -> None:
    ours = [line.split()[:3] for line in cluster.mooring("get", "npn").splitlines()]
    theirs = [line.split()[:3] for line in cluster.kubectl("get", "npn").splitlines()]

    assert ours == theirs


def test_kubectl_s_wide_columns_say_what_the_object_says(cluster: Cluster) -> None:
    """Node, VNICs, and the pool's used and free, each as ours and as the object has it."""
    node = cluster.workers()[0]

    def columns() -> tuple[dict[str, str], dict[str, str], Json] | None:
        """Both tables, of an object that did not change meanwhile."""
        before = settled(cluster, node)
        if before is None:
            return None
        name = before["metadata"]["name"]
        (theirs,) = rows(cluster.kubectl("get", "npn", name, "-o", "wide"))
        (ours,) = rows(cluster.mooring("get", "npn", name, "-o", "wide"))
        return (theirs, ours, before) if cluster.npn_of(node) == before else None

    theirs, ours, npn = until(columns, "an object that rests")
    status = npn["status"]
    wanted = {
        "STATE": status["state"],
        "REASON": status["reason"],
        "NODE": node,
        "VNICS": str(len(status["vnics"])),
        "USED": str(status["usage"]["used"]),
        "FREE": str(status["usage"]["free"]),
    }

    assert {head: theirs[head] for head in wanted} == wanted
    assert {head: ours[head] for head in wanted} == wanted


def test_pools_are_shown_with_what_is_offered_and_used(cluster: Cluster) -> None:
    shown = rows(cluster.mooring("get", "pools"))
    document = cluster.mooring("get", "pools", "-o=yaml")

    assert sorted(each["NODE"] for each in shown) == cluster.workers()
    assert all(int(each["OFFERED"]) > 0 and each["FREE"].isdigit() for each in shown)
    assert document.count("kind: Pool") == len(shown)


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


@contextmanager
def watching(cluster: Cluster, output: Path, *words: str) -> Iterator[None]:
    """A watch as a process of its own that writes to a file; killed after the block."""
    with (
        output.open("w") as file,
        subprocess.Popen(
            [*MOORING, "get", *words, "-w"],
            stdout=file,
            env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        ) as watch,
    ):
        try:
            yield
        finally:
            watch.kill()


def test_a_watch_tells_of_a_pod_until_it_is_gone(space: Space, tmp_path: Path) -> None:
    """The pod is held by a finalizer: else it may be gone before anybody looked again."""
    cluster, file = space.cluster, tmp_path / "told"
    pod = a_pod("web")
    pod["metadata"]["finalizers"] = ["mooring/test"]

    def told() -> list[str]:
        whole = file.read_text().rpartition("\n")[0]
        return [line.split()[1] for line in whole.splitlines()]

    with watching(cluster, file, "pods", "-n", space.name, "--no-headers"):
        space.apply(pod)
        until(lambda: "Running" in told(), "the pod's line")
        try:
            cluster.kubectl("delete", "pod", "web", "-n", space.name, "--wait=false")
            until(lambda: told()[-1] != "Running", "another line of it")
        finally:
            patch = '{"metadata":{"finalizers":null}}'
            cluster.kubectl("patch", "pod", "web", "-n", space.name, "-p", patch)


def test_a_node_is_described_with_its_pods_and_events(space: Space) -> None:
    cluster = space.cluster
    node = cluster.workers()[0]
    space.apply(a_pod("web", node))
    space.await_pods(1)

    # An event is kept for an hour only; this one is of now, and as the controller writes them.
    reason = "ToldByTheSuite"
    cluster.apply(an_event(cluster, node, reason))
    shown = described(cluster, node)

    assert shown.stderr == ""
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["State:", "SUCCESS"] in lines
    assert any(line[1:3] == ["for", "pods:"] for line in lines)
    assert any(line[:2] == [space.name, "web"] for line in lines)
    assert any(reason in line and "suite" in line for line in lines)
    assert any(
        line[:5] == ["Ask", "it:", "kubectl", "exec", "-n"]
        and line[6] in agents(cluster, node)
        for line in lines
    )


def test_the_agent_s_pod_describes_its_node_with_links_and_tables(
    cluster: Cluster,
) -> None:
    """With the agent's account, which may not read nodes: by the line that `describe` gives."""
    node = cluster.workers()[0]
    shown = described_in_the_pod(cluster, node)

    found = [line.split() for line in shown.splitlines()]
    said = {line[0]: line[1:] for line in found if line}
    vnics = cluster.npn_of(node)["status"]["vnics"]
    assert said["Name:"] == [cluster.npn_of(node)["metadata"]["name"]]
    assert found[0] == ["Name:", node]
    assert said["State:"] == ["SUCCESS"]
    assert said["Used:"][0].isdigit()
    assert len([line for line in found if line[:1] == ["Link:"]]) == len(vnics)
    tables = [line[1] for line in found if line[:1] == ["Table:"]]
    assert len(tables) == len(vnics)
    assert all(table.isdigit() for table in tables)
    assert said["Last"][0] == "change:"
    ready = said.get("IPv4Ready") or said["IPv6Ready"]
    assert ready[0] == "True"
    assert ready[1].isalpha(), "the condition's reason"


def test_from_afar_links_and_tables_are_those_that_the_agent_s_pod_shows(
    cluster: Cluster,
) -> None:
    for node in cluster.workers():
        known = cluster.npn_of(node)["status"]["vnics"]
        inside = until(partial(the_same, cluster, node), "what both show")

        assert inside.keys() == {vnic["vnicId"] for vnic in known}
        for way in inside.values():
            assert way.keys() == {"Link", "Table", "Rule"}
            assert way["Table"].isdigit()
            assert way["Rule"].endswith(f"lookup {way['Table']}")
        told = cluster.npn_of(node)["status"]["usage"]["vnics"]
        assert told == [
            {"vnicId": vnic, "link": way["Link"], "table": int(way["Table"])}
            for vnic, way in sorted(inside.items())
        ]


def the_same(cluster: Cluster, node: str) -> dict[str, dict[str, str]] | None:
    """The ways of a node's VNICs when they are shown alike on both sides: telling takes seconds."""
    afar = ways(described(cluster, node).stdout)
    return afar if afar == ways(described_in_the_pod(cluster, node)) else None


def ways(text: str) -> dict[str, dict[str, str]]:
    """Link, table and rule of each VNIC of a node that is described."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if name.startswith("ocid1.vnic."):
            found[name] = {}
        elif name in {"Link", "Table", "Rule"}:
            *_, last = found.values()
            last[name] = value.strip()
    return found


def agents(cluster: Cluster, node: str) -> list[str]:
    """Name the agent's pod on a node."""
    found = cluster.items("pods", *AGENT, "--field-selector", f"spec.nodeName={node}")
    return [
        pod["metadata"]["name"]
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
    ]


def described(cluster: Cluster, node: str) -> "subprocess.CompletedProcess[str]":
    """What `describe` says at a distance, and its complaints."""
    return subprocess.run(
        [*MOORING, "describe", "node", node],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
    )


def described_in_the_pod(cluster: Cluster, node: str) -> str:
    """What `describe` says in the pod of the node's agent, by the line that is given for it."""
    (pod,) = agents(cluster, node)
    words = ("python3", "-m", "mooring", "describe", "node", node)
    return cluster.kubectl("exec", "-n", "kube-system", pod, "--", *words)


def an_event(cluster: Cluster, node: str, reason: str) -> Json:
    """An event about a node's object."""
    npn = cluster.npn_of(node)
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "told-by-the-suite", "namespace": "default"},
        "regarding": {
            "apiVersion": npn["apiVersion"],
            "kind": npn["kind"],
            "name": npn["metadata"]["name"],
        },
        "type": "Normal",
        "reason": reason,
        "action": "Look",
        "note": "by the suite",
        "reportingController": "suite",
        "reportingInstance": "suite-1",
        "eventTime": "2026-11-21T00:00:00.000000Z",
    }
