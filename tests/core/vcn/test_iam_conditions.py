"""Conditions and matching rules: what they mean, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.iam.conditions import UnreadableError, condition, read
from mooring.core.vcn.iam.statement import parse_rule

KNOWN = {
    "request.principal.type": ("workload",),
    "request.principal.id": ("ocid1.Pod",),
    "request.user.id": ("ocid1.pod",),
    "request.groups.id": ("g1", "g2"),
    "request.permission": ("VNIC_CREATE",),
    "tag.team.colour.value": ("Red",),
}


def holds(text: str) -> bool:
    return condition(read(text)).holds(lambda name: KNOWN.get(name, ()))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("request.principal.type = 'workload'", True),
        ("request.principal.type='WORKLOAD'", True),
        ("REQUEST.Principal.Type = 'workload'", True),
        ("request.principal.type = 'cluster'", False),
        ("request.principal.type != 'cluster'", True),
        ("request.principal.type != 'workload'", False),
        ("request.principal.id = 'OCID1.POD'", True),
        ("request.permission = /VNIC*/", True),
        ("request.permission = /*create/", True),
        ("request.permission = /*_*/", True),
        ("request.permission = /*/", True),
        ("request.permission = /NIC*/", False),
        ("request.permission = /VNIC.CREATE/", False),
        ("request.permission != /VNIC*/", False),
        ("request.permission in ('A', 'vnic_create')", True),
        ("request.permission in (/VNIC*/)", True),
        ("request.permission IN ('A','B')", False),
        ("request.principal.id = request.user.id", True),
        ("request.principal.id = request.principal.type", False),
        ("request.principal.id = target.user.id", False),
        ("request.groups.id = 'g2'", True),
        ("request.groups.id = 'g3'", False),
        ("request.groups.id != 'g1'", False),
        ("request.groups.id != 'g3'", True),
        ("target.group.member = true", False),
        ("target.group.member != 'x'", False),
        ("all {request.groups.id='g1', request.permission=/V*/}", True),
        ("all {request.groups.id='g1', target.x='y'}", False),
        ("ANY {request.groups.id='g1', target.x='y'}", True),
        ("any {target.x='y', target.x!='y'}", False),
        ("any { all {target.x='y'}, all {request.groups.id = 'g1'} }", True),
        ("all { any {target.x='y'}, request.groups.id = 'g1' }", False),
    ],
)
def test_a_condition_holds_or_not(text: str, answer: bool) -> None:
    assert holds(text) is answer


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", 1, "the end must be a variable"),
        ("color = 'x'", 1, "'color' must be a variable"),
        ("request.id", 11, "the end must be = or != or in"),
        ("request.id before 'x'", 12, "'before' must be ="),
        ("request.id = ", 14, "the end must be a text"),
        ("request.id = abc", 14, "'abc' must be a text in single"),
        ("request.id = {", 14, "'{' must be a text"),
        ("request.id = 'x", 14, '"\'" has no place here'),
        ("request.id in 'x'", 15, "must be ("),
        ("request.id in ('x' 'y')", 20, "must be , or )"),
        ("all request.id = 'x'", 5, "'request.id' must be {"),
        ("all {request.id = 'x'", 22, "the end must be , or }"),
        ("all {request.id = 'x' request.id = 'y'}", 23, "must be , or }"),
        ("all {}", 6, "'}' must be a variable"),
        ("any {" * 9 + "request.id='x'" + "}" * 9, 41, "nested deeper than 8"),
    ],
)
def test_what_is_no_condition_is_named_with_its_place(
    text: str, place: int, says: str
) -> None:
    with pytest.raises(UnreadableError) as fault:
        condition(read(text))

    assert fault.value.place == place
    assert says in str(fault.value)


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("tag.team.colour.value", True),
        ("tag.team.size.value", False),
        ("tag.team.colour.value = 'red'", True),
        ("tag.team.colour.value != 'red'", False),
        ("any {tag.team.size.value, tag.team.colour.value}", True),
        ("All {tag.team.size.value, tag.team.colour.value = 'red'}", False),
    ],
)
def test_a_tag_alone_asks_whether_it_is_there(rule: str, answer: bool) -> None:
    assert parse_rule(rule).holds(lambda name: KNOWN.get(name, ())) is answer


def test_a_rule_has_nothing_behind_it() -> None:
    with pytest.raises(UnreadableError, match="'or' must be the end"):
        parse_rule("instance.id = 'a' or instance.id = 'b'")


@given(st.text(alphabet="alny{}(),='/* requst.id!in", max_size=40))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        found = condition(read(text))
    except UnreadableError as fault:
        assert 1 <= fault.place <= len(text) + 1  # noqa: PT017 - most texts are none
    else:
        assert found.holds(lambda _: ()) is False
