"""What can be said of a pool, and what an agent tells of it."""

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn import usage as usages
from mooring.core.npn.codec import parse as parse_object
from mooring.core.npn.codec import parse_status
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.policy import PREALLOCATE, PoolPolicy, parse, say
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, PoolStatus
from mooring.core.npn.usage import Counts, Usage, VnicLink
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


LINKS = st.lists(
    st.builds(
        VnicLink,
        vnic_id=st.text(min_size=1, max_size=9),
        link=st.from_regex(r"[a-z][a-z0-9.@_-]{0,14}", fullmatch=True),
        table=st.sampled_from(usages.TABLES),
    ),
    max_size=4,
    unique_by=lambda each: each.vnic_id,
).map(lambda links: tuple(sorted(links)))
COUNTS = st.builds(
    Counts,
    used=st.integers(0, 4096),
    free=st.integers(0, 4096),
    cooling=st.integers(0, 4096),
)
USAGES = st.builds(
    Usage,
    serial=st.integers(0, 99),
    held=ADDRESSES,
    cooling=ADDRESSES,
    free=ADDRESSES,
    links=LINKS,
) | st.builds(Usage, serial=st.integers(0, 99), counts=COUNTS, links=LINKS)


@given(USAGES)
def test_a_usage_is_read_as_it_was_written(usage: Usage) -> None:
    assert usages.read(json.loads(json.dumps(usages.write(usage)))) == usage


RUBBISH = st.sampled_from(
    [None, True, -1, 7000, 7127, 1.5, "", "a/b", "x" * 300, [], {}, [{}], [None]]
) | st.text(max_size=20)


@given(USAGES, st.data())
def test_rubbish_in_a_usage_is_unreadable_and_nothing_worse(
    usage: Usage, data: st.DataObject
) -> None:
    document = json.loads(json.dumps(usages.write(usage)))
    places = [(document, key) for key in document]
    places += [(each, key) for each in document["vnics"] for key in each]
    for _ in range(data.draw(st.integers(1, 3))):
        where, key = data.draw(st.sampled_from(places))
        where[key] = data.draw(RUBBISH)

    try:
        found = usages.read(document)
    except Unreadable:
        return
    assert usages.read(usages.write(found)) == found


NONE = {"used": 0, "free": 0, "cooling": 0}
LINK = {"vnicId": "v", "link": "ens5", "table": 7001}


@pytest.mark.parametrize("vnics", [{}, {"vnics": None}, {"vnics": []}])
def test_an_agent_that_tells_no_links_is_heard(vnics: dict[str, Any]) -> None:
    assert usages.read({**NONE, **vnics}) == Usage(counts=Counts())


def test_links_are_read_in_order_each_once() -> None:
    other = {"vnicId": "a", "link": "ens6", "table": 7126}

    assert usages.read({**NONE, "vnics": [LINK, other, LINK]}).links == (
        VnicLink(vnic_id="a", link="ens6", table=7126),
        VnicLink(vnic_id="v", link="ens5", table=7001),
    )


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"vnicId": ""}, r"usage.vnics[0].vnicId: '': must have 1 to 255 characters"),
        ({"vnicId": None}, "usage.vnics[0].vnicId: None: is required"),
        ({"link": "x" * 16}, "must have 1 to 15 characters, has 16"),
        ({"link": "é" * 8}, "usage.vnics[0].link: 'éééééééé': must have 1 to 15 bytes"),
        ({"link": "a/b"}, "usage.vnics[0].link: 'a/b': must not hold / or : or blanks"),
        ({"link": ".."}, "usage.vnics[0].link: '..': must not be . or .."),
        ({"table": 7000}, "usage.vnics[0].table: 7000: must be from 7001 to 7126"),
        ({"table": 7127}, "usage.vnics[0].table: 7127: must be from 7001 to 7126"),
        ({"table": "7001"}, "usage.vnics[0].table: '7001': must be a whole number"),
    ],
)
def test_what_is_wrong_with_a_link_is_told(said: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Unreadable) as found:
        usages.read({**NONE, "vnics": [{**LINK, **said}]})

    assert wrong in str(found.value)


@pytest.mark.parametrize(
    ("vnics", "wrong"),
    [
        ([LINK, {**LINK, "link": "ens6"}], "must not name two links or tables of one"),
        ([LINK] * 65, "usage.vnics: [{'vnicId'"),
        ({}, "usage.vnics: {}: must be a list"),
    ],
)
def test_lists_of_links_that_cannot_be_are_unreadable(
    vnics: object, wrong: str
) -> None:
    with pytest.raises(Unreadable) as found:
        usages.read({**NONE, "vnics": vnics})

    assert wrong in str(found.value)


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
    assert usages.lists(usage) == usage
    assert usages.write(usage)["used"] == 8


def test_an_elastic_pool_is_not_sized_by_links() -> None:
    link = VnicLink(vnic_id="v", link="ens5", table=7001)
    usage = Usage(serial=3, held=frozenset({IPv4Address("10.0.0.5")}), links=(link,))

    assert usages.lists(usage) == Usage(serial=3, held=usage.held)


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
