"""What one call is: its name, its fields, the kind of object in its path, who carries it out.

`{id}` in a path stands for one segment, an OCID of the operation's kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mooring.core.vcn.acts import removal
from mooring.core.vcn.api.schema import Fields
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.model import Resource

Act = Callable[[Call], Answer]
Route = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one call needs and who carries it out.

    `body` None: there is none; `may_be_bare`: it may be left out, which is the same as `{}`.
    `id_at` says which segment behind the version, from 0, is the id.
    """

    name: str
    kind: type[Resource] | None = None
    id_at: int = 1
    body: Fields | None = None
    may_be_bare: bool = False
    query: Fields = field(default_factory=dict)
    act: Act


def show(call: Call) -> Answer:
    """Show the object that the path names."""
    return Answer(draft=call.draft, subject=call.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crud:
    """The five calls that most kinds have; `names` are those that are irregular."""

    path: str
    name: str
    kind: type[Resource]
    create: tuple[Fields, Act] | None = None
    update: tuple[Fields, Act] | None = None
    delete: Act | None = removal.delete
    list: tuple[Fields, Act] | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def routes(self) -> dict[Route, Operation]:
        """Give the calls that this kind has."""
        one, whole = f"/{self.path}/{{id}}", f"/{self.path}"
        found = {("GET", one): self._about("Get", None, show)}
        if self.update:
            found["PUT", one] = self._about("Update", *self.update)
        if self.delete:
            found["DELETE", one] = self._about("Delete", None, self.delete)
        if self.create:
            body, act = self.create
            name = self._name("Create", self.name)
            found["POST", whole] = Operation(name=name, body=body, act=act)
        if self.list:
            query, act = self.list
            name = self._name("List", f"{self.name}s")
            found["GET", whole] = Operation(name=name, query=query, act=act)
        return found

    def _about(self, verb: str, body: Fields | None, act: Act) -> Operation:
        """Make an operation on one object of the kind."""
        name = self._name(verb, self.name)
        return Operation(name=name, kind=self.kind, body=body, act=act)

    def _name(self, verb: str, noun: str) -> str:
        return self.names.get(verb, verb + noun)


def routes(*kinds: Crud) -> dict[Route, Operation]:
    """Give the calls of some kinds, as one table."""
    return {route: o for kind in kinds for route, o in kind.routes().items()}
