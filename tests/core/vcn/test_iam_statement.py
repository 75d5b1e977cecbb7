"""Statements: subjects, what they allow, places; what is none is named with its place."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.iam.conditions import UnreadableError
from mooring.core.vcn.iam.statement import Name, Place, Statement, Subject, parse
from mooring.core.vcn.iam.verbs import EVERYTHING, TYPES, VERBS, allowed


def named(*names: str) -> tuple[Name, ...]:
    return tuple(Name(name, is_id=False) for name in names)


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        ("any-user", Subject("any-user")),
        ("ANY-GROUP", Subject("any-group")),
        ("group Admins", Subject("group", named("admins"))),
        ("group A, B,C", Subject("group", named("a", "b", "c"))),
        ("group A, group B", Subject("group", named("a", "b"))),
        ("group Default/Admins", Subject("group", named("admins"))),
        ("group 'Default'/'All Admins'", Subject("group", named("all admins"))),
        ("group 'All Admins'", Subject("group", named("all admins"))),
        (
            "group id ocid1.group.oc1..A, id ocid1.group.oc1..b",
            Subject(
                "group",
                (
                    Name("ocid1.group.oc1..A", is_id=True),
                    Name("ocid1.group.oc1..b", is_id=True),
                ),
            ),
        ),
        ("dynamic-group d/Nodes", Subject("dynamic-group", named("nodes"))),
        ("service FaaS", Subject("service", named("faas"))),
        ("service id", Subject("service", named("id"))),
    ],
)
def test_a_subject_is_read(words: str, subject: Subject) -> None:
    assert parse(f"Allow {words} to read vcns in tenancy").subject == subject


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("tenancy", Place()),
        ("Compartment Network", Place(path=("network",))),
        ("compartment A:b:C", Place(path=("a", "b", "c"))),
        ("compartment id ocid1.X", Place(id="ocid1.X")),
    ],
)
def test_a_place_is_read(words: str, place: Place) -> None:
    assert parse(f"allow any-user to read vcns IN {words}").place == place


def test_permissions_are_read_in_any_case_of_letters() -> None:
    text = "Allow any-user to {vnic_create, SUBNET_READ} in tenancy"

    assert parse(text).permissions == {"VNIC_CREATE", "SUBNET_READ"}


def test_spaces_and_lines_mean_nothing() -> None:
    text = "allow  any-user\n to   USE\tVNICS in tenancy  where request.id='a'"
    found = parse(text)

    assert found.permissions == allowed("use", "vnics")
    assert found.condition is not None


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", 1, "the end must be allow"),
        ("Alow any-user", 1, "'Alow' must be allow"),
        ("Deny group X to use vcns in tenancy", 1, "no statement that the local VCN"),
        ("Endorse group X to use vcns in any-tenancy", 1, "'Endorse' is no statement"),
        ("Allow users to use vcns in tenancy", 7, "must be group or dynamic-group"),
        ("Allow group", 12, "the end must be the name of a group"),
        ("Allow group id", 15, "the end must be an OCID"),
        ("Allow group A B to", 15, "'B' must be to"),
        ("Allow any-user to drive vcns in tenancy", 19, "'drive' must be inspect or"),
        ("Allow any-user to use cars in tenancy", 23, "'cars' must be a resource type"),
        ("Allow any-user to {} in tenancy", 20, "'}' must be a permission"),
        ("Allow any-user to {A B} in tenancy", 22, "'B' must be , or }"),
        ("Allow any-user to use vcns on tenancy", 28, "'on' must be in"),
        ("Allow any-user to use vcns in here", 31, "'here' must be tenancy or"),
        ("Allow any-user to use vcns in compartment", 42, "must be a compartment's"),
        ("Allow any-user to use vcns in compartment id", 45, "a compartment's OCID"),
        ("Allow any-user to use vcns in tenancy now", 39, "the end or where"),
        (
            "Allow any-user to use vcns in tenancy where request.id='a' 'b'",
            60,
            "must be the end",
        ),
    ],
)
def test_what_is_no_statement_is_named_with_its_place(
    text: str, place: int, says: str
) -> None:
    with pytest.raises(UnreadableError) as fault:
        parse(text)

    assert fault.value.place == place
    assert says in str(fault.value)


WORDS = """Allow group id any-user to use read vcns { } , = in tenancy compartment where
request.id 'a' /x*/"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=14))
def test_any_words_are_a_statement_or_are_refused(words: list[str]) -> None:
    text = " ".join(words)
    try:
        assert isinstance(parse(text), Statement)
    except UnreadableError as fault:
        assert 1 <= fault.place <= len(text) + 1  # noqa: PT017 - most words are none


# -- verbs


@pytest.mark.parametrize("type_", TYPES)
def test_each_verb_allows_what_those_before_it_do(type_: str) -> None:
    levels = [allowed(verb, type_) or frozenset() for verb in VERBS]

    if type_ == "all-resources":
        assert levels.pop() == {EVERYTHING}
    assert all(less <= more for less, more in pairwise(levels))
    assert levels[-1]


def test_use_private_ips_makes_and_deletes() -> None:
    found = allowed("use", "private-ips") or frozenset()

    for deed in ("CREATE", "DELETE", "ASSIGN", "UNASSIGN", "UPDATE"):
        assert f"PRIVATE_IP_{deed}" in found
    assert "PRIVATE_IP_ROUTE_TABLE_ATTACH" not in found


def test_a_family_has_what_its_members_have() -> None:
    family = allowed("manage", "virtual-network-family") or frozenset()

    for member in ("vcns", "vnics", "drgs", "drg-route-table", "ipsec", "ipv6s"):
        assert (allowed("manage", member) or frozenset()) <= family
    assert "INSTANCE_CREATE" not in family


def test_the_instance_family_has_somewhat_more() -> None:
    extra = {"VNIC_ATTACH", "VNIC_DETACH", "VOLUME_ATTACHMENT_UPDATE"}

    assert extra <= (allowed("use", "instance-family") or frozenset())
    assert "VNIC_CREATE" not in (allowed("manage", "instance-family") or frozenset())


def test_an_unknown_type_is_none() -> None:
    assert allowed("use", "cars") is None
