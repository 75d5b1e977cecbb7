"""A DRG's route tables and route distributions, and what stands in them."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from mooring.core.vcn.acts.drgs import DETACHED, IMPORT, distribution_of
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.acts.route_rules import read_block
from mooring.core.vcn.api.errors import invalid, limit, missing, unrelated
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.limits import ROUTES_PER_DRG_TABLE, STATEMENTS_PER_DISTRIBUTION
from mooring.core.vcn.model import (
    Drg,
    DrgAttachment,
    DrgCriterion,
    DrgRouteDistribution,
    DrgRouteRule,
    DrgRouteTable,
    DrgStatement,
)
from mooring.core.vcn.shown.drg import rules_of, statement

# The field that a criterion needs, by its type.
CRITERIA = {
    "DRG_ATTACHMENT_TYPE": "attachmentType",
    "DRG_ATTACHMENT_ID": "drgAttachmentId",
    "MATCH_ALL": None,
}


# -- route tables


def create_table(call: Call) -> Answer:
    """Make a DRG route table without rules."""
    drg = call.parent(Drg, call.body.need("drgId", str))
    table = DrgRouteTable(
        **call.common(DrgRouteTable, call.body, drg.compartment_id),
        drg_id=drg.id,
        **_learning(call, drg.id),
    )
    return Answer(draft=call.draft.put(table), subject=table)


def update_table(call: Call) -> Answer:
    """Change by what a table learns, its name and tags."""
    table = call.about(DrgRouteTable)
    changes = renamed(call.body) | _learning(call, table.drg_id)
    return Answer(draft=call.draft.change(table, **changes), subject=table)


def _learning(call: Call, drg_id: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    where = "importDrgRouteDistributionId"
    if name := call.body.get(where, str):
        found = distribution_of(call, where, name, drg_id)
        if found.distribution_type != IMPORT:
            raise invalid(where, name, f"must be of type {IMPORT}.")
        changes["import_drg_route_distribution_id"] = name
    if "isEcmpEnabled" in call.body:
        changes["is_ecmp_enabled"] = call.body.need("isEcmpEnabled", bool)
    return changes


def remove_import(call: Call) -> Answer:
    """Let a table learn nothing any more."""
    table = call.about(DrgRouteTable)
    draft = call.draft.change(table, import_drg_route_distribution_id=None)
    return Answer(draft=draft, subject=table)


def list_rules(call: Call) -> Answer:
    """List a table's rules, static ones first, or those of a type."""
    wanted = call.query.get("routeType", str)
    found = [
        rule
        for rule in rules_of(call.world, call.about(DrgRouteTable))
        if wanted in (None, rule["routeType"])
    ]
    return paged(call, in_order(found))


def add_rules(call: Call) -> Answer:
    """Add static rules and show them with their new ids."""
    table = call.about(DrgRouteTable)
    rules = {rule.id: rule for rule in table.route_rules}
    added: list[str] = []
    for n, given in enumerate(call.body.many("routeRules", Values) or ()):
        where = f"routeRules[{n}]"
        rule = DrgRouteRule(
            id=call.dice.roll(where).hex(),
            destination=_destination(where, given),
            next_hop_drg_attachment_id=_next_hop(call, where, given),
        )
        rules[rule.id] = rule
        added.append(rule.id)
    if len(rules) > ROUTES_PER_DRG_TABLE:
        raise limit(f"static rules in {table.id}", ROUTES_PER_DRG_TABLE)
    return _with_rules(call, rules.values(), added)


def _destination(where: str, given: Values) -> str:
    return str(read_block(f"{where}.destination", given.need("destination", str)))


def _next_hop(call: Call, where: str, given: Values) -> str:
    field = "nextHopDrgAttachmentId"
    return _attachment(
        call,
        f"{where}.{field}",
        given.need(field, str),
        call.about(DrgRouteTable).drg_id,
    )


def _attachment(call: Call, where: str, name: str, drg_id: str) -> str:
    """Give the id of an attachment of a DRG that is not on its way out."""
    found = call.related(DrgAttachment, where, name)
    if found.drg_id != drg_id or found.lifecycle_state == DETACHED:
        raise unrelated(where, name, f"is no DRG Attachment of {drg_id}.")
    return name


def update_rules(call: Call) -> Answer:
    """Change static rules by their ids and show them."""
    table = call.about(DrgRouteTable)
    rules = {rule.id: rule for rule in table.route_rules}
    changed: list[str] = []
    for n, given in enumerate(call.body.many("routeRules", Values) or ()):
        where, name = f"routeRules[{n}]", given.need("id", str)
        if name not in rules:
            raise invalid(f"{where}.id", name, f"is no static rule of {table.id}.")
        changes: dict[str, str] = {}
        if "destination" in given:
            changes["destination"] = _destination(where, given)
        if "nextHopDrgAttachmentId" in given:
            hop = _next_hop(call, where, given)
            changes["next_hop_drg_attachment_id"] = hop
        rules[name] = replace(rules[name], **changes)
        changed.append(name)
    return _with_rules(call, rules.values(), changed)


def _with_rules(call: Call, rules: Iterable[DrgRouteRule], shown: list[str]) -> Answer:
    """Answer with some of a table's new rules."""
    taken: dict[object, str] = {}
    for rule in rules:
        network = ip_network(rule.destination)
        if network in taken:
            where = "routeRules.destination"
            raise invalid(where, rule.destination, "must not be there twice.")
        taken[network] = rule.id
    table = call.about(DrgRouteTable)
    draft = call.draft.change(table, route_rules=tuple(rules))
    found = rules_of(draft.world, draft.now(table))
    return Answer(draft=draft, shown=tuple(r for r in found if r["id"] in shown))


def remove_rules(call: Call) -> Answer:
    """Take static rules out by their ids; an unknown one refuses all."""
    table = call.about(DrgRouteTable)
    rules = {rule.id: rule for rule in table.route_rules}
    for n, name in enumerate(call.body.many("routeRuleIds", str) or ()):
        if rules.pop(name, None) is None:
            rule = f"is no static rule of {table.id}."
            raise invalid(f"routeRuleIds[{n}]", name, rule)
    draft = call.draft.change(table, route_rules=tuple(rules.values()))
    return Answer(draft=draft, status=204)


# -- distributions


def create_distribution(call: Call) -> Answer:
    """Make a distribution by which nothing is learnt yet."""
    drg = call.parent(Drg, call.body.need("drgId", str))
    made = DrgRouteDistribution(
        **call.common(DrgRouteDistribution, call.body, drg.compartment_id),
        drg_id=drg.id,
        distribution_type=call.body.need("distributionType", str),
    )
    return Answer(draft=call.draft.put(made), subject=made)


def update_distribution(call: Call) -> Answer:
    """Change a distribution's name and tags."""
    old = call.about(DrgRouteDistribution)
    return Answer(draft=call.draft.change(old, **renamed(call.body)), subject=old)


def list_statements(call: Call) -> Answer:
    """List a distribution's statements, in the order in which they were added."""
    found = [statement(one) for one in call.about(DrgRouteDistribution).statements]
    latest_first = call.query.get("sortOrder", str) == "DESC"
    return paged(call, in_order(found[::-1] if latest_first else found))


def add_statements(call: Call) -> Answer:
    """Add statements and show them with their new ids."""
    old = call.about(DrgRouteDistribution)
    statements = {one.id: one for one in old.statements}
    added: list[str] = []
    for n, given in enumerate(call.body.many("statements", Values) or ()):
        where = f"statements[{n}]"
        one = DrgStatement(
            id=call.dice.roll(where).hex(),
            priority=given.need("priority", int),
            criteria=_criteria(call, where, given),
        )
        statements[one.id] = one
        added.append(one.id)
    if len(statements) > STATEMENTS_PER_DISTRIBUTION:
        raise limit(f"statements in {old.id}", STATEMENTS_PER_DISTRIBUTION)
    return _with_statements(call, statements.values(), added)


def _criteria(call: Call, where: str, given: Values) -> tuple[DrgCriterion, ...]:
    found = given.many("matchCriteria", Values) or ()
    return tuple(
        _criterion(call, f"{where}.matchCriteria[{n}]", one)
        for n, one in enumerate(found)
    )


def _criterion(call: Call, where: str, given: Values) -> DrgCriterion:
    kind = given.need("matchType", str)
    field = CRITERIA[kind]
    if field is not None and field not in given:
        raise missing(f"{where}.{field}")
    name = given.get("drgAttachmentId", str) if field == "drgAttachmentId" else None
    if name is not None:
        drg_id = call.about(DrgRouteDistribution).drg_id
        _attachment(call, f"{where}.{field}", name, drg_id)
    is_type = field == "attachmentType"
    return DrgCriterion(
        match_type=kind,
        attachment_type=given.get("attachmentType", str) if is_type else None,
        drg_attachment_id=name,
    )


def update_statements(call: Call) -> Answer:
    """Change statements by their ids and show them."""
    old = call.about(DrgRouteDistribution)
    statements = {one.id: one for one in old.statements}
    changed: list[str] = []
    for n, given in enumerate(call.body.many("statements", Values) or ()):
        where, name = f"statements[{n}]", given.need("id", str)
        if name not in statements:
            raise invalid(f"{where}.id", name, f"is no statement of {old.id}.")
        changes: dict[str, Any] = {}
        if "priority" in given:
            changes["priority"] = given.need("priority", int)
        if "matchCriteria" in given:
            changes["criteria"] = _criteria(call, where, given)
        statements[name] = replace(statements[name], **changes)
        changed.append(name)
    return _with_statements(call, statements.values(), changed)


def _with_statements(
    call: Call, statements: Iterable[DrgStatement], shown: list[str]
) -> Answer:
    """Answer with some of a distribution's new statements."""
    taken: set[int] = set()
    for one in statements:
        if one.priority in taken:
            where = "statements.priority"
            raise invalid(where, one.priority, "must not be there twice.")
        taken.add(one.priority)
    old = call.about(DrgRouteDistribution)
    draft = call.draft.change(old, statements=tuple(statements))
    found = draft.now(old).statements
    return Answer(
        draft=draft, shown=tuple(statement(one) for one in found if one.id in shown)
    )


def remove_statements(call: Call) -> Answer:
    """Take statements out by their ids; an unknown one refuses all."""
    old = call.about(DrgRouteDistribution)
    statements = {one.id: one for one in old.statements}
    for n, name in enumerate(call.body.many("statementIds", str) or ()):
        if statements.pop(name, None) is None:
            rule = f"is no statement of {old.id}."
            raise invalid(f"statementIds[{n}]", name, rule)
    draft = call.draft.change(old, statements=tuple(statements.values()))
    return Answer(draft=draft, status=204)
