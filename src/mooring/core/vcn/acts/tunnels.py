"""The tunnels of an IPSec connection.

A tunnel is routed STATIC (the connection's static routes are the site's networks), by BGP (its session's
addresses and the site's ASN are needed) or by POLICY (its encryption domain is needed).
"""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_interface
from typing import Any

from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.acts.route_rules import read_block
from mooring.core.vcn.api.errors import invalid, missing, not_found
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.drg_routes import attachment_of, site_networks, told_to
from mooring.core.vcn.model import IpSecConnection, IpSecTunnel
from mooring.core.vcn.shown.forms import Json
from mooring.core.vcn.world import World

Interface = IPv4Interface | IPv6Interface

PROVISIONING = "PROVISIONING"
BOTH = 2
BGP, STATIC, POLICY = "BGP", "STATIC", "POLICY"
CUSTOMER, ORACLE = "CUSTOMER", "ORACLE"
LARGEST_ASN = 2**32 - 1
SELECTORS = ("oracleTrafficSelector", "cpeTrafficSelector")
SESSION = ("oracleInterfaceIp", "customerInterfaceIp", "customerBgpAsn")
# The two ends of a BGP session's inside of a tunnel, and how long their prefixes may be.
ENDS = (
    ("oracleInterfaceIp", "customerInterfaceIp", 4, (30, 31)),
    ("oracleInterfaceIpv6", "customerInterfaceIpv6", 6, (126, 127)),
)
# Which field of a tunnel a group of the body becomes.
GROUPS = {
    "bgpSessionConfig": "bgp",
    "encryptionDomainConfig": "domains",
    "phaseOneConfig": "phase_one",
    "phaseTwoConfig": "phase_two",
    "dpdConfig": "dpd",
}
WORDS = {
    "displayName": "display_name",
    "routing": "routing",
    "ikeVersion": "ike_version",
    "oracleInitiation": "oracle_initiation",
    "natTranslationEnabled": "nat_translation_enabled",
}


def new(
    call: Call, where: str, connection: IpSecConnection, vpn_ip: IPv4Address
) -> IpSecTunnel:
    """Make a tunnel as the body configures it."""
    common = call.common(IpSecTunnel, call.body, connection.compartment_id)
    secret = call.body.get("sharedSecret", str) or call.dice.roll("secret").hex()
    fields = {
        **common,
        "lifecycle_state": PROVISIONING,
        "settles_at": connection.settles_at,
        "ip_sec_connection_id": connection.id,
        "vpn_ip": vpn_ip,
        "shared_secret": secret,
        **_configured(call.body, where),
    }
    tunnel = IpSecTunnel(**fields)
    _check_routing(tunnel, where, connection)
    return tunnel


def _configured(body: Values, where: str) -> dict[str, Any]:
    """Give what a body says of a tunnel, as the record has it."""
    changes = {field: body.items[n] for n, field in WORDS.items() if n in body}
    for name, field in GROUPS.items():
        if given := body.get(name, Values):
            changes[field] = given.written()
    if session := body.get("bgpSessionConfig", Values):
        check_session(f"{where}bgpSessionConfig", session)
    if domains := body.get("encryptionDomainConfig", Values):
        _check_domains(f"{where}encryptionDomainConfig", domains)
    return changes


def check_session(where: str, session: Values) -> None:
    """Refuse addresses that are not the two ends of one small network, or no ASN."""
    for ours, theirs, version, lengths in ENDS:
        ends = [
            interface(f"{where}.{name}", session.need(name, str), version, lengths)
            for name in (ours, theirs)
            if name in session
        ]
        if len(ends) == BOTH:
            check_ends(f"{where}.{theirs}", *ends)
    number = session.get("customerBgpAsn", str)
    if number is not None and not (
        number.isascii() and number.isdigit() and 0 < int(number) <= LARGEST_ASN
    ):
        rule = f"must be a number from 1 to {LARGEST_ASN}."
        raise invalid(f"{where}.customerBgpAsn", number, rule)


def interface(
    where: str, text: str, version: int, lengths: tuple[int, int]
) -> IPv4Interface | IPv6Interface:
    """Read an address with the length of its network."""
    shortest, longest = lengths
    with suppress(ValueError):
        found = ip_interface(text if "/" in text else "")
        if found.version == version and shortest <= found.network.prefixlen <= longest:
            return found
    rule = f"must be an IPv{version} address with /{shortest} to /{longest}."
    raise invalid(where, text, rule)


def check_ends(where: str, ours: Interface, theirs: Interface) -> None:
    """Refuse two addresses that cannot be the two ends of a session."""
    if ours == theirs or ours.network != theirs.network:
        rule = f"must be another address of {ours.network}."
        raise invalid(where, str(theirs), rule)


def _check_domains(where: str, domains: Values) -> None:
    for name in SELECTORS:
        for n, text in enumerate(domains.many(name, str) or ()):
            read_block(f"{where}.{name}[{n}]", text)


def _check_routing(
    tunnel: IpSecTunnel, where: str, connection: IpSecConnection
) -> None:
    """Refuse a routing for which something is not there."""
    if tunnel.routing == STATIC and not connection.static_routes:
        raise missing("staticRoutes")
    if tunnel.routing == BGP:
        _need(f"{where}bgpSessionConfig.", SESSION, tunnel.bgp)
    if tunnel.routing == POLICY:
        _need(f"{where}encryptionDomainConfig.", SELECTORS, tunnel.domains)


def _need(
    where: str, names: tuple[str, ...], given: Mapping[str, object] | None
) -> None:
    for name in names:
        if not (given or {}).get(name):
            raise missing(where + name)


def _own(call: Call) -> tuple[IpSecTunnel, IpSecConnection]:
    """Give the tunnel that the path names, and its connection, which the path names too."""
    tunnel = call.about(IpSecTunnel)
    connection = call.request.path.strip("/").split("/")[2]
    if tunnel.ip_sec_connection_id != connection:
        raise not_found(tunnel.id)
    return tunnel, call.parent(IpSecConnection, connection)


def show(call: Call) -> Answer:
    """Show a tunnel."""
    return Answer(draft=call.draft, subject=_own(call)[0])


def list_all(call: Call) -> Answer:
    """List a connection's tunnels."""
    connection = call.about(IpSecConnection)
    return paged(call, in_order(of(call.world, connection)))


def of(world: World, connection: IpSecConnection) -> list[IpSecTunnel]:
    """Give a connection's tunnels, the first one first."""
    found = world.referring(IpSecTunnel, connection.id)
    return sorted(found, key=lambda tunnel: tunnel.number)


def update(call: Call) -> Answer:
    """Change how a tunnel is routed and configured."""
    tunnel, connection = _own(call)
    draft = call.draft.change(tunnel, **_configured(call.body, ""))
    _check_routing(draft.now(tunnel), "", connection)
    return Answer(draft=draft, subject=tunnel)


def show_secret(call: Call) -> Answer:
    """Show the secret that both ends share."""
    return _secret(call, _own(call)[0].shared_secret)


def update_secret(call: Call) -> Answer:
    """Change the secret that both ends share."""
    tunnel = _own(call)[0]
    secret = call.body.get("sharedSecret", str) or tunnel.shared_secret
    answer = _secret(call, secret)
    draft = call.draft.change(tunnel, shared_secret=secret)
    return Answer(draft=draft, shown=answer.shown)


def _secret(call: Call, secret: str) -> Answer:
    return Answer(draft=call.draft, shown={"sharedSecret": secret})


def list_routes(call: Call) -> Answer:
    """List what the DRG tells the site and what the site tells the DRG."""
    tunnel = _own(call)[0]
    attachment = attachment_of(call.world, tunnel.id)
    assert attachment is not None  # noqa: S101 - a tunnel comes and goes with it
    wanted = call.query.get("advertiser", str)
    told = {
        ORACLE: (route.network for route in told_to(call.world, attachment)),
        CUSTOMER: site_networks(call.world, attachment),
    }
    found: list[Json] = [
        {"prefix": str(network), "isBestPath": True, "advertiser": who}
        for who, networks in told.items()
        for network in networks
        if wanted in (None, who)
    ]
    return paged(call, in_order(found))
