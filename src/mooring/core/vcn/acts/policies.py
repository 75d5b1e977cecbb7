"""Policies and dynamic groups: written by people, read before they are kept."""

from datetime import datetime
from typing import Any

from mooring.core.vcn.acts.identity import (
    changed,
    groups,
    in_tenancy,
    new,
    root_of,
    shown_list,
    unused,
)
from mooring.core.vcn.api.errors import Refusal, invalid, not_found
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.iam.conditions import Condition, Several, UnreadableError
from mooring.core.vcn.iam.statement import Statement, Subject, parse, parse_rule
from mooring.core.vcn.iam.tree import located
from mooring.core.vcn.model import Compartment, DynamicGroup, Policy

OF_RULES = ("instance.", "resource.", "tag.")


def _read(call: Call, home: str) -> dict[str, Any]:
    """Read the statements of a body; name the one that cannot be kept, and why."""
    statements = call.body.many("statements", str) or ()
    places = []
    for n, text in enumerate(statements):
        where = f"statements[{n}]"
        try:
            statement = parse(text)
        except UnreadableError as fault:
            raise invalid(where, text, f"cannot be read {fault}.") from None
        missing = _missing(call, statement.subject)
        if missing is not None:
            raise invalid(where, text, f"names {missing}, which does not exist.")
        place = located(call.world, statement.place, home, root_of(call))
        if place is None:
            raise _nowhere(where, text, statement, home)
        places.append(place)
    return {"statements": statements, "places": tuple(places)}


def _missing(call: Call, subject: Subject) -> str | None:
    """Give the group that a statement names and that is not there."""
    if subject.kind not in ("group", "dynamic-group"):
        return None
    there = groups(call) if subject.kind == "group" else call.world.of(DynamicGroup)
    known = {group.display_name.lower() for group in there}
    for name in subject.names:
        if not name.is_id and name.text not in known:
            return f"the {subject.kind} {name.text}"
    return None


def _nowhere(where: str, text: str, statement: Statement, home: str) -> Refusal:
    if statement.place.id is None and not statement.place.path:
        rule = "speaks of the tenancy, so that its policy must be there."
    else:
        rule = f"names a compartment that is not there, or not inside of {home}."
    return invalid(where, text, rule)


def create_policy(call: Call) -> Answer:
    """Put statements in force."""
    home = call.body.need("compartmentId", str)
    if home != root_of(call) and call.world.find(Compartment, home) is None:
        raise not_found(home)
    inside = call.world.referring(Policy, home)
    name = unused(Policy, call.body.need("name", str), inside)
    policy = Policy(
        **new(call, Policy, name),
        **_read(call, home),
        description=call.body.need("description", str),
        version_date=call.body.get("versionDate", datetime),
    )
    return Answer(draft=call.draft.put(policy), subject=policy)


def update_policy(call: Call) -> Answer:
    """Put other statements in the place of a policy's."""
    policy = call.about(Policy)
    changes = changed(call.body, "description")
    if "statements" in call.body:
        changes.update(_read(call, policy.compartment_id))
    if "versionDate" in call.body:
        changes["version_date"] = call.body.need("versionDate", datetime)
    return Answer(draft=call.draft.change(policy, **changes), subject=policy)


def list_policies(call: Call) -> Answer:
    """List a compartment's own policies."""
    home = call.query.need("compartmentId", str)
    return shown_list(call, call.world.referring(Policy, home))


def _rule(call: Call) -> str:
    """Check a matching rule."""
    text = call.body.need("matchingRule", str)
    try:
        rule = parse_rule(text)
    except UnreadableError as fault:
        raise invalid("matchingRule", text, f"cannot be read {fault}.") from None
    for variable in _variables(rule):
        if not variable.startswith(OF_RULES):
            raise invalid("matchingRule", text, f"must not ask for {variable}.")
    return text


def _variables(rule: Condition) -> tuple[str, ...]:
    if isinstance(rule, Several):
        return tuple(name for part in rule.parts for name in _variables(part))
    return (rule.variable,)


def create_dynamic_group(call: Call) -> Answer:
    """Make a group of what a rule matches."""
    in_tenancy(call)
    others = call.world.of(DynamicGroup)
    name = unused(DynamicGroup, call.body.need("name", str), others)
    group = DynamicGroup(
        **new(call, DynamicGroup, name),
        description=call.body.need("description", str),
        matching_rule=_rule(call),
    )
    return Answer(draft=call.draft.put(group), subject=group)


def update_dynamic_group(call: Call) -> Answer:
    """Change a dynamic group's rule, or what is said of it."""
    group = call.about(DynamicGroup)
    changes = changed(call.body, "description")
    if "matchingRule" in call.body:
        changes["matching_rule"] = _rule(call)
    return Answer(draft=call.draft.change(group, **changes), subject=group)


def list_dynamic_groups(call: Call) -> Answer:
    """List all dynamic groups."""
    return shown_list(call, call.world.of(DynamicGroup))
