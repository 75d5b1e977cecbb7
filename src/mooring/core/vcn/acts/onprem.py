"""On-premises sites: their routers (CPEs) and the IPSec connections to them.

A connection is PROVISIONING for as long as its two tunnels are being attached to the DRG. The site
behind it is simulated, so a tunnel is UP as soon as it is attached.
"""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from mooring.core.vcn.acts import drgs, publicips, removal, tunnels
from mooring.core.vcn.acts.route_rules import read_block
from mooring.core.vcn.api.errors import invalid
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.drg_routes import IPSEC_TUNNEL, SITE_TAG
from mooring.core.vcn.limits import TUNNELS_PER_CONNECTION
from mooring.core.vcn.model import Cpe, Drg, IpSecConnection, IpSecTunnel
from mooring.core.vcn.shown.drg import status_of
from mooring.core.vcn.shown.forms import Json

PROVISIONING = "PROVISIONING"


def create_cpe(call: Call) -> Answer:
    """Make the router of a site."""
    cpe = Cpe(
        **call.common(Cpe, call.body, call.body.need("compartmentId", str)),
        ip_address=call.body.need("ipAddress", IPv4Address),
        cpe_device_shape_id=call.body.get("cpeDeviceShapeId", str),
        is_private=call.body.get("isPrivate", bool) or False,
    )
    return Answer(draft=call.draft.put(cpe), subject=cpe)


def update_cpe(call: Call) -> Answer:
    """Change a router's make, name and tags."""
    cpe = call.about(Cpe)
    changes = renamed(call.body)
    if shape := call.body.get("cpeDeviceShapeId", str):
        changes["cpe_device_shape_id"] = shape
    return Answer(draft=call.draft.change(cpe, **changes), subject=cpe)


def create_connection(call: Call) -> Answer:
    """Make an IPSec connection with two tunnels, each attached to the DRG."""
    body = call.body
    drg = call.parent(Drg, body.need("drgId", str))
    cpe = call.related(Cpe, "cpeId", body.need("cpeId", str))
    check_site_tag(body)
    connection = IpSecConnection(
        **call.common(IpSecConnection, body, body.need("compartmentId", str)),
        lifecycle_state=PROVISIONING,
        settles_at=call.now + call.world.settings.delays.drg_attach,
        cpe_id=cpe.id,
        drg_id=drg.id,
        static_routes=_static_routes(body) or (),
        **_identifier(body),
    )
    draft = call.draft.put(connection)
    given = body.many("tunnelConfiguration", Values) or ()
    for n in range(TUNNELS_PER_CONNECTION):
        where = f"tunnelConfiguration[{n}]."
        config = given[n] if n < len(given) else Values({})
        one = replace(drgs.aside(call, where), body=config)
        address = publicips.free_address(draft.world, one.dice.number("public"))
        tunnel = tunnels.new(one, where, connection, address)
        tunnel = replace(tunnel, number=n)
        table = _table(one, where, drg)
        to = drg, IPSEC_TUNNEL
        draft = drgs.joined(one, draft.put(tunnel), to, tunnel, table)
    return Answer(draft=draft, subject=connection)


def _table(call: Call, where: str, drg: Drg) -> str | None:
    name = call.body.get("drgRouteTableId", str)
    if name is None:
        return None
    return drgs.table_of(call, f"{where}drgRouteTableId", name, drg.id)


def _static_routes(body: Values) -> tuple[str, ...] | None:
    """Give the site's networks, which must be such as hosts may have."""
    given = body.many("staticRoutes", str)
    if given is None:
        return None
    routes: list[str] = []
    for n, text in enumerate(given):
        where = f"staticRoutes[{n}]"
        network = read_block(where, text)
        if network.is_multicast or network.is_reserved:
            raise invalid(where, text, "must not be a multicast or class E block.")
        if str(network) in routes:
            raise invalid(where, text, "must not be there twice.")
        routes.append(str(network))
    return tuple(routes)


def _identifier(body: Values) -> dict[str, Any]:
    names = {
        "cpeLocalIdentifier": "cpe_local_identifier",
        "cpeLocalIdentifierType": "cpe_local_identifier_type",
    }
    return {field: body.items[n] for n, field in names.items() if n in body}


def check_site_tag(body: Values) -> None:
    """Refuse a tag for a site's networks that names something else."""
    tags = body.get("freeformTags", dict) or {}
    for word in tags.get(SITE_TAG, "").split(","):
        if word.strip():
            read_block(f"freeformTags.{SITE_TAG}", word.strip())


def update_connection(call: Call) -> Answer:
    """Change a connection's static routes and identifier, its name and tags."""
    connection = call.about(IpSecConnection)
    check_site_tag(call.body)
    changes = renamed(call.body) | _identifier(call.body)
    if (routes := _static_routes(call.body)) is not None:
        for tunnel in call.world.referring(IpSecTunnel, connection.id):
            if tunnel.routing == "STATIC" and not routes:
                rule = f"must name a network: tunnel {tunnel.id} is routed STATIC."
                raise invalid("staticRoutes", [], rule)
        changes["static_routes"] = routes
    return Answer(draft=call.draft.change(connection, **changes), subject=connection)


def delete_connection(call: Call) -> Answer:
    """Delete a connection with its tunnels and their attachments."""
    connection = call.about(IpSecConnection)
    answer = removal.delete(call)
    draft = answer.draft
    for tunnel in call.world.referring(IpSecTunnel, connection.id):
        draft = drgs.parted(draft, tunnel.id).drop(tunnel)
    return Answer(draft=draft, status=answer.status)


def device_status(call: Call) -> Answer:
    """Show whether a connection's tunnels are UP, in the API's older form."""
    connection = call.about(IpSecConnection)
    shown = [
        {
            "ipAddress": tunnel.vpn_ip,
            "lifecycleState": status_of(call.world, tunnel),
            "timeCreated": tunnel.time_created,
            "timeStateModified": tunnel.time_created,
        }
        for tunnel in tunnels.of(call.world, connection)
    ]
    return _device(call, connection, shown)


def device_config(call: Call) -> Answer:
    """Show a connection's tunnels with their secrets, in the API's older form."""
    connection = call.about(IpSecConnection)
    shown = [
        {
            "ipAddress": tunnel.vpn_ip,
            "sharedSecret": tunnel.shared_secret,
            "timeCreated": tunnel.time_created,
        }
        for tunnel in tunnels.of(call.world, connection)
    ]
    return _device(call, connection, shown)


def _device(call: Call, connection: IpSecConnection, shown: list[Json]) -> Answer:
    body: Json = {
        "id": connection.id,
        "compartmentId": connection.compartment_id,
        "timeCreated": connection.time_created,
        "tunnels": tuple(shown),
    }
    return Answer(draft=call.draft, shown=body)
