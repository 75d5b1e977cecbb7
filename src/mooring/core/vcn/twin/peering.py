"""DRGs, what is attached to them, and on-premises sites: what their records have in another form."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from mooring.core.vcn import model
from mooring.core.vcn.model import Resource
from mooring.core.vcn.twin.network import inside, objects
from mooring.core.vcn.twin.snapshot import Json
from mooring.core.vcn.twin.sources import Source

Plain: TypeAlias = dict[str, object]
TABLES = {
    "vcn": "vcn_table_id",
    "ipsecTunnel": "ipsec_tunnel_table_id",
    "virtualCircuit": "virtual_circuit_table_id",
    "remotePeeringConnection": "remote_peering_connection_table_id",
}


def _drg(shown: Json, _: Source) -> Plain:
    tables = inside(shown, "defaultDrgRouteTables")
    return {field: tables[name] for name, field in TABLES.items()}


def _attachment(shown: Json, _: Source) -> Plain:
    network = inside(shown, "networkDetails")
    return {
        "network_id": network.get("id") or shown["vcnId"],
        "network_type": network.get("type") or "VCN",
        "route_table_id": network.get("routeTableId") or shown.get("routeTableId"),
        "vcn_route_type": network.get("vcnRouteType") or "SUBNET_CIDRS",
    }


def _table(shown: Json, _: Source) -> Plain:
    rules = objects(shown, "routeRules")
    return {
        "route_rules": [
            {
                "id": rule["id"],
                "destination": rule["destination"],
                "next_hop_drg_attachment_id": rule["nextHopDrgAttachmentId"],
            }
            for rule in rules
            if rule.get("routeType") != "DYNAMIC"
        ]
    }


def _distribution(shown: Json, _: Source) -> Plain:
    return {
        "statements": [
            {
                "id": one["id"],
                "priority": one["priority"],
                "criteria": [_criterion(c) for c in objects(one, "matchCriteria")],
            }
            for one in objects(shown, "statements")
        ]
    }


def _criterion(shown: Json) -> Plain:
    return {
        "match_type": shown["matchType"],
        "attachment_type": shown.get("attachmentType"),
        "drg_attachment_id": shown.get("drgAttachmentId"),
    }


TOLD = ("oracleBgpAsn", "bgpState", "bgpIpv6State")  # of a BGP session, by the cloud
CIRCUIT = (
    "bgpAdminState",
    "isBfdEnabled",
    "isTransportMode",
    "ipMtu",
    "trafficMode",
    "providerServiceId",
    "routingPolicy",
)


def _tunnel(shown: Json, source: Source) -> Plain:
    bgp = inside(shown, "bgpSessionInfo")
    one, two = inside(shown, "phaseOneDetails"), inside(shown, "phaseTwoDetails")
    return {
        "ip_sec_connection_id": shown["connectionId"],
        "number": source.tunnel_numbers[str(shown["id"])],
        "oracle_initiation": shown.get("oracleCanInitiate") or "INITIATOR_OR_RESPONDER",
        "bgp": {k: v for k, v in bgp.items() if k not in TOLD} or None,
        "domains": shown.get("encryptionDomainConfig"),
        "phase_one": _given(
            {
                "isCustomPhaseOneConfig": one.get("isCustomPhaseOneConfig"),
                "authenticationAlgorithm": one.get("customAuthenticationAlgorithm"),
                "encryptionAlgorithm": one.get("customEncryptionAlgorithm"),
                "diffieHelmanGroup": one.get("customDhGroup"),
                "lifetimeInSeconds": one.get("lifetime"),
            }
        ),
        "phase_two": _given(
            {
                "isCustomPhaseTwoConfig": two.get("isCustomPhaseTwoConfig"),
                "authenticationAlgorithm": two.get("customAuthenticationAlgorithm"),
                "encryptionAlgorithm": two.get("customEncryptionAlgorithm"),
                "lifetimeInSeconds": two.get("lifetime"),
                "isPfsEnabled": two.get("isPfsEnabled"),
                "pfsDhGroup": two.get("dhGroup"),
            }
        ),
        "dpd": _given(
            {
                "dpdMode": shown.get("dpdMode"),
                "dpdTimeoutInSec": shown.get("dpdTimeoutInSec"),
            }
        ),
    }


def _given(fields: Plain) -> Plain | None:
    return {name: value for name, value in fields.items() if value is not None} or None


def _circuit(shown: Json, _: Source) -> Plain:
    return {
        "mappings": objects(shown, "crossConnectMappings"),
        "more": _given({name: shown.get(name) for name in CIRCUIT}),
    }


PEERING: Mapping[type[Resource], Callable[[Json, Source], Plain]] = {
    model.Drg: _drg,
    model.DrgAttachment: _attachment,
    model.DrgRouteTable: _table,
    model.DrgRouteDistribution: _distribution,
    model.IpSecTunnel: _tunnel,
    model.VirtualCircuit: _circuit,
}
