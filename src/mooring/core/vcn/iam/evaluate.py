"""May this caller do this? One pure answer from the policies in force.

Administrators are never looked at closer. For everybody else each permission that the call asks
for (`asks`) must be granted by a statement that names the caller, on the compartment or one above
it, whose condition holds. Nothing forbids what another statement grants.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.iam.asks import Ask, Errand, asks
from mooring.core.vcn.iam.needs import seen
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.iam.regions import key_of
from mooring.core.vcn.iam.standing import ADMINISTRATORS, USER, Standing, standing
from mooring.core.vcn.iam.statement import Statement, parse
from mooring.core.vcn.iam.tree import homes, lineage, name_of
from mooring.core.vcn.iam.verbs import EVERYTHING
from mooring.core.vcn.model import Policy, Resource
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.world import World

OWN = frozenset({"GetUser", "ListApiKeys", "UploadApiKey", "DeleteApiKey"})
"""What users may do to themselves without any policy."""

_NAMED_TARGETS = {
    "user": "user",
    "group": "group",
    "dynamicgroup": "dynamic-group",
    "policy": "policy",
}


@dataclass(slots=True)
class Court:
    """The policies of a world as they concern one caller and one operation."""

    world: World
    standing: Standing
    operation: str = ""
    target: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _grants: list[tuple[str, Statement]] | None = None

    @property
    def tenancy(self) -> str:
        """The root of the caller's compartments."""
        return self.standing.caller.tenancy

    def may(self, permission: str, places: tuple[str, ...]) -> bool:
        """Tell whether a permission is held in one of some compartments."""
        if ADMINISTRATORS in self.standing.ids:
            return True
        return any(self._granted(permission, place) for place in places)

    def _granted(self, permission: str, place: str) -> bool:
        above = lineage(self.world, place, self.tenancy)
        variables = self._variables(permission, place)
        return any(
            where in above
            and (
                permission in statement.permissions
                or EVERYTHING in statement.permissions
            )
            and (statement.condition is None or statement.condition.holds(variables))
            for where, statement in self._concerned()
        )

    def _concerned(self) -> list[tuple[str, Statement]]:
        """Give the statements that speak of the caller, each with its compartment."""
        if self._grants is None:
            self._grants = [
                (place, statement)
                for place, statement in in_force(self.world)
                if self.standing.is_meant(statement.subject)
            ]
        return self._grants

    def _variables(
        self, permission: str, place: str
    ) -> Callable[[str], tuple[str, ...]]:
        region = self.world.settings.region
        known: dict[str, tuple[str, ...]] = {
            "request.permission": (permission,),
            "request.region": (region, key_of(region)),
            "target.compartment.id": (place,),
        }
        if self.operation:
            known["request.operation"] = (self.operation,)
        if name := name_of(self.world, place, self.tenancy):
            known["target.compartment.name"] = (name,)
        every = {**self.standing.variables, **self.target, **known}
        return lambda variable: every.get(variable, ())


def in_force(world: World) -> Iterator[tuple[str, Statement]]:
    """Give every statement, with the compartment that it holds in and below."""
    for policy in world.of(Policy):
        for place, text in zip(policy.places, policy.statements, strict=True):
            yield place, parse(text)


def decide(
    world: World,
    caller: Principal | None,
    operation: str,
    target: Resource | str | None,
    given: Values,
) -> Ask | None:
    """Give what the caller asks for and may not have; None: it may.

    `target` is the path's object, or the id in the path of what is no record; `given` are the fields of query and body.
    """
    if caller is None or caller.administrator:
        return None
    record = target if isinstance(target, Resource) else None
    id = target if isinstance(target, str) else "" if record is None else record.id
    if _is_free(caller, operation, id, given):
        return None
    errand = Errand(
        operation=operation,
        target=record,
        id=id,
        given=given,
        tenancy=caller.tenancy,
    )
    court = Court(world, standing(world, caller), operation, _told(record))
    for ask in asks(world, errand):
        if not court.may(ask.permission, ask.places):
            return ask
    return None


def _is_free(caller: Principal, operation: str, id: str, given: Values) -> bool:
    """Tell whether anybody may: see to the own keys, list what compartments are open to oneself."""
    if operation == "ListCompartments":
        return given.get("accessLevel", str) == "ACCESSIBLE"
    return caller.kind == USER and operation in OWN and id == caller.id


def may(world: World, caller: Principal | None, permission: str, place: str) -> bool:
    """Tell whether a caller holds one permission in a compartment."""
    if caller is None or caller.administrator:
        return True
    return Court(world, standing(world, caller)).may(permission, (place,))


def sight(
    world: World, caller: Principal | None, operation: str
) -> Callable[[object], bool] | None:
    """Make the filter of a list by what the caller may see; None: everything."""
    if caller is None or caller.administrator:
        return None
    court = Court(world, standing(world, caller), operation)
    known: dict[tuple[str, tuple[str, ...]], bool] = {}

    def visible(item: object) -> bool:
        if not isinstance(item, Resource):
            return True
        permission = seen(word(item), getattr(item, "lifetime", None))
        asked = permission, homes(world, item)
        if asked not in known:
            known[asked] = court.may(*asked)
        return known[asked]

    return visible


def _told(target: Resource | None) -> dict[str, tuple[str, ...]]:
    """Give the variables of a target that have its kind's name."""
    name = None if target is None else _NAMED_TARGETS.get(word(target))
    if target is None or name is None:
        return {}
    return {
        f"target.{name}.id": (target.id,),
        f"target.{name}.name": (target.display_name,),
    }
