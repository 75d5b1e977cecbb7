"""What can be said of a pool, and what an agent tells of it."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn import usage as usages
from mooring.core.npn.codec import parse as parse_object
from mooring.core.npn.codec import parse_status
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.policy import PREALLOCATE, PoolPolicy, parse, say
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, PoolStatus
from mooring.core.npn.usage import Counts, Usage
from mooring.core.npn.written import render, render_status

POLICIES = st.builds(
    PoolPolicy,
    warm_target=st.integers(1, 256),
    minimum=st.integers(0, 10),
    maximum=st.none() | st.integers(10, 256),
    cool_down=st.none() | st.sampled_from([0.0, 0.5, 30.0, 3600.0]),
)


def test_a_policy_is_what_it_says() -> None:
    found = parse(" warmTarget = 8, minimum=4,maximum=62,coolDown=2.5")

    assert found == PoolPolicy(warm_target=8, minimum=4, maximum=62, cool_down=2.5)
    assert parse("warmTarget=1") == PoolPolicy(warm_target=1)
    assert parse(" preallocate ") is None
    assert say(None) == PREALLOCATE


@given(POLICIES)
def test_what_is_written_is_read(policy: PoolPolicy) -> None:
    assert parse(say(policy)) == policy
    status = NpnStatus(pool=PoolStatus(policy=policy, serial=7))
    assert parse_status(render_status(status)) == status


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be preallocate or one of warmTarget, minimum"),
        ("all", "must be preallocate or one of warmTarget"),
        ("warm", "must be preallocate or one of"),
        ("warmtarget=8", "; warmTarget is meant"),
        ("minimun=8", "; minimum is meant"),
        ("minimum=8", "needs warmTarget"),
        ("warmTarget=8,warmTarget=9", "must not say warmTarget twice"),
        ("warmTarget=eight", ".warmTarget: 'eight': must be a whole number"),
        ("warmTarget=2.5", ".warmTarget: '2.5': must be a whole number"),
        ("warmTarget=0", ".warmTarget: '0': must be from 1 to 256"),
        ("warmTarget=257", "must be from 1 to 256"),
        ("warmTarget=8,maximum=0", ".maximum: '0': must be from 1 to 256"),
        ("warmTarget=8,coolDown=-1", ".coolDown: '-1': must be from 0 to 3600"),
        ("warmTarget=8,coolDown=nan", ".coolDown: 'nan': must be from 0 to 3600"),
        ("warmTarget=8,coolDown=x", ".coolDown: 'x': must be a number of seconds"),
        ("warmTarget=8,minimum=9,maximum=8", ".minimum: 9: must not be more than"),
    ],
)
def test_a_fault_names_field_value_and_rule(text: str, words: str) -> None:
    with pytest.raises(Unreadable) as found:
        parse(text)
    assert str(found.value).startswith("metadata.annotations['mooring/pool']")
    assert words in str(found.value)


def an_object(**metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": "abc", **metadata},
        "spec": {"id": "ocid1.instance.i", "podSubnetIds": ["s"]},
    }


def test_an_objects_annotation_is_kept_as_it_is() -> None:
    text = "warmTarget=8, minimum=4"
    found = parse_object(an_object(annotations={"mooring/pool": text, "other": 5}))

    assert found.pool == text
    assert render(found)["metadata"]["annotations"] == {"mooring/pool": text}
    assert parse_object(an_object()).pool is None
    assert "annotations" not in render(Npn(name="a", spec=NpnSpec(id="i")))["metadata"]


def test_an_annotation_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(Unreadable, match="warmTarget is meant"):
        parse_object(an_object(annotations={"mooring/pool": "warmTargt=3"}))


def test_a_status_with_half_a_pool_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"status\.pool"):
        parse_status({"pool": {"serial": 3}})


ADDRESSES = st.frozensets(
    st.integers(0, 255).map(lambda n: IPv4Address(n << 24 | n))
    | st.integers(0, 255).map(IPv6Address),
    max_size=9,
)


@given(
    st.builds(
        Usage,
        serial=st.integers(0, 99),
        held=ADDRESSES,
        cooling=ADDRESSES,
        free=ADDRESSES,
    )
)
def test_a_usage_is_read_as_it_was_written(usage: Usage) -> None:
    assert usages.read(usages.write(usage)) == usage


NONE = {"used": 0, "free": 0, "cooling": 0}


def test_counts_are_told_without_lists_where_nobody_needs_those() -> None:
    usage = Usage(serial=2, counts=Counts(used=9, free=20, cooling=2))

    assert usages.read(usages.write(usage)) == usage
    assert usages.lists(usage) is None
    assert usages.write(usage)["addresses"] is None


def test_lists_are_counted_too_the_scarcer_family_first() -> None:
    six = frozenset(IPv6Address(n) for n in range(1, 9))
    four = frozenset(map(IPv4Address, range(1, 4)))
    usage = Usage(held=six | four, free=frozenset({IPv6Address(99)}))

    assert usage.tally == Counts(used=8, free=0)
    assert Usage().tally == Counts()
    assert usages.lists(usage) is usage
    assert usages.write(usage)["used"] == 8


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"serial": -1},
        {"used": "3", "free": 1, "cooling": 0},
        {"free": ["10.0.0.1"]},
        {**NONE, "addresses": {"held": "10.0.0.1"}},
        {**NONE, "addresses": {"free": ["10.0.0.256"]}},
    ],
)
def test_a_usage_that_is_none_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        usages.read(document)
