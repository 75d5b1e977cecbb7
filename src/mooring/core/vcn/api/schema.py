"""What a body or a query may say: tables of fields, each with one rule.

A rule takes the field's full name and a raw JSON value and gives the checked value, or
refuses it by field, value and rule. Fields that a table does not know are ignored, as
the cloud ignores them; null is the same as not given.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from mooring.core.vcn.api.errors import invalid, missing, not_built

T = TypeVar("T")
Rule = Callable[[str, object], object]

OCID_LENGTH = 255
DEEPEST = 16
_BLOCK = re.compile(r"[0-9.]+/[0-9]{1,2}")  # a netmask is no prefix length
# Of tags: how many of either kind, and how long.
FREEFORM_TAGS, DEFINED = 10, 64
LONGEST_TAG_KEY, LONGEST_TAG = 100, 256


@dataclass(frozen=True, slots=True)
class Field:
    """A field's rule, and whether it must be there."""

    rule: Rule
    required: bool = False


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Values:
    """What was given, checked: ask by the API's field name and the type of its rule."""

    items: Mapping[str, object]

    def __contains__(self, name: str) -> bool:
        """Tell whether a field was given."""
        return name in self.items

    def get(self, name: str, kind: type[T]) -> T | None:
        """Give a field's value, None when it was not given."""
        value = self.items.get(name)
        return value if isinstance(value, kind) else None

    def need(self, name: str, kind: type[T]) -> T:
        """Give the value of a required field."""
        value = self.items[name]
        assert isinstance(value, kind), f"{name} is no {kind}"  # noqa: S101 - the table of fields promises it; mypy cannot see it
        return value

    def many(self, name: str, kind: type[T]) -> tuple[T, ...] | None:
        """Give a list's values, None when it was not given."""
        values = self.items.get(name)
        if not isinstance(values, tuple):
            return None
        return tuple(value for value in values if isinstance(value, kind))

    def also(self, **more: object) -> "Values":
        """Add values that something else decided."""
        return Values({**self.items, **more})

    def written(self) -> dict[str, object]:
        """Give what was given as the JSON that it came as."""
        return {name: _written(value) for name, value in self.items.items()}


def _written(value: object) -> object:
    if isinstance(value, Values):
        return value.written()
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    if isinstance(value, IPv4Address | IPv4Network | IPv6Address | IPv6Network):
        return str(value)
    return value


def check(fields: Fields, given: Mapping[str, object], where: str = "") -> Values:
    """Hold what was given against a table; the first fault refuses."""
    values: dict[str, object] = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is not None:
            values[name] = field.rule(where + name, value)
        elif field.required:
            raise missing(where + name)
    return Values(values)


def text(
    least: int = 1, most: int = 255, shape: str | None = None, says: str = ""
) -> Rule:
    """Make the rule for text of some length, and of some shape that `says` what."""
    pattern = None if shape is None else re.compile(shape)

    def rule(where: str, value: object) -> object:
        if not isinstance(value, str):
            raise invalid(where, value, "must be a string.")
        if not least <= len(value) <= most:
            raise invalid(where, value, f"must have {least} to {most} characters.")
        if pattern is not None and not pattern.fullmatch(value):
            raise invalid(where, value, says)
        return value

    return rule


def whole(least: int, most: int) -> Rule:
    """Make the rule for an integer in an inclusive range."""

    def rule(where: str, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(where, value, "must be an integer.")
        if not least <= value <= most:
            raise invalid(where, value, f"must be from {least} to {most}.")
        return value

    return rule


def stepped(least: int, most: int, step: int) -> Rule:
    """Make the rule for an integer in an inclusive range that is a multiple of a step."""
    inner = whole(least, most)

    def rule(where: str, value: object) -> object:
        found = inner(where, value)
        if isinstance(found, int) and found % step:
            raise invalid(where, value, f"must be a multiple of {step}.")
        return found

    return rule


def number(least: float, most: float) -> Rule:
    """Make the rule for a number in an inclusive range."""

    def rule(where: str, value: object) -> object:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid(where, value, "must be a number.")
        if not least <= value <= most:
            raise invalid(where, value, f"must be from {least:g} to {most:g}.")
        return float(value)

    return rule


def flag(where: str, value: object) -> object:
    """Check true or false."""
    if not isinstance(value, bool):
        raise invalid(where, value, "must be true or false.")
    return value


def one_of(*words: str) -> Rule:
    """Make the rule for one word of a few."""

    def rule(where: str, value: object) -> object:
        if value not in words:
            raise invalid(where, value, f"must be one of {', '.join(words)}.")
        return value

    return rule


def address(where: str, value: object) -> object:
    """Check an IPv4 address."""
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid(where, value, "must be an IPv4 address.") from None


def network(widest: int = 0, narrowest: int = 32) -> Rule:
    """Make the rule for an IPv4 CIDR block without host bits, of some prefix length."""

    def rule(where: str, value: object) -> object:
        plain = value if isinstance(value, str) and _BLOCK.fullmatch(value) else ""
        try:
            block = IPv4Network(plain)
        except ValueError:
            raise invalid(
                where, value, "must be an IPv4 CIDR block without host bits."
            ) from None
        if not widest <= block.prefixlen <= narrowest:
            raise invalid(
                where, value, f"must have a prefix from /{widest} to /{narrowest}."
            )
        return block

    return rule


def address6(where: str, value: object) -> object:
    """Check an IPv6 address; one with a zone is none."""
    plain = value if isinstance(value, str) and "%" not in value else ""
    try:
        return IPv6Address(plain)
    except ValueError:
        raise invalid(where, value, "must be an IPv6 address.") from None


def network6(widest: int = 0, narrowest: int = 128) -> Rule:
    """Make the rule for an IPv6 prefix without host bits, of some length."""

    def rule(where: str, value: object) -> object:
        plain = value if isinstance(value, str) and "/" in value else ""
        try:
            block = IPv6Network("" if "%" in plain else plain)
        except ValueError:
            raise invalid(
                where, value, "must be an IPv6 prefix without host bits."
            ) from None
        if not widest <= block.prefixlen <= narrowest:
            raise invalid(
                where, value, f"must have a prefix from /{widest} to /{narrowest}."
            )
        return block

    return rule


def listing(one: Rule, least: int, most: int) -> Rule:
    """Make the rule for a list of some length whose elements follow a rule."""

    def rule(where: str, value: object) -> object:
        if not isinstance(value, list):
            raise invalid(where, value, "must be a list.")
        if not least <= len(value) <= most:
            raise invalid(where, value, f"must have {least} to {most} elements.")
        return tuple(one(f"{where}[{n}]", element) for n, element in enumerate(value))

    return rule


def distinct(inner: Rule) -> Rule:
    """Make a list's rule refuse an element that is there twice."""

    def rule(where: str, value: object) -> object:
        found = inner(where, value)
        if isinstance(found, Sequence) and len(set(found)) != len(found):
            raise invalid(where, value, "must not repeat an element.")
        return found

    return rule


def group(fields: Fields) -> Rule:
    """Make the rule for an object with fields of its own; it gives Values."""

    def rule(where: str, value: object) -> object:
        return check(fields, entries(where, value), f"{where}.")

    return rule


def entries(where: str, value: object) -> dict[str, object]:
    """Check for a JSON object."""
    if not isinstance(value, dict):
        raise invalid(where, value, "must be an object.")
    return value


def mapping(one: Rule, most: int, longest: int) -> Rule:
    """Make the rule for an object of so many free names of some length, whose values follow a rule."""

    def rule(where: str, value: object) -> object:
        given = entries(where, value)
        if len(given) > most:
            raise invalid(where, value, f"must not have more than {most} names.")
        for name in given:
            if not 1 <= len(name) <= longest:
                says = f"must have names of 1 to {longest} characters."
                raise invalid(where, name, says)
        return {name: one(f"{where}.{name}", each) for name, each in given.items()}

    return rule


def plain(where: str, value: object) -> object:
    """Check any JSON that is not nested too deeply to be kept."""
    if _depth(value, DEEPEST) < 0:
        raise invalid(where, "…", f"must not be nested deeper than {DEEPEST}.")
    return value


def _depth(value: object, left: int) -> int:
    """Give how much of the allowed depth a value leaves; below zero is too deep."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or left < 0:
        return left
    return min((_depth(element, left - 1) for element in value), default=left - 1)


def unbuilt(where: str, value: object) -> object:
    """Refuse a field that stands for a feature which is not there, if it is used."""
    if value:
        raise not_built(where)
    return None


def digits(least: int, most: int) -> Rule:
    """Make the rule for an integer in a query."""
    inner = whole(least, most)

    def rule(where: str, value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
            raise invalid(where, value, "must be an integer.")
        return inner(where, int(value))

    return rule


ocid = text(most=OCID_LENGTH)
TAGS = mapping(text(least=0, most=LONGEST_TAG), FREEFORM_TAGS, LONGEST_TAG_KEY)
DEFINED_TAGS = mapping(
    mapping(plain, most=DEFINED, longest=LONGEST_TAG_KEY), DEFINED, LONGEST_TAG_KEY
)
