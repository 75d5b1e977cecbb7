"""The rules of a VCN's route tables: read, and held against who asks the table.

A subnet's table (and a VNIC's or address's own) may lead to any gateway of the VCN, to a DRG that is
attached to it, and to an address in it. A table that a gateway asks for what comes in by it may
lead to less: `TARGETS_AT` says where.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from mooring.core.vcn.api.errors import invalid, missing, unrelated
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Call
from mooring.core.vcn.drg_routes import attachment_of
from mooring.core.vcn.model import (
    Drg,
    DrgAttachment,
    InternetGateway,
    Ipv6,
    LocalPeeringGateway,
    NatGateway,
    PrivateIp,
    Resource,
    RouteRule,
    RouteTable,
    ServiceGateway,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.oracle_services import labelled
from mooring.core.vcn.world import World

BLOCK, SERVICE = "CIDR_BLOCK", "SERVICE_CIDR_BLOCK"
STATIC, LOCAL = "STATIC", "LOCAL"

ADDRESSES: tuple[type[Resource], ...] = (PrivateIp, Ipv6)
# What may be the target of a rule for destinations of a family or for a service.
TARGETS: dict[str, tuple[type[Resource], ...]] = {
    "IPv4": (
        InternetGateway,
        NatGateway,
        Drg,
        LocalPeeringGateway,
        PrivateIp,
    ),
    "IPv6": (InternetGateway, Drg, LocalPeeringGateway, Ipv6),
    SERVICE: (ServiceGateway,),
}
# What may be the target in a table that a gateway asks for what comes in by it.
TARGETS_AT: dict[type[Resource], tuple[type[Resource], ...]] = {
    DrgAttachment: (ServiceGateway, LocalPeeringGateway, *ADDRESSES),
    LocalPeeringGateway: (ServiceGateway, Drg, *ADDRESSES),
    ServiceGateway: (Drg, *ADDRESSES),
    NatGateway: (PrivateIp,),
    InternetGateway: ADDRESSES,
}


def read_rules(call: Call, vcn_id: str) -> tuple[RouteRule, ...] | None:
    """Give the body's rules for a table of a VCN; None when it has none."""
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
    kind = given.get("destinationType", str) or BLOCK
    block = given.get("cidrBlock", IPv4Network)
    destination = given.get("destination", str) or (block and str(block))
    if not destination:
        raise missing(f"{where}.destination")
    if given.get("routeType", str) == LOCAL:
        rule = f"is the cloud's own; only {STATIC} rules can be given."
        raise invalid(f"{where}.routeType", LOCAL, rule)
    family = SERVICE
    if kind == BLOCK:
        network = read_block(f"{where}.destination", destination)
        destination, family = str(network), f"IPv{network.version}"
    entity = _target(call, where, given, vcn_id)
    if not isinstance(entity, TARGETS[family]):
        names = listed(TARGETS[family])
        rule = f"must be of {names} for {destination} ({kind})."
        raise invalid(f"{where}.networkEntityId", entity.id, rule)
    if isinstance(entity, ServiceGateway):
        _check_service(call.world, where, destination, entity)
    return RouteRule(
        destination=destination,
        destination_type=kind,
        network_entity_id=entity.id,
        description=given.get("description", str),
    )


def read_block(where: str, text: str) -> IPv4Network | IPv6Network:
    """Read a CIDR block of either family."""
    network: type[IPv4Network | IPv6Network]
    network = IPv6Network if ":" in text else IPv4Network
    try:
        # Python reads IPv6 with a zone, which no network has.
        return network(text if "/" in text and "%" not in text else "")
    except ValueError:
        raise invalid(where, text, "must be a CIDR block without host bits.") from None


def _target(call: Call, where: str, given: Values, vcn_id: str) -> Resource:
    """Give what a rule leads to: of the VCN, or a DRG that is attached to it."""
    name = given.need("networkEntityId", str)
    entity = call.world.get(name)
    if isinstance(entity, Drg):
        attachment = attachment_of(call.world, vcn_id)
        if attachment is not None and attachment.drg_id == name:
            return entity
        rule = f"is not attached to {vcn_id}."
        raise unrelated(f"{where}.networkEntityId", name, rule)
    known = (*TARGETS["IPv4"], *TARGETS["IPv6"], *TARGETS[SERVICE])
    if not isinstance(entity, known) or getattr(entity, "vcn_id", None) != vcn_id:
        rule = f"is no gateway or address of {vcn_id}."
        raise unrelated(f"{where}.networkEntityId", name, rule)
    return entity


def _check_service(
    world: World, where: str, label: str, gateway: ServiceGateway
) -> None:
    service = labelled(world.settings.region, label)
    if service is None:
        rule = "must be the cidrBlock of a service that ListServices shows."
        raise invalid(f"{where}.destination", label, rule)
    if service.id not in gateway.services:
        rule = f"must be a service that is enabled on {gateway.id}."
        raise invalid(f"{where}.destination", label, rule)


def listed(kinds: Iterable[type[Resource]]) -> str:
    """Give the titles of some kinds as words."""
    return ", ".join(KINDS[kind].title for kind in kinds)


def check_use(
    world: World, where: str, rules: Iterable[RouteRule], at: type[Resource]
) -> None:
    """Refuse rules that a gateway of a kind may not have in the table that it asks."""
    allowed = TARGETS_AT[at]
    for rule in rules:
        entity = world.get(rule.network_entity_id)
        if entity is not None and not isinstance(entity, allowed):
            title = KINDS[at].title
            says = (
                f"must lead to {listed(allowed)} only: it is the table of a {title}, "
                f"and its rule for {rule.destination} leads to {entity.id}."
            )
            raise invalid(where, rule.destination, says)


def check_users(call: Call, table: RouteTable, rules: tuple[RouteRule, ...]) -> None:
    """Refuse new rules of a table that one of the gateways which ask it may not have."""
    for kind in TARGETS_AT:
        if any(_asks(user) for user in call.world.referring(kind, table.id)):
            check_use(call.world, "routeRules", rules, kind)


def _asks(user: Resource) -> bool:
    return user.lifecycle_state != "DETACHED"
