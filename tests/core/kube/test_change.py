"""Patches that lose nothing of others, tried on what they are made for."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.apiserver import merged
from hypothesis import given
from hypothesis import strategies as st
from kube_nonsense import JSON, NEARLY

from mooring.core.kube import change
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import NodeCondition, Taint
from mooring.core.net.fields import Unreadable

OWNER = Owner("Node", "n1", "u1")


def a_node(*taints: dict[str, Any], **labels: str) -> dict[str, Any]:
    meta = {"name": "n1", "resourceVersion": "7", "labels": labels}
    return {"metadata": meta, "spec": {"taints": list(taints), "podCIDR": "x"}}


def test_labels_are_changed_where_they_differ() -> None:
    node = a_node(a="1", b="2")

    assert change.labelled(node, {"a": "1", "c": None}) is None
    assert change.labelled(node, {"a": "2", "b": None}) == {
        "metadata": {"labels": {"a": "2", "b": None}}
    }


def test_a_taint_is_put_beside_those_of_others_with_all_that_they_say() -> None:
    theirs = {"key": "other", "effect": "NoExecute", "timeAdded": "then", "new": 1}
    patch = change.tainted(a_node(theirs), Taint("mine", "NoSchedule", "v"))

    assert patch == {
        "metadata": {"resourceVersion": "7"},
        "spec": {
            "taints": [theirs, {"key": "mine", "effect": "NoSchedule", "value": "v"}]
        },
    }
    assert (
        change.tainted(merged(a_node(theirs), patch), Taint("mine", "NoSchedule", "v"))
        is None
    )


def test_the_last_taint_leaves_no_list() -> None:
    node = a_node({"key": "mine", "effect": "NoSchedule", "value": ""})

    assert change.tainted(node, Taint("mine", "NoSchedule")) is None
    assert change.untainted(node, "mine", "NoExecute") is None
    patch = change.untainted(node, "mine")
    assert patch == {"metadata": {"resourceVersion": "7"}, "spec": {"taints": None}}
    assert "taints" not in merged(node, patch)["spec"]


def test_an_owner_is_added_once_and_takes_the_place_of_its_namesake() -> None:
    node = a_node()
    first = merged(node, change.owned(node, OWNER))
    anew = change.owned(first, Owner("Node", "n1", "u2", controller=True))

    assert change.owned(first, OWNER) is None
    assert anew is not None
    assert anew["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "name": "n1",
            "uid": "u2",
            "controller": True,
        }
    ]
    other = change.owned(first, Owner("Node", "n2", "u3"))
    assert other is not None
    assert len(other["metadata"]["ownerReferences"]) == 2


def test_resources_are_changed_where_they_differ() -> None:
    node = {
        "metadata": {"name": "n"},
        "status": {"capacity": {"pods": "9", "a/b": "1"}},
    }

    assert change.capacitated(node, {"a/b": 1, "c/d": None}) is None
    assert change.capacitated(node, {"a/b": 2}) == {
        "status": {"capacity": {"a/b": "2"}}
    }


WRONG = NodeCondition("Mooring", "False", "Refused", "no")


def test_a_condition_is_put_beside_those_of_others_and_keeps_its_beginning() -> None:
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": "t0"}
    node: dict[str, Any] = {
        "metadata": {"name": "n", "resourceVersion": "7"},
        "status": {"conditions": [ready]},
    }
    first = change.conditioned(node, WRONG, "t1")
    assert first is not None
    node = merged(node, first)
    other = change.conditioned(node, replace(WRONG, message="not that"), "t2")
    better = change.conditioned(node, replace(WRONG, status="True"), "t3")
    assert other is not None
    assert better is not None
    mine = [p["status"]["conditions"][-1] for p in (first, other, better)]

    assert first["metadata"] == {"resourceVersion": "7"}
    assert first["status"]["conditions"][0] == ready
    assert [m["lastTransitionTime"] for m in mine] == ["t1", "t1", "t3"]
    assert [m["lastHeartbeatTime"] for m in mine] == ["t1", "t2", "t3"]
    assert change.conditioned(node, WRONG, "t4") is None


def test_nothing_is_changed_of_what_cannot_be_read() -> None:
    with pytest.raises(Unreadable, match=r"spec\.taints: 5"):
        change.tainted(
            {"metadata": {"name": "a"}, "spec": {"taints": 5}}, Taint("a", "b")
        )
    with pytest.raises(Unreadable, match=r"metadata\.labels: 5"):
        change.labelled({"metadata": {"labels": 5}}, {"a": "b"})


OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_a_replacement_leads_from_any_object_to_any(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert merged(old, change.replaced(old, new)) == merged({}, new)


@given(NEARLY)
def test_anything_is_changed_or_told(document: object) -> None:
    acts = (
        lambda: change.tainted(document, Taint("a", "NoSchedule")),
        lambda: change.untainted(document, "a"),
        lambda: change.owned(document, OWNER),
        lambda: change.labelled(document, {"a": None}),
        lambda: change.capacitated(document, {"a": 1}),
        lambda: change.conditioned(document, WRONG, "now"),
    )
    for act in acts:
        try:
            act()
        except Unreadable as error:
            told = error.field
            assert told
