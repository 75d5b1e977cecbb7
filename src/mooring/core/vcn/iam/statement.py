"""A policy's statement: `Allow <subject> to <what> in <where> [where <condition>]`.

subject     group A, B · group id ocid1… · dynamic-group [domain/]D · any-user · any-group · service x
what        a verb and a resource type or family · {PERMISSION, …}
where       tenancy · compartment a[:b:c] · compartment id ocid1…

Letters' case means nothing, except in OCIDs. Define, Endorse and Admit speak of other tenancies
and Deny must be switched on in the cloud; none of them is here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mooring.core.vcn.iam.conditions import Condition, Reader, condition, read
from mooring.core.vcn.iam.verbs import VERBS, allowed

KEPT = 4096  # statements that are not read again
_NOT_HERE = ("define", "endorse", "admit", "deny")
_GROUPS = ("group", "dynamic-group")
_PERMISSION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Name:
    """A group: by its id, or by its name in lower case."""

    text: str
    is_id: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """Who: `kind` is the word of the statement; `names` are of groups or services."""

    kind: str
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where: in the compartment of an id, or of a path of names; neither: the tenancy."""

    id: str | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """Who may do what where, and when."""

    subject: Subject
    permissions: frozenset[str]
    place: Place
    condition: Condition | None = None


@lru_cache(maxsize=KEPT)
def parse(text: str) -> Statement:
    """Read a statement; UnreadableError says where it is none."""
    reader = read(text)
    if reader.is_word(*_NOT_HERE):
        raise reader.wrong("is no statement that the local VCN has; Allow is")
    reader.must("allow")
    subject = _subject(reader)
    reader.must("to")
    permissions = _permissions(reader)
    reader.must("in")
    place = _place(reader)
    where = None
    if reader.take_if("where"):
        where = condition(reader)
    if reader.next.kind != "end":
        raise reader.wrong("must be the end" + ("" if where else " or where"))
    return Statement(subject, permissions, place, where)


@lru_cache(maxsize=KEPT)
def parse_rule(text: str) -> Condition:
    """Read a dynamic group's matching rule."""
    reader = read(text)
    rule = condition(reader)
    if reader.next.kind != "end":
        raise reader.wrong("must be the end")
    return rule


def _subject(reader: Reader) -> Subject:
    if reader.is_word("any-user", "any-group"):
        return Subject(reader.take().text.lower())
    kind = reader.must("group", "dynamic-group", "service", "any-user", "any-group")
    names = [_name(reader, kind)]
    while reader.take_if(","):
        reader.take_if(kind)
        names.append(_name(reader, kind))
    return Subject(kind, tuple(names))


def _name(reader: Reader, kind: str) -> Name:
    """Read a group's name without the domain that it may have, or its id."""
    is_id = kind in _GROUPS and reader.take_if("id")
    text = _word(reader, f"must be {'an OCID' if is_id else f'the name of a {kind}'}")
    if is_id:
        return Name(text, is_id=True)
    return Name(text.rpartition("/")[2].strip("'").lower(), is_id=False)


def _word(reader: Reader, rule: str) -> str:
    if reader.next.kind not in ("word", "text"):
        raise reader.wrong(rule)
    token = reader.take()
    return token.text if "/" in token.text else token.text.strip("'")


def _permissions(reader: Reader) -> frozenset[str]:
    if not reader.take_if("{"):
        return _of_verb(reader)
    found = [_permission(reader)]
    while reader.must(",", "}") == ",":
        found.append(_permission(reader))
    return frozenset(found)


def _permission(reader: Reader) -> str:
    if not _PERMISSION.fullmatch(reader.next.text):
        raise reader.wrong("must be a permission")
    return reader.take().text.upper()


def _of_verb(reader: Reader) -> frozenset[str]:
    verb = reader.must(*VERBS, "{")
    type_ = reader.next.text.lower()
    permissions = allowed(verb, type_)
    if permissions is None:
        raise reader.wrong("must be a resource type or family")
    reader.take()
    return permissions


def _place(reader: Reader) -> Place:
    if reader.must("tenancy", "compartment") == "tenancy":
        return Place()
    if reader.take_if("id"):
        return Place(id=_word(reader, "must be a compartment's OCID"))
    text = _word(reader, "must be a compartment's name, path or id")
    return Place(path=tuple(part.lower() for part in text.split(":")))
