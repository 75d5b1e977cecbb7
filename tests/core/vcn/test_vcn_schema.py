"""Rules of fields: what they take, and how they name field, value and rule."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from mooring.core.vcn.api import schema
from mooring.core.vcn.api.errors import Refusal, quote
from mooring.core.vcn.api.schema import Field, Rule, Values, check

FIELDS = {
    "name": Field(schema.text(), required=True),
    "count": Field(schema.whole(1, 3)),
}


@pytest.mark.parametrize(
    ("rule", "value", "checked"),
    [
        (schema.text(), "x", "x"),
        (schema.text(shape="a+", says="is no a"), "aa", "aa"),
        (schema.whole(1, 3), 3, 3),
        (schema.number(1, 3), 2, 2.0),
        (schema.flag, False, False),
        (schema.one_of("A", "B"), "B", "B"),
        (schema.address, "10.0.0.1", IPv4Address("10.0.0.1")),
        (schema.network(16, 30), "10.0.0.0/16", IPv4Network("10.0.0.0/16")),
        (schema.listing(schema.flag, 0, 2), [True], (True,)),
        (schema.distinct(schema.listing(schema.text(), 0, 2)), ["a", "b"], ("a", "b")),
        (schema.TAGS, {"a": ""}, {"a": ""}),
        (schema.DEFINED_TAGS, {"a": {"b": [1, None]}}, {"a": {"b": [1, None]}}),
        (schema.digits(1, 10), "10", 10),
        (schema.unbuilt, False, None),
        (schema.plain, {}, {}),
    ],
)
def test_a_good_value_is_taken(rule: Rule, value: object, checked: object) -> None:
    assert rule("field", value) == checked


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        (schema.text(), 1, "field 1 must be a string."),
        (schema.text(), "", 'field "" must have 1 to 255 characters.'),
        (schema.text(shape="a+", says="is no a."), "b", 'field "b" is no a.'),
        (schema.whole(1, 3), True, "field true must be an integer."),
        (schema.whole(1, 3), 1.0, "field 1.0 must be an integer."),
        (schema.whole(1, 3), 4, "field 4 must be from 1 to 3."),
        (schema.number(1, 3), "1", 'field "1" must be a number.'),
        (schema.number(1, 3), 0.5, "field 0.5 must be from 1 to 3."),
        (schema.flag, 1, "field 1 must be true or false."),
        (schema.one_of("A", "B"), ["A"], 'field ["A"] must be one of A, B.'),
        (schema.address, 10, "field 10 must be an IPv4 address."),
        (schema.address, "10.0.0", 'field "10.0.0" must be an IPv4 address.'),
        (schema.network(), "10.0.0.1/24", "must be an IPv4 CIDR block without host"),
        (schema.network(), "10.0.0.1", "must be an IPv4 CIDR block"),
        (schema.network(), "10.78.0.0/255.255.0.0", "must be an IPv4 CIDR block"),
        (schema.network(), "10.78.0.0/0.0.255.255", "must be an IPv4 CIDR block"),
        (schema.network(), "10.78.0.0/+16", "must be an IPv4 CIDR block"),
        (schema.network(), 1, "must be an IPv4 CIDR block"),
        (schema.network(16, 30), "10.0.0.0/8", "must have a prefix from /16 to /30."),
        (schema.listing(schema.flag, 0, 2), {}, "field {} must be a list."),
        (schema.TAGS, {"": "x"}, 'field "" must have names of 1 to 100 characters.'),
        (schema.TAGS, {"a" * 101: "x"}, "must have names of 1 to 100 characters."),
        (schema.TAGS, {"a": "x" * 257}, "must have 0 to 256 characters."),
        (
            schema.TAGS,
            {str(n): "x" for n in range(11)},
            "must not have more than 10 names.",
        ),
        (
            schema.DEFINED_TAGS,
            {"a": {str(n): "x" for n in range(65)}},
            "must not have more than 64 names.",
        ),
        (schema.listing(schema.flag, 1, 2), [], "field [] must have 1 to 2 elements."),
        (schema.listing(schema.flag, 0, 2), [True, 1], "field[1] 1 must be true"),
        (
            schema.distinct(schema.listing(schema.text(), 0, 2)),
            ["a", "a"],
            "must not repeat an element.",
        ),
        (schema.group(FIELDS), "x", 'field "x" must be an object.'),
        (schema.group(FIELDS), {"name": 1}, "field.name 1 must be a string."),
        (schema.group(FIELDS), {}, "This request is missing field.name."),
        (schema.TAGS, {"a": 1}, "field.a 1 must be a string."),
        (schema.digits(1, 10), "x", 'field "x" must be an integer.'),
        (schema.digits(1, 10), "11", "field 11 must be from 1 to 10."),
        (schema.digits(1, 10), "9" * 30, "must be an integer."),
        (schema.unbuilt, [1], "The local VCN does not have field."),
    ],
)
def test_a_fault_is_named(rule: Rule, value: object, words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        rule("field", value)

    assert words in refusal.value.message


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_what_is_nested_too_deeply_is_refused(make: object) -> None:
    value: object = 1
    for _ in range(schema.DEEPEST + 1):
        value = make(value)

    with pytest.raises(Refusal, match="deeper"):
        schema.plain("field", value)


def test_values_are_asked_for_by_type() -> None:
    values = check(FIELDS, {"name": "x", "count": 2, "other": 1})

    assert values.need("name", str) == "x"
    assert values.get("count", int) == 2
    assert values.get("count", str) is None
    assert "other" not in values
    assert values.also(more=1).items == {"name": "x", "count": 2, "more": 1}


def test_a_list_s_values_are_asked_for_by_type() -> None:
    values = Values({"list": (1, 2), "one": 1})

    assert values.many("list", int) == (1, 2)
    assert values.many("one", int) is None


def test_a_long_value_is_cut() -> None:
    assert len(quote("x" * 1000)) == 100
