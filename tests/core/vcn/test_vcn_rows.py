"""Rows: every record comes back from its row as it was."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vcn_cloud import Cloud

from mooring.core.vcn.api.requests import Drop, Put
from mooring.core.vcn.model import Resource, Subnet
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.model.tokens import RetryToken
from mooring.core.vcn.rows import from_row, name_of, to_row
from mooring.core.vcn.world import World

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=4,
)
times = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants it so


def of_type(hint: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a table
    origin, inner = get_origin(hint), get_args(hint)
    if hint is datetime:
        return times
    if origin is tuple:
        return st.lists(of_type(inner[0]), max_size=2).map(tuple)
    if inner and type(None) in inner:
        return st.none() | of_type(inner[0])
    if origin is not None:
        texts = inner[1] is str
        return st.dictionaries(
            st.text(), st.text() if texts else json_values, max_size=2
        )
    if hasattr(hint, "__dataclass_fields__"):
        return records(hint)
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.from_type(hint)


def records(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: of_type(hints[f.name]) for f in fields(kind)})


@pytest.mark.parametrize("kind", [*KINDS, RetryToken], ids=lambda kind: kind.__name__)
def test_a_record_comes_back_as_it_was(kind: type) -> None:
    @given(records(kind))
    def comes_back(record: Resource | RetryToken) -> None:
        row = to_row(record)
        assert from_row(row) == record
        assert row[:2] == name_of(record)

    comes_back()


def test_every_class_has_a_word_of_its_own() -> None:
    assert len({kind.word for kind in KINDS.values()}) == len(KINDS)


def test_an_id_that_many_records_name_is_held_once() -> None:
    cloud = Cloud()
    subnet = cloud.subnet(cloud.vcn())
    rows = [
        to_row(record)
        for record in (cloud.world.find(Subnet, subnet["id"]) for _ in range(2))
        if record is not None
    ]
    one, two = (from_row(row) for row in rows)

    assert isinstance(one, Subnet)
    assert isinstance(two, Subnet)
    assert one is not two
    assert one.vcn_id is two.vcn_id
    assert one.id is rows[0][1]


def test_default_values_are_left_out() -> None:
    cloud = Cloud()
    made = cloud.subnet(cloud.vcn())
    subnet = cloud.world.find(Subnet, made["id"])
    assert subnet is not None
    plain = json.loads(to_row(subnet)[2])

    assert "ipv6_cidr_blocks" not in plain
    assert "settles_at" not in plain
    assert plain["prohibit_public_ip_on_vnic"] is True


@pytest.mark.parametrize(
    "row",
    [
        ("car", "x", "{}"),
        ("vcn", "x", "{"),
        ("vcn", "x", "{}"),
        ("vcn", "x", '{"a": 1}'),
    ],
)
def test_what_is_no_row_of_ours_is_an_error(row: tuple[str, str, str]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_row(row)


def test_the_journal_s_changes_make_the_world() -> None:
    """What a store of rows would hold after the changes is the world."""
    cloud = Cloud()
    subnet = cloud.subnet(cloud.vcn())
    instance = cloud.instance(subnet)
    cloud.attach(instance, subnet)
    cloud.post(
        "/vcns",
        {"compartmentId": "c", "cidrBlock": "10.7.0.0/16"},
        headers={"opc-retry-token": "t"},
    )
    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()
    store: dict[tuple[str, str], str] = {}
    for change in cloud.changes:
        if isinstance(change, Put):
            kind, name, text = to_row(change.record)
            store[kind, name] = text
        else:
            assert isinstance(change, Drop)
            del store[change.kind, change.id]

    rows = [(*name, text) for name, text in store.items()]

    assert World.load(rows) == cloud.world
