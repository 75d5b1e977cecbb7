"""Who a caller is to the policies: in which groups, with which variables.

Users are in groups by membership; instances and other resources are in dynamic groups by the
groups' rules. Those whom `mooring vcn init` registered, and users in the group Administrators,
may do everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.iam.statement import Subject, parse_rule
from mooring.core.vcn.model import (
    DynamicGroup,
    Group,
    Instance,
    User,
    UserGroupMembership,
)
from mooring.core.vcn.world import World

USER, INSTANCE = "user", "instance"
ADMINISTRATORS = "ocid1.group.oc1..aaaaaaaamooringadministrators"
ADMINISTRATORS_NAME = "Administrators"


@dataclass(frozen=True, slots=True)
class Standing:
    """A caller with the ids and names (in lower case) of its groups, and the variables that tell of it."""

    caller: Principal
    ids: frozenset[str]
    names: frozenset[str]
    variables: Mapping[str, tuple[str, ...]]

    def is_meant(self, subject: Subject) -> bool:
        """Tell whether a statement speaks of this caller."""
        if subject.kind in ("any-user", "any-group"):
            return True
        if subject.kind == "service":
            mine = {self.caller.id.lower(), self.caller.claims.get("service", "")}
            names = {name.text for name in subject.names}
            return self.caller.kind == "service" and not mine.isdisjoint(names)
        if (self.caller.kind == USER) != (subject.kind == "group"):
            return False
        return any(
            name.text in (self.ids if name.is_id else self.names)
            for name in subject.names
        )


def standing(world: World, caller: Principal) -> Standing:
    """Look up who a caller is."""
    groups = _of_user(world, caller) if caller.kind == USER else _dynamic(world, caller)
    variables: dict[str, tuple[str, ...]] = {
        f"request.principal.{name.lower()}": (value,)
        for name, value in caller.claims.items()
    }
    variables |= {
        "request.principal.type": (caller.kind,),
        "request.principal.id": (caller.id,),
        "request.groups.id": tuple(sorted(groups)),
    }
    if caller.compartment_id:
        variables["request.principal.compartment.id"] = (caller.compartment_id,)
    if caller.kind == USER:
        variables["request.user.id"] = (caller.id,)
        user = world.find(User, caller.id)
        if user is not None:
            variables["request.user.name"] = (user.display_name,)
    names = frozenset(name.lower() for name in groups.values())
    return Standing(caller, frozenset(groups), names, variables)


def _of_user(world: World, caller: Principal) -> dict[str, str]:
    """Give the ids and names of a user's groups."""
    found = {}
    for membership in world.referring(UserGroupMembership, caller.id):
        if membership.group_id == ADMINISTRATORS:
            found[ADMINISTRATORS] = ADMINISTRATORS_NAME
        group = world.find(Group, membership.group_id)
        if group is not None:
            found[group.id] = group.display_name
    return found


def _dynamic(world: World, caller: Principal) -> dict[str, str]:
    """Give the ids and names of the dynamic groups whose rules match."""
    known = _of_resource(world, caller)
    return {
        group.id: group.display_name
        for group in world.of(DynamicGroup)
        if parse_rule(group.matching_rule).holds(lambda name: known.get(name, ()))
    }


def _of_resource(world: World, caller: Principal) -> dict[str, tuple[str, ...]]:
    """Give the variables that matching rules may ask of a resource."""
    known: dict[str, tuple[str, ...]] = {
        "resource.id": (caller.id,),
        "resource.type": (caller.kind,),
        "resource.compartment.id": (caller.compartment_id,),
    }
    if caller.kind != INSTANCE:
        return known
    known["instance.id"] = (caller.id,)
    instance = world.find(Instance, caller.id)
    home = caller.compartment_id if instance is None else instance.compartment_id
    known["instance.compartment.id"] = known["resource.compartment.id"] = (home,)
    tags = {} if instance is None else instance.defined_tags
    for space, entries in tags.items():
        for name, value in entries.items():
            known[f"tag.{space}.{name}.value".lower()] = (str(value),)
    return known
