"""Route tables, internet, NAT and service gateways: made and changed."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from mooring.core.vcn.acts import publicips, removal, servicelimits
from mooring.core.vcn.acts.blocks import ready
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.acts.route_rules import check_use, check_users, read_rules
from mooring.core.vcn.api.errors import conflict, not_found, unrelated
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.model import (
    InternetGateway,
    NatGateway,
    Resource,
    RouteTable,
    ServiceGateway,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.oracle_services import OracleService, service, services
from mooring.core.vcn.shown.forms import Json

NOWHERE = IPv4Address(0)  # until the gateway has its address


def create_route_table(call: Call) -> Answer:
    """Make a route table."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    ready(vcn)
    servicelimits.check_vcn(call, vcn, "route-table-count")
    common = call.common(RouteTable, call.body, call.body.need("compartmentId", str))
    rules = read_rules(call, vcn.id) or ()
    table = RouteTable(**common, vcn_id=vcn.id, route_rules=rules)
    return Answer(draft=call.draft.put(table), subject=table)


def update_route_table(call: Call) -> Answer:
    """Replace a table's rules, its name and tags."""
    table = call.about(RouteTable)
    ready(call.parent(Vcn, table.vcn_id))
    changes = renamed(call.body)
    if (rules := read_rules(call, table.vcn_id)) is not None:
        check_users(call, table, rules)
        changes["route_rules"] = rules
    return Answer(draft=call.draft.change(table, **changes), subject=table)


def create_internet_gateway(call: Call) -> Answer:
    """Make an internet gateway, the only one of its VCN."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    _check_first(call, InternetGateway, vcn)
    compartment = call.body.need("compartmentId", str)
    gateway = InternetGateway(
        **call.common(InternetGateway, call.body, compartment),
        vcn_id=vcn.id,
        is_enabled=call.body.need("isEnabled", bool),
        **table_choice(call, vcn.id, InternetGateway),
    )
    return Answer(draft=call.draft.put(gateway), subject=gateway)


def _check_first(call: Call, kind: type[Resource], vcn: Vcn) -> None:
    """Refuse a second gateway of a kind that a VCN has one of."""
    if other := next(call.world.referring(kind, vcn.id), None):
        title = KINDS[kind].title
        raise conflict(f"VCN {vcn.id} has the {title} {other.id} already.")


def update_internet_gateway(call: Call) -> Answer:
    """Open or close a gateway, change its table, name and tags."""
    gateway = call.about(InternetGateway)
    changes = renamed(call.body) | table_choice(call, gateway.vcn_id, InternetGateway)
    if "isEnabled" in call.body:
        changes["is_enabled"] = call.body.need("isEnabled", bool)
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def create_nat_gateway(call: Call) -> Answer:
    """Make a NAT gateway with a reserved public address, or one of its own."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    compartment = call.body.need("compartmentId", str)
    gateway = NatGateway(
        **call.common(NatGateway, call.body, compartment),
        vcn_id=vcn.id,
        nat_ip=NOWHERE,
        block_traffic=call.body.get("blockTraffic", bool) or False,
        **table_choice(call, vcn.id, NatGateway),
    )
    wanted = call.body.get("publicIpId", str)
    draft, public = publicips.for_gateway(call, call.draft, gateway, wanted)
    gateway = replace(gateway, nat_ip=public.ip_address, public_ip_id=public.id)
    return Answer(draft=draft.put(gateway), subject=gateway)


def update_nat_gateway(call: Call) -> Answer:
    """Block or pass traffic, change the gateway's table, name and tags."""
    gateway = call.about(NatGateway)
    table = table_choice(call, gateway.vcn_id, NatGateway)
    changes = renamed(call.body) | table | _blocking(call.body)
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def delete_nat_gateway(call: Call) -> Answer:
    """Delete a NAT gateway; its reserved public address is nobody's again."""
    answer = removal.delete(call)
    draft = publicips.freed(answer.draft, call.about(NatGateway).id)
    return replace(answer, draft=draft)


def _blocking(body: Values) -> dict[str, Any]:
    if "blockTraffic" not in body:
        return {}
    return {"block_traffic": body.need("blockTraffic", bool)}


def table_choice(
    call: Call, vcn_id: str, at: type[Resource] | None = None
) -> dict[str, Any]:
    """Give the change of a route table that a body asks for; "" takes it away.

    `at` is the kind of gateway that will ask it for what comes in.
    """
    name = call.body.get("routeTableId", str)
    if name is None:
        return {}
    if name:
        table = call.related(RouteTable, "routeTableId", name)
        call.neighbour(RouteTable, "routeTableId", name, vcn_id)
        if at is not None:
            check_use(call.world, "routeTableId", table.route_rules, at)
    return {"route_table_id": name or None}


def create_service_gateway(call: Call) -> Answer:
    """Make a service gateway, the only one of its VCN."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    _check_first(call, ServiceGateway, vcn)
    compartment = call.body.need("compartmentId", str)
    gateway = ServiceGateway(
        **call.common(ServiceGateway, call.body, compartment),
        vcn_id=vcn.id,
        **_enabled(call),
        **table_choice(call, vcn.id, ServiceGateway),
    )
    return Answer(draft=call.draft.put(gateway), subject=gateway)


def update_service_gateway(call: Call) -> Answer:
    """Replace the enabled services, block or pass traffic, change table, name and tags."""
    gateway = call.about(ServiceGateway)
    table = table_choice(call, gateway.vcn_id, ServiceGateway)
    changes = renamed(call.body) | table | _enabled(call) | _blocking(call.body)
    return Answer(draft=call.draft.change(gateway, **changes), subject=gateway)


def _enabled(call: Call) -> dict[str, Any]:
    """Give the services that a body enables, each once."""
    given = call.body.many("services", Values)
    if given is None:
        return {}
    named = (
        _known(call, f"services[{n}].serviceId", one) for n, one in enumerate(given)
    )
    return {"services": tuple(dict.fromkeys(named))}


def _known(call: Call, where: str, given: Values) -> str:
    name = given.need("serviceId", str)
    if service(call.world.settings.region, name) is None:
        raise unrelated(where, name, "is no Service that exists.")
    return name


def attach_service(call: Call) -> Answer:
    """Enable a service; one that is enabled stays so."""
    gateway = call.about(ServiceGateway)
    name = _known(call, "serviceId", call.body)
    wanted = tuple(dict.fromkeys((*gateway.services, name)))
    return Answer(draft=call.draft.change(gateway, services=wanted), subject=gateway)


def detach_service(call: Call) -> Answer:
    """Disable a service; the route rules that name it stay and lead nowhere."""
    gateway = call.about(ServiceGateway)
    name = _known(call, "serviceId", call.body)
    if name not in gateway.services:
        raise unrelated("serviceId", name, f"is not enabled on {gateway.id}.")
    wanted = tuple(one for one in gateway.services if one != name)
    return Answer(draft=call.draft.change(gateway, services=wanted), subject=gateway)


def list_services(call: Call) -> Answer:
    """List the services that a service gateway may enable."""
    known = services(call.world.settings.region)
    return paged(call, in_order([_service(one) for one in known]))


def get_service(call: Call) -> Answer:
    """Show a service by the id in the path."""
    name = call.request.path.strip("/").split("/")[2]
    found = service(call.world.settings.region, name)
    if found is None:
        raise not_found(name)
    return Answer(draft=call.draft, shown=_service(found))


def _service(one: OracleService) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "description": one.name,
        "cidrBlock": one.label,
    }
