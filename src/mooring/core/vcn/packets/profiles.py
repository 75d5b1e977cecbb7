"""Security rules compiled: what each stretch of peer addresses may do, as few classes.

VNICs under the same lists and groups share a `Profile`. For each direction the peers' addresses
are cut into disjoint pieces such that all addresses of a piece are under the same rules, and what
these allow together is one `Services` value. Cost per packet is then one look-up of the peer and
one of the service, however many rules, groups and addresses there are.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from mooring.core.net.ranges import Piece, Range, Ranges, merged, pieces
from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.router import Network, Port, Router
from mooring.core.vcn.packets.security import CIDR, EGRESS, INGRESS, block, books
from mooring.core.vcn.packets.services import (
    IPV4,
    IPV6,
    NOTHING,
    Services,
    allowed,
    without,
)
from mooring.core.vcn.world import World

Rules = tuple[SecurityRule, ...]
Classes = tuple[Piece[Services], ...]
Members = Mapping[str, Ranges]
Named = tuple[tuple[str, Ranges], ...]
REMEMBERED = 4096  # combinations of rules whose services are not worked out again


@dataclass(frozen=True, slots=True)
class Profile:
    """What VNICs under the same lists and groups may do, by peer address.

    `egress` and `ingress` are what rules of either kind let pass; of the flows that begin, `tracked…`
    are those whose replies pass by themselves (stateful and not stateless). Addresses are numbers:
    those of IPv4, and in the fields that end in 6 those of IPv6.
    """

    name: str
    egress: Classes
    ingress: Classes
    tracked_egress: Classes
    tracked_ingress: Classes
    egress6: Classes = ()
    ingress6: Classes = ()
    tracked_egress6: Classes = ()
    tracked_ingress6: Classes = ()


def profiles(world: World, router: Router) -> dict[str, Profile]:
    """Give the profile of every port, by VNIC."""
    named = {version: peers_named(router, version) for version in (IPV4, IPV6)}
    made: dict[str, Profile] = {}
    found: dict[str, Profile] = {}
    for port in router.ports:
        name = profile_name(port)
        if name not in made:
            rules = tuple(r for book in books(world, port) for r in book.rules)
            made[name] = _profile(name, rules, named)
        found[port.vnic.id] = made[name]
    return found


def peers_named(router: Router, version: int) -> Members:
    """Give a family's addresses of each group's members, blocks included, and of each service's label."""
    found: dict[str, list[Range]] = {
        label: [span(network)]
        for label, network in router.labels.items()
        if network.version == version
    }
    for port in router.ports:
        if port.vnic.nsg_ids:
            spans = [
                span(b) for b in (port.blocks if version == IPV4 else port.blocks6)
            ]
            for group in port.vnic.nsg_ids:
                found.setdefault(group, []).extend(spans)
    return {name: merged(ranges) for name, ranges in found.items()}


def profile_name(port: Port) -> str:
    """Name the lists and groups that a VNIC is under, in whatever order."""
    ids = {*port.subnet.security_list_ids, *port.vnic.nsg_ids}
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:12]


def span(network: Network) -> Range:
    """Give the numbers of a block's first and last address."""
    return int(network.network_address), int(network.broadcast_address)


def _profile(name: str, rules: Rules, members: Mapping[int, Members]) -> Profile:
    peers = {rule.peer for rule in rules if rule.peer_type != CIDR}
    out = tuple(r for r in rules if r.direction == EGRESS)
    into = tuple(r for r in rules if r.direction == INGRESS)
    named4, named6 = (
        tuple((each, of[each]) for each in sorted(peers & of.keys()))
        for of in (members[IPV4], members[IPV6])
    )
    return Profile(
        name=name,
        egress=_granted_to(out, named4, IPV4),
        ingress=_granted_to(into, named4, IPV4),
        tracked_egress=_tracked_of(out, named4, IPV4),
        tracked_ingress=_tracked_of(into, named4, IPV4),
        egress6=_granted_to(out, named6, IPV6),
        ingress6=_granted_to(into, named6, IPV6),
        tracked_egress6=_tracked_of(out, named6, IPV6),
        tracked_ingress6=_tracked_of(into, named6, IPV6),
    )


# A change touches few profiles: the others' classes are remembered. So are, inside of a
# changed one, the services of each combination of rules.


@lru_cache(REMEMBERED)
def _granted_to(rules: Rules, named: Named, version: int) -> Classes:
    return _classes(
        rules, partial(_peers, dict(named), version), partial(_granted, version)
    )


@lru_cache(REMEMBERED)
def _tracked_of(rules: Rules, named: Named, version: int) -> Classes:
    return _classes(
        rules, partial(_peers, dict(named), version), partial(_tracked, version)
    )


@lru_cache(REMEMBERED)
def _granted(version: int, rules: Rules) -> Services:
    return allowed(rules, version)


@lru_cache(REMEMBERED)
def _tracked(version: int, rules: Rules) -> Services:
    stateless = allowed((r for r in rules if r.is_stateless), version)
    stateful = allowed((r for r in rules if not r.is_stateless), version)
    return without(stateful, stateless)


def _classes(
    rules: Rules,
    peers: Callable[[SecurityRule], Ranges],
    meaning: Callable[[Rules], Services],
) -> Classes:
    by_peer: dict[Ranges, list[SecurityRule]] = {}
    for rule in rules:
        by_peer.setdefault(peers(rule), []).append(rule)
    layers = [
        (stretch, tuple(those)) for found, those in by_peer.items() for stretch in found
    ]

    def fold(combined: Sequence[Rules]) -> Services:
        return meaning(tuple(rule for those in combined for rule in those))

    return tuple(p for p in pieces(layers, fold) if p[2] != NOTHING)


def _peers(members: Members, version: int, rule: SecurityRule) -> Ranges:
    if rule.peer_type != CIDR:
        return members.get(rule.peer, ())
    network = block(rule.peer)
    return (span(network),) if network.version == version else ()
