"""The whole wanted fabric as a value: namespaces, links, routes and rules of all VCNs.

One namespace is a VCN's router, one plays an instance, one the internet. A VNIC is a veth
from its instance's namespace to the router's. The router has a route for each private-IP
object through the VNIC that has it, and a permanent neighbour entry for the VNIC's primary
address, so it never asks a guest for anything; guests' own questions (ARP) it answers for
every address that is routed elsewhere (proxy ARP), and for none that is not in use.

What is inside of an instance is the guest's. Its first boot is played once, when the
primary interface is made, and never repaired.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from mooring.core.linux.nft import Table
from mooring.core.linux.plan import (
    Address,
    End,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.vcn.model import Instance, Vcn
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric_nft import hop_mark, ruleset
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA,
    POWERED,
    Port,
    Router,
    block_of,
    first,
    router,
)
from mooring.core.vcn.world import World

VNIC_MTU = 9000
INTERNET_MTU = 1500
LOOPBACK = "lo"
EVERYWHERE = IPv4Network("0.0.0.0/0")
SERVER = IPv4Address("198.51.100.10")  # TEST-NET-2 (RFC 5737): what there is to talk to
# The two ends of the link between a router and the internet, for next hops only: neither
# end has the address, both know the other's MAC.
ROUTER_END, INTERNET_END = IPv4Address("169.254.0.1"), IPv4Address("169.254.0.2")
HOP_PRIORITY = 1000
HOST = 32
STANDS = frozenset({*POWERED, "STOPPED", "TERMINATING"})

ROUTING = {
    "net/ipv4/ip_forward": "1",
    # The source check is nft's and knows private IPs; a second one would cost a look-up.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv4/conf/default/accept_local": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
ANSWERING = {
    # A network judges by its rules; whether a segment fits a window is the ends' business.
    "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
    "net/ipv4/conf/all/proxy_arp": "1",
    "net/ipv4/conf/default/proxy_arp": "1",
}


@dataclass(frozen=True, slots=True)
class Fabric:
    """Everything that should be, by namespace.

    `settings` are written at each look, `facts` are kept, `tables` are the routers' nft. `births` are
    what is done once for a new port, by router's namespace and port's name.
    """

    spaces: tuple[str, ...]
    settings: Mapping[str, Plan]
    facts: Mapping[str, Plan]
    tables: Mapping[str, Table]
    births: Mapping[str, Mapping[str, Plan]]


def wanted(world: World, fabric: str) -> Fabric:
    """Compute the fabric of a World."""
    routers = {
        names.vcn_space(fabric, vcn.id): router(world, vcn) for vcn in world.of(Vcn)
    }
    nodes = [
        names.node_space(fabric, instance.id)
        for instance in world.of(Instance)
        if instance.lifecycle_state in STANDS
    ]
    internet = names.internet_space(fabric)
    places = {s: _Place(fabric, s, r) for s, r in routers.items()}
    inner = {s: tuple(p.facts()) for s, p in places.items()}
    outer = tuple(_internet(internet, places.values()))
    return Fabric(
        spaces=(internet, *routers, *nodes),
        settings={
            internet: _settings(internet, ROUTING),
            **{s: _settings(s, ROUTING | ANSWERING) for s in routers},
        },
        # The internet comes last: its links are made with the routers'.
        facts={**inner, internet: outer},
        tables={s: ruleset(world, r) for s, r in routers.items()},
        births={s: dict(p.births()) for s, p in places.items()},
    )


def _settings(space: str, values: Mapping[str, str]) -> Plan:
    return tuple(Sysctl(space, key, value) for key, value in values.items())


@dataclass(frozen=True, slots=True)
class _Place:
    """One VCN's router in its namespace."""

    fabric: str
    space: str
    router: Router

    def facts(self) -> Iterator[Address | LinkUp | Neighbour | Route | Rule | Veth]:
        yield LinkUp(self.space, LOOPBACK)
        for address in (*self.router.routers(), METADATA):
            yield Address(self.space, LOOPBACK, IPv4Interface((address, HOST)))
        yield from self._uplink()
        for block in (*self.router.vcn.cidr_blocks, LINK_LOCAL):
            yield Route(self.space, block, kind="blackhole")
        for port in self.router.ports:
            yield from self._port(port)
        yield from self._hops()

    def births(self) -> Iterator[tuple[str, Plan]]:
        for port in self.router.ports:
            name = names.port_name(port.vnic.id)
            # An answer for another is else given after a random while; a new namespace
            # has no default for this.
            quick = Sysctl(self.space, f"net/ipv4/neigh/{name}/proxy_delay", "0")
            guest = self._boot(port) if port.slot == 0 else ()
            yield name, (quick, *guest)

    def _boot(self, port: Port) -> Iterator[Address | LinkUp | Route]:
        """Play the guest's first boot: what an image does with DHCP's answer."""
        space, nic = self._node(port), names.nic_name(port.slot)
        block = block_of(port.subnet, port.primary)
        yield LinkUp(space, LOOPBACK)
        yield LinkUp(space, nic)
        yield Address(space, nic, IPv4Interface((port.primary, block.prefixlen)))
        yield Route(space, EVERYWHERE, nic, first(block))

    def uplink(self) -> Veth:
        """Give the link to the internet."""
        vcn_id, outside = self.router.vcn.id, names.internet_space(self.fabric)
        mac, other = _mac("in", vcn_id), _mac("out", vcn_id)
        here = End(self.space, names.UPLINK, mac, INTERNET_MTU, alias=vcn_id)
        return Veth(here, End(outside, names.outside_name(vcn_id), other, INTERNET_MTU))

    def _uplink(self) -> Iterator[Neighbour | Route | Veth]:
        link = self.uplink()
        yield link
        yield Neighbour(self.space, names.UPLINK, INTERNET_END, link.far.mac)
        yield Route(self.space, EVERYWHERE, names.UPLINK, INTERNET_END, onlink=True)

    def _port(self, port: Port) -> Iterator[Neighbour | Route | Veth]:
        name, mac = names.port_name(port.vnic.id), port.vnic.mac_address.lower()
        here = End(
            self.space,
            name,
            port.subnet.virtual_router_mac.lower(),
            VNIC_MTU,
            alias=port.vnic.id,
        )
        there = End(self._node(port), names.nic_name(port.slot), mac, VNIC_MTU)
        yield Veth(here, there)
        yield Neighbour(self.space, name, port.primary, mac)
        for block in port.blocks:
            # What the router itself has to say comes from the subnet's router address.
            source = first(block_of(port.subnet, block.network_address))
            yield Route(
                self.space, block, name, port.primary, onlink=True, source=source
            )

    def _hops(self) -> Iterator[Route | Rule]:
        for port in self.router.hops():
            name, mark = names.port_name(port.vnic.id), hop_mark(port)
            yield Route(
                self.space, EVERYWHERE, name, port.primary, table=mark, onlink=True
            )
            yield Rule(self.space, HOP_PRIORITY, 4, mark, mark=mark, mask=0xFFFFFFFF)

    def _node(self, port: Port) -> str:
        return names.node_space(self.fabric, port.instance_id)


def _internet(
    space: str, places: Iterable[_Place]
) -> Iterator[Address | LinkUp | Neighbour | Route | Veth]:
    yield LinkUp(space, LOOPBACK)
    yield Address(space, LOOPBACK, IPv4Interface((SERVER, HOST)))
    for place in places:
        link = place.uplink()
        yield link
        yield Neighbour(space, link.far.name, ROUTER_END, link.near.mac)
        for address in sorted({*place.router.faces, *place.router.published}):
            to = IPv4Network((address, HOST))
            yield Route(
                space, to, link.far.name, ROUTER_END, onlink=True, source=SERVER
            )


def _mac(side: str, vcn_id: str) -> str:
    raw = hashlib.sha256(f"{side} {vcn_id}".encode()).digest()[:5]
    return "02:" + raw.hex(":")
