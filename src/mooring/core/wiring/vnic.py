"""A VNIC's cables on the node: its host addresses, and a routing table that leaves by it.

A pod's packet must leave by the VNIC that has the pod's address, or the VCN drops it. Each
VNIC has a number, its slot; the slot gives the mark that `wiring.ruleset` puts on packets
of the VNIC's pods, the table, and one rule from the mark to the table. So the number of
rules grows with VNICs, never with pods.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Interface

from mooring.core.linux.plan import (
    HOST,
    Address,
    Fact,
    Ip,
    LinkUp,
    Plan,
    Route,
    Rule,
    Sysctl,
)
from mooring.core.linux.seen import Link
from mooring.core.npn.record import VnicStatus
from mooring.core.npn.usage import VnicLink
from mooring.core.wiring.names import PREFIX
from mooring.core.wiring.pod import alone, everywhere

MARK_MASK = 0x007F0000
"""Bits of a packet's mark that are ours; kube-proxy has 0x4000 and 0x8000."""

MARK_SHIFT = 16
TABLES = 7000
"""A VNIC's table is this plus its slot."""

RULE_PRIORITY = 510
"""Behind the rule for what `main` knows exactly (`wiring.node`), ahead of all of `main`."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """A VNIC as this node has it: its status, its slot, and the link with its MAC."""

    status: VnicStatus
    slot: int
    link: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Match:
    """Which VNICs have a link here, by VNIC; and those that have none (yet)."""

    links: Mapping[str, str]
    absent: tuple[str, ...]


def match(vnics: Sequence[VnicStatus], links: Mapping[str, Link]) -> Match:
    """Find the VNICs' links by MAC.

    A pod's host end is never one, nor is a VLAN, bridge or bond that borrows a MAC. The
    local VCN's VNICs are veths, the cloud's are hardware.
    """
    by_mac = {
        link.mac: name
        for name, link in links.items()
        if link.kind in {"", "veth"} and not name.startswith(PREFIX)
    }
    found = {
        vnic.vnic_id: by_mac[vnic.mac_address.lower()]
        for vnic in vnics
        if vnic.mac_address.lower() in by_mac
    }
    absent = tuple(vnic.vnic_id for vnic in vnics if vnic.vnic_id not in found)
    return Match(found, absent)


def mark(slot: int) -> int:
    """Give the mark of packets that belong to a slot's VNIC."""
    return slot << MARK_SHIFT


def table(slot: int) -> int:
    """Give the number of a slot's routing table."""
    return TABLES + slot


def slot(number: int) -> int:
    """Give the slot whose routing table has a number."""
    return number - TABLES


def served(uplinks: Iterable[Uplink]) -> tuple[VnicLink, ...]:
    """Say by which link and table each VNIC is served, in the order of their ids."""
    return tuple(
        sorted(
            VnicLink(vnic_id=u.status.vnic_id, link=u.link, table=table(u.slot))
            for u in uplinks
        )
    )


def plan(uplink: Uplink) -> Plan:
    """Lay out the cables of a VNIC."""
    link = uplink.link
    host, router = uplink.status.host, uplink.status.router
    six = router.v6 is not None
    facts: list[Fact] = [
        *(settings6(link) if six else ()),
        LinkUp(HOST, link, uplink.mtu),
        *settings(link),
    ]
    if six:
        facts.append(Address(HOST, link, link_local(uplink.status.mac_address)))
    facts += [Address(HOST, link, alone(a)) for a in (host.v4, host.v6) if a]
    for gateway in (router.v4, router.v6):
        if gateway is not None:
            facts += _leaving(uplink, gateway)
    return tuple(facts)


def settings(link: str) -> Plan:
    """Set a NIC's own switches.

    The kernel takes the larger one of a NIC's and of all NICs' rp_filter. Several VNICs may
    be in one subnet, so each answers only for its own address, and asks with it.
    """
    place = f"net/ipv4/conf/{link}"
    return (
        Sysctl(HOST, f"{place}/rp_filter", "0"),
        Sysctl(HOST, f"{place}/arp_ignore", "1"),
        Sysctl(HOST, f"{place}/arp_announce", "2"),
    )


def settings6(link: str) -> Plan:
    """Set a VNIC's switches for IPv6, before it is up.

    Its addresses and routes are ours alone: an advertisement must not lead the node's own
    traffic by it, and nobody is asked whether an address is taken.
    """
    place = f"net/ipv6/conf/{link}"
    return (
        Sysctl(HOST, f"{place}/disable_ipv6", "0"),
        Sysctl(HOST, f"{place}/accept_ra", "0"),
        Sysctl(HOST, f"{place}/accept_dad", "0"),
    )


def link_local(mac: str) -> IPv6Interface:
    """Give the address with which a link asks for its router (EUI-64, RFC 4291).

    The kernel makes one by itself, but not everywhere the same, and not everywhere at once.
    """
    octets = bytes.fromhex(mac.replace(":", ""))
    eui = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return IPv6Interface((IPv6Address(b"\xfe\x80" + bytes(6) + eui), 64))


def _leaving(uplink: Uplink, gateway: Ip) -> tuple[Fact, ...]:
    number = table(uplink.slot)
    family = 4 if isinstance(gateway, IPv4Address) else 6
    return (
        Route(
            HOST,
            everywhere(gateway),
            uplink.link,
            gateway=gateway,
            table=number,
            onlink=True,
        ),
        Rule(
            HOST,
            RULE_PRIORITY,
            family,
            number,
            mark=mark(uplink.slot),
            mask=MARK_MASK,
        ),
    )
