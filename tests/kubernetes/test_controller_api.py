"""The controller and the definition of its resource on a real kube-apiserver, with a cloud in memory.

The manifest's rights are compared with what the server's audit says was asked for: nothing that is
needed is missing, nothing that is given is unused.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_desk import SUBNET, Desk, a_desk
from kubernetes.apiserver import ApiServer, an_api_server
from npn_shapes import CAPOCI, KARPENTER, KARPENTER_FIRST, OKE
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.connect import connect
from mooring.core.kube.errors import Invalid, Present
from mooring.core.kube.resource import EVENTS, NODES, NPNS
from mooring.core.linux.upstream import CLUSTER
from mooring.core.npn.codec import Unreadable, parse
from mooring.lab.programs_built import Builder

MANIFEST = Path(__file__).parents[2] / "deploy/manifests/controller.yaml"
ACCOUNT = "mooring-controller"
USER = f"system:serviceaccount:kube-system:{ACCOUNT}"
RIGHTS = "/apis/rbac.authorization.k8s.io/v1"
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "Panic"],
    "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    wanted = [each for each in CLUSTER if each.name in ("etcd", "kube-apiserver")]
    programs = Builder.usual(os.environ, print).build(wanted)
    home = tmp_path_factory.mktemp("apiserver")
    (home / "audit.json").write_text(json.dumps(AUDIT))
    flags = (
        f"--audit-policy-file={home}/audit.json",
        f"--audit-log-path={home}/audit.log",
    )
    with an_api_server(programs, home, *flags) as made:
        yield made


@pytest.fixture
def desk(server: ApiServer) -> Iterator[Desk]:
    with contextlib.closing(connect(server.kubeconfig)) as api, a_desk(api) as made:
        made.clear()
        yield made
        made.end()
        made.clear()


# The definition.


@pytest.mark.parametrize("shape", [KARPENTER, KARPENTER_FIRST, CAPOCI])
def test_what_others_write_reaches_success(desk: Desk, shape: Json) -> None:
    document = deepcopy(shape)
    document["metadata"]["name"] = "n1"
    document["spec"]["id"] = desk.instance("n1", **{"oke-preconfigured-vnics": "true"})
    text = json.dumps(document).replace("ocid1.subnet.oc1..a", SUBNET)
    desk.api.create(NPNS.path(), json.loads(text))
    desk.node("n1")
    desk.agent("n1")
    desk.start()
    until(lambda: desk.settled("n1") and desk.owner("n1") == desk.uid("n1"))
    until(lambda: "mooring/agent-not-ready" not in desk.taints("n1"))


def test_a_status_of_okes_is_read_and_both_spellings_are_written(desk: Desk) -> None:
    document = deepcopy(OKE)
    document["metadata"]["name"] = "n1"
    document["spec"]["id"] = desk.instance("n1")
    document["spec"]["podSubnetIds"] = [SUBNET]
    desk.api.create(NPNS.path(), document)
    status = {**document["status"], "theirs": {"kept": True}}
    desk.api.patch(NPNS.path(name="n1", part="status"), {"status": status})
    first, document = desk.npn("n1"), desk.document("n1") or {}
    assert first is not None
    assert document["status"]["theirs"] == {"kept": True}
    assert str(first.status.vnics[0].host.v4) == "10.0.10.4"
    desk.start()

    def vnic() -> Json:
        vnics = (desk.document("n1") or {})["status"].get("vnics") or [{}]
        return dict(vnics[0])

    until(lambda: desk.settled("n1") and len(vnic().get("addresses", [])) == 31)

    assert [p["v4"] for p in vnic()["podAddresses"]] == vnic()["addresses"]
    assert vnic()["nicConfiguration"]["subnet"] == SUBNET


def changed(**spec: object) -> Json:
    document = deepcopy(CAPOCI)
    document["spec"].update(spec)
    return document


def profiles(*kinds: tuple[str, int]) -> list[Json]:
    return [
        {"createVnicDetails": {"displayName": n, "subnetId": "s", "ipCount": c}}
        for n, c in kinds
    ]


def named(*kinds: Json, **spec: object) -> Json:
    """Profiles that leave ipCount out, some with a name of the attachment's."""
    made = [{"createVnicDetails": {"subnetId": "s"}, **kind} for kind in kinds]
    return changed(secondaryVnics=made, **spec)


def with_ipv6(**pair: str) -> Json:
    details = {"subnetId": "s", "ipv6AddressIpv6SubnetCidrPairDetails": [pair]}
    return changed(secondaryVnics=[{"createVnicDetails": details}])


def other(name: str, id_: str) -> Json:
    return {**changed(id=id_), "metadata": {"name": name}}


FIRST = {"createVnicDetails": {"subnetId": "s", "displayName": "SVnic 0"}}
REFUSED = {
    "spec.ipFamilies": changed(ipFamilies=["IPv6", "IPv6"]),
    "spec.podSubnetIds": changed(podSubnetIds=[]),
    "spec.podSubnetIds: Invalid": changed(podSubnetIds=None, secondaryVnics=[]),
    "spec.secondaryVnics": changed(secondaryVnics=profiles(("a", 8), ("a", 8))),
    "add up to more": changed(secondaryVnics=profiles(("a", 200), ("b", 57))),
    "spec.maxPodCount": changed(maxPodCount=257),
    "createVnicDetails.subnetId": changed(secondaryVnics=[{"createVnicDetails": {}}]),
    "more than 256; left out it is 32": named(*[{}] * 9),
    "256 where ipFamilies is IPv6 alone": named({}, {}, ipFamilies=["IPv6"]),
    "displayName, where": named({"displayName": "a"}, {"displayName": "a"}),
    "where createVnicDetails has none": named({"displayName": "SVnic 0"}, FIRST),
    '"SVnic <index>" is the name': named({}, FIRST),
    "profile without one": named({}, {"displayName": "SVnic 0"}),
    "ipv6Address: Invalid": with_ipv6(ipv6Address="fd00::g"),
    "must be an IPv6 address": with_ipv6(ipv6Address="10.0.0.1"),
    "ipv6SubnetCidr: Invalid": with_ipv6(ipv6SubnetCidr="fd00::1"),
    "no bit set behind": with_ipv6(ipv6SubnetCidr="fd00::1/64"),
    "spec.id": other("a", "ocid1.vnic.oc1..a"),
}
NOT_ITS_NAME = (
    other("b", "ocid1.instance.oc1..a"),
    other("x.a", "ocid1.instance.oc1.x.a"),
    other("a", "ocid1.instance.oc1.ba"),
)
TAKEN = (
    named(*[{}] * 8),
    named({}, ipFamilies=["IPv6"]),
    named({"displayName": None}, {"displayName": "b"}),
    named({}, {"displayName": "SVnic 01"}, {"displayName": "SVnic 1"}),
    named(FIRST | {"displayName": "a"}, {"displayName": "a"}),
    with_ipv6(ipv6Address="fd00::7", ipv6SubnetCidr="fd00::/64"),
    other("abc", "ocid1.instance.oc1..ABC"),
    changed(secondaryVnics=profiles(("a", 128), ("b", 128)), podSubnetIds=None),
    changed(ipFamilies=["IPv6", "IPv4"]),
    changed(maxPodCount=None),
    changed(secondaryVnics=profiles(("a", 3))),
)


@pytest.mark.parametrize("words", REFUSED)
def test_schema_and_codec_refuse_the_same(desk: Desk, words: str) -> None:
    with pytest.raises(Invalid) as raised:
        desk.api.create(NPNS.path(), REFUSED[words])
    with pytest.raises(Unreadable):
        parse(REFUSED[words])

    assert words in str(raised.value)


@pytest.mark.parametrize("document", TAKEN)
def test_schema_and_codec_take_the_same(desk: Desk, document: Json) -> None:
    made = desk.api.create(NPNS.path(), document)

    assert parse(made).spec == parse(document).spec


@pytest.mark.parametrize("document", NOT_ITS_NAME)
def test_an_object_has_its_instances_name(desk: Desk, document: Json) -> None:
    """The codec reads a directory's objects too, so there the controller tells."""
    with pytest.raises(Invalid, match=r"must be the end of spec\.id"):
        desk.api.create(NPNS.path(), document)


def test_what_the_schema_cannot_see_is_a_condition_and_an_event(desk: Desk) -> None:
    """An annotation is nothing that a schema knows; put right, nothing of it is left."""
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1"))
    pool = {"metadata": {"annotations": {"mooring/pool": "warmTarget=none"}}}
    desk.api.patch(NPNS.path(name="n1"), pool)

    def told() -> dict[str, Json]:  # nobody can read the whole object now
        status = (desk.document("n1") or {})["status"]
        return {each["type"]: each for each in status["conditions"]}

    until(lambda: "Accepted" in told())
    until(lambda: "GetNPNFailed" in desk.reasons("n1"))
    refused = told()
    pool["metadata"]["annotations"]["mooring/pool"] = "preallocate"
    desk.api.patch(NPNS.path(name="n1"), pool)
    until(lambda: desk.settled("n1"))

    assert refused["Accepted"]["status"] == "False"
    for word in ("mooring/pool", "'none'", "must be"):
        assert word in refused["Accepted"]["message"]
    assert refused["IPv4Ready"]["status"] == "Unknown"
    assert desk.conditions("n1") == {"IPv4Ready": "Complete"}


def test_an_object_stays_with_its_instance_and_unknown_fields_of_the_spec_go(
    desk: Desk,
) -> None:
    made = desk.api.create(NPNS.path(), changed(maxPodsCount=9))
    other = {"spec": {"id": "ocid1.instance.oc1.test.another"}}
    with pytest.raises(Invalid, match="make another object"):
        desk.api.patch(NPNS.path(name="abuw4ljr"), other)

    assert "maxPodsCount" not in made["spec"]


# Its rights.


def as_the_controller(desk: Desk, server: ApiServer) -> Api:
    """Put the manifest's account and rights in force, wait until they are, and be it."""
    for document in documents("ServiceAccount", "ClusterRole", "Role"):
        create(desk, document)
    for document in documents("ClusterRoleBinding", "RoleBinding"):
        create(desk, document)
    until(lambda: all(may(desk, right) for right in granted()))
    path = f"/api/v1/namespaces/kube-system/serviceaccounts/{ACCOUNT}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    token = desk.api.create(path, asked | {"spec": {}})["status"]["token"]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = token
    file = server.home / "controller-kubeconfig"
    file.write_text(json.dumps(config))
    return connect(file)


def documents(*kinds: str) -> list[Json]:
    return [
        each
        for each in yaml.safe_load_all(MANIFEST.read_text())
        if each["kind"] in kinds
    ]


def create(desk: Desk, document: Json) -> None:
    """Make it, or let it be as the manifest says whatever an earlier test has left."""
    space = document["metadata"].get("namespace", "")
    where = f"/namespaces/{space}" if space else ""
    root = "/api/v1" if document["kind"] == "ServiceAccount" else RIGHTS
    path = f"{root}{where}/{document['kind'].lower()}s"
    try:
        desk.api.create(path, document)
    except Present:
        desk.api.patch(f"{path}/{document['metadata']['name']}", document)


@dataclass(frozen=True)
class Right:
    """What may be done, and where: "" is the whole cluster."""

    verb: str
    kind: str
    namespace: str = ""


def may(desk: Desk, right: Right) -> bool:
    """Ask the server whether the controller may; a change of its rights takes a moment."""
    group, _, rest = (
        right.kind.partition("/") if "." in right.kind else ("", "", right.kind)
    )
    resource, _, part = rest.partition("/")
    about = {
        "verb": right.verb,
        "group": group,
        "resource": resource,
        "subresource": part,
        "namespace": right.namespace,
    }
    if resource == "leases" and right.verb != "create":
        about["name"] = "npn.oci.oraclecloud.com"
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": USER, "resourceAttributes": about},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(desk.api.create(path, asked)["status"]["allowed"])


def granted() -> set[Right]:
    return {
        Right(
            verb,
            f"{group}/{resource}".strip("/"),
            role["metadata"].get("namespace", ""),
        )
        for role in documents("ClusterRole", "Role")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def audited(server: ApiServer) -> str:
    return (server.home / "audit.log").read_text()


def asked(log: str) -> tuple[set[Right], list[Json]]:
    """What the controller asked for, and what of it was forbidden."""
    found, refused = set(), []
    for line in log.splitlines():
        told = json.loads(line)
        about = told["objectRef"]
        part = f"/{about['subresource']}" if about.get("subresource") else ""
        kind = f"{about.get('apiGroup', '')}/{about['resource']}{part}".strip("/")
        found.add(Right(told["verb"], kind, about.get("namespace", "")))
        if told["responseStatus"].get("code") == 403:
            refused.append(told)
    return found, refused


def counted(desk: Desk) -> bool:
    """Tell whether an event of the controller itself was told twice."""
    found = desk.api.get(EVENTS.path("kube-system"))["items"]
    return any((each.get("series") or {}).get("count") == 2 for each in found)


def test_the_manifest_grants_what_is_asked_for_and_no_more(
    desk: Desk, server: ApiServer
) -> None:
    before = len(audited(server))
    with contextlib.closing(as_the_controller(desk, server)) as api:
        desk.joined("n1", "n2")
        lines, read = ["pool"], []

        def pools() -> str:
            read.append(lines[0])
            return lines[0]

        desk.start("one", api=api, interval=1.0, pools=pools)
        until(lambda: desk.settled("n1", "n2"))
        until(lambda: "mooring/agent-not-ready" not in desk.taints("n1"))
        until(lambda: desk.reasons("one") == {"NodePoolRefused"})
        lines[0] = ""
        reads = len(read)
        until(lambda: len(read) > reads + 1)
        lines[0] = "pool"  # told again it is counted: a patch
        until(lambda: counted(desk))
        desk.joined("n3", **{"oke-max-pods": "many"})
        until(lambda: desk.condition("n3")[:2] == ("False", "Refused"))
        for free in (0, 31, 0, 31):  # an event that is told again is counted: a patch
            desk.tell("n1", used=31 - free, free=free)
            until(
                lambda free=free: (
                    ("mooring/no-addresses" in desk.taints("n1")) is (not free)
                )
            )
        desk.cloud.set_state("ocid1.instance.oc1.test.n2", "TERMINATED")
        until(lambda: desk.document("n2") is None)
        until(lambda: "InstanceTerminated" in desk.reasons("n2"))
        desk.end()
    found, refused = asked(audited(server)[before:])

    assert refused == []
    assert found == granted()


@pytest.mark.parametrize(
    "right",
    [
        Right("create", "oci.oraclecloud.com/nativepodnetworks"),
        Right("list", "oci.oraclecloud.com/nativepodnetworks"),
        Right("patch", "oci.oraclecloud.com/nativepodnetworks/status"),
        Right("patch", "nodes"),
        Right("list", "pods", "kube-system"),
    ],
    ids=lambda right: f"{right.verb} {right.kind}",
)
def test_a_right_that_is_missing_is_named(
    desk: Desk,
    server: ApiServer,
    caplog: pytest.LogCaptureFixture,
    right: Right,
) -> None:
    """The log says who may not do what; with the right given back the work goes on."""
    resource = right.kind.removeprefix(f"{NPNS.group}/")
    words = f'cannot {right.verb} resource "{resource}'
    with contextlib.closing(as_the_controller(desk, server)) as api:
        (whole,) = (
            role
            for role in documents("ClusterRole", "Role")
            if role["metadata"].get("namespace", "") == right.namespace
        )
        less = deepcopy(whole)
        for rule in less["rules"]:
            if resource in rule["resources"]:
                rule["verbs"].remove(right.verb)
        path = f"{RIGHTS}/clusterroles/{ACCOUNT}"
        if right.namespace:
            path = f"{RIGHTS}/namespaces/{right.namespace}/roles/{ACCOUNT}"
        desk.api.patch(path, {"rules": [r for r in less["rules"] if r["verbs"]]})
        until(lambda: not may(desk, right))
        desk.joined("n1")
        desk.start(api=api)
        until(lambda: words in caplog.text)
        desk.api.patch(path, {"rules": whole["rules"]})
        until(lambda: desk.settled("n1"))
        until(lambda: "mooring/agent-not-ready" not in desk.taints("n1"))

    assert "Forbidden" in caplog.text
    assert USER in caplog.text


# What it survives.


def test_an_api_server_that_is_killed_loses_nothing(
    desk: Desk, server: ApiServer
) -> None:
    desk.joined("n1")
    replica = desk.start(interval=1.0)
    until(lambda: desk.settled("n1"))
    (vnic,) = desk.cloud.secondaries("ocid1.instance.oc1.test.n1")
    server.stop()
    desk.cloud.delete_address(
        next(a.id for a in desk.cloud.addresses_of(vnic.id) if not a.is_primary)
    )
    server.start()
    until(lambda: replica.ended or len(desk.cloud.addresses_of(vnic.id)) == 2)
    if replica.ended:  # it could not renew its lease meanwhile: it is started anew
        desk.start("two", interval=1.0)
    until(lambda: len(desk.cloud.addresses_of(vnic.id)) == 2)
    desk.joined("n2")
    until(lambda: desk.settled("n1", "n2"))

    assert len(desk.cloud.secondaries("ocid1.instance.oc1.test.n1")) == 1
    assert desk.api.get(NODES.path(name="n2"))
