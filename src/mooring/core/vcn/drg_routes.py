"""What a DRG route table says: its static rules and the routes that it has learnt.

A table learns from the attachments that its import distribution accepts. An attachment tells the
DRG a VCN's prefixes and the static rules of the VCN's table for what comes in; an on-premises site's
networks; or, behind a remote peering, the routes of the peer's table as far as its export
distribution goes. Of several routes to the same network one is taken: a static one before those
that were learnt; of these the one through the fewest DRGs, then by where it comes from (`BEFORE`),
then the oldest attachment's. A packet follows the longest prefix.

A route whose next attachment is not ATTACHED is a black hole: it is in the table and packets that
follow it are dropped.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_interface,
    ip_network,
)

from mooring.core.vcn.model import (
    DrgAttachment,
    DrgCriterion,
    DrgRouteDistribution,
    DrgRouteTable,
    IpSecConnection,
    IpSecTunnel,
    RemotePeeringConnection,
    RouteRule,
    RouteTable,
    Vcn,
    VirtualCircuit,
)
from mooring.core.vcn.model.resource import Tags
from mooring.core.vcn.oracle_services import labelled
from mooring.core.vcn.world import World

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

VCN, IPSEC_TUNNEL = "VCN", "IPSEC_TUNNEL"
VIRTUAL_CIRCUIT, REMOTE_PEERING = "VIRTUAL_CIRCUIT", "REMOTE_PEERING_CONNECTION"
STATIC = "STATIC"
SITES = (IPSEC_TUNNEL, VIRTUAL_CIRCUIT)
BEFORE = (STATIC, VCN, VIRTUAL_CIRCUIT, IPSEC_TUNNEL)
# The tag of a virtual circuit or IPSec connection that names more networks of its site.
SITE_TAG = "mooring-onprem-cidrs"
NEITHER_WAY = frozenset(SITES)  # what a site tells is not told to other sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to a network by an attachment; `provenance` is where it first came from.

    `rule_id` is a static rule's. `label` is what `network` was called, if it was a service. `path`
    names the DRGs through which it was learnt.
    """

    network: Network
    attachment_id: str
    provenance: str
    rule_id: str | None = None
    label: str | None = None
    path: tuple[str, ...] = ()


def drg_routes(world: World, table: DrgRouteTable) -> tuple[tuple[Network, str], ...]:
    """Give a table's networks, the longest prefixes first, each with its next attachment's id.

    An id of an attachment that is gone or not ATTACHED stands for a black hole.
    """
    taken = chosen(all_routes(world, table))
    longest_first = sorted(
        taken, key=lambda r: (-r.network.prefixlen, r.network.version, r.network)
    )
    return tuple((route.network, route.attachment_id) for route in longest_first)


def next_attachment(
    world: World, incoming: DrgAttachment, address: Address
) -> DrgAttachment | None:
    """Give the attachment by which a packet that came in by another leaves; None drops it."""
    table = world.find(DrgRouteTable, incoming.drg_route_table_id)
    for network, name in drg_routes(world, table) if table else ():
        if address in network:
            return attached(world, name)
    return None


def attached(world: World, attachment_id: str) -> DrgAttachment | None:
    """Give an attachment that packets may pass."""
    found = world.find(DrgAttachment, attachment_id)
    return found if found and found.lifecycle_state == "ATTACHED" else None


def across(world: World, attachment: DrgAttachment) -> DrgAttachment | None:
    """Give the attachment at the other end of a remote peering that is PEERED at both."""
    ours = world.find(RemotePeeringConnection, attachment.network_id)
    theirs = world.find(RemotePeeringConnection, (ours and ours.peer_id) or "")
    if ours is None or theirs is None or theirs.peer_id != ours.id:
        return None
    if not ours.peering_status == theirs.peering_status == "PEERED":
        return None
    found = attachment_of(world, theirs.id)
    return attached(world, found.id) if found else None


def attachment_of(world: World, network_id: str) -> DrgAttachment | None:
    """Give the attachment of a VCN, tunnel, circuit or remote peering connection."""
    return next(
        (
            one
            for one in world.referring(DrgAttachment, network_id)
            if one.network_id == network_id and one.lifecycle_state != "DETACHED"
        ),
        None,
    )


def chosen(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Give the first route of each network."""
    taken: dict[Network, Route] = {}
    for route in routes:
        taken.setdefault(route.network, route)
    return tuple(taken.values())


def all_routes(
    world: World, table: DrgRouteTable, seen: frozenset[str] = frozenset()
) -> tuple[Route, ...]:
    """Give all of a table's routes, in order of preference; `seen` are DRGs to learn nothing from."""
    static = [
        Route(
            network=ip_network(rule.destination),
            attachment_id=rule.next_hop_drg_attachment_id,
            provenance=STATIC,
            rule_id=rule.id,
        )
        for rule in table.route_rules
    ]
    learnt = sorted(
        _learnt(world, table, seen | {table.drg_id}),
        key=lambda route: (len(route.path), BEFORE.index(route.provenance)),
    )
    return (*static, *learnt)


def _learnt(
    world: World, table: DrgRouteTable, seen: frozenset[str]
) -> Iterator[Route]:
    """Give what the accepted attachments tell, the oldest attachment first."""
    name = table.import_drg_route_distribution_id
    imports = world.find(DrgRouteDistribution, name or "")
    for attachment in world.referring(DrgAttachment, table.drg_id):
        if attachment.lifecycle_state == "ATTACHED" and accepts(imports, attachment):
            yield from _told_by(world, attachment, seen)


def accepts(
    distribution: DrgRouteDistribution | None, attachment: DrgAttachment
) -> bool:
    """Tell whether a distribution lets routes of an attachment through; without one, none."""
    return distribution is not None and any(
        all(_meets(criterion, attachment) for criterion in statement.criteria)
        for statement in distribution.statements
    )


def _meets(criterion: DrgCriterion, attachment: DrgAttachment) -> bool:
    wanted = {
        "DRG_ATTACHMENT_TYPE": (criterion.attachment_type, attachment.network_type),
        "DRG_ATTACHMENT_ID": (criterion.drg_attachment_id, attachment.id),
        "MATCH_ALL": (None, None),
    }
    want, have = wanted[criterion.match_type]
    return want == have


def _told_by(
    world: World, attachment: DrgAttachment, seen: frozenset[str]
) -> Iterator[Route]:
    """Give what an attachment tells its DRG."""
    kind, name = attachment.network_type, attachment.id
    if kind == REMOTE_PEERING:
        yield from _told_across(world, attachment, seen)
    elif kind == VCN:
        for network, label in _vcn_networks(world, attachment):
            yield Route(
                network=network, attachment_id=name, provenance=VCN, label=label
            )
    else:
        for network in site_networks(world, attachment):
            yield Route(network=network, attachment_id=name, provenance=kind)


def _told_across(
    world: World, attachment: DrgAttachment, seen: frozenset[str]
) -> Iterator[Route]:
    """Give what the DRG at the other end of a remote peering tells; never what it learnt from here."""
    other = across(world, attachment)
    if other is None or other.drg_id in seen:
        return
    for route in told_to(world, other, seen):
        yield replace(
            route,
            attachment_id=attachment.id,
            rule_id=None,
            path=(other.drg_id, *route.path),
        )


def told_to(
    world: World, attachment: DrgAttachment, seen: frozenset[str] = frozenset()
) -> Iterator[Route]:
    """Give the routes that a DRG tells the network behind an attachment.

    They are of the table that the attachment is assigned, as far as its export distribution goes.
    """
    table = world.find(DrgRouteTable, attachment.drg_route_table_id)
    name = attachment.export_drg_route_distribution_id
    exports = world.find(DrgRouteDistribution, name or "")
    hidden = NEITHER_WAY if attachment.network_type in SITES else frozenset()
    for route in chosen(all_routes(world, table, seen)) if table else ():
        by = attached(world, route.attachment_id)
        if by is None or by.id == attachment.id or route.provenance in hidden:
            continue
        if accepts(exports, by):
            yield route


def _vcn_networks(
    world: World, attachment: DrgAttachment
) -> Iterator[tuple[Network, str | None]]:
    """Give a VCN's prefixes and those of the static rules of its table for what comes in."""
    vcn = world.find(Vcn, attachment.network_id)
    if vcn is None:
        return
    if attachment.vcn_route_type == "VCN_CIDRS":
        own = vcn.blocks
    else:
        subnets = tuple(world.subnets_of(vcn.id))
        own = (
            *(block for subnet in subnets for block in subnet.ipv4_cidr_blocks),
            *(block for subnet in subnets for block in subnet.ipv6_cidr_blocks),
        )
    yield from ((block, None) for block in own)
    table = world.find(RouteTable, attachment.route_table_id or "")
    for rule in table.route_rules if table else ():
        yield from _of_rule(world, rule)


def _of_rule(world: World, rule: RouteRule) -> Iterator[tuple[Network, str | None]]:
    if rule.destination_type == "CIDR_BLOCK":
        yield ip_network(rule.destination), None
    elif found := labelled(world.settings.region, rule.destination):
        yield found.network, found.label


def site_networks(world: World, attachment: DrgAttachment) -> tuple[Network, ...]:
    """Give the networks of the on-premises site behind an attachment; of other attachments none.

    IPSec: by the tunnel's routing the connection's static routes (STATIC), the site's part of the
    encryption domain (POLICY), or what the connection's tag says (BGP). Virtual circuit: the networks of
    its BGP peerings and what its tag says.
    """
    if attachment.network_type == IPSEC_TUNNEL:
        found = _behind_tunnel(world, attachment.network_id)
    elif attachment.network_type == VIRTUAL_CIRCUIT:
        found = _behind_circuit(world, attachment.network_id)
    else:
        found = ()
    return tuple(dict.fromkeys(found))


def _behind_tunnel(world: World, tunnel_id: str) -> Iterable[Network]:
    tunnel = world.find(IpSecTunnel, tunnel_id)
    if tunnel is None:
        return ()
    connection = world.find(IpSecConnection, tunnel.ip_sec_connection_id)
    if connection is None:
        return ()
    if tunnel.routing == "BGP":
        return tagged(connection.freeform_tags)
    if tunnel.routing == "POLICY":
        selected = (tunnel.domains or {}).get("cpeTrafficSelector", ())
        return tuple(ip_network(text) for text in selected)
    return tuple(ip_network(text) for text in connection.static_routes)


def _behind_circuit(world: World, circuit_id: str) -> Iterator[Network]:
    circuit = world.find(VirtualCircuit, circuit_id)
    if circuit is None or (circuit.more or {}).get("bgpAdminState") == "DISABLED":
        return
    for mapping in circuit.mappings:
        for name in ("customerBgpPeeringIp", "customerBgpPeeringIpv6"):
            if name in mapping:
                yield ip_interface(mapping[name]).network
    yield from tagged(circuit.freeform_tags)


def tagged(tags: Tags) -> Iterator[Network]:
    """Give the networks that the site's tag names; what is no network is passed over."""
    for word in tags.get(SITE_TAG, "").split(","):
        with suppress(ValueError):
            yield ip_network(word.strip())
