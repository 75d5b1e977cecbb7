"""What a reader gets out of a cloud, and what of a record the API does not tell."""

import json
from dataclasses import replace
from typing import Any

from mooring.core.vcn.api.views import render, view
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import (
    DrgRouteDistribution,
    DrgRouteTable,
    IpSecTunnel,
    NetworkSecurityGroup,
    Resource,
    SecurityList,
    Vcn,
    VirtualCircuit,
)
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.shown.drg import rules_of, statement
from mooring.core.vcn.twin.snapshot import TAKEN, Snapshot
from mooring.core.vcn.world import World

REGION = Settings().region


def shown(world: World) -> Snapshot:
    """What a reader gets out of a cloud: the views, as JSON that was on the wire."""
    objects: dict[str, list[Any]] = {}
    taken = filter(is_taken, world.records.values())
    # Lists show a connection's first tunnel first.
    for record in sorted(taken, key=lambda r: getattr(r, "number", 0)):
        one: dict[str, Any] = dict(view(world, record))
        match record:
            case NetworkSecurityGroup():
                one["securityRules"] = render(world, record.rules)
            case DrgRouteTable():
                one["routeRules"] = rules_of(world, record)
            case DrgRouteDistribution():
                one["statements"] = [statement(each) for each in record.statements]
            case IpSecTunnel():
                one["connectionId"] = record.ip_sec_connection_id
            case _:
                pass
        objects.setdefault(word(record), []).append(json.loads(json.dumps(one)))
    vcns = tuple(vcn.id for vcn in world.of(Vcn))
    return Snapshot(vcns, {name: tuple(some) for name, some in objects.items()})


def is_taken(record: Resource) -> bool:
    return isinstance(record, TAKEN)


def loaded(records: tuple[Resource, ...]) -> World:
    return World.load([to_row(record) for record in records])


def stripped(record: Resource) -> Resource:
    """Leave out what the API does not tell: the order of directions, microseconds in rules,
    whether a default was written, secrets.
    """
    if isinstance(record, VirtualCircuit):
        return replace(record, more=None)
    if isinstance(record, IpSecTunnel):
        return replace(
            record, phase_one=None, phase_two=None, dpd=None, shared_secret=""
        )
    if isinstance(record, SecurityList):
        rules = sorted(record.rules, key=lambda rule: rule.direction)
        return replace(record, rules=tuple(rules))
    if isinstance(record, NetworkSecurityGroup):
        rules = tuple(replace(rule, time_created=None) for rule in record.rules)
        return replace(record, rules=rules)
    return record
