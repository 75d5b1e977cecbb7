"""One call on its way: what was asked, the draft of a new world, the answer.

A draft that is refused is thrown away with everything in it; the world it began with is
a value and was never touched.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from mooring.core.net import ocid
from mooring.core.vcn.api.errors import not_found, unrelated
from mooring.core.vcn.api.requests import Change, Drop, Put, Record, Request
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.model import Resource
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.rows import name_of
from mooring.core.vcn.world import World

T = TypeVar("T", bound=Resource)


@dataclass(frozen=True, slots=True)
class Draft:
    """A world in the making and the changes that lead to it."""

    world: World
    changes: tuple[Change, ...] = ()

    def put(self, record: Record) -> "Draft":
        """Add or replace a record."""
        return Draft(self.world.put(record), (*self.changes, Put(record)))

    def change(self, resource: Resource, **fields: Any) -> "Draft":  # noqa: ANN401 - fields of any record
        """Replace some fields of a record; its etag changes with it."""
        return self.put(replace(resource, version=resource.version + 1, **fields))

    def drop(self, record: Record) -> "Draft":
        """Take a record out."""
        gone = Drop(*name_of(record))
        return Draft(self.world.drop(gone.id), (*self.changes, gone))

    def now(self, resource: T) -> T:
        """Give a record as the draft has it."""
        found = self.world.records[resource.id]
        assert isinstance(found, type(resource))  # noqa: S101 - kinds never change
        return found


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance, as far as one request has it: a function of its entropy and a label."""

    entropy: bytes

    def roll(self, label: str) -> bytes:
        """Give 16 bytes."""
        return hashlib.blake2b(self.entropy + label.encode(), digest_size=16).digest()

    def number(self, label: str) -> int:
        """Give a number of 128 bits."""
        return int.from_bytes(self.roll(label))

    def rolls(self, label: str) -> Iterator[bytes]:
        """Give one throw after the other, for what must not exist yet."""
        return (self.roll(f"{label} {n}") for n in count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was understood: checked body and query, the object it is about.

    `operation` is the name under which policies know the call.
    """

    world: World
    request: Request
    operation: str = ""
    target: Resource | None = None
    body: Values
    query: Values

    @property
    def now(self) -> datetime:
        """The time of the call."""
        return self.request.now

    @property
    def dice(self) -> Dice:
        """The chance of the call."""
        return Dice(self.request.entropy)

    @property
    def draft(self) -> Draft:
        """A draft in which nothing has changed yet."""
        return Draft(self.world)

    def about(self, kind: type[T]) -> T:
        """Give the object that the path names."""
        assert isinstance(self.target, kind)  # noqa: S101 - the routes promise it
        return self.target

    def parent(self, kind: type[T], id: str) -> T:
        """Give the object inside of which the body wants another; 404 without it."""
        found = self.world.find(kind, id)
        if found is None:
            raise not_found(id)
        return found

    def related(self, kind: type[T], where: str, id: str) -> T:
        """Give an object that the body refers to by a field."""
        found = self.world.find(kind, id)
        if found is None:
            raise unrelated(where, id, f"is no {KINDS[kind].title} that exists.")
        return found

    def neighbour(
        self,
        kind: type[Resource],
        where: str,
        id: str,
        vcn_id: str,
    ) -> str:
        """Give the id of an object of the same VCN that the body refers to."""
        found = self.related(kind, where, id)
        if getattr(found, "vcn_id", None) != vcn_id:
            raise unrelated(where, id, f"is no {KINDS[kind].title} of {vcn_id}.")
        return id

    def mint(self, kind: type[Resource]) -> str:
        """Make an OCID that no record has; one of a kind in a call."""
        name, region = KINDS[kind].word, self.world.settings.region
        for roll in self.dice.rolls(name):
            if (id := ocid.mint(name, region, roll)) not in self.world.records:
                break
        return id

    def common(
        self, kind: type[Resource], details: Values, compartment_id: str
    ) -> dict[str, Any]:
        """Give the fields that every new record has."""
        stamp = self.now.strftime("%Y%m%d%H%M%S")
        name = details.get("displayName", str)
        return {
            "id": self.mint(kind),
            "compartment_id": compartment_id,
            "display_name": name or f"{KINDS[kind].word}{stamp}",
            "time_created": self.now,
            "freeform_tags": details.get("freeformTags", dict) or {},
            "defined_tags": details.get("definedTags", dict) or {},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation came to.

    `subject` is the object it is about, from which reply body, etag and retry token
    follow; `shown` is a body of another form, made already. `headers` go out beside
    what follows from these.
    """

    draft: Draft
    status: int = 200
    subject: Resource | None = None
    shown: object = None
    next_page: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def renamed(body: Values) -> dict[str, Any]:
    """Give the changes of name and tags that every update may carry."""
    names = {
        "displayName": "display_name",
        "freeformTags": "freeform_tags",
        "definedTags": "defined_tags",
    }
    return {field: body.items[n] for n, field in names.items() if n in body}
