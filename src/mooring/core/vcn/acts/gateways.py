"""Route tables and gateways: made and changed."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

from mooring.core.vcn.api.errors import conflict, invalid, missing, unrelated
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.indexes import PUBLIC
from mooring.core.vcn.limits import PUBLIC_ADDRESSES
from mooring.core.vcn.model import (
    InternetGateway,
    NatGateway,
    PrivateIp,
    RouteRule,
    RouteTable,
    Vcn,
)
from mooring.core.vcn.world import World

TARGETS = (InternetGateway, NatGateway, PrivateIp)


def create_route_table(call: Call) -> Answer:
    """Make a route table."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    common = call.common(RouteTable, call.body, call.body.need("compartmentId", str))
    rules = _rules(call, vcn.id) or ()
    table = RouteTable(**common, vcn_id=vcn.id, route_rules=rules)
    return Answer(draft=call.draft.put(table), subject=table)


def update_route_table(call: Call) -> Answer:
    """Replace a table's rules, its name and tags."""
    table = call.about(RouteTable)
    changes = renamed(call.body)
    if (rules := _rules(call, table.vcn_id)) is not None:
        changes["route_rules"] = rules
    return Answer(draft=call.draft.change(table, **changes), subject=table)


def _rules(call: Call, vcn_id: str) -> tuple[RouteRule, ...] | None:
    given = call.body.many("routeRules", Values)
    if given is None:
        return None
    rules: dict[str, RouteRule] = {}
    for n, one in enumerate(given):
        rule = _rule(call, f"routeRules[{n}]", one, vcn_id)
        if rule.destination in rules:
            where = f"routeRules[{n}].destination"
            raise invalid(where, rule.destination, "must not be there twice.")
        rules[rule.destination] = rule
    return tuple(rules.values())


def _rule(call: Call, where: str, given: Values, vcn_id: str) -> RouteRule:
    kind = given.get("destinationType", str) or "CIDR_BLOCK"
    block = given.get("cidrBlock", IPv4Network)
    destination = given.get("destination", str) or (block and str(block))
    if not destination:
        raise missing(f"{where}.destination")
    if kind == "CIDR_BLOCK":
        _check_block(f"{where}.destination", destination)
    target = given.need("networkEntityId", str)
    entity = call.world.get(target)
    if not isinstance(entity, TARGETS) or entity.vcn_id != vcn_id:
        raise unrelated(
            f"{where}.networkEntityId",
            target,
            f"is no gateway or private IP of {vcn_id}.",
        )
    return RouteRule(
        destination=destination,
        destination_type=kind,
        network_entity_id=target,
        description=given.get("description", str),
    )


def _check_block(where: str, text: str) -> None:
    network = IPv6Network if ":" in text else IPv4Network
    try:
        network(text if "/" in text else "")
    except ValueError:
        raise invalid(where, text, "must be a CIDR block without host bits.") from None


def create_internet_gateway(call: Call) -> Answer:
    """Make an internet gateway, the only one of its VCN."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    if other := next(call.world.referring(InternetGateway, vcn.id), None):
        raise conflict(f"VCN {vcn.id} has an internet gateway already: {other.id}.")
    compartment = call.body.need("compartmentId", str)
    gateway = InternetGateway(
        **call.common(InternetGateway, call.body, compartment),
        vcn_id=vcn.id,
        is_enabled=call.body.need("isEnabled", bool),
        **table_choice(call, vcn.id),
    )
    return Answer(draft=call.draft.put(gateway), subject=gateway)


def update_internet_gateway(call: Call) -> Answer:
    """Open or close a gateway, change its table, name and tags."""
    gateway = call.about(InternetGateway)
    changes = {**renamed(call.body), **table_choice(call, gateway.vcn_id)}
    if "isEnabled" in call.body:
        changes["is_enabled"] = call.body.need("isEnabled", bool)
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def create_nat_gateway(call: Call) -> Answer:
    """Make a NAT gateway with a public address of its own."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    compartment = call.body.need("compartmentId", str)
    gateway = NatGateway(
        **call.common(NatGateway, call.body, compartment),
        vcn_id=vcn.id,
        nat_ip=public_address(call.world, call.dice.number("public")),
        block_traffic=call.body.get("blockTraffic", bool) or False,
        **table_choice(call, vcn.id),
    )
    return Answer(draft=call.draft.put(gateway), subject=gateway)


def update_nat_gateway(call: Call) -> Answer:
    """Block or pass traffic, change the gateway's table, name and tags."""
    gateway = call.about(NatGateway)
    changes = {**renamed(call.body), **table_choice(call, gateway.vcn_id)}
    if "blockTraffic" in call.body:
        changes["block_traffic"] = call.body.need("blockTraffic", bool)
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def table_choice(call: Call, vcn_id: str) -> dict[str, Any]:
    """Give the change of a route table that a body asks for; "" takes it away."""
    table = call.body.get("routeTableId", str)
    if table is None:
        return {}
    if table:
        call.neighbour(RouteTable, "routeTableId", table, vcn_id)
    return {"route_table_id": table or None}


def public_address(world: World, dice: int) -> IPv4Address:
    """Choose a public address that nobody has."""
    space = world.space(PUBLIC)
    within = int(PUBLIC_ADDRESSES[0]), 32 - PUBLIC_ADDRESSES.prefixlen
    found = space.pick(within, 0, dice)
    if found is None:
        raise conflict("There are no public IP addresses left.")
    return IPv4Address(found)
