"""Patches that lose nothing of others, tried on what they are made for."""

from typing import Any

import pytest
from fakes.apiserver import merged
from hypothesis import given
from hypothesis import strategies as st
from kube_nonsense import JSON, NEARLY

from mooring.core.kube import change
from mooring.core.kube.meta import Owner
from mooring.core.kube.node import Taint
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
    )
    for act in acts:
        try:
            act()
        except Unreadable as error:
            told = error.field
            assert told
