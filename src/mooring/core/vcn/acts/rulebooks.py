"""Security lists and network security groups: their rules, read and changed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

from mooring.core.vcn.acts import servicelimits
from mooring.core.vcn.acts.route_rules import read_block
from mooring.core.vcn.api.errors import invalid, limit, missing
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.limits import RULES_PER_NSG
from mooring.core.vcn.model import (
    NetworkSecurityGroup,
    Ports,
    SecurityList,
    SecurityRule,
    Vcn,
)
from mooring.core.vcn.oracle_services import labelled

INGRESS, EGRESS = "INGRESS", "EGRESS"
ANYWHERE = "0.0.0.0/0"
ALL = "all"
ICMP, TCP, UDP, ICMPV6 = "1", "6", "17", "58"
SSH = Ports(22, 22)
UNREACHABLE, FRAGMENTATION_NEEDED = 3, 4

# Which options a protocol may carry.
OPTIONS = {
    "tcpOptions": (TCP,),
    "udpOptions": (UDP,),
    "icmpOptions": (ICMP, ICMPV6),
}
PEER = {INGRESS: "source", EGRESS: "destination"}


def default_rules(blocks: Sequence[IPv4Network]) -> tuple[SecurityRule, ...]:
    """Give the rules of a VCN's default list: as a fresh VCN of the cloud has them."""
    return (
        SecurityRule(direction=EGRESS, protocol=ALL, peer=ANYWHERE),
        SecurityRule(
            direction=INGRESS, protocol=TCP, peer=ANYWHERE, destination_ports=SSH
        ),
        SecurityRule(
            direction=INGRESS,
            protocol=ICMP,
            peer=ANYWHERE,
            icmp_type=UNREACHABLE,
            icmp_code=FRAGMENTATION_NEEDED,
        ),
        *(
            SecurityRule(
                direction=INGRESS,
                protocol=ICMP,
                peer=str(block),
                icmp_type=UNREACHABLE,
            )
            for block in blocks
        ),
    )


def create_security_list(call: Call) -> Answer:
    """Make a security list."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    servicelimits.check_vcn(call, vcn, "security-list-count")
    common = call.common(SecurityList, call.body, call.body.need("compartmentId", str))
    rules = (*_listed(call, INGRESS, ()), *_listed(call, EGRESS, ()))
    made = SecurityList(**common, vcn_id=vcn.id, rules=rules)
    return Answer(draft=call.draft.put(made), subject=made)


def update_security_list(call: Call) -> Answer:
    """Replace a list's rules of either direction, its name and tags."""
    old = call.about(SecurityList)
    rules = (*_listed(call, INGRESS, old.rules), *_listed(call, EGRESS, old.rules))
    draft = call.draft.change(old, **renamed(call.body), rules=rules)
    return Answer(draft=draft, subject=old)


def _listed(
    call: Call, direction: str, old: Iterable[SecurityRule]
) -> tuple[SecurityRule, ...]:
    """Give the rules of one direction: the body's, or else the old ones."""
    field = f"{direction.lower()}SecurityRules"
    given = call.body.many(field, Values)
    if given is None:
        return tuple(rule for rule in old if rule.direction == direction)
    return tuple(
        _rule(call, f"{field}[{n}]", direction, one) for n, one in enumerate(given)
    )


def create_group(call: Call) -> Answer:
    """Make a network security group; its rules come by actions."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    servicelimits.check_vcn(call, vcn, "networksecuritygroups-count")
    compartment = call.body.need("compartmentId", str)
    common = call.common(NetworkSecurityGroup, call.body, compartment)
    group = NetworkSecurityGroup(**common, vcn_id=vcn.id)
    return Answer(draft=call.draft.put(group), subject=group)


def update_group(call: Call) -> Answer:
    """Change a group's name and tags."""
    group = call.about(NetworkSecurityGroup)
    draft = call.draft.change(group, **renamed(call.body))
    return Answer(draft=draft, subject=group)


def add_rules(call: Call) -> Answer:
    """Add rules to a group and show them with their new ids."""
    group = call.about(NetworkSecurityGroup)
    taken = {rule.id for rule in group.rules}
    added: list[SecurityRule] = []
    for where, given in _given(call):
        rule = _group_rule(call, where, given)
        name = _fresh(call, f"{where}", taken)
        taken.add(name)
        added.append(replace(rule, id=name, time_created=call.now))
    rules = (*group.rules, *added)
    if len(rules) > RULES_PER_NSG:
        raise limit(
            f"security rules in network security group {group.id}", RULES_PER_NSG
        )
    return _changed(call, group, rules, added)


def _fresh(call: Call, where: str, taken: set[str | None]) -> str:
    names = (roll[:3].hex().upper() for roll in call.dice.rolls(where))
    return next(name for name in names if name not in taken)


def update_rules(call: Call) -> Answer:
    """Replace rules of a group by their ids and show the new ones."""
    group = call.about(NetworkSecurityGroup)
    rules = {rule.id: rule for rule in group.rules}
    updated: list[SecurityRule] = []
    for where, given in _given(call):
        name = given.need("id", str)
        if name not in rules:
            raise invalid(f"{where}.id", name, f"is no rule of {group.id}.")
        rule = _group_rule(call, where, given)
        born = rules[name].time_created
        rules[name] = replace(rule, id=name, time_created=born)
        updated.append(rules[name])
    return _changed(call, group, tuple(rules.values()), updated)


def remove_rules(call: Call) -> Answer:
    """Take rules out of a group by their ids; an unknown one refuses all."""
    group = call.about(NetworkSecurityGroup)
    rules = {rule.id: rule for rule in group.rules}
    for n, name in enumerate(call.body.many("securityRuleIds", str) or ()):
        if rules.pop(name, None) is None:
            rule = f"is no rule of {group.id}."
            raise invalid(f"securityRuleIds[{n}]", name, rule)
    draft = call.draft.change(group, rules=tuple(rules.values()))
    return Answer(draft=draft, status=204)


def _given(call: Call) -> list[tuple[str, Values]]:
    given = call.body.many("securityRules", Values) or ()
    return [(f"securityRules[{n}]", one) for n, one in enumerate(given)]


def _changed(
    call: Call,
    group: NetworkSecurityGroup,
    rules: tuple[SecurityRule, ...],
    shown: Sequence[SecurityRule],
) -> Answer:
    draft = call.draft.change(group, rules=rules)
    return Answer(draft=draft, shown={"securityRules": tuple(shown)})


def _group_rule(call: Call, where: str, given: Values) -> SecurityRule:
    rule = _rule(call, where, given.need("direction", str), given)
    if rule.peer_type == "NETWORK_SECURITY_GROUP":
        field = f"{where}.{PEER[rule.direction]}"
        vcn_id = call.about(NetworkSecurityGroup).vcn_id
        call.neighbour(NetworkSecurityGroup, field, rule.peer, vcn_id)
    return rule


def _rule(call: Call, where: str, direction: str, given: Values) -> SecurityRule:
    """Read one rule; what its fields must say together is checked here."""
    peer = PEER[direction]
    if peer not in given:
        raise missing(f"{where}.{peer}")
    protocol = given.need("protocol", str)
    _check_protocol(where, protocol, given)
    peer_type = given.get(f"{peer}Type", str) or "CIDR_BLOCK"
    return SecurityRule(
        direction=direction,
        protocol=protocol,
        peer=_peer(call, f"{where}.{peer}", given.need(peer, str), peer_type),
        peer_type=peer_type,
        is_stateless=given.get("isStateless", bool) or False,
        description=given.get("description", str),
        **_ports(where, given),
        **_icmp(given),
    )


def _check_protocol(where: str, protocol: str, given: Values) -> None:
    is_number = protocol.isascii() and protocol.isdigit() and int(protocol) < 256
    if protocol != ALL and (not is_number or str(int(protocol)) != protocol):
        raise invalid(f"{where}.protocol", protocol, 'must be "all" or 0 to 255.')
    for field, protocols in OPTIONS.items():
        if field in given and protocol not in protocols:
            words = " or ".join(protocols)
            raise invalid(
                f"{where}.protocol", protocol, f"must be {words} for {field}."
            )


def _peer(call: Call, where: str, peer: str, kind: str) -> str:
    """Give a rule's peer: a block, a service that there is, or a group as it is named."""
    if kind == "CIDR_BLOCK":
        return str(read_block(where, peer))
    if kind == "SERVICE_CIDR_BLOCK" and not labelled(call.world.settings.region, peer):
        rule = "must be the cidrBlock of a service that ListServices shows."
        raise invalid(where, peer, rule)
    return peer


def _ports(where: str, given: Values) -> dict[str, Any]:
    for field in ("tcpOptions", "udpOptions"):
        if options := given.get(field, Values):
            return {
                "source_ports": _range(f"{where}.{field}", "sourcePortRange", options),
                "destination_ports": _range(
                    f"{where}.{field}", "destinationPortRange", options
                ),
            }
    return {}


def _range(where: str, name: str, options: Values) -> Ports | None:
    found = options.get(name, Values)
    if found is None:
        return None
    ports = Ports(found.need("min", int), found.need("max", int))
    if ports.min > ports.max:
        raise invalid(f"{where}.{name}.min", ports.min, f"must not exceed {ports.max}.")
    return ports


def _icmp(given: Values) -> dict[str, Any]:
    options = given.get("icmpOptions", Values)
    if options is None:
        return {}
    return {
        "icmp_type": options.need("type", int),
        "icmp_code": options.get("code", int),
    }
