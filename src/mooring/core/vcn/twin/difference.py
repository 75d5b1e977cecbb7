"""What is different between two copies of a VCN, object by object and field by field.

Both are taken through the local VCN's own records first, so that what it does not know of the
cloud's objects does not show as a difference; nor does what changes by itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mooring.core.vcn.api.views import render, view
from mooring.core.vcn.model import NetworkSecurityGroup, Resource
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.twin.snapshot import TAKEN
from mooring.core.vcn.world import World

# What the two sides may tell differently without being different.
VOLATILE = frozenset({"timeCreated", "lifecycleState", "peeringStatus"})

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object on both sides."""

    name: str
    left: object
    right: object


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that only one side has (`fields` empty), or that has other fields there.

    `side` is "left" or "right" for an object that is only there, "" for one on both sides.
    """

    kind: str
    id: str
    name: str
    side: str = ""
    fields: tuple[Field, ...] = ()


def differences(left: World, right: World) -> tuple[Difference, ...]:
    """Compare all records of two worlds; what both show alike is left out."""
    ours, theirs = _shown(left), _shown(right)
    found = [
        *(_only(ours[key], key, "left") for key in sorted(ours.keys() - theirs.keys())),
        *(
            _only(theirs[key], key, "right")
            for key in sorted(theirs.keys() - ours.keys())
        ),
    ]
    for key in sorted(ours.keys() & theirs.keys()):
        fields = tuple(_fields("", ours[key], theirs[key]))
        if fields:
            found.append(Difference(*key, _name(ours[key]), fields=fields))
    return tuple(found)


def _shown(world: World) -> dict[tuple[str, str], Json]:
    return {
        (word(record), record.id): _view(world, record)
        for record in world.records.values()
        if isinstance(record, TAKEN)
    }


def _view(world: World, record: Resource) -> Json:
    shown = view(world, record)
    if isinstance(record, NetworkSecurityGroup):
        shown["securityRules"] = render(world, record.rules)
    return shown


def _only(shown: Json, key: tuple[str, str], side: str) -> Difference:
    return Difference(*key, _name(shown), side=side)


def _name(shown: Json) -> str:
    return str(shown.get("displayName") or shown.get("ipAddress") or "")


def _fields(where: str, left: object, right: object) -> Iterator[Field]:
    """Go down to the leaves that differ; lists are compared as sets of what they show."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in sorted({*left, *right} - VOLATILE):
            yield from _fields(
                f"{where}.{name}".lstrip("."), left.get(name), right.get(name)
            )
    elif isinstance(left, list) and isinstance(right, list):
        gone, new = _less(left, right), _less(right, left)
        if gone or new:
            yield Field(where, gone, new)
    elif left != right:
        yield Field(where, left, right)


def _less(some: Iterable[object], others: list[object]) -> list[object]:
    bare = [_bare(other) for other in others]
    return [each for each in some if _bare(each) not in bare]


def _bare(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _bare(v) for name, v in value.items() if name not in VOLATILE}
    return value
