"""Security rules compiled: what each stretch of peer addresses may do, as few classes.

VNICs under the same lists and groups share a `Profile`. For each direction the peers' addresses
are cut into disjoint pieces such that all addresses of a piece are under the same rules, and what
these allow together is one `Services` value. Cost per packet is then one look-up of the peer and
one of the service, however many rules, groups and addresses there are.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, ip_network

from mooring.core.net.ranges import Piece, Range, Ranges, merged, pieces
from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.router import Port, Router
from mooring.core.vcn.packets.security import CIDR, EGRESS, GROUP, INGRESS, books
from mooring.core.vcn.packets.services import NOTHING, Services, allowed, without
from mooring.core.vcn.world import World

Rules = tuple[SecurityRule, ...]
Classes = tuple[Piece[Services], ...]
Members = Mapping[str, Ranges]
Groups = tuple[tuple[str, Ranges], ...]
REMEMBERED = 4096  # combinations of rules whose services are not worked out again


@dataclass(frozen=True, slots=True)
class Profile:
    """What VNICs under the same lists and groups may do, by peer address.

    `egress` and `ingress` are what rules of either kind let pass; of the flows that begin, `tracked…`
    are those whose replies pass by themselves (stateful and not stateless).
    """

    name: str
    egress: Classes
    ingress: Classes
    tracked_egress: Classes
    tracked_ingress: Classes


def profiles(world: World, router: Router) -> dict[str, Profile]:
    """Give the profile of every port, by VNIC."""
    members = group_members(router.ports)
    made: dict[str, Profile] = {}
    found: dict[str, Profile] = {}
    for port in router.ports:
        name = profile_name(port)
        if name not in made:
            rules = tuple(r for book in books(world, port) for r in book.rules)
            made[name] = _profile(name, rules, members)
        found[port.vnic.id] = made[name]
    return found


def group_members(ports: Iterable[Port]) -> Members:
    """Give the addresses of each group's members, blocks included."""
    found: dict[str, list[Range]] = {}
    for port in ports:
        spans = [span(block) for block in port.blocks]
        for group in port.vnic.nsg_ids:
            found.setdefault(group, []).extend(spans)
    return {group: merged(ranges) for group, ranges in found.items()}


def profile_name(port: Port) -> str:
    """Name the lists and groups that a VNIC is under, in whatever order."""
    ids = {*port.subnet.security_list_ids, *port.vnic.nsg_ids}
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:12]


def span(block: IPv4Network) -> Range:
    """Give the numbers of a block's first and last address."""
    return int(block.network_address), int(block.broadcast_address)


def _profile(name: str, rules: Rules, members: Members) -> Profile:
    named = {rule.peer for rule in rules if rule.peer_type == GROUP}
    groups = tuple((each, members[each]) for each in sorted(named & members.keys()))
    out = tuple(r for r in rules if r.direction == EGRESS)
    into = tuple(r for r in rules if r.direction == INGRESS)
    return Profile(
        name=name,
        egress=_granted_to(out, groups),
        ingress=_granted_to(into, groups),
        tracked_egress=_tracked_of(out, groups),
        tracked_ingress=_tracked_of(into, groups),
    )


# A change touches few profiles: the others' classes are remembered. So are, inside of a
# changed one, the services of each combination of rules.


@lru_cache(REMEMBERED)
def _granted_to(rules: Rules, groups: Groups) -> Classes:
    return _classes(rules, groups, _granted)


@lru_cache(REMEMBERED)
def _tracked_of(rules: Rules, groups: Groups) -> Classes:
    return _classes(rules, groups, _tracked)


@lru_cache(REMEMBERED)
def _granted(rules: Rules) -> Services:
    return allowed(rules)


@lru_cache(REMEMBERED)
def _tracked(rules: Rules) -> Services:
    stateless = allowed(r for r in rules if r.is_stateless)
    return without(allowed(r for r in rules if not r.is_stateless), stateless)


def _classes(
    rules: Rules, groups: Groups, meaning: Callable[[Rules], Services]
) -> Classes:
    members = dict(groups)
    by_peer: dict[Ranges, list[SecurityRule]] = {}
    for rule in rules:
        by_peer.setdefault(_peers(rule, members), []).append(rule)
    layers = [
        (stretch, tuple(those)) for peers, those in by_peer.items() for stretch in peers
    ]

    def fold(combined: Sequence[Rules]) -> Services:
        return meaning(tuple(rule for those in combined for rule in those))

    return tuple(p for p in pieces(layers, fold) if p[2] != NOTHING)


def _peers(rule: SecurityRule, members: Members) -> Ranges:
    if rule.peer_type == GROUP:
        return members.get(rule.peer, ())
    if rule.peer_type != CIDR:
        return ()
    network = ip_network(rule.peer)
    return (span(network),) if isinstance(network, IPv4Network) else ()
