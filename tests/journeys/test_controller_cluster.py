"""The controller on a cluster: nodes get objects, owners, labels and taints; people are told.

The API server is the fake one, spoken to by the real adapters over HTTP.
"""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest
from cluster_desk import NATIVE, STARTING, SUBNET, Desk, a_desk
from fakes.apiserver import ApiServer, an_api_server
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube.kubeconfig import Access
from mooring.core.kube.resource import NODES, NPNS

DRY, SHORT, RESERVED = (
    "mooring/no-addresses",
    "mooring/too-few-addresses",
    "oci.oraclecloud.com/application-resource-only",
)
PREFIX = "oci.oraclecloud.com"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with an_api_server() as made:
        yield made


@pytest.fixture
def desk(server: ApiServer) -> Iterator[Desk]:
    with contextlib.closing(Api(Access(server=server.url))) as api, a_desk(api) as made:
        yield made


def a_profile(name: str, **details: object) -> dict[str, object]:
    fields = {"displayName": name, "subnetId": SUBNET, "ipCount": 16, "nsgIds": None}
    return {"displayName": name, "createVnicDetails": fields | details}


def write(desk: Desk, name: str, **spec: object) -> None:
    body = {
        "apiVersion": NPNS.api_version,
        "kind": NPNS.kind,
        "metadata": {"name": name},
        "spec": {"id": f"ocid1.instance.oc1.test.{name}"} | spec,
    }
    desk.api.create(NPNS.path(), body)


# A node comes.


def test_a_node_gets_its_object_from_the_instances_metadata(desk: Desk) -> None:
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    npn = desk.npn("n1")

    assert npn is not None
    assert npn.spec.pod_subnet_ids == (SUBNET,)
    assert desk.owner("n1") == desk.uid("n1")
    assert desk.labels("n1") == {
        f"{PREFIX}/vcn-native-ip-cni": "true",
        f"{PREFIX}/ip-family-ipv4": "true",
        f"{PREFIX}/ip-family-preferred": "ipv4",
    }
    until(lambda: {"StartNPNReconcile", "NPN_CR_Success"} <= desk.reasons("n1"))
    until(lambda: "AgentReady" in desk.reasons("n1"))


def test_the_start_up_taint_waits_for_the_agent_rt_23(desk: Desk) -> None:
    desk.instance("n1")
    desk.node("n1")
    desk.agent("n1", ready=False)
    desk.start()
    until(
        lambda: desk.settled("n1") and f"{PREFIX}/ip-family-ipv4" in desk.labels("n1")
    )
    before = desk.taints("n1")
    desk.agent("n1")
    until(lambda: desk.taints("n1") == set())

    assert before == {STARTING["key"]}


def test_an_object_comes_before_its_node_or_from_others_and_is_owned_then(
    desk: Desk,
) -> None:
    """A Karpenter-shaped one: SUCCESS, with a VNIC for each profile, as it is."""
    desk.instance("n1", **{"oke-preconfigured-vnics": "true"})
    write(desk, "n1", maxPodCount=32, secondaryVnics=[a_profile("a"), a_profile("b")])
    desk.start()
    until(lambda: desk.settled("n1"))
    desk.node("n1")
    desk.agent("n1")
    until(lambda: desk.taints("n1") == set() and desk.owner("n1") == desk.uid("n1"))
    npn = desk.npn("n1")

    assert npn is not None
    assert [v.ip_count for v in npn.status.vnics] == [16, 16]
    assert "Made" not in desk.reasons("n1")


def test_an_object_of_another_name_is_told_its_name_and_gets_nothing(
    desk: Desk,
) -> None:
    """The agent asks for the object by the end of the OCID, and for no other."""
    desk.joined("n1")
    write(desk, "mine", id="ocid1.instance.oc1.test.n1", podSubnetIds=[SUBNET])
    desk.start()
    until(lambda: desk.settled("n1") and desk.owner("n1") == desk.uid("n1"))
    until(lambda: desk.state("mine") == "BACKOFF")
    until(lambda: desk.told("mine"))
    ((_, text),) = desk.told("mine")

    assert "metadata.name: 'mine': must be n1, the end of spec.id" in text
    assert len(desk.cloud.secondaries("ocid1.instance.oc1.test.n1")) == 1


@pytest.mark.parametrize(
    ("metadata", "labels"),
    [
        (
            {"oke-native-pod-networking": "false"},
            {f"{PREFIX}/vcn-native-ip-cni": "false"},
        ),
        ({"oke-preconfigured-vnics": "true"}, {}),
    ],
)
def test_who_does_not_ask_gets_none(
    desk: Desk, metadata: dict[str, str], labels: dict[str, str]
) -> None:
    desk.joined("n1", **metadata)
    desk.joined("n2")
    desk.start()
    until(lambda: desk.settled("n2") and desk.taints("n2") == set())
    desk.node_turn("n1")
    until(lambda: desk.labels("n1") == labels)

    assert desk.document("n1") is None


def test_labels_go_with_the_object_and_others_stay(desk: Desk) -> None:
    desk.instance("n1", **{"oke-preconfigured-vnics": "true"})
    write(desk, "n1", podSubnetIds=[SUBNET])
    desk.node("n1", labels={"own": "x"})
    desk.start()
    label = f"{PREFIX}/vcn-native-ip-cni"
    until(lambda: desk.labels("n1").get(label) == "true")
    desk.api.delete(NPNS.path(name="n1"))
    until(lambda: desk.labels("n1") == {"own": "x"})
    desk.describe("n1", {"oke-native-pod-networking": "false"})
    desk.node_turn("n1")
    until(lambda: desk.labels("n1") == {"own": "x", label: "false"})


def test_taints_go_with_the_object_whoever_saw_it(desk: Desk) -> None:
    desk.instance("n1", **{"oke-preconfigured-vnics": "true"})
    desk.node("n1", taints=[])
    desk.kubelet("n1", pods=64)
    only = a_profile("a", applicationResources=["fast"])
    write(desk, "n1", secondaryVnics=[only])
    first = desk.start()
    until(lambda: desk.taints("n1") == {SHORT, RESERVED})
    desk.api.delete(NPNS.path(name="n1"))
    until(lambda: desk.taints("n1") == set())
    until(lambda: "ObjectGone" in desk.reasons("n1"))
    first.end()
    # It went while nobody led.
    taint = {"key": SHORT, "value": "16-for-64-pods", "effect": "NoSchedule"}
    desk.api.patch(NODES.path(name="n1"), {"spec": {"taints": [taint]}})
    desk.start("two")
    until(lambda: desk.taints("n1") == set())


def test_metadata_that_cannot_be_right_is_named_and_stops_no_other(desk: Desk) -> None:
    desk.joined("n1", **{"oke-max-pods": "many"})
    desk.joined("n2")
    desk.start()
    until(lambda: desk.settled("n2"))
    until(lambda: "Refused" in desk.reasons("n1"))
    ((_, text),) = desk.told("n1")
    rule = "metadata['oke-max-pods']: 'many': must be a whole number from 1 to 256"
    until(lambda: desk.condition("n1") == ("False", "Refused", rule))
    desk.describe("n1", NATIVE)
    until(lambda: desk.settled("n1"))
    until(lambda: desk.condition("n1")[:2] == ("True", "Accepted"))

    assert text == rule


def test_what_is_wrong_with_a_node_stands_there_when_another_replica_leads(
    desk: Desk,
) -> None:
    """Its event may be gone by then; the other conditions are the kubelet's."""
    desk.joined("n1", **{"oke-max-pods": "many"})
    own = [{"type": "Ready", "status": "True"}]
    path = NODES.path(name="n1", part="status")
    desk.api.patch(path, {"status": {"conditions": own}})
    first = desk.start()
    until(lambda: desk.condition("n1")[:2] == ("False", "Refused"))
    first.end()
    desk.describe("n1", NATIVE)
    desk.start("two")
    until(lambda: desk.condition("n1")[:2] == ("True", "Accepted"))
    status = desk.api.get(NODES.path(name="n1"))["status"]

    assert own[0] in status["conditions"]


def test_a_broken_object_and_a_broken_node_stop_no_other(
    desk: Desk, server: ApiServer
) -> None:
    desk.joined("n1", "n2")
    server.store.put(
        NPNS, {"metadata": {"name": "n1"}, "spec": {"id": 7, "maxPodCount": "x"}}
    )
    server.store.put(NODES, {"metadata": {"name": "n0"}, "spec": {"taints": 7}})
    desk.start()
    until(lambda: desk.settled("n2") and desk.taints("n2") == set())
    until(lambda: "Refused" in desk.reasons("n1") and "Refused" in desk.reasons("n0"))
    until(lambda: "spec.id" in desk.condition("n1")[2])
    until(lambda: "spec.taints" in desk.condition("n0")[2])

    assert any("spec.id" in text for _, text in desk.told("n1"))
    assert any("spec.taints" in text for _, text in desk.told("n0"))


def test_a_node_without_a_provider_id_is_found_by_its_address(desk: Desk) -> None:
    desk.instance("other")
    desk.instance("n1")
    desk.node("n1", providerID="")
    address(desk, "n1", "10.9.0.77")
    desk.kubelet("n1", address="10.9.0.77")
    desk.start(compartment="compartment")
    until(lambda: desk.owner("n1") == desk.uid("n1"))

    assert desk.document("other") is None


def address(desk: Desk, name: str, said: str) -> None:
    """Let the primary VNIC of an instance have that address."""
    instance = desk.cloud.instances[f"ocid1.instance.oc1.test.{name}"]
    first, *_ = desk.cloud.attachments(instance)
    desk.cloud.change_vnic(first.vnic_id or "", private_ip=IPv4Address(said))


def test_a_node_without_a_provider_id_goes_on_with_the_next_instance(
    desk: Desk,
) -> None:
    """The node stays, with its name, its address and its uid, while its instance is replaced."""
    desk.instance("n1")
    address(desk, "n1", "10.9.0.77")
    desk.node("n1", providerID="")
    desk.kubelet("n1", address="10.9.0.77")
    desk.agent("n1")
    desk.start(compartment="compartment", interval=1.0)
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    uid = desk.uid("n1")
    desk.cloud.set_state("ocid1.instance.oc1.test.n1", "TERMINATED")
    until(lambda: desk.document("n1") is None)
    desk.instance("n1b")
    address(desk, "n1b", "10.9.0.77")
    until(lambda: desk.settled("n1b") and desk.owner("n1b") == uid)
    until(lambda: desk.condition("n1")[0] in ("", "True"))

    assert desk.document("n1") is None


def test_a_node_that_nobody_can_find_says_what_to_do(desk: Desk) -> None:
    desk.node("n1", providerID="")
    desk.node("n2", providerID="aws:///eu/i-1")
    desk.start()
    until(lambda: "Refused" in desk.reasons("n1"))
    until(lambda: "--provider-id" in desk.condition("n1")[2])

    assert any("--provider-id" in text for _, text in desk.told("n1"))
    assert desk.reasons("n2") == set()
    assert desk.condition("n2") == ("", "", "")


def test_a_provider_id_of_no_instance_is_named_until_there_is_one(desk: Desk) -> None:
    desk.node("n1")
    desk.start()
    rule = "must be an instance that is there and that the controller may see"
    until(lambda: rule in desk.condition("n1")[2])
    until(lambda: any(rule in text for _, text in desk.told("n1")))
    desk.instance("n1")
    until(lambda: desk.settled("n1") and desk.condition("n1")[0] == "True")


# A node goes, or comes again.


def test_a_node_of_the_same_name_with_another_uid_begins_anew_rt_06(desk: Desk) -> None:
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1") and desk.owner("n1") == desk.uid("n1"))
    first = desk.uid("n1")
    vnics = [v.id for v in desk.cloud.secondaries("ocid1.instance.oc1.test.n1")]
    desk.api.delete(NODES.path(name="n1"))
    desk.node("n1")
    until(lambda: desk.owner("n1") == desk.uid("n1"))
    # The cluster's collector may have taken the object with the old node meanwhile.
    desk.api.delete(NPNS.path(name="n1"))
    until(lambda: desk.settled("n1") and desk.owner("n1") == desk.uid("n1"))

    assert desk.uid("n1") != first
    assert [v.id for v in desk.cloud.secondaries("ocid1.instance.oc1.test.n1")] == vnics


def test_a_name_that_is_used_again_for_another_instance(desk: Desk) -> None:
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1"))
    desk.instance("n1b")
    desk.api.delete(NODES.path(name="n1"))
    desk.node("n1", providerID="oci://ocid1.instance.oc1.test.n1b")
    until(lambda: desk.settled("n1b") and desk.owner("n1b") == desk.uid("n1"))


def test_an_instance_that_ends_takes_its_object_and_gets_no_other(desk: Desk) -> None:
    desk.joined("n1")
    desk.start(interval=1.0)
    until(lambda: desk.settled("n1"))
    desk.cloud.set_state("ocid1.instance.oc1.test.n1", "TERMINATED")
    until(lambda: desk.document("n1") is None)
    until(lambda: "InstanceTerminated" in desk.reasons("n1"))
    desk.node_turn("n1")

    assert desk.document("n1") is None


def test_labels_and_taints_that_somebody_changes_are_put_right(desk: Desk) -> None:
    desk.instance("n1")
    only = a_profile("a", applicationResources=["fast"])
    write(desk, "n1", secondaryVnics=[only])
    desk.node("n1")
    desk.kubelet("n1", pods=16)
    desk.agent("n1")
    desk.start()
    until(lambda: desk.taints("n1") == {RESERVED})
    label = f"{PREFIX}/vcn-native-ip-cni"
    patch = {"metadata": {"labels": {label: None}}, "spec": {"taints": None}}
    desk.api.patch(NODES.path(name="n1"), patch)
    until(lambda: desk.taints("n1") == {RESERVED} and label in desk.labels("n1"))


# The scheduler is told.


def test_a_node_without_a_free_address_gets_no_pods_rt_10(desk: Desk) -> None:
    """Those that rest are not free (RT-11); it opens again when some are."""
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    desk.tell("n1", used=20, free=0, cooling=11)
    until(lambda: desk.taints("n1") == {DRY})
    desk.tell("n1", used=20, free=11)
    until(lambda: desk.taints("n1") == set())

    until(lambda: {"NoAddresses", "AddressesFree"} <= desk.reasons("n1"))


def test_a_subnet_that_runs_dry_shuts_the_node_rt_13(desk: Desk) -> None:
    """Before the last address is taken: the kubelet allows more pods than there are addresses."""
    desk.cloud.add_subnet("ocid1.subnet.oc1..small", "10.7.0.0/28")
    desk.joined("n1", **{"pod-subnets": "ocid1.subnet.oc1..small"})
    desk.start()
    until(lambda: desk.state("n1") == "BACKOFF" and desk.taints("n1") == {SHORT})
    npn = desk.npn("n1")
    assert npn is not None
    few = len(npn.status.vnics[0].pod_addresses)
    until(lambda: desk.taint("n1", SHORT) == f"{few}-for-31-pods")
    desk.tell("n1", used=few, free=0)
    until(lambda: desk.taints("n1") == {SHORT, DRY})
    # The kubelet is told what there is.
    desk.tell("n1", used=0, free=few)
    desk.kubelet("n1", pods=few)
    until(lambda: desk.taints("n1") == set())
    until(lambda: {"TooFewAddresses", "EnoughAddresses"} <= desk.reasons("n1"))
    until(lambda: desk.conditions("n1")["IPv4Ready"] == "Exhausted")

    assert 0 < few < 31


def test_kubelet_and_pool_are_compared_rt_13(desk: Desk) -> None:
    """No pod comes while the kubelet allows more than there will be addresses; it is told what to set."""
    desk.joined("n1")
    desk.kubelet("n1", pods=110)
    replica = desk.start(port=0)
    until(lambda: desk.conditions("n1").get("MaxPods") == "MorePods")
    until(lambda: "MaxPodsDisagree" in desk.reasons("n1"))
    until(lambda: desk.taints("n1") == {SHORT})
    until(lambda: "TooFewAddresses" in desk.reasons("n1"))
    shut = "mooring_controller_nodes_with_too_few_addresses"
    until(lambda: f"{shut} 1.0" in scraped(replica.inside.port))
    # What is allocatable is what the scheduler counts.
    offered = {"status": {"allocatable": {"pods": "31"}}}
    desk.api.patch(NODES.path(name="n1", part="status"), offered)
    until(lambda: desk.settled("n1") and "MaxPods" not in desk.conditions("n1"))
    until(lambda: desk.taints("n1") == set())
    until(lambda: f"{shut} 0.0" in scraped(replica.inside.port))
    offered = {"status": {"allocatable": {"pods": "40"}}}
    desk.api.patch(NODES.path(name="n1", part="status"), offered)
    until(lambda: desk.conditions("n1").get("MaxPods") == "MorePods")
    until(lambda: desk.taint("n1", SHORT) == "31-for-40-pods")
    offered = {"status": {"allocatable": None, "capacity": {"pods": "31"}}}
    desk.api.patch(NODES.path(name="n1", part="status"), offered)
    until(lambda: desk.settled("n1") and "MaxPods" not in desk.conditions("n1"))
    until(lambda: desk.taints("n1") == set())

    assert any("set the kubelet's maxPods to 31" in t for _, t in desk.told("n1"))


def test_a_pool_that_is_made_smaller_shuts_the_node_at_once_rt_13(desk: Desk) -> None:
    desk.joined("n1")
    desk.start()
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    path = NPNS.path(name="n1")
    said = {"mooring/pool": "warmTarget=4,maximum=16"}
    desk.api.patch(path, {"metadata": {"annotations": said}})
    until(lambda: desk.taint("n1", SHORT) == "16-for-31-pods")
    desk.api.patch(path, {"metadata": {"annotations": {"mooring/pool": None}}})
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())


def test_who_overcommits_has_the_node_open_until_none_is_free(desk: Desk) -> None:
    desk.joined("n1")
    desk.kubelet("n1", pods=110)
    desk.start(overcommit=True)
    until(lambda: desk.conditions("n1").get("MaxPods") == "MorePods")
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    desk.tell("n1", used=31, free=0)
    until(lambda: desk.taints("n1") == {DRY})


def test_a_pool_follows_the_nodes_labels_and_the_annotation_goes_before(
    desk: Desk,
) -> None:
    for name, labels in (
        ("n1", {"pool": "batch"}),
        ("n2", {}),
        ("n3", {"pool": "batch"}),
    ):
        desk.instance(name)
        desk.node(name, labels=labels)
    desk.start(pools="pool=batch -> warmTarget=4")
    until(lambda: desk.settled("n1", "n2", "n3"))
    note = {"metadata": {"annotations": {"mooring/pool": "preallocate"}}}
    desk.api.patch(NPNS.path(name="n3"), note)

    until(lambda: elastic(desk, "n1"))
    until(lambda: not elastic(desk, "n2") and not elastic(desk, "n3"))
    desk.api.patch(NODES.path(name="n1"), {"metadata": {"labels": {"pool": None}}})
    until(lambda: not elastic(desk, "n1"))


def test_an_annotation_that_cannot_be_right_is_named_and_one_at_the_node_is_nothing(
    desk: Desk,
) -> None:
    """The pool is said at the object; what its node carries of the kind nobody reads."""
    desk.joined("n1", "n2")
    note = {"metadata": {"annotations": {"mooring/pool": "warmTarget=none"}}}
    desk.api.patch(NODES.path(name="n2"), note)
    desk.start()
    until(lambda: desk.settled("n1", "n2"))
    before = addresses(desk, "n1")
    desk.api.patch(NPNS.path(name="n1"), note)
    rule = "['mooring/pool'].warmTarget: 'none': must be a whole number"
    until(lambda: any(rule in text for _, text in desk.told("n1")))
    until(lambda: rule in desk.condition("n1")[2])

    def status() -> dict[str, Any]:
        return dict((desk.document("n1") or {})["status"])

    until(lambda: rule in status().get("message", ""))
    desk.api.patch(NPNS.path(name="n1"), {"metadata": {"annotations": None}})
    until(lambda: desk.settled("n1") and desk.condition("n1")[0] == "True")

    assert addresses(desk, "n1") == before
    assert not elastic(desk, "n2")


@pytest.mark.parametrize("label", ["maybe", "true", "false"])
def test_a_label_of_ours_that_somebody_made_up_is_put_right(
    desk: Desk, label: str
) -> None:
    desk.instance("n1")
    key = f"{PREFIX}/vcn-native-ip-cni"
    stale = {f"{PREFIX}/ip-family-ipv6": label, key: label, "pool": "Ünlabelled"}
    desk.node("n1", labels=stale)
    desk.agent("n1")
    desk.start(pools="pool=batch -> warmTarget=4")
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    until(lambda: f"{PREFIX}/ip-family-ipv6" not in desk.labels("n1"))
    told = f"metadata.labels.{key}: '{label}': must be true or false"
    if label == "maybe":
        until(lambda: any(told in text for _, text in desk.told("n1")))

    assert desk.labels("n1")[key] == "true"
    assert not elastic(desk, "n1")
    assert ("LabelPutRight" in desk.reasons("n1")) is (label == "maybe")


def addresses(desk: Desk, name: str) -> int:
    npn = desk.npn(name)
    return sum(len(v.pod_addresses) for v in npn.status.vnics) if npn else 0


def elastic(desk: Desk, name: str) -> bool:
    npn = desk.npn(name)
    return npn is not None and npn.status.pool is not None


def test_the_lines_of_the_pools_are_read_again_and_a_broken_one_stops_nobody(
    desk: Desk,
) -> None:
    """Not at the start either: after a restart of all replicas somebody leads."""
    for name, labels in (("n1", {"pool": "batch"}), ("n2", {"pool": "web"})):
        desk.instance(name)
        desk.node(name, labels=labels)
    text = ["pool=batch -> warmTarget=4\npool=web -> warmTarget=none"]
    desk.start(me="replica_1", pools=lambda: text[0])
    until(lambda: desk.settled("n1", "n2") and elastic(desk, "n1"))
    until(lambda: "NodePoolRefused" in desk.reasons("replica"))
    before = elastic(desk, "n2")
    text[0] = "pool=batch -> none\npool=web -> warmTarget=4"
    until(lambda: elastic(desk, "n2"))
    rule = "--node-pools, line 1: 'none': must be preallocate or"
    until(lambda: any(rule in said for _, said in desk.told("replica")))
    during = elastic(desk, "n1")
    text[0] = "pool=web -> warmTarget=4"
    until(lambda: not elastic(desk, "n1"))

    assert not before
    assert during


def test_an_object_does_not_begin_before_its_node_says_which_pool(desk: Desk) -> None:
    desk.instance("n1")
    write(desk, "n1", podSubnetIds=[SUBNET])
    desk.joined("n2")
    desk.start(pools="pool=batch -> warmTarget=4", interval=1.0)
    until(lambda: desk.settled("n2"))
    calls = desk.cloud.calls.count("GetInstance")
    until(lambda: desk.cloud.calls.count("GetInstance") > calls + 4)
    before = desk.cloud.secondaries("ocid1.instance.oc1.test.n1")
    desk.node("n1", labels={"pool": "batch"})
    until(lambda: desk.settled("n1"))

    assert before == []
    assert elastic(desk, "n1")
    assert addresses(desk, "n1") < 31


@pytest.mark.parametrize("how", ["deleted", "deleting", "restarted"])
def test_an_elastic_pool_stays_one_while_nobody_knows_its_node(
    desk: Desk, how: str
) -> None:
    desk.instance("n1")
    desk.node("n1", labels={"pool": "batch"})
    desk.agent("n1")
    first = desk.start(pools="pool=batch -> warmTarget=4", interval=1.0)
    until(lambda: desk.settled("n1") and desk.taints("n1") == set())
    if how == "deleting":
        held = {"metadata": {"finalizers": ["example.com/hold"]}}
        desk.api.patch(NODES.path(name="n1"), held)
    few = addresses(desk, "n1")
    if how == "restarted":
        first.end()
    desk.api.delete(NODES.path(name="n1"))
    if how == "restarted":
        desk.start("two", pools="pool=batch -> warmTarget=4", interval=1.0)
    calls = desk.cloud.calls.count("GetInstance")
    until(lambda: desk.cloud.calls.count("GetInstance") > calls + 6)
    known = elastic(desk, "n1"), addresses(desk, "n1")
    if how == "deleting":
        free = {"metadata": {"finalizers": None}}
        desk.api.patch(NODES.path(name="n1"), free)

    assert known == (True, few)
    assert few < 31


def test_a_fragmented_subnet_has_condition_event_and_metric_rt_15(desk: Desk) -> None:
    subnet = desk.cloud.subnets[SUBNET]
    every_other = [a for a in subnet.seen.v4[0] if int(a) % 2]
    subnet.taken |= set(every_other)
    desk.joined("n1")
    replica = desk.start(port=0)
    until(lambda: desk.settled("n1"))
    until(lambda: "FragmentedSubnet" in desk.reasons("n1"))
    told = 'mooring_controller_fragmented{npn="n1"} 1.0'
    until(lambda: told in scraped(replica.inside.port))

    assert desk.conditions("n1")["Fragmented"] == "NoLargeBlock"


def scraped(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def healthy(port: int) -> bool:
    try:
        return scraped(port, "/healthz") == "ok\n"
    except urllib.error.HTTPError:
        return False  # on a slow machine, by a clock that goes faster


def test_health_and_metrics_are_served(desk: Desk) -> None:
    desk.joined("n1")
    calls = {("GetVnic", "OK"): 3, ("AttachVnic", "TooManyRequests"): 1}
    replica = desk.start(port=0, calls=lambda: calls)
    until(lambda: desk.settled("n1"))
    port = replica.inside.port
    until(lambda: healthy(port))
    for (operation, code), count in calls.items():
        labels = f'{{code="{code}",operation="{operation}"}}'
        told = f"mooring_controller_cloud_calls_total{labels} {count}.0"
        assert told in scraped(port)
    until(lambda: scraped(port, "/readyz") == "ok\n")
    until(lambda: "mooring_controller_leading 1.0" in scraped(port))
    done = 'mooring_controller_objects{reason="COMPLETED",state="SUCCESS"} 1.0'
    until(lambda: done in scraped(port))
    until(lambda: "mooring_controller_object_seconds_count 1.0" in scraped(port))
    with pytest.raises(urllib.error.HTTPError):
        scraped(port, "/")
