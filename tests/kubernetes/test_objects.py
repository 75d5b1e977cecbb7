"""Objects that others write: Karpenter's and OKE's both reach SUCCESS; broken ones stop nobody."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.cloud import Cloud, Machine
from kubernetes.cluster import Cluster, offered
from patience import until

Json = dict[str, Any]
IMPOSSIBLE = [
    ({"maxPodCount": 257}, "spec.maxPodCount"),
    ({"maxPodCount": 0}, "spec.maxPodCount"),
    ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies"),
    ({"id": ""}, "spec.id"),
    ({"id": "ocid1.instance.oc1..another"}, "metadata.name must be the end of spec.id"),
    ({"podSubnetIds": ["s"] * 6}, "spec.podSubnetIds"),
]


def an_npn(name: str, **spec: object) -> Json:
    return {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": name},
        "spec": spec,
    }


def karpenter(machine: Machine, subnet: str) -> Json:
    """As Karpenter's provider writes one: id, maxPodCount and secondaryVnics only."""
    profiles = [
        {
            "createVnicDetails": {
                "displayName": f"SVnic {i}",
                "ipCount": 16,
                "skipSourceDestCheck": True,
                "subnetId": subnet,
            }
        }
        for i in range(2)
    ]
    return an_npn(machine.name, id=machine.id, maxPodCount=32, secondaryVnics=profiles)


def classic(machine: Machine, subnet: str) -> Json:
    """As OKE's control plane writes one."""
    return an_npn(
        machine.name,
        id=machine.id,
        maxPodCount=20,
        podSubnetIds=[subnet],
        networkSecurityGroupIds=[],
        ipFamilies=["IPv4"],
    )


@pytest.mark.parametrize(
    ("shape", "vnics", "pods"), [(karpenter, 2, 32), (classic, 1, 20)]
)
def test_an_object_of_somebody_else_reaches_success_and_ends_with_its_instance(
    cluster: Cluster,
    cloud: Cloud,
    shape: Callable[[Machine, str], Json],
    vnics: int,
    pods: int,
) -> None:
    with cloud.machine(f"other-{shape.__name__}") as machine:
        cluster.apply(shape(machine, cloud.subnet("pods")))

        def settled() -> Json | None:
            found = cluster.get("npn", machine.name)
            return found if found.get("status", {}).get("state") == "SUCCESS" else None

        found = until(settled, f"SUCCESS of {machine.name}")
        assert found["status"]["reason"] == "COMPLETED"
        assert len(found["status"]["vnics"]) == vnics
        assert len([a for a in offered(found) if ":" not in a]) == pods
        columns = cluster.kubectl("get", "npn", machine.name).split()
        assert columns[:3] == ["NAME", "STATE", "REASON"]

    until(
        lambda: cluster.run("get", "npn", machine.name).returncode != 0,
        "the object to go with its instance",
    )


@pytest.mark.parametrize(("spec", "field"), IMPOSSIBLE)
def test_what_cannot_be_right_is_refused_by_the_api_server(
    cluster: Cluster, spec: Json, field: str
) -> None:
    whole = {"id": "ocid1.instance.oc1..x", "podSubnetIds": ["s"], **spec}

    done = cluster.run("apply", "-f", "-", given=json.dumps(an_npn("x", **whole)))

    assert done.returncode != 0
    assert field in done.stderr


def test_an_object_for_no_instance_says_so_and_stops_nobody(cluster: Cluster) -> None:
    cluster.apply(
        an_npn("nobody", id="ocid1.instance.oc1..nobody", podSubnetIds=["none"])
    )
    try:

        def told() -> bool:
            status = cluster.get("npn", "nobody").get("status", {})
            return status.get("state") == "BACKOFF" and bool(status.get("message"))

        until(told, "BACKOFF with a message")
        states = {
            each["metadata"]["name"]: each["status"]["state"]
            for each in cluster.items("npn")
        }
        assert {s for name, s in states.items() if name != "nobody"} == {"SUCCESS"}
    finally:
        cluster.kubectl("delete", "npn", "nobody", "--wait=false")
