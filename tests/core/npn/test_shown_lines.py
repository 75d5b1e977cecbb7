"""What `mooring get` shows of documents: which lines, which cells, which items."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from core.npn.shown_builders import (
    BORN,
    INSTANCE,
    NOW,
    VNIC,
    a_node,
    a_pod,
    a_vnic,
    an_event,
    an_npn,
    ready,
)

from mooring.core.kube.selector import parse as selector
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Condition, PoolStatus
from mooring.core.npn.shown import things
from mooring.core.npn.shown.entry import Kind, Wish, chosen, missing
from mooring.core.npn.shown.kinds import KINDS, UnknownKind, kind, table
from mooring.core.npn.shown.table import chosen as cells
from mooring.core.npn.shown.table import grid
from mooring.core.npn.shown.view import Source, View, canonical

Json = dict[str, Any]


def a_view(
    npns: Sequence[Json] = (), nodes: Sequence[Json] = (), pods: Sequence[Json] = ()
) -> View:
    return View(
        now=NOW,
        npns=tuple(map(things.npn, npns)),
        nodes=tuple(map(things.node, nodes)),
        pods=tuple(map(things.pod, pods)),
    )


def shown(word: str, view: View, *, wide: bool = False) -> list[dict[str, str]]:
    """The rows as a table has them, by head."""
    of = kind(word)
    heads, rows = table(of, view, list(of.entries(view)), namespaces=False)
    kept = [c.head for c in heads if wide or not c.wide]
    found = [dict(zip([c.head for c in heads], row, strict=True)) for row in rows]
    return [{head: row[head] for head in kept} for row in found]


def items(word: str, view: View) -> list[Any]:
    return [entry.item for entry in kind(word).entries(view)]


WHOLE = a_view(
    [an_npn()], [a_node()], [a_pod("web", "10.0.8.10"), a_pod("db", "10.0.8.11")]
)


def test_an_object_is_shown_with_state_and_reason() -> None:
    assert shown("npn", WHOLE) == [
        {"NAME": "aaaa", "STATE": "SUCCESS", "REASON": "COMPLETED", "AGE": "60m"}
    ]


def test_wide_shows_whose_it_is_and_its_pool() -> None:
    (row,) = shown("npn", WHOLE, wide=True)

    assert row["NODE"] == "node-1"
    assert (row["VNICS"], row["USED"], row["FREE"]) == ("1", "1", "2")
    assert row["FAMILIES"] == "IPv4"
    assert row["SUBNETS"] == "ocid1.subnet.oc1..pods"
    assert row["MESSAGE"] == ""


def test_the_owner_says_the_node_where_there_is_no_node_to_see() -> None:
    (row,) = shown("npn", a_view([an_npn(owner="node-7")]), wide=True)

    assert row["NODE"] == "node-7"


def test_an_owner_that_is_no_node_names_none() -> None:
    document = an_npn()
    document["metadata"]["ownerReferences"] = [{"kind": "Cluster", "name": "x"}, 7]

    (row,) = shown("npn", a_view([document]), wide=True)

    assert row["NODE"] == ""


def test_an_object_is_shown_to_programs_as_it_is() -> None:
    document = an_npn()
    document["metadata"]["managedFields"] = [{"manager": "somebody"}]

    assert items("npn", a_view([document])) == [an_npn()]


def test_a_document_without_metadata_is_shown_as_it_is() -> None:
    assert items("npn", a_view([{"metadata": 7}])) == [{"metadata": 7}]


def test_an_object_that_breaks_a_rule_is_shown_with_the_rule() -> None:
    document = an_npn()
    document["spec"]["maxPodCount"] = 9999

    (row,) = shown("npn", a_view([document]), wide=True)

    assert row["STATE"] == "Unreadable"
    assert "spec.maxPodCount" in row["MESSAGE"]
    assert (row["VNICS"], row["FAMILIES"]) == ("0", "")


def test_what_is_known_to_be_unreadable_says_why() -> None:
    found = things.npn({"metadata": {"name": "aaaa"}}, "aaaa.json: no JSON")
    view = View(now=NOW, npns=(found,))

    (row,) = shown("npn", view, wide=True)

    assert (row["NAME"], row["MESSAGE"]) == ("aaaa", "aaaa.json: no JSON")
    assert shown("pools", view, wide=True)[0]["MAX"] == "<unknown>"
    assert items("pools", view)[0]["instance"] is None


def test_a_family_that_is_not_served_is_marked_and_explained() -> None:
    conditions = (ready(), ready("IPv6", "False", "no block left"))
    document = an_npn(conditions=conditions)
    document["spec"]["ipFamilies"] = ["IPv4", "IPv6"]

    (row,) = shown("npn", a_view([document]), wide=True)

    assert row["FAMILIES"] == "IPv4,!IPv6"
    assert row["MESSAGE"] == "IPv6Ready=False: no block left"


def test_what_an_operator_should_know_is_said_although_all_is_well() -> None:
    fragmented = Condition(type="Fragmented", status="True", reason="NoLargeBlock")
    synced = Condition(type="Synced", status="False", reason="FailedToGetVNIC")
    pool = Condition(type="Pool", status="True", reason="Growing")
    view = a_view([an_npn(conditions=(ready(), pool, fragmented, synced))])

    assert shown("npn", view, wide=True)[0]["MESSAGE"] == (
        "Fragmented=True: NoLargeBlock; Synced=False: FailedToGetVNIC"
    )


def test_the_state_s_own_message_comes_first() -> None:
    view = a_view([an_npn(state="BACKOFF", message="LimitExceeded: no more")])

    assert shown("npn", view, wide=True)[0]["MESSAGE"] == "LimitExceeded: no more"


def test_a_pool_is_shown_with_what_the_agent_counts() -> None:
    assert shown("pools", WHOLE) == [
        {
            "NAME": "aaaa",
            "NODE": "node-1",
            "POLICY": "preallocate",
            "OFFERED": "3",
            "USED": "1",
            "FREE": "2",
            "COOLING": "0",
            "AGE": "60m",
        }
    ]


@pytest.mark.parametrize("usage", [None, {"used": "many"}])
def test_what_no_agent_told_is_unknown(usage: object) -> None:
    document = an_npn(used=None)
    document["status"]["usage"] = usage

    (row,) = shown("pools", a_view([document]))

    assert (row["USED"], row["FREE"], row["COOLING"]) == ("<unknown>",) * 3
    assert items("pools", a_view([document]))[0]["used"] is None


def test_an_elastic_pool_says_its_policy_and_why_it_changed() -> None:
    policy = PoolPolicy(warm_target=4, maximum=62)
    why = Condition(type="Pool", status="True", reason="Growing", message="2 free of 4")
    view = a_view(
        [an_npn(pool=PoolStatus(policy=policy, serial=3), conditions=(ready(), why))]
    )

    (row,) = shown("pools", view, wide=True)
    (item,) = items("pools", view)

    assert row["POLICY"] == "warmTarget=4,minimum=0,maximum=62"
    assert row["WHY"] == "2 free of 4"
    assert item["policy"] == {"warmTarget": 4, "minimum": 0, "maximum": 62}
    assert item["why"] == {"reason": "Growing", "message": "2 free of 4"}


def test_a_change_without_a_sentence_is_said_by_its_word() -> None:
    why = Condition(type="Pool", status="True", reason="Restoring")
    view = a_view([an_npn(conditions=(why,))])

    assert shown("pools", view, wide=True)[0]["WHY"] == "Restoring"


def test_a_policy_that_is_asked_for_and_not_yet_in_force_is_shown() -> None:
    document = an_npn()
    document["metadata"]["annotations"] = {"mooring/pool": "warmTarget=8"}

    assert shown("pools", a_view([document]))[0]["POLICY"] == "warmTarget=8"


def test_a_pool_s_document_has_a_stable_shape() -> None:
    (item,) = items("pools", WHOLE)

    assert item == {
        "apiVersion": "mooring/v1",
        "kind": "Pool",
        "metadata": {"name": "aaaa", "labels": {"zone": "a"}},
        "node": "node-1",
        "instance": INSTANCE,
        "policy": {"text": "preallocate"},
        "maxPods": 3,
        "offered": {"IPv4": 3},
        "used": 1,
        "free": 2,
        "cooling": 0,
        "vnics": [
            {"id": VNIC, "subnet": "ocid1.subnet.oc1..pods", "offered": {"IPv4": 3}}
        ],
        "why": None,
        "unknown": [],
    }


def test_the_pods_of_profiles_are_counted_together() -> None:
    document = an_npn()
    document["spec"]["secondaryVnics"] = [
        {"createVnicDetails": {"displayName": n, "subnetId": "s", "ipCount": 16}}
        for n in ("a", "b")
    ]

    assert shown("pools", a_view([document]), wide=True)[0]["MAX"] == "32"


def test_of_two_families_both_are_counted() -> None:
    view = a_view([an_npn(vnics=(a_vnic(six=True),))])

    assert items("pools", view)[0]["offered"] == {"IPv4": 3, "IPv6": 3}


def test_a_pod_is_shown_with_the_vnic_of_its_address() -> None:
    assert shown("pods", WHOLE)[0] == {
        "NAME": "web",
        "STATUS": "Running",
        "IP": "10.0.8.10",
        "NODE": "node-1",
        "VNIC": "…bbbbcccc",
        "AGE": "60m",
    }


def test_a_pod_of_two_families_is_found_by_either_in_any_spelling() -> None:
    pod = a_pod("web", "FD00:8:0::A", "10.0.8.10")
    view = a_view([an_npn(vnics=(a_vnic(six=True),))], [a_node()], [pod])

    (row,) = shown("pods", view, wide=True)

    assert row["IPS"] == "FD00:8:0::A,10.0.8.10"
    assert row["VNICS"] == VNIC
    assert (row["MACS"], row["NSGS"]) == ("02:00:17:00:00:01", "nsg-a")


def test_a_pod_on_the_host_s_network_has_no_vnic() -> None:
    view = a_view([], [], [a_pod("proxy", "10.0.1.2", hostNetwork=True)])

    assert shown("pods", view)[0]["VNIC"] == "<host>"
    assert items("pods", view)[0]["vnics"] == []


def test_an_address_of_somebody_else_is_unknown() -> None:
    view = a_view([an_npn()], [], [a_pod("web", "192.168.0.1"), a_pod("new")])

    assert [row["VNIC"] for row in shown("pods", view)] == ["<unknown>", ""]
    assert canonical("no address") == "no address"


def test_a_pod_that_goes_is_terminating() -> None:
    pod = a_pod("web", "10.0.8.10")
    pod["metadata"]["deletionTimestamp"] = BORN

    assert shown("pods", a_view([], [], [pod]))[0]["STATUS"] == "Terminating"


def test_a_pod_s_address_alone_is_read_from_old_servers() -> None:
    pod = a_pod("web", "10.0.8.10")
    del pod["status"]["podIPs"]

    assert shown("pods", a_view([], [], [pod]))[0]["IP"] == "10.0.8.10"


def test_a_pod_s_document_has_a_stable_shape() -> None:
    assert items("pods", WHOLE)[0] == {
        "apiVersion": "mooring/v1",
        "kind": "PodAddresses",
        "metadata": {"namespace": "default", "name": "web", "labels": {"app": "web"}},
        "status": "Running",
        "phase": "Running",
        "node": "node-1",
        "hostNetwork": False,
        "addresses": ["10.0.8.10"],
        "vnics": [
            {
                "id": VNIC,
                "mac": "02:00:17:00:00:01",
                "subnet": "ocid1.subnet.oc1..pods",
                "networkSecurityGroups": ["nsg-a"],
            }
        ],
        "unknown": [],
    }


def test_a_node_is_shown_with_its_object_and_its_pods() -> None:
    assert shown("nodes", WHOLE) == [
        {
            "NAME": "node-1",
            "STATUS": "Ready",
            "STATE": "SUCCESS",
            "REASON": "COMPLETED",
            "VNICS": "1",
            "PODS": "2",
            "FREE": "2",
            "COOLING": "0",
            "AGE": "60m",
        }
    ]


def test_a_pod_that_ended_has_no_address_any_more() -> None:
    pod = a_pod("job", "10.0.8.10")
    pod["status"]["phase"] = "Succeeded"

    assert shown("nodes", a_view([], [a_node()], [pod]))[0]["PODS"] == "0"


def test_a_node_without_an_object_says_nothing_of_one() -> None:
    view = a_view([], [a_node()])

    (row,) = shown("nodes", view, wide=True)

    assert {row[h] for h in ("STATE", "VNICS", "FREE", "POLICY", "NPN")} == {""}
    assert items("nodes", view)[0]["nativePodNetwork"] is None


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([], "Unknown"),
        ([{"type": "Ready", "status": "False"}], "NotReady"),
        ([{"type": "Ready", "status": "Unknown"}], "Unknown"),
    ],
)
def test_a_node_that_is_not_ready_says_so(conditions: list[Json], said: str) -> None:
    node = a_node()
    node["status"]["conditions"] = conditions

    assert shown("nodes", a_view([], [node]))[0]["STATUS"] == said


def test_taints_and_a_cordon_are_shown() -> None:
    taints = [
        {"key": "mooring/no-addresses", "effect": "NoSchedule"},
        {"key": "a", "value": "b", "effect": "NoExecute"},
    ]
    node = a_node(taints=taints, unschedulable=True)

    (row,) = shown("nodes", a_view([], [node]), wide=True)

    assert row["STATUS"] == "Ready,SchedulingDisabled"
    assert row["TAINTS"] == "mooring/no-addresses:NoSchedule,a=b:NoExecute"


def test_a_provider_s_prefix_is_not_part_of_the_instance() -> None:
    view = a_view([an_npn()], [a_node(providerID=f"oci://{INSTANCE}")])

    assert shown("nodes", view)[0]["STATE"] == "SUCCESS"


def test_a_node_s_document_has_a_stable_shape() -> None:
    assert items("nodes", WHOLE)[0] == {
        "apiVersion": "mooring/v1",
        "kind": "NodeNetwork",
        "metadata": {"name": "node-1", "labels": {"role": "w"}},
        "status": "Ready",
        "instance": INSTANCE,
        "internalAddresses": ["10.0.1.2"],
        "taints": [],
        "maxPods": 110,
        "pods": 2,
        "nativePodNetwork": {
            "name": "aaaa",
            "state": "SUCCESS",
            "reason": "COMPLETED",
            "message": "",
            "vnics": 1,
            "policy": "preallocate",
            "used": 1,
            "free": 2,
            "cooling": 0,
        },
        "unknown": [],
    }


def test_how_many_pods_a_node_takes_may_not_be_said_yet() -> None:
    node = a_node()
    del node["status"]["capacity"]

    assert items("nodes", a_view([], [node]))[0]["maxPods"] is None


def blind(view: View, *sources: Source) -> View:
    """The same look by somebody who may not read these."""
    empty: dict[str, Any] = {source.name.lower(): () for source in sources}
    return replace(view, unknown=frozenset(sources), **empty)


@pytest.mark.parametrize("word", ["npn", "pools"])
def test_without_nodes_an_object_s_node_is_not_known(word: str) -> None:
    (row,) = shown(word, blind(WHOLE, Source.NODES), wide=True)
    (owned,) = shown(
        word, blind(a_view([an_npn(owner="node-7")]), Source.NODES), wide=True
    )

    assert (row["NODE"], owned["NODE"]) == ("<unknown>", "node-7")


def test_without_nodes_a_pool_s_document_says_that_they_were_not_read() -> None:
    (item,) = items("pools", blind(WHOLE, Source.NODES))

    assert (item["node"], item["unknown"]) == (None, ["nodes"])


def test_without_objects_it_is_not_known_where_a_pod_s_addresses_are() -> None:
    pods = [
        a_pod("web", "10.0.8.10"),
        a_pod("new"),
        a_pod("p", "1.2.3.4", hostNetwork=True),
    ]
    view = blind(a_view([], [a_node()], pods), Source.NPNS)
    rows = shown("pods", view, wide=True)
    web, new, host = items("pods", view)

    assert {rows[0][h] for h in ("VNIC", "VNICS", "MACS", "SUBNETS", "NSGS")} == {
        "<unknown>"
    }
    assert [row["VNIC"] for row in rows[1:]] == ["", "<host>"]
    assert (web["vnics"], new["vnics"], host["vnics"]) == (None, [], [])
    assert web["unknown"] == ["nativepodnetworks"]


def test_without_objects_nothing_is_said_of_a_node_s_pool() -> None:
    view = blind(WHOLE, Source.NPNS)

    (row,) = shown("nodes", view, wide=True)
    (item,) = items("nodes", view)

    heads = ("STATE", "REASON", "VNICS", "FREE", "COOLING", "FAMILIES", "POLICY", "NPN")
    assert {row[h] for h in heads} == {"<unknown>"}
    assert row["PODS"] == "2"
    assert item["nativePodNetwork"] is None
    assert item["unknown"] == ["nativepodnetworks"]


def test_without_pods_they_are_not_counted_as_none() -> None:
    view = blind(WHOLE, Source.PODS)

    (row,) = shown("nodes", view)
    (item,) = items("nodes", view)

    assert (row["PODS"], row["STATE"]) == ("<unknown>", "SUCCESS")
    assert (item["pods"], item["unknown"]) == (None, ["pods"])


def names(word: str, view: View, wish: Wish) -> list[str]:
    return [entry.name for entry in chosen(kind(word).entries(view), wish)]


@pytest.mark.parametrize("name", ["aaaa", "node-1", INSTANCE])
def test_an_object_is_meant_by_its_node_and_instance_too(name: str) -> None:
    assert names("npn", WHOLE, Wish(names=(name,))) == ["aaaa"]
    assert names("pools", WHOLE, Wish(names=(name,))) == ["aaaa"]
    assert names("nodes", WHOLE, Wish(names=(name,))) == ["node-1"]


def test_names_are_shown_in_the_order_that_was_asked_for_and_once() -> None:
    wish = Wish(names=("web", "db", "web", "gone"))
    entries = chosen(kind("pods").entries(WHOLE), wish)

    assert [e.name for e in entries] == ["web", "db"]
    assert missing(entries, wish) == ("gone",)


def test_without_names_all_are_shown_in_order() -> None:
    assert names("pods", WHOLE, Wish()) == ["db", "web"]


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (Wish(selector=selector("app=web")), ["web"]),
        (Wish(node="node-1"), ["db", "web"]),
        (Wish(node="node-2"), []),
        (Wish(namespace="default"), ["db", "web"]),
        (Wish(namespace="other"), []),
    ],
)
def test_labels_node_and_namespace_choose(wish: Wish, found: list[str]) -> None:
    assert names("pods", WHOLE, wish) == found


def test_a_namespace_hides_nothing_that_is_in_none() -> None:
    assert names("nodes", WHOLE, Wish(namespace="other")) == ["node-1"]


def test_the_namespace_is_a_column_when_several_are_shown() -> None:
    of = kind("po")
    heads, rows = table(of, WHOLE, list(of.entries(WHOLE)), namespaces=True)

    lines = grid(cells(heads, rows))

    assert lines[0].startswith("NAMESPACE   NAME   STATUS")
    assert lines[1].startswith("default     web    Running")


@pytest.mark.parametrize("of", KINDS)
def test_every_kind_is_known_by_all_its_names(of: Kind) -> None:
    assert {kind(word).name for word in (of.name, *of.aliases)} == {of.name}
    assert kind(of.name.upper()) is of


def test_an_unknown_kind_names_the_nearest_and_all() -> None:
    with pytest.raises(UnknownKind) as refused:
        kind("node-s")

    assert str(refused.value) == (
        "unknown kind 'node-s'; did you mean nodes? (kinds: npn, pools, pods, nodes)"
    )
    with pytest.raises(UnknownKind, match=r"'xyz' \(kinds"):
        kind("xyz")


@pytest.mark.parametrize("read", [things.node, things.pod, things.event])
def test_what_is_none_of_its_kind_is_refused(read: Callable[[Json], object]) -> None:
    with pytest.raises(Unreadable):
        read({"spec": 7, "regarding": 7})


def test_metadata_that_says_nothing_is_shown_as_nothing() -> None:
    found = things.npn({"metadata": {"labels": 7, "creationTimestamp": "soon"}})

    assert (found.meta.name, found.meta.labels, found.meta.created) == ("", {}, None)


@pytest.mark.parametrize(
    ("more", "count", "last"),
    [
        ({}, 1, "2026-11-21T11:59:00+00:00"),
        (
            {"series": {"count": 4, "lastObservedTime": "2026-11-21T11:59:30Z"}},
            4,
            "2026-11-21T11:59:30+00:00",
        ),
        (
            {"deprecatedCount": 3, "deprecatedLastTimestamp": "2026-11-21T11:00:00"},
            3,
            "2026-11-21T11:00:00+00:00",
        ),
    ],
)
def test_an_event_says_how_often_and_when_last(
    more: Json, count: int, last: str
) -> None:
    found = things.event(an_event(**more))

    assert (found.count, found.last and found.last.isoformat()) == (count, last)


def test_an_event_of_the_old_kind_is_read_as_well() -> None:
    found = things.event(
        {
            "involvedObject": {"kind": "Node", "name": "node-1"},
            "message": "hello",
            "source": {"component": "kubelet"},
            "count": True,
        }
    )

    assert (found.kind, found.about, found.message) == ("Node", "node-1", "hello")
    assert (found.source, found.count, found.last) == ("kubelet", 1, None)


def test_views_can_be_narrowed() -> None:
    assert replace(WHOLE, npns=()).npn_of == {}
