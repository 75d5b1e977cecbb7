"""What the controller must be allowed, against the local VCN's own tables, and as text."""

import os
from pathlib import Path

import pytest

from mooring.core.npn import permissions
from mooring.core.npn.permissions import (
    GROUPS,
    IPV6S,
    RIGHTS,
    Right,
    dynamic_group,
    group,
    hint,
    needed,
    proven,
    statements,
    workload,
)
from mooring.core.vcn.iam.needs import NEEDS
from mooring.core.vcn.iam.statement import parse
from mooring.core.vcn.iam.verbs import VERBS, allowed

IAM = Path(__file__).parents[3] / "deploy/iam"
CLUSTER = "CLUSTER_OCID"
FILES = {
    "group.txt": group("GROUP"),
    "dynamic-group.txt": dynamic_group("DYNAMIC_GROUP"),
    "workload-identity.txt": workload("kube-system", "mooring-controller", CLUSTER),
}
NOT_SENT = frozenset(
    {
        "routeTableId",
        "subnetId",
        "createVnicDetails.privateIpId",
        "createVnicDetails.routeTableId",
        "bulkCreatePrivateIpItem.routeTableId",
    }
)
"""Fields of calls that the controller never fills: what they need it does not need."""


def of(right: Right) -> frozenset[str]:
    """The permissions of a right."""
    if right.only:
        return frozenset({right.only})
    found = allowed(right.verb, right.resource)
    assert found is not None
    return found


def asked(call: str) -> frozenset[str]:
    """The permissions that a call of ours needs in the local VCN."""
    if call == "ListVcns":  # any answer will do
        return frozenset()
    return frozenset(
        need.permission
        for need in NEEDS[call]
        if not need.places
        or not all(field in NOT_SENT for place in need.places for field in place)
    )


@pytest.mark.parametrize("call", sorted(RIGHTS))
def test_the_rights_of_a_call_suffice(call: str) -> None:
    held = frozenset[str]().union(*(of(right) for right in RIGHTS[call]))

    assert asked(call) <= held


@pytest.mark.parametrize("call", sorted(RIGHTS))
def test_a_call_needs_each_of_its_rights_and_no_larger_verb(call: str) -> None:
    for right in RIGHTS[call]:
        used = asked(call) & of(right)
        at = VERBS.index(right.verb)
        smaller = allowed(VERBS[at - 1], right.resource) if at else frozenset()
        others = frozenset[str]().union(*(of(o) for o in RIGHTS[call] if o != right))

        assert smaller is not None
        assert used - smaller - others, right


def test_all_statements_together_have_what_all_calls_need() -> None:
    texts = statements(group("g"), "nodes", "network")
    held = frozenset[str]().union(*(parse(text).permissions for text in texts))

    assert all(asked(call) <= held for call in RIGHTS)


@pytest.mark.parametrize("name", sorted(FILES))
def test_golden_policies_are_what_the_table_gives(name: str) -> None:
    """`make golden` writes them anew."""
    lines = statements(FILES[name], "NODES_COMPARTMENT", "NETWORK_COMPARTMENT")
    text = "".join(f"{line}\n" for line in lines)
    if os.environ.get("MOORING_GOLDEN") == "write":
        (IAM / name).write_text(text)

    assert (IAM / name).read_text() == text
    assert [parse(line) for line in lines]


def test_one_compartment_an_ocid_and_the_whole_tenancy() -> None:
    by_id = statements(group("g"), "ocid1.compartment.oc1..a", "ocid1.tenancy.oc1..t")

    assert by_id[1].endswith(
        "read instances in compartment id ocid1.compartment.oc1..a"
    )
    assert by_id[-1] == "Allow group g to use vnics in tenancy"
    assert permissions.matching_rule("c") == "ALL {instance.compartment.id = 'c'}"


def test_what_is_not_used_is_not_asked_for() -> None:
    texts = "\n".join(statements(group("g"), "n", "n", (IPV6S, GROUPS)))

    assert IPV6S not in texts
    assert GROUPS not in texts
    assert len(needed()) == len(texts.splitlines()) + 2


def test_a_hint_names_what_no_call_has_proven() -> None:
    proofs = proven({}, "AttachVnic", 1)

    assert hint("CreatePrivateIp", "no", proofs).startswith(
        "most likely missing: use private-ips in the network's compartment;"
    )


def test_a_hint_begins_with_what_the_message_names() -> None:
    said = hint("AttachVnic", "createVnicDetails.subnetId ocid1.subnet.x", {})

    assert said.startswith("most likely missing: use subnets in the network's")
    assert (
        "manage instances (only INSTANCE_ATTACH_SECONDARY_VNIC) in the nodes'" in said
    )


def test_what_was_proven_longest_ago_is_doubted_first() -> None:
    proofs = proven({}, "AttachVnic", 1)
    proofs = proven(proofs, "CreatePrivateIp", 2)
    proofs = proven(proofs, "UpdateVnic", 3)

    assert hint("CreatePrivateIp", "no", proofs).startswith(
        "it is gone, or this right was taken away: use private-ips"
    )


def test_groups_that_are_not_sent_prove_and_need_nothing() -> None:
    proofs = proven({}, "AttachVnic", 1, (GROUPS,))

    assert GROUPS in hint("AttachVnic", "no", proofs)
    assert GROUPS not in hint("AttachVnic", "no", {}, (GROUPS,))
    assert not hint("GetWorkRequest", "no", {})


def test_a_narrowed_right_gives_only_itself() -> None:
    narrow = Right("instances", "manage", "nodes", "INSTANCE_ATTACH_SECONDARY_VNIC")

    assert not narrow.gives(Right("instances", "read", "nodes"))
    assert Right("vnics", "use", "network").gives(Right("vnics", "inspect", "network"))
