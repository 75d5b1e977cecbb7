"""Which security rules stand on a VNIC, and what they say: the plain judge.

A VNIC is under the rules of its subnet's security lists and of its network security
groups together; any one that matches allows. This module asks rule by rule; the
fabric's chains (`profiles`, `fabric_nft`) must come to the same answer.

What a rule that is stateful lets begin is tracked: its replies, and the path-MTU messages
about it (`Packet.is_too_big`), need no rule of their own. A flow is tracked on a side
as long as a stateful rule there allows its first packet today and no stateless one does
(the cloud gives stateless rules precedence). So the removal of a rule cuts what it let
through, at once and in both directions: docs/decisions/0012.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network

from mooring.core.vcn.model import (
    NetworkSecurityGroup,
    Ports,
    SecurityList,
    SecurityRule,
)
from mooring.core.vcn.packets.packet import Tuple
from mooring.core.vcn.packets.router import Address, Network, Port, Router
from mooring.core.vcn.packets.services import ICMP, ICMPV6, TCP, UDP
from mooring.core.vcn.world import World

INGRESS, EGRESS = "INGRESS", "EGRESS"
CIDR, GROUP = "CIDR_BLOCK", "NETWORK_SECURITY_GROUP"
SERVICE = "SERVICE_CIDR_BLOCK"
REMEMBERED = 4096  # CIDR blocks that are not read again


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule and the list or group in which it stands."""

    where: str
    rule: SecurityRule

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        kind = "stateless" if self.rule.is_stateless else "stateful"
        side = "to" if self.rule.direction == EGRESS else "from"
        return f"{self.where}: {kind} {_service(self.rule)} {side} {self.rule.peer}"


def books(world: World, port: Port) -> tuple[SecurityList | NetworkSecurityGroup, ...]:
    """Give the lists and groups whose rules stand on a VNIC, each once."""
    lists = (world.find(SecurityList, i) for i in port.subnet.security_list_ids)
    groups = (world.find(NetworkSecurityGroup, i) for i in port.vnic.nsg_ids)
    found = (book for book in (*lists, *groups) if book is not None)
    return tuple({book.id: book for book in found}.values())


def in_force(world: World, port: Port, direction: str) -> tuple[InForce, ...]:
    """Give the rules of one direction that stand on a VNIC."""
    return tuple(
        InForce(f"{_title(book)} {book.display_name}", rule)
        for book in books(world, port)
        for rule in book.rules
        if rule.direction == direction
    )


def permitting(
    rules: Iterable[InForce], router: Router, peer: Address, head: Tuple
) -> InForce | None:
    """Give a rule that lets a packet pass from or to a peer, a stateless one first."""
    found = [r for r in rules if matches(r.rule, router, peer, head)]
    return min(found, key=lambda r: not r.rule.is_stateless, default=None)


def tracking(
    rules: Iterable[InForce], router: Router, peer: Address, original: Tuple
) -> InForce | None:
    """Give the stateful rule by which a side tracks a flow; None when it does not."""
    rule = permitting(rules, router, peer, original)
    return None if rule is None or rule.rule.is_stateless else rule


def matches(rule: SecurityRule, router: Router, peer: Address, head: Tuple) -> bool:
    """Tell whether a rule is about this peer and this service."""
    return _is_peer(rule, router, peer) and _is_service(rule, head)


@lru_cache(REMEMBERED)
def block(cidr: str) -> Network:
    """Read a rule's CIDR block."""
    return ip_network(cidr)


def _is_peer(rule: SecurityRule, router: Router, peer: Address) -> bool:
    if rule.peer_type == CIDR:
        return peer in block(rule.peer)
    if rule.peer_type == SERVICE:
        network = router.labels.get(rule.peer)
        return network is not None and peer in network
    port = router.port_at(peer)
    return port is not None and rule.peer in port.vnic.nsg_ids


def _is_service(rule: SecurityRule, head: Tuple) -> bool:
    protocol, first, second = head.service()
    if rule.protocol == "all":
        return True
    if int(rule.protocol) != protocol:
        return False
    if head.is_icmp:
        return rule.icmp_type in {None, first} and rule.icmp_code in {None, second}
    if protocol not in {TCP, UDP}:
        # ICMP of the other family is nothing that a rule for it means.
        return protocol not in {ICMP, ICMPV6}
    return _has(rule.destination_ports, first) and _has(rule.source_ports, second)


def _has(ports: Ports | None, port: int) -> bool:
    return ports is None or ports.min <= port <= ports.max


def _title(book: SecurityList | NetworkSecurityGroup) -> str:
    if isinstance(book, SecurityList):
        return "security list"
    return "network security group"


def _service(rule: SecurityRule) -> str:
    words = {"all": "all", "1": "ICMP", "6": "TCP", "17": "UDP", "58": "ICMPv6"}
    said = [words.get(rule.protocol, f"protocol {rule.protocol}")]
    if rule.icmp_type is not None:
        code = "" if rule.icmp_code is None else f",{rule.icmp_code}"
        said.append(f"{rule.icmp_type}{code}")
    if rule.destination_ports is not None:
        said.append(_ports(rule.destination_ports))
    if rule.source_ports is not None:
        said.append(f"from port {_ports(rule.source_ports)}")
    return " ".join(said)


def _ports(ports: Ports) -> str:
    return str(ports.min) if ports.min == ports.max else f"{ports.min}-{ports.max}"
