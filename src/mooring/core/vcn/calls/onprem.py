"""On-premises sites: CPEs, IPSec connections and their tunnels, virtual circuits, remote peerings."""

from mooring.core.vcn.acts import circuits, listing, onprem, peering, tunnels
from mooring.core.vcn.api.fields import (
    CREATE,
    DISPLAY_NAME,
    IN_COMPARTMENT,
    PAGE,
    RENAME,
    SORTED,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    flag,
    group,
    ocid,
    one_of,
    text,
    unbuilt,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.limits import (
    STATIC_ROUTES_PER_CONNECTION,
    TUNNELS_PER_CONNECTION,
)
from mooring.core.vcn.model import (
    Cpe,
    IpSecConnection,
    IpSecTunnel,
    RemotePeeringConnection,
    VirtualCircuit,
)

_CONNECTION = "/ipsecConnections/{id}"
_TUNNEL = "/ipsecConnections/{id}/tunnels/{key}"
_KEY = 3  # where the tunnel's id stands in that

UPDATE_CPE: Fields = {**RENAME, "cpeDeviceShapeId": Field(ocid)}

CREATE_CPE: Fields = {
    **CREATE,
    "cpeDeviceShapeId": Field(ocid),
    "ipAddress": need(address),
    "isPrivate": Field(flag),
}

_SECRET = text(
    most=64, shape=r"[A-Za-z0-9 ]+", says="must be letters, numbers and spaces."
)

_SELECTORS = list_of(text(), 0, 50)

_GROUP = one_of("GROUP2", "GROUP5", "GROUP14", "GROUP19", "GROUP20", "GROUP24")

_CBC = ("AES_256_CBC", "AES_192_CBC", "AES_128_CBC")

_GCM = ("AES_256_GCM", "AES_192_GCM", "AES_128_GCM")

PHASE_ONE: Fields = {
    "isCustomPhaseOneConfig": Field(flag),
    "authenticationAlgorithm": Field(one_of("SHA2_384", "SHA2_256", "SHA1_96")),
    "encryptionAlgorithm": Field(one_of(*_CBC)),
    "diffieHelmanGroup": Field(_GROUP),
    "lifetimeInSeconds": Field(whole(1000, 28800)),
}

PHASE_TWO: Fields = {
    "isCustomPhaseTwoConfig": Field(flag),
    "authenticationAlgorithm": Field(one_of("HMAC_SHA2_256_128", "HMAC_SHA1_128")),
    "encryptionAlgorithm": Field(one_of(*_GCM, *_CBC)),
    "lifetimeInSeconds": Field(whole(1000, 28800)),
    "isPfsEnabled": Field(flag),
    "pfsDhGroup": Field(_GROUP),
}

SESSION: Fields = {
    "oracleInterfaceIp": Field(text()),
    "customerInterfaceIp": Field(text()),
    "oracleInterfaceIpv6": Field(text()),
    "customerInterfaceIpv6": Field(text()),
    "customerBgpAsn": Field(text(most=10)),
}

UPDATE_TUNNEL: Fields = {
    "displayName": DISPLAY_NAME,
    "routing": Field(one_of("BGP", "STATIC", "POLICY")),
    "ikeVersion": Field(one_of("V1", "V2")),
    "bgpSessionConfig": Field(group(SESSION)),
    "oracleInitiation": Field(one_of("INITIATOR_OR_RESPONDER", "RESPONDER_ONLY")),
    "natTranslationEnabled": Field(one_of("ENABLED", "DISABLED", "AUTO")),
    "phaseOneConfig": Field(group(PHASE_ONE)),
    "phaseTwoConfig": Field(group(PHASE_TWO)),
    "dpdConfig": Field(
        group(
            {
                "dpdMode": Field(one_of("INITIATE_AND_RESPOND", "RESPOND_ONLY")),
                "dpdTimeoutInSec": Field(whole(20, 86400)),
            }
        )
    ),
    "encryptionDomainConfig": Field(
        group({name: Field(_SELECTORS) for name in tunnels.SELECTORS})
    ),
}

CREATE_TUNNEL: Fields = {
    **UPDATE_TUNNEL,
    "sharedSecret": Field(_SECRET),
    "drgRouteTableId": Field(ocid),
    "oracleTunnelIp": Field(unbuilt),
    "associatedVirtualCircuits": Field(unbuilt),
}

_STATIC_ROUTES = list_of(text(), 0, STATIC_ROUTES_PER_CONNECTION)

UPDATE_CONNECTION: Fields = {
    **RENAME,
    "cpeLocalIdentifier": Field(text()),
    "cpeLocalIdentifierType": Field(one_of("IP_ADDRESS", "HOSTNAME")),
    "staticRoutes": Field(_STATIC_ROUTES),
}

CREATE_CONNECTION: Fields = {
    **CREATE,
    **UPDATE_CONNECTION,
    "cpeId": need(ocid),
    "drgId": need(ocid),
    "tunnelConfiguration": Field(
        list_of(group(CREATE_TUNNEL), 0, TUNNELS_PER_CONNECTION)
    ),
}

LIST_CONNECTIONS: Fields = {
    **IN_COMPARTMENT,
    "drgId": Field(ocid),
    "cpeId": Field(ocid),
}

SECRET: Fields = {"sharedSecret": Field(_SECRET)}

LIST_ROUTES: Fields = {**PAGE, "advertiser": Field(one_of("CUSTOMER", "ORACLE"))}

_ASN = whole(1, 2**32 - 1)

MAPPING: Fields = {
    "bgpMd5AuthKey": Field(text()),
    "crossConnectOrCrossConnectGroupId": Field(ocid),
    "customerBgpPeeringIp": Field(text()),
    "oracleBgpPeeringIp": Field(text()),
    "customerBgpPeeringIpv6": Field(text()),
    "oracleBgpPeeringIpv6": Field(text()),
    "vlan": Field(whole(100, 4094)),
}

_POLICIES = one_of("ORACLE_SERVICE_NETWORK", "REGIONAL", "MARKET_LEVEL", "GLOBAL")

_CIRCUIT: Fields = {
    **RENAME,
    "gatewayId": Field(ocid),
    "bandwidthShapeName": Field(one_of(*circuits.BANDWIDTHS)),
    "crossConnectMappings": Field(list_of(group(MAPPING), 0, 8)),
    "routingPolicy": Field(list_of(_POLICIES, 0, 4)),
    "bgpAdminState": Field(one_of("ENABLED", "DISABLED")),
    "isBfdEnabled": Field(flag),
    "isTransportMode": Field(flag),
    "customerBgpAsn": Field(_ASN),
    "customerAsn": Field(_ASN),
    "ipMtu": Field(one_of("MTU_1500", "MTU_9000")),
    "trafficMode": Field(one_of("NORMAL", "DRAIN")),
    "providerServiceKeyName": Field(text()),
}

CREATE_CIRCUIT: Fields = {
    **_CIRCUIT,
    "compartmentId": need(ocid),
    "type": need(one_of("PUBLIC", "PRIVATE")),
    "providerName": Field(text()),
    "providerServiceId": Field(ocid),
    "providerServiceName": Field(text()),
    "region": Field(text()),
    "publicPrefixes": Field(unbuilt),
    "providerRemoteRegion": Field(unbuilt),
    "remoteAccountId": Field(unbuilt),
}

UPDATE_CIRCUIT: Fields = {
    **_CIRCUIT,
    "providerState": Field(one_of("ACTIVE", "INACTIVE")),
    "referenceComment": Field(text(least=0)),
}

CREATE_REMOTE_PEERING: Fields = {**CREATE, "drgId": need(ocid)}

LIST_REMOTE_PEERINGS: Fields = {**IN_COMPARTMENT, "drgId": Field(ocid)}

CONNECT_REMOTE: Fields = {"peerId": need(ocid), "peerRegionName": need(text())}

_SITES = routes(
    Crud(
        path="cpes",
        name="Cpe",
        kind=Cpe,
        create=(CREATE_CPE, onprem.create_cpe),
        update=(UPDATE_CPE, onprem.update_cpe),
        list=(IN_COMPARTMENT, listing.lister(Cpe)),
    ),
    Crud(
        path="ipsecConnections",
        name="IpSecConnection",
        kind=IpSecConnection,
        create=(CREATE_CONNECTION, onprem.create_connection),
        update=(UPDATE_CONNECTION, onprem.update_connection),
        delete=onprem.delete_connection,
        list=(LIST_CONNECTIONS, listing.lister(IpSecConnection)),
    ),
) | {
    ("GET", f"{_CONNECTION}/deviceStatus"): Operation(
        name="GetIpSecConnectionDeviceStatus",
        kind=IpSecConnection,
        act=onprem.device_status,
    ),
    ("GET", f"{_CONNECTION}/deviceConfig"): Operation(
        name="GetIpSecConnectionDeviceConfig",
        kind=IpSecConnection,
        act=onprem.device_config,
    ),
    ("GET", f"{_CONNECTION}/tunnels"): Operation(
        name="ListIpSecConnectionTunnels",
        kind=IpSecConnection,
        query=PAGE,
        act=tunnels.list_all,
    ),
    ("GET", _TUNNEL): Operation(
        name="GetIpSecConnectionTunnel", kind=IpSecTunnel, id_at=_KEY, act=tunnels.show
    ),
    ("PUT", _TUNNEL): Operation(
        name="UpdateIpSecConnectionTunnel",
        kind=IpSecTunnel,
        id_at=_KEY,
        body=UPDATE_TUNNEL,
        act=tunnels.update,
    ),
    ("GET", f"{_TUNNEL}/sharedSecret"): Operation(
        name="GetIpSecConnectionTunnelSharedSecret",
        kind=IpSecTunnel,
        id_at=_KEY,
        act=tunnels.show_secret,
    ),
    ("PUT", f"{_TUNNEL}/sharedSecret"): Operation(
        name="UpdateIpSecConnectionTunnelSharedSecret",
        kind=IpSecTunnel,
        id_at=_KEY,
        body=SECRET,
        act=tunnels.update_secret,
    ),
    ("GET", f"{_TUNNEL}/routes"): Operation(
        name="ListIpSecConnectionTunnelRoutes",
        kind=IpSecTunnel,
        id_at=_KEY,
        query=LIST_ROUTES,
        act=tunnels.list_routes,
    ),
}

_LINES = routes(
    Crud(
        path="virtualCircuits",
        name="VirtualCircuit",
        kind=VirtualCircuit,
        create=(CREATE_CIRCUIT, circuits.create),
        update=(UPDATE_CIRCUIT, circuits.update),
        delete=circuits.delete,
        list=(SORTED, listing.lister(VirtualCircuit)),
    ),
    Crud(
        path="remotePeeringConnections",
        name="RemotePeeringConnection",
        kind=RemotePeeringConnection,
        create=(CREATE_REMOTE_PEERING, peering.create_remote),
        update=(RENAME, peering.update_remote),
        delete=peering.delete_remote,
        list=(LIST_REMOTE_PEERINGS, listing.lister(RemotePeeringConnection)),
    ),
) | {
    ("GET", "/virtualCircuitBandwidthShapes"): Operation(
        name="ListVirtualCircuitBandwidthShapes",
        query=IN_COMPARTMENT,
        act=circuits.list_bandwidths,
    ),
    ("POST", "/remotePeeringConnections/{id}/actions/connect"): Operation(
        name="ConnectRemotePeeringConnections",
        kind=RemotePeeringConnection,
        body=CONNECT_REMOTE,
        act=peering.connect_remote,
    ),
    ("GET", "/allowedPeerRegionsForRemotePeering"): Operation(
        name="ListAllowedPeerRegionsForRemotePeering", act=peering.list_regions
    ),
}

ROUTES = {**_SITES, **_LINES}
