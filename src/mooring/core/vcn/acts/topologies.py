"""Who is connected with whom: the networks of a region, of a VCN, of a subnet.

A topology has entities, which are objects as their own calls show them (with the word of their kind as
`type`), and relationships between them: one CONTAINS the other, is ASSOCIATED_WITH it by way of
something, or ROUTES_TO it by a rule.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.api.views import view
from mooring.core.vcn.iam.evaluate import sight
from mooring.core.vcn.model import (
    Compartment,
    Cpe,
    DhcpOptions,
    Drg,
    DrgAttachment,
    InternetGateway,
    IpSecConnection,
    LocalPeeringGateway,
    NatGateway,
    NetworkSecurityGroup,
    RemotePeeringConnection,
    Resource,
    RouteTable,
    SecurityList,
    ServiceGateway,
    Subnet,
    Vcn,
    VirtualCircuit,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.model.kinds import word
from mooring.core.vcn.shown.forms import Json, moment
from mooring.core.vcn.world import World

GATEWAYS = (InternetGateway, NatGateway, ServiceGateway, LocalPeeringGateway)
TABLES = (RouteTable, SecurityList, DhcpOptions, NetworkSecurityGroup)
REGIONAL = (Vcn, Drg, Cpe, IpSecConnection, VirtualCircuit, RemotePeeringConnection)


def of_region(call: Call) -> Answer:
    """Give the networks of a compartment: VCNs, DRGs and what joins them."""
    found = [record for kind in REGIONAL for record in call.world.of(kind)]
    inner = [
        record
        for vcn in call.world.of(Vcn)
        for kind in GATEWAYS
        for record in call.world.referring(kind, vcn.id)
    ]
    return _answer(call, "NETWORKING", [*found, *inner, *call.world.of(DrgAttachment)])


def of_vcn(call: Call) -> Answer:
    """Give a VCN's subnets, gateways and tables."""
    vcn = call.parent(Vcn, call.query.need("vcnId", str))
    world = call.world
    kinds = (Subnet, *GATEWAYS, *TABLES)
    inside = [r for kind in kinds for r in world.referring(kind, vcn.id)]
    attachments = list(world.referring(DrgAttachment, vcn.id))
    drgs = [world.find(Drg, attachment.drg_id) for attachment in attachments]
    found = [vcn, *inside, *attachments, *(drg for drg in drgs if drg)]
    return _answer(call, "VCN", found, vcnId=vcn.id)


def of_subnet(call: Call) -> Answer:
    """Give a subnet's tables, and the instances in it with their VNICs and groups."""
    subnet = call.parent(Subnet, call.query.need("subnetId", str))
    world = call.world
    vnics = list(world.vnics_of_subnet(subnet.id))
    attachments = [a for v in vnics if (a := world.attachment_of_vnic(v.id))]
    names = [
        *(subnet.vcn_id, subnet.route_table_id, subnet.dhcp_options_id),
        *subnet.security_list_ids,
        *(attachment.instance_id for attachment in attachments),
        *(group for vnic in vnics for group in vnic.nsg_ids),
    ]
    others = [world.get(name) for name in dict.fromkeys(names)]
    found = [subnet, *vnics, *attachments, *(one for one in others if one)]
    return _answer(call, "SUBNET", found, subnetId=subnet.id)


def _answer(call: Call, kind: str, found: list[Any], **more: str) -> Answer:
    """Give a topology of what lies in the compartment and may be seen."""
    visible = sight(call.world, call.request.caller, call.operation)
    wanted = (one for one in found if _wanted(call, one))
    mine = {one.id: one for one in wanted if visible is None or visible(one)}
    entities = [{"type": word(one), **view(call.world, one)} for one in mine.values()]
    edges = [e for one in mine.values() for e in _edges(call.world, one)]
    shown = {
        "type": kind,
        "entities": entities,
        "relationships": [e for e in edges if e["id1"] in mine and e["id2"] in mine],
        "limitedEntities": [],
        "timeCreated": moment(call.now),
        **more,
    }
    return Answer(draft=call.draft, shown=shown)


def _wanted(call: Call, record: Resource) -> bool:
    """Tell whether an object lies in the compartment, or below it if that is asked for."""
    wanted = call.query.need("compartmentId", str)
    if record.compartment_id == wanted:
        return True
    if (call.query.get("queryCompartmentSubtree", str) or "").lower() != "true":
        return False
    above = call.world.find(Compartment, record.compartment_id)
    while above is not None and above.compartment_id != wanted:
        above = call.world.find(Compartment, above.compartment_id)
    return above is not None


# -- relationships


def _contains(outer: str, inner: str) -> Json:
    return {"type": "CONTAINS", "id1": outer, "id2": inner}


def _associated(one: str, two: str, *via: str) -> Json:
    details = {"via": list(via)}
    return {
        "type": "ASSOCIATED_WITH",
        "id1": one,
        "id2": two,
        "associatedWithDetails": details,
    }


def _routes(world: World, from_id: str, table_id: str | None) -> Iterator[Json]:
    table = world.find(RouteTable, table_id or "")
    for rule in table.route_rules if table else ():
        yield {
            "type": "ROUTES_TO",
            "id1": from_id,
            "id2": rule.network_entity_id,
            "routeRuleDetails": {
                "destinationType": rule.destination_type,
                "destination": rule.destination,
                "routeTableId": table_id,
                "routeType": "STATIC",
            },
        }


def _edges(world: World, record: Resource) -> Iterator[Json]:
    """Give the relationships that a record knows of."""
    vcn_id = getattr(record, "vcn_id", None)
    if vcn_id is not None and not isinstance(record, Vnic):
        yield _contains(vcn_id, record.id)
    if (edges := _EDGES.get(type(record))) is not None:
        yield from edges(world, record)


def _of_subnet(world: World, subnet: Subnet) -> Iterator[Json]:
    names = (subnet.route_table_id, subnet.dhcp_options_id, *subnet.security_list_ids)
    yield from (_associated(subnet.id, name) for name in names)
    yield from _routes(world, subnet.id, subnet.route_table_id)


def _of_vnic(world: World, vnic: Vnic) -> Iterator[Json]:
    yield _contains(vnic.subnet_id, vnic.id)
    yield from (_associated(vnic.id, group) for group in vnic.nsg_ids)
    yield from _routes(world, vnic.id, vnic.route_table_id)


def _of_attachment(world: World, attachment: VnicAttachment) -> Iterator[Json]:
    instance, via = attachment.instance_id, (attachment.id, attachment.vnic_id)
    yield _associated(instance, attachment.subnet_id, *via)
    vnic = world.find(Vnic, attachment.vnic_id)
    groups: Iterable[str] = () if vnic is None else vnic.nsg_ids
    yield from (_associated(instance, group, *via) for group in groups)


def _of_gateway(world: World, gateway: Any) -> Iterator[Json]:  # noqa: ANN401 - a gateway of any kind
    yield from _routes(world, gateway.id, gateway.route_table_id)
    if (peer := getattr(gateway, "peer_id", None)) is not None:
        yield _associated(gateway.id, peer)


def _of_drg_attachment(world: World, attachment: DrgAttachment) -> Iterator[Json]:
    yield _contains(attachment.drg_id, attachment.id)
    yield _associated(attachment.drg_id, attachment.network_id, attachment.id)
    yield from _routes(world, attachment.id, attachment.route_table_id)


def _of_connection(_: World, connection: IpSecConnection) -> Iterator[Json]:
    yield _associated(connection.drg_id, connection.cpe_id, connection.id)


def _of_circuit(_: World, circuit: VirtualCircuit) -> Iterator[Json]:
    if circuit.gateway_id is not None:
        yield _associated(circuit.gateway_id, circuit.id)


def _of_remote(_: World, remote: RemotePeeringConnection) -> Iterator[Json]:
    yield _contains(remote.drg_id, remote.id)
    if remote.peer_id is not None:
        yield _associated(remote.id, remote.peer_id)


_EDGES: dict[type[Resource], Callable[[World, Any], Iterator[Json]]] = {
    Subnet: _of_subnet,
    Vnic: _of_vnic,
    VnicAttachment: _of_attachment,
    **dict.fromkeys(GATEWAYS, _of_gateway),
    DrgAttachment: _of_drg_attachment,
    IpSecConnection: _of_connection,
    VirtualCircuit: _of_circuit,
    RemotePeeringConnection: _of_remote,
}
