"""Label selectors: which labels an object has to have.

Kubernetes' own language: `app=web,tier in (front,back),!canary,zone`. Read from text, or
from a LabelSelector (`matchLabels`, `matchExpressions`); written as text for the server.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mooring.core.net.fields import Field, Unreadable

KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
TERM = re.compile(
    r"(?P<key>[^\s,=!()]+)(?:\s*(?P<equal>==?|!=)\s*(?P<value>[^\s,=!()]*)"
    r"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?"
    r"|!\s*(?P<absent>[^\s,=!()]+)"
)
OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
MOST = 256


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition: `operator` is in, notin, exists or ! (does not exist)."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def met(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet it; who has no such label meets notin."""
        if self.operator == "exists":
            return self.key in labels
        if self.operator == "!":
            return self.key not in labels
        return (labels.get(self.key) in self.values) is (self.operator == "in")

    def __str__(self) -> str:
        """Write it as the server reads it."""
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that must all be met; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def met(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels is selected."""
        return all(each.met(labels) for each in self.requirements)

    def __str__(self) -> str:
        """Write it as the server reads it."""
        return ",".join(str(each) for each in self.requirements)


def parse(text: str, field: str = "labelSelector") -> Selector:
    """Read a selector's text; raise Unreadable that names `field`."""
    return Selector(tuple(_terms(Field(field, text))))


def read(field: Field) -> Selector:
    """Read a LabelSelector object; raise Unreadable."""
    labels = tuple(
        _required(Field(f"{field.path}.matchLabels", key), "in", [value])
        for key, value in field.at("matchLabels").mapping().items()
    )
    found = field.at("matchExpressions").items(MOST)
    return Selector(labels + tuple(_expression(each) for each in found))


def _terms(field: Field) -> Iterator[Requirement]:
    text, place = str(field.value), 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        found = TERM.match(text, place)
        if found is None:
            raise field.wrong(f"cannot be read from {text[place : place + 20]!r} on")
        yield _term(field, found)
        place = found.end()
        rest = text[place:].lstrip()
        if rest and not rest.startswith(","):
            raise field.wrong(f"must have a comma before {rest[:20]!r}")
        if rest[:1] == "," and not rest[1:].strip():
            raise field.wrong("must not end with a comma")
        place = len(text) - len(rest) + bool(rest)


def _term(field: Field, found: re.Match[str]) -> Requirement:
    here = Field(field.path, found["absent"] or found["key"])
    if found["absent"]:
        return _required(here, "!", [])
    if found["set"]:
        values = [value.strip() for value in found["values"].split(",")]
        return _required(here, found["set"], values)
    if found["equal"]:
        operator = "notin" if found["equal"] == "!=" else "in"
        return _required(here, operator, [found["value"]])
    return _required(here, "exists", [])


def _expression(field: Field) -> Requirement:
    operator = OPERATORS[field.at("operator").one_of(*OPERATORS)]
    values = [each.text(63, 0) for each in field.at("values").items(MOST)]
    if bool(values) is not (operator in ("in", "notin")):
        rule = "must not be empty" if not values else "must be empty for this operator"
        raise field.at("values").wrong(rule)
    return _required(field.at("key"), operator, values)


def _required(
    key: Field, operator: str, values: list[object] | list[str]
) -> Requirement:
    name = key.matching(KEY, "must be a label's key, as mooring/pool")
    for value in values:
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise Unreadable(
                f"{key.path} {name}",
                value,
                "must be a label's value: up to 63 of A-Z, a-z, 0-9, '-', '_', '.'",
            )
    return Requirement(name, operator, frozenset(str(value) for value in values))
