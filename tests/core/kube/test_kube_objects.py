"""Nodes, pods and metadata: what is read, what is refused, that nothing else is raised."""

import contextlib
import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_nonsense import NEARLY

from mooring.core.kube import lease, meta, node, pod
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import NodeCondition, Taint
from mooring.core.kube.resource import LEASES, NODES, NPNS, PODS, Scope
from mooring.core.net.fields import Unreadable


def a_node() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "node-1",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 2,
            "labels": {"zone": "one"},
            "annotations": {
                "mooring/pool": "4",
                "oci.oraclecloud.com/x": "y",
                "kubectl.kubernetes.io/last-applied-configuration": "long",
            },
            "managedFields": [{"anything": 1}],
        },
        "spec": {
            "providerID": "ocid1.instance.x",
            "taints": [{"key": "a", "effect": "NoSchedule", "timeAdded": "now"}],
            "unschedulable": True,
        },
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "node-1"},
                {"type": "InternalIP", "address": "10.0.0.4"},
                {"type": "InternalIP", "address": "fd00::4"},
            ],
            "conditions": [
                {"type": "Ready", "status": "True"},
                {"type": "DiskPressure", "status": "False"},
            ],
            "capacity": {"pods": "110", "cpu": "4"},
            "allocatable": {"pods": 100},
        },
    }


def a_pod() -> dict[str, Any]:
    return {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "p",
            "labels": {"app": "web"},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "1"},
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "web-1",
                    "uid": "2",
                    "controller": True,
                },
            ],
        },
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.9",
            "podIPs": [{"ip": "10.0.0.9"}, {"ip": "fd00::9"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def test_a_node_is_cut_down_to_what_is_used() -> None:
    found = node.read(a_node())

    assert (found.name, found.uid, found.version) == ("node-1", "u", "7")
    assert found.provider_id == "ocid1.instance.x"
    assert found.labels == {"zone": "one"}
    assert found.annotations == {"mooring/pool": "4", "oci.oraclecloud.com/x": "y"}
    assert found.taints == (Taint("a", "NoSchedule"),)
    assert found.addresses == (ip_address("10.0.0.4"), ip_address("fd00::4"))
    assert (found.ready, found.unschedulable, found.deleting) == (True, True, False)
    assert (found.capacity_pods, found.allocatable_pods) == (110, 100)


def test_a_node_that_has_said_nothing_yet_is_a_node() -> None:
    found = node.read({"metadata": {"name": "a"}})

    assert not found.ready
    assert found.capacity_pods is None
    assert found.taints == found.addresses == ()


def test_a_taint_is_asked_for_with_an_effect_or_with_any() -> None:
    found = node.read(a_node())

    assert found.tainted("a")
    assert found.tainted("a", "NoSchedule")
    assert not found.tainted("a", "NoExecute")
    assert not found.tainted("b")


def test_a_pod_is_cut_down_to_what_is_used() -> None:
    found = pod.read(a_pod())

    assert found.key == "shop/web"
    assert found.node == "node-1"
    assert found.ips == (ip_address("10.0.0.9"), ip_address("fd00::9"))
    assert found.owner == Owner("ReplicaSet", "web-1", "2", "apps/v1", controller=True)
    assert found.ready
    assert not found.ended
    assert not found.host_network


def test_a_pod_of_an_old_server_has_one_address() -> None:
    document = a_pod()
    del document["status"]["podIPs"]

    assert pod.read(document).ips == (ip_address("10.0.0.9"),)


@pytest.mark.parametrize("empty", [None, ""])
def test_a_pod_without_an_address_has_none(empty: object) -> None:
    document = a_pod()
    document["status"] = {"podIP": empty, "phase": "Succeeded"}

    assert pod.read(document).ips == ()
    assert pod.read(document).ended


def set_at(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    *way, last = path.split(".")
    here: Any = document
    for word in way:
        here = here[int(word)] if word.isdigit() else here[word]
    here[int(last) if last.isdigit() else last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("metadata", 5, "metadata: 5: must be an object"),
        ("metadata.name", None, "metadata.name: None: is required"),
        ("metadata.name", "", "metadata.name: '': must have 1 to 253 characters"),
        ("metadata.labels", {"a": 5}, "metadata.labels.a: 5: must be text"),
        (
            "metadata.labels",
            {str(i): "" for i in range(5000)},
            "must have at most 4096",
        ),
        (
            "metadata.generation",
            "x",
            "metadata.generation: 'x': must be a whole number",
        ),
        (
            "metadata.ownerReferences",
            [{}],
            "ownerReferences[0].kind: None: is required",
        ),
        ("metadata.annotations", {"mooring/pool": []}, "annotations.mooring/pool: []"),
        ("spec.providerID", 7, "spec.providerID: 7: must be text"),
        ("spec.taints", {}, "spec.taints: {}: must be a list"),
        (
            "spec.taints.0.effect",
            "Never",
            "spec.taints[0].effect: 'Never': must be one",
        ),
        (
            "spec.unschedulable",
            "yes",
            "spec.unschedulable: 'yes': must be true or false",
        ),
        (
            "status.addresses.1.address",
            "x",
            "status.addresses[1].address: 'x': must be",
        ),
        (
            "status.capacity.pods",
            "many",
            "status.capacity.pods: 'many': must be a whole",
        ),
        ("status.capacity.pods", "1" * 30, "status.capacity.pods: 1111"),
        ("status.capacity.pods", -1, "status.capacity.pods: -1: must be from 0"),
        (
            "status.conditions",
            [{"type": "Ready"}],
            "conditions[0].status: None: is req",
        ),
    ],
)
def test_what_is_wrong_with_a_node_is_named(
    path: str, value: object, said: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        node.read(set_at(a_node(), path, value))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "status.podIPs.0.ip",
            "x",
            "status.podIPs[0].ip: 'x': must be an IPv4 address",
        ),
        ("status.podIPs.1.ip", "a:b", "status.podIPs[1].ip: 'a:b': must be an IPv6"),
        ("status.podIPs.1.ip", 5, "status.podIPs[1].ip: 5: must be text"),
        ("status.phase", "Lost", "status.phase: 'Lost': must be one of"),
        ("spec.hostNetwork", 1, "spec.hostNetwork: 1: must be true or false"),
    ],
)
def test_what_is_wrong_with_a_pod_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        pod.read(set_at(a_pod(), path, value))
    assert said in str(caught.value)


@pytest.mark.parametrize("thing", [None, [], "x", 5])
def test_what_is_no_object_is_refused(thing: object) -> None:
    for read in (node.read, pod.read, meta.read):
        with pytest.raises(Unreadable, match="must be a JSON object"):
            read(thing)


@given(NEARLY)
def test_readers_read_or_say_what_is_wrong(document: object) -> None:
    for read in (node.read, pod.read, meta.read, lease.read):
        with contextlib.suppress(Unreadable):
            read(document)


@given(NEARLY, st.sampled_from(["metadata", "spec", "status"]))
def test_a_part_that_is_nonsense_is_told(part: object, name: str) -> None:
    for read, whole in ((node.read, a_node()), (pod.read, a_pod())):
        with contextlib.suppress(Unreadable):
            read({**whole, name: part})


def test_label_keys_and_values_are_held_once() -> None:
    text = json.dumps(a_node())
    one, two = node.read(json.loads(text)), node.read(json.loads(text))

    assert next(iter(one.labels)) is next(iter(two.labels))


def test_paths_lead_to_kinds_objects_and_parts() -> None:
    assert NODES.path() == "/api/v1/nodes"
    assert PODS.path("shop", "web") == "/api/v1/namespaces/shop/pods/web"
    assert LEASES.path("a") == "/apis/coordination.k8s.io/v1/namespaces/a/leases"
    assert NPNS.path(name="x", part="status").endswith("/nativepodnetworks/x/status")
    assert NPNS.api_version == "oci.oraclecloud.com/v1beta1"
    assert NODES.api_version == "v1"


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "a?b", "ä", "a b", "%2f"])
def test_no_name_leads_out_of_its_place(name: str) -> None:
    path = NODES.path(name=name)

    assert path.count("/") == 4
    assert path.isascii()
    assert not {" ", "?", ".."} & set(path.removeprefix("/api/v1/nodes/").split("/"))


def test_a_scope_is_sent_as_parameters() -> None:
    assert Scope().query() == {}
    assert Scope(labels="a=b", fields="metadata.name=x").query() == {
        "labelSelector": "a=b",
        "fieldSelector": "metadata.name=x",
    }


def test_what_is_said_of_a_node_is_read_as_it_was_meant() -> None:
    document = a_node()
    odd = {"type": "Odd", "status": "Unknown", "reason": 7, "message": "m"}
    document["status"]["conditions"].append(odd)
    found = node.read(document)

    assert found.conditions[1:] == (
        NodeCondition("DiskPressure", "False"),
        NodeCondition("Odd", "Unknown", "", "m"),
    )
    assert found.most_pods == 100
