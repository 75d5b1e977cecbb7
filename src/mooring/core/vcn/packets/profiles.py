"""Security rules compiled: what each stretch of peer addresses may do, as few classes.

VNICs under the same lists and groups share a `Profile`. For each direction and family the peers'
addresses are cut into disjoint pieces such that all addresses of a piece are under the same rules, and
what these allow together is one `Services` value. Cost per packet is then one look-up of the peer and
one of the service, however many rules, groups and addresses there are.

A change touches few of all these: what was made of rules and addresses that stay is remembered. Keys
are objects (`_Bundle`, `_Side`, `Same`), not contents: to hash a thousand rules for each look-up
would cost more than the work that it saves.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mooring.core.net.ranges import Piece, Range, Ranges, merged, pieces
from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.router import Network, Port, Router
from mooring.core.vcn.packets.same import Same
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
Blocks = Same[tuple[Network, ...]]
Named = Mapping[str, Same[Ranges]]
REMEMBERED = 1 << 12  # lists and groups, and what is made of them
MEANINGS = 1 << 15  # combinations of rules whose services are not worked out again


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


@dataclass(frozen=True, slots=True, eq=False)
class _Bundle:
    """The rules of a list or group that are about the same peer."""

    peer: str
    peer_type: str
    rules: Rules

    @property
    def is_named(self) -> bool:
        """Tell whether the peer is a group's or a service's name."""
        return self.peer_type != CIDR


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """What a list or group says of one direction."""

    bundles: tuple[_Bundle, ...]


Sides = tuple[_Side, ...]


@dataclass(frozen=True, slots=True)
class _Peers:
    """The addresses that names stand for in one family: of groups' members, of services' labels."""

    version: int
    named: tuple[tuple[str, Same[Ranges]], ...]


def profiles(world: World, router: Router) -> dict[str, Profile]:
    """Give the profile of every port, by VNIC."""
    named = {version: peers_named(router, version) for version in (IPV4, IPV6)}
    made: dict[str, Profile] = {}
    found: dict[str, Profile] = {}
    for port in router.ports:
        name = profile_name(port)
        if name not in made:
            rules = [Same(book.rules) for book in books(world, port)]
            out = tuple(_side(each, EGRESS) for each in rules)
            into = tuple(_side(each, INGRESS) for each in rules)
            families = tuple(
                _Peers(version, _of_names((*out, *into), names))
                for version, names in named.items()
            )
            made[name] = _profile(name, out, into, families)
        found[port.vnic.id] = made[name]
    return found


def peers_named(router: Router, version: int) -> Named:
    """Give a family's addresses of each group's members, blocks included, and of each service's label."""
    found: dict[str, list[Blocks]] = {}
    for port in router.ports:
        for group in port.vnic.nsg_ids:
            blocks = port.blocks if version == IPV4 else port.blocks6
            found.setdefault(group, []).append(Same(blocks))
    groups = {group: _members(tuple(blocks)) for group, blocks in found.items()}
    labels = {
        label: _interned((span(network),))
        for label, network in router.labels.items()
        if network.version == version
    }
    return groups | labels


def profile_name(port: Port) -> str:
    """Name the lists and groups that a VNIC is under, in whatever order."""
    ids = {*port.subnet.security_list_ids, *port.vnic.nsg_ids}
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:12]


def span(network: Network) -> Range:
    """Give the numbers of a block's first and last address."""
    return int(network.network_address), int(network.broadcast_address)


@lru_cache(REMEMBERED)
def _members(those: tuple[Blocks, ...]) -> Same[Ranges]:
    return _interned(merged(each for blocks in those for each in _spans(blocks)))


@lru_cache(REMEMBERED)
def _spans(blocks: Blocks) -> tuple[Range, ...]:
    return tuple(span(block) for block in blocks.value)


@lru_cache(REMEMBERED)
def _interned(ranges: Ranges) -> Same[Ranges]:
    return Same(ranges)


# -- rules


@lru_cache(REMEMBERED)
def _side(rules: Same[Rules], direction: str) -> _Side:
    by_peer: dict[tuple[str, str], list[SecurityRule]] = {}
    for rule in rules.value:
        if rule.direction == direction:
            by_peer.setdefault((rule.peer, rule.peer_type), []).append(rule)
    return _whole(tuple(_bundle(*key, tuple(r)) for key, r in by_peer.items()))


@lru_cache(REMEMBERED)
def _whole(bundles: tuple[_Bundle, ...]) -> _Side:
    return _Side(bundles)


@lru_cache(MEANINGS)
def _bundle(peer: str, peer_type: str, rules: Rules) -> _Bundle:
    return _Bundle(peer, peer_type, rules)


def _of_names(sides: Sides, named: Named) -> tuple[tuple[str, Same[Ranges]], ...]:
    """Give the names that rules speak of, with their addresses."""
    spoken = {b.peer for side in sides for b in side.bundles if b.is_named}
    return tuple((name, named[name]) for name in sorted(spoken & named.keys()))


@lru_cache(REMEMBERED)
def _profile(
    name: str, out: Sides, into: Sides, families: tuple[_Peers, ...]
) -> Profile:
    ipv4, ipv6 = families
    egress, tracked_egress = _classes(out, ipv4)
    ingress, tracked_ingress = _classes(into, ipv4)
    egress6, tracked_egress6 = _classes(out, ipv6)
    ingress6, tracked_ingress6 = _classes(into, ipv6)
    return Profile(
        name=name,
        egress=egress,
        ingress=ingress,
        tracked_egress=tracked_egress,
        tracked_ingress=tracked_ingress,
        egress6=egress6,
        ingress6=ingress6,
        tracked_egress6=tracked_egress6,
        tracked_ingress6=tracked_ingress6,
    )


@lru_cache(REMEMBERED)
def _classes(sides: Sides, peers: _Peers) -> tuple[Classes, Classes]:
    """Give what is let pass, and of that what is tracked."""
    named = dict(peers.named)
    layers = [
        (stretch, bundle)
        for side in sides
        for bundle in side.bundles
        for stretch in _stretches(bundle, peers.version, named)
    ]

    def fold(combined: Sequence[_Bundle]) -> tuple[Services, Services]:
        return _meaning(peers.version, tuple(combined))

    both = tuple(pieces(layers, fold))
    granted = _joined((low, high, pair[0]) for low, high, pair in both)
    return granted, _joined((low, high, pair[1]) for low, high, pair in both)


def _joined(classes: Iterable[Piece[Services]]) -> Classes:
    """Make one of neighbours with equal services, and leave out those without any."""
    found: list[Piece[Services]] = []
    for low, high, services in classes:
        if found and found[-1][1] + 1 == low and found[-1][2] == services:
            found[-1] = (found[-1][0], high, services)
        elif services != NOTHING:
            found.append((low, high, services))
    return tuple(found)


def _stretches(bundle: _Bundle, version: int, named: Named) -> Ranges:
    if bundle.is_named:
        return named[bundle.peer].value if bundle.peer in named else ()
    network = block(bundle.peer)
    return (span(network),) if network.version == version else ()


@lru_cache(MEANINGS)
def _meaning(version: int, bundles: tuple[_Bundle, ...]) -> tuple[Services, Services]:
    stateful = allowed((r for r in _rules(bundles) if not r.is_stateless), version)
    stateless = allowed((r for r in _rules(bundles) if r.is_stateless), version)
    return allowed(_rules(bundles), version), without(stateful, stateless)


def _rules(bundles: tuple[_Bundle, ...]) -> Iterator[SecurityRule]:
    return (rule for bundle in bundles for rule in bundle.rules)
