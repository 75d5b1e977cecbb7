"""A VCN as its virtual router sees it: ports, route tables, ways out.

What both judges need, the plain one (`forwarding.verdict`) and the kernel
(`fabric`, `fabric_nft`), is read off the World here, once. What each makes of it is its
own: they are compared with each other in the tests.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.vcn.model import (
    InternetGateway,
    NatGateway,
    PrivateIp,
    PublicIp,
    RouteTable,
    Subnet,
    Vcn,
)
from mooring.core.vcn.oracle_services import services
from mooring.core.vcn.packets import ports as plugged
from mooring.core.vcn.packets.ports import (
    ATTACHED,
    POWERED,
    Address,
    Network,
    Port,
    block_of,
    first,
    keep_living,
    ports_of,
)
from mooring.core.vcn.packets.ways import (
    AVAILABLE,
    Closed,
    Drg,
    Gate,
    Hop,
    Internet,
    Nat,
    Peer,
    Route,
    Route6,
    Routes,
    Services,
    Way,
    Ways,
    internet,
    longest,
    nat,
)
from mooring.core.vcn.world import World

__all__ = [
    "ATTACHED",
    "AVAILABLE",
    "LINK_LOCAL",
    "LINK_LOCAL6",
    "METADATA",
    "METADATA6",
    "POWERED",
    "Address",
    "Closed",
    "Drg",
    "Gate",
    "Hop",
    "Internet",
    "Nat",
    "Network",
    "Peer",
    "Port",
    "Route",
    "Route6",
    "Router",
    "Services",
    "Way",
    "block_of",
    "first",
    "link_local",
    "router",
]

ASSIGNED = "ASSIGNED"
METADATA = IPv4Address("169.254.169.254")
METADATA6 = IPv6Address("fd00:c1::a9fe:a9fe")
LINK_LOCAL = IPv4Network("169.254.0.0/16")
LINK_LOCAL6 = IPv6Network("fe80::/10")


@dataclass(frozen=True)
class Router:
    """One VCN's virtual router.

    `routes` and `routes6` have for each route table its ways by destination, as they stand in it; a
    port asks `Port.table_for` which. `gates` are the gateways to private networks beside the VCN, by OCID.

    IPv4 and the internet: `faces` are the NAT gateways' addresses that let replies in; while an
    internet gateway is open, `published` is the port behind each public address, `behind` the private
    address there, and `receiving` those to which the internet may speak first.

    IPv6 and the internet: `global6` are the VCN's prefixes while an internet gateway is open,
    `receiving6` those of subnets to which the internet may speak first.

    What comes in from the internet goes first where the gateway's own table leads it: `inward` has
    the ways of each NAT gateway's face and public address, by the private one that is meant, and
    `inward6` those of the internet gateway. Where no route fits it goes to the address itself.

    `labels` are the networks that rules for a service's CIDRs mean.
    """

    vcn: Vcn
    ports: tuple[Port, ...]
    routes: dict[str, tuple[Route, ...]]
    faces: frozenset[IPv4Address]
    published: dict[IPv4Address, Port]
    receiving: frozenset[IPv4Address]
    subnets: tuple[Subnet, ...]
    routes6: dict[str, tuple[Route6, ...]]
    gates: dict[str, Gate]
    behind: dict[IPv4Address, IPv4Address]
    global6: tuple[IPv6Network, ...]
    receiving6: tuple[IPv6Network, ...]
    inward: dict[IPv4Address, tuple[Route, ...]]
    inward6: tuple[Route6, ...]
    labels: dict[str, IPv4Network]

    def inside(self, address: Address) -> bool:
        """Tell whether an address belongs to the VCN, in use or not."""
        return any(address in block for block in self.blocks)

    @property
    def blocks(self) -> tuple[Network, ...]:
        """All CIDR blocks of the VCN, of both families."""
        vcn = self.vcn
        return (
            *vcn.cidr_blocks,
            *vcn.ipv6_cidr_blocks,
            *vcn.ipv6_private_cidr_blocks,
        )

    def port_at(self, address: Address) -> Port | None:
        """Find the port to which an address of the VCN is routed."""
        number, version, bits = int(address), address.version, address.max_prefixlen
        for prefix, family in self._widths:
            if family == version:
                found = self._places.get((version, prefix, number >> (bits - prefix)))
                if found is not None:
                    return found
        return None

    def port_of(self, vnic_id: str) -> Port | None:
        """Find the port of a VNIC that is plugged in."""
        return self._by_vnic.get(vnic_id)

    def hops(self) -> tuple[Port, ...]:
        """Give the ports that some route table has as a way."""
        found = {
            way.port.vnic.id: way.port for way in self._ways() if isinstance(way, Hop)
        }
        return tuple(found.values())

    def routers(self) -> tuple[IPv4Address, ...]:
        """Give the virtual router's own addresses, one for each block of a subnet."""
        return tuple(first(b) for s in self.subnets for b in s.ipv4_cidr_blocks)

    def way(self, table_id: str, address: Address) -> Way | None:
        """Find the way to an address by a route table."""
        tables = self.routes if isinstance(address, IPv4Address) else self.routes6
        return longest(tables.get(table_id, ()), address)

    def is_public(self, address: Address) -> bool:
        """Tell whether the internet reaches the VCN at an address."""
        if isinstance(address, IPv4Address):
            return address in self.faces or address in self.behind
        return any(address in prefix for prefix in self.global6)

    def public_of(self, address: Address) -> IPv4Address | None:
        """Find the public address of a private one, while an internet gateway is open."""
        return self._publics.get(address)

    def _ways(self) -> Iterator[Way]:
        for tables in (self.routes, self.routes6):
            yield from (way for routes in tables.values() for _, way in routes)
        for gate in self.gates.values():
            yield from (way for _, way in (*gate.routes, *gate.routes6))
        for inward in (*self.inward.values(), self.inward6):
            yield from (way for _, way in inward)

    @cached_property
    def _places(self) -> dict[tuple[int, int, int], Port]:
        """Ports by family, prefix length and the block's leading bits: blocks never overlap."""
        ipv4 = {_place(block): port for port in self.ports for block in port.blocks}
        ipv6 = {_place(block): port for port in self.ports for block in port.blocks6}
        return ipv4 | ipv6

    @cached_property
    def _widths(self) -> frozenset[tuple[int, int]]:
        return frozenset((prefix, version) for version, prefix, _ in self._places)

    @cached_property
    def _by_vnic(self) -> dict[str, Port]:
        return {port.vnic.id: port for port in self.ports}

    @cached_property
    def _publics(self) -> dict[Address, IPv4Address]:
        return {private: public for public, private in self.behind.items()}


def _place(block: Network) -> tuple[int, int, int]:
    number = int(block.network_address) >> (block.max_prefixlen - block.prefixlen)
    return block.version, block.prefixlen, number


def link_local(mac: str) -> IPv6Address:
    """Give the link-local address that is made of a MAC address (EUI-64, RFC 4291)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    eui = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return IPv6Address(b"\xfe\x80" + bytes(6) + eui)


# Packets are many and worlds few: each VCN's router, and the world that it was read off.
_last: dict[str, tuple[World, Router]] = {}


def router(world: World, vcn: Vcn) -> Router:
    """Read one VCN's router off the World; of the same World it is the same object."""
    known = _last.get(vcn.id)
    if known is None or known[0] is not world:
        known = world, _read(world, vcn)
        _last[vcn.id] = known
    return known[1]


def forget(world: World) -> None:
    """Forget the routers and ports of VCNs that are not of this world."""
    keep_living(_last, world)
    plugged.forget(world)


def _read(world: World, vcn: Vcn) -> Router:
    ports = ports_of(world, vcn)
    by_vnic = {port.vnic.id: port for port in ports}
    ways = Ways(world, vcn, by_vnic)
    tables = {t.id: ways.of(t) for t in world.referring(RouteTable, vcn.id)}
    subnets = tuple(world.subnets_of(vcn.id))
    gateways = world.referring(InternetGateway, vcn.id)
    is_open = (gate for gate in gateways if isinstance(internet(gate), Internet))
    gateway = next(is_open, None)
    behind = _publics(world, by_vnic) if gateway else {}
    prefixes = vcn.ipv6_cidr_blocks if gateway else ()
    inward = ways.inward(gateway) if gateway else Routes()
    faces = dict(_faces(world, ways))
    receiving = tuple(s for s in subnets if not s.prohibit_internet_ingress)
    published = {public: port for public, (_, port) in behind.items()}
    return Router(
        vcn=vcn,
        ports=ports,
        routes={name: routes.ipv4 for name, routes in tables.items()},
        routes6={name: routes.ipv6 for name, routes in tables.items()},
        gates={gate.id: gate for gate in ways.gates()},
        faces=frozenset(faces),
        published=published,
        behind={public: private for public, (private, _) in behind.items()},
        receiving=frozenset(
            public
            for public, port in published.items()
            if not port.subnet.prohibit_internet_ingress
        ),
        subnets=subnets,
        global6=prefixes,
        receiving6=tuple(_globals(receiving, prefixes)),
        inward=faces | dict.fromkeys(behind, inward.ipv4),
        inward6=inward.ipv6,
        labels={s.label: s.network for s in services(world.settings.region)},
    )


def _globals(
    subnets: Iterable[Subnet], prefixes: Iterable[IPv6Network]
) -> Iterator[IPv6Network]:
    """Give the subnets' blocks out of some prefixes."""
    for subnet in subnets:
        for block in subnet.ipv6_cidr_blocks:
            if any(block.subnet_of(prefix) for prefix in prefixes):
                yield block


def _faces(world: World, ways: Ways) -> Iterator[tuple[IPv4Address, tuple[Route, ...]]]:
    """Give the open NAT gateways' addresses, each with the ways of the gateway's own table."""
    for gateway in world.referring(NatGateway, ways.vcn.id):
        way = nat(gateway)
        if isinstance(way, Nat):
            yield way.face, ways.inward(gateway).ipv4


def _publics(
    world: World, ports: Mapping[str, Port]
) -> dict[IPv4Address, tuple[IPv4Address, Port]]:
    """Give for each public address the private one behind it, and its port."""
    objects = {public.ip_address: public for public in world.of(PublicIp)}
    found = {
        port.vnic.public_ip: (port.primary, port)
        for port in ports.values()
        if port.vnic.public_ip and port.vnic.public_ip not in objects
    }
    for address, public in objects.items():
        ip = world.find(PrivateIp, public.assigned_entity_id or "")
        port = ports.get(ip.vnic_id or "") if ip else None
        if ip and port and public.lifecycle_state == ASSIGNED:
            found[address] = ip.ip_address, port
    return found
