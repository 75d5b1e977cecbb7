"""DRGs, what is attached to them and the on-premises side as they are shown."""

from hashlib import blake2b

from mooring.core.vcn.drg_routes import (
    IPSEC_TUNNEL,
    SITES,
    VCN,
    Route,
    all_routes,
    attached,
    attachment_of,
)
from mooring.core.vcn.model import (
    Cpe,
    Drg,
    DrgAttachment,
    DrgCriterion,
    DrgRouteTable,
    DrgStatement,
    IpSecConnection,
    IpSecTunnel,
    RemotePeeringConnection,
    VirtualCircuit,
)
from mooring.core.vcn.shown.forms import Json, More, moment
from mooring.core.vcn.world import World

ORACLE_ASN = 31898
UP, DOWN = "UP", "DOWN"


def _drg(drg: Drg, _: World) -> Json:
    return {
        "defaultDrgRouteTables": {
            "vcn": drg.vcn_table_id,
            "ipsecTunnel": drg.ipsec_tunnel_table_id,
            "virtualCircuit": drg.virtual_circuit_table_id,
            "remotePeeringConnection": drg.remote_peering_connection_table_id,
        }
    }


def _attachment(attachment: DrgAttachment, world: World) -> Json:
    network: Json = {"type": attachment.network_type, "id": attachment.network_id}
    if attachment.network_type == VCN:
        network["routeTableId"] = attachment.route_table_id
        network["vcnRouteType"] = attachment.vcn_route_type
    elif attachment.network_type == IPSEC_TUNNEL:
        tunnel = world.find(IpSecTunnel, attachment.network_id)
        network["ipsecConnectionId"] = tunnel and tunnel.ip_sec_connection_id
    return {
        "networkDetails": network,
        "vcnId": attachment.vcn_id,
        "isCrossTenancy": False,
    }


# -- what stands in tables and distributions


def rules_of(world: World, table: DrgRouteTable) -> list[Json]:
    """Show a table's rules, static and learnt, the preferred ones first."""
    shown: list[Json] = []
    first: dict[object, Route] = {}
    for route in all_routes(world, table):
        best = first.setdefault(route.network, route)
        is_equal = table.is_ecmp_enabled and _rank(best) == _rank(route)
        shown.append(_rule(world, route, in_force=route is best or is_equal))
    return shown


def _rank(route: Route) -> tuple[object, ...]:
    """Give what makes routes of sites equal, so that packets may take either."""
    by = route.provenance if route.provenance in SITES else route.attachment_id
    return by, len(route.path)


def _rule(world: World, route: Route, *, in_force: bool) -> Json:
    return {
        "id": route.rule_id or _name(route),
        "destination": route.label or str(route.network),
        "destinationType": "SERVICE_CIDR_BLOCK" if route.label else "CIDR_BLOCK",
        "nextHopDrgAttachmentId": route.attachment_id,
        "routeType": "DYNAMIC" if route.rule_id is None else "STATIC",
        "routeProvenance": route.provenance,
        "isConflict": not in_force,
        "isBlackhole": attached(world, route.attachment_id) is None,
        "attributes": {},
    }


def _name(route: Route) -> str:
    """Give the id of a learnt route: the same as long as it is the same route."""
    text = f"{route.network} {route.attachment_id} {route.path}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def statement(one: DrgStatement) -> Json:
    """Show a distribution's statement."""
    return {
        "id": one.id,
        "action": "ACCEPT",
        "priority": one.priority,
        "matchCriteria": [_criterion(criterion) for criterion in one.criteria],
    }


def _criterion(criterion: DrgCriterion) -> Json:
    shown: Json = {"matchType": criterion.match_type}
    if criterion.attachment_type is not None:
        shown["attachmentType"] = criterion.attachment_type
    if criterion.drg_attachment_id is not None:
        shown["drgAttachmentId"] = criterion.drg_attachment_id
    return shown


# -- on-premises


def _connection(connection: IpSecConnection, _: World) -> Json:
    return {
        "staticRoutes": list(connection.static_routes),
        "transportType": "INTERNET",
    }


def status_of(world: World, tunnel: IpSecTunnel) -> str:
    """Tell whether a tunnel is UP: as soon as it is attached."""
    attachment = attachment_of(world, tunnel.id)
    is_up = attachment is not None and attachment.lifecycle_state == "ATTACHED"
    return UP if is_up else DOWN


def _tunnel(tunnel: IpSecTunnel, world: World) -> Json:
    connection = world.find(IpSecConnection, tunnel.ip_sec_connection_id)
    cpe = world.find(Cpe, connection.cpe_id) if connection else None
    status = status_of(world, tunnel)
    dpd = tunnel.dpd or {}
    return {
        "cpeIp": str(cpe.ip_address) if cpe else None,
        "status": status,
        "timeStatusUpdated": moment(tunnel.time_created),
        "oracleCanInitiate": tunnel.oracle_initiation,
        "bgpSessionInfo": _bgp(tunnel, status),
        "encryptionDomainConfig": tunnel.domains,
        "dpdMode": dpd.get("dpdMode", "INITIATE_AND_RESPOND"),
        "dpdTimeoutInSec": dpd.get("dpdTimeoutInSec", 20),
        "phaseOneDetails": _phase_one(tunnel, status),
        "phaseTwoDetails": _phase_two(tunnel, status),
    }


def _bgp(tunnel: IpSecTunnel, status: str) -> Json | None:
    if tunnel.bgp is None:
        return None
    state = status if tunnel.routing == "BGP" else DOWN
    has_six = "customerInterfaceIpv6" in tunnel.bgp
    return {
        **tunnel.bgp,
        "oracleBgpAsn": str(ORACLE_ASN),
        "bgpState": state,
        "bgpIpv6State": state if has_six else DOWN,
    }


def _phase_one(tunnel: IpSecTunnel, status: str) -> Json:
    given = tunnel.phase_one or {}
    authentication = given.get("authenticationAlgorithm", "SHA2_384")
    encryption = given.get("encryptionAlgorithm", "AES_256_CBC")
    group = given.get("diffieHelmanGroup", "GROUP5")
    return {
        "isCustomPhaseOneConfig": given.get("isCustomPhaseOneConfig", False),
        "lifetime": given.get("lifetimeInSeconds", 28800),
        "customAuthenticationAlgorithm": given.get("authenticationAlgorithm"),
        "customEncryptionAlgorithm": given.get("encryptionAlgorithm"),
        "customDhGroup": given.get("diffieHelmanGroup"),
        "negotiatedAuthenticationAlgorithm": authentication,
        "negotiatedEncryptionAlgorithm": encryption,
        "negotiatedDhGroup": group,
        "isIkeEstablished": status == UP,
    }


def _phase_two(tunnel: IpSecTunnel, status: str) -> Json:
    given = tunnel.phase_two or {}
    authentication = given.get("authenticationAlgorithm", "HMAC_SHA2_256_128")
    encryption = given.get("encryptionAlgorithm", "AES_256_GCM")
    group = given.get("pfsDhGroup", "GROUP5")
    return {
        "isCustomPhaseTwoConfig": given.get("isCustomPhaseTwoConfig", False),
        "lifetime": given.get("lifetimeInSeconds", 3600),
        "customAuthenticationAlgorithm": given.get("authenticationAlgorithm"),
        "customEncryptionAlgorithm": given.get("encryptionAlgorithm"),
        "dhGroup": group,
        "negotiatedAuthenticationAlgorithm": authentication,
        "negotiatedEncryptionAlgorithm": encryption,
        "negotiatedDhGroup": group,
        "isEspEstablished": status == UP,
        "isPfsEnabled": given.get("isPfsEnabled", True),
    }


def _circuit(circuit: VirtualCircuit, world: World) -> Json:
    more = dict(circuit.more or {})
    is_enabled = more.get("bgpAdminState") != "DISABLED"
    is_up = circuit.lifecycle_state == "PROVISIONED" and is_enabled
    has_six = any("customerBgpPeeringIpv6" in one for one in circuit.mappings)
    return {
        "bgpAdminState": "ENABLED",
        "isBfdEnabled": False,
        "isTransportMode": False,
        "ipMtu": "MTU_1500",
        "trafficMode": "NORMAL",
        "region": world.settings.region,
        **more,
        "bgpManagement": "CUSTOMER_MANAGED",
        "bgpSessionState": UP if is_up else DOWN,
        "bgpIpv6SessionState": UP if is_up and has_six else DOWN,
        "crossConnectMappings": [dict(one) for one in circuit.mappings],
        "customerBgpAsn": circuit.customer_asn,
        "oracleBgpAsn": ORACLE_ASN,
        "serviceType": "COLOCATED",
    }


def _remote_peering(_: RemotePeeringConnection, __: World) -> Json:
    return {"isCrossTenancyPeering": False}


MORE: More = {
    Drg: _drg,
    DrgAttachment: _attachment,
    IpSecConnection: _connection,
    IpSecTunnel: _tunnel,
    VirtualCircuit: _circuit,
    RemotePeeringConnection: _remote_peering,
}
