"""A VCN's router in its namespace: links, addresses, routes.

A VNIC is a veth from its instance's namespace. The router has a route for each private-IP and
IPv6 object through the VNIC that has it, and permanent neighbour entries for the VNIC: its
primary address and the link-local one of its MAC. So it never asks a guest for anything;
guests' own questions it answers: ARP for every address that is routed elsewhere (proxy ARP),
neighbour discovery for itself, since in IPv6 a guest has no neighbour but the router.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Network

from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    Ip,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric_links import (
    EVERYWHERE,
    EVERYWHERE6,
    INTERNET_MTU,
    LOOPBACK,
    VNIC_MTU,
    Cable,
    by_mark,
    cable,
    single,
)
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA,
    METADATA6,
    Port,
    Router,
    block_of,
    first,
    link_local,
)

# Seconds of silence after which a flow is forgotten: the least that RFC 5382, 4787 and 5508 let a
# gateway wait. What a connection needs to open and close stays as Linux has it.
PATIENCE = {
    "tcp_timeout_established": 7440,
    "udp_timeout": 120,
    "udp_timeout_stream": 300,
    "icmp_timeout": 60,
    "icmpv6_timeout": 60,
}
ANSWERING = {
    # A network judges by its rules; whether a segment fits a window is the ends' business.
    "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
    **{f"net/netfilter/nf_conntrack_{k}": str(v) for k, v in PATIENCE.items()},
    "net/ipv4/conf/all/proxy_arp": "1",
    "net/ipv4/conf/default/proxy_arp": "1",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One VCN's router in its namespace; `gates` are the links behind its gateways, by OCID."""

    fabric: str
    space: str
    router: Router
    gates: Mapping[str, Cable]

    def facts(self) -> Iterator[Fact]:
        """Give all that is kept there."""
        yield LinkUp(self.space, LOOPBACK)
        own: tuple[Ip, ...] = (*self.router.routers(), METADATA, METADATA6)
        for address in own:
            yield Address(self.space, LOOPBACK, single(address))
        yield from self._uplink()
        vcn = self.router.vcn
        for block in (*vcn.cidr_blocks, LINK_LOCAL):
            yield Route(self.space, block, kind="blackhole")
        for prefix in (*vcn.ipv6_cidr_blocks, *vcn.ipv6_private_cidr_blocks):
            yield Route(self.space, prefix, kind="blackhole")
        for port in self.router.ports:
            yield from self._port(port)
        yield from self._hops()
        for id, gate in self.gates.items():
            yield from self._gate(id, gate)

    def births(self) -> Iterator[tuple[str, Plan]]:
        """Give what is done once for a new port, by the port's name."""
        for port in self.router.ports:
            name = names.port_name(port.vnic.id)
            # An answer for another is else given after a random while; a new namespace
            # has no default for this.
            quick = Sysctl(self.space, f"net/ipv4/neigh/{name}/proxy_delay", "0")
            guest = self._boot(port) if port.slot == 0 else ()
            yield name, (quick, *guest)

    def uplink(self) -> Cable:
        """Give the link to the internet."""
        vcn_id = self.router.vcn.id
        outside = names.internet_space(self.fabric), names.outside_name(vcn_id)
        return cable(vcn_id, (self.space, names.UPLINK), outside, INTERNET_MTU)

    def _boot(self, port: Port) -> Iterator[Fact]:
        """Play the guest's first boot: what an image does with DHCP's answers."""
        space, nic = self._node(port), names.nic_name(port.slot)
        block = block_of(port.subnet, port.primary)
        yield LinkUp(space, LOOPBACK)
        yield LinkUp(space, nic)
        yield Address(space, nic, IPv4Interface((port.primary, block.prefixlen)))
        yield Route(space, EVERYWHERE, nic, first(block))
        if port.subnet.ipv6_cidr_blocks:
            # Nobody else has these addresses: its link-local one is made anew, to be good at once.
            for key, value in (
                ("accept_dad", 0),
                ("disable_ipv6", 1),
                ("disable_ipv6", 0),
            ):
                yield Sysctl(space, f"net/ipv6/conf/{nic}/{key}", str(value))
            if port.primary6 is not None:
                yield Address(space, nic, single(port.primary6))
            yield Route(space, EVERYWHERE6, nic, port.subnet.ipv6_router)

    def _uplink(self) -> Iterator[Neighbour | Route | Veth]:
        link = self.uplink()
        yield from link.at(self.space)
        for network in (EVERYWHERE, EVERYWHERE6):
            yield link.route(self.space, network)

    def _port(self, port: Port) -> Iterator[Address | Neighbour | Route | Veth]:
        name, mac = names.port_name(port.vnic.id), port.vnic.mac_address.lower()
        router_mac = port.subnet.virtual_router_mac.lower()
        here = End(self.space, name, router_mac, VNIC_MTU, alias=port.vnic.id)
        there = End(self._node(port), names.nic_name(port.slot), mac, VNIC_MTU)
        yield Veth(here, there)
        yield Neighbour(self.space, name, port.primary, mac)
        for block in port.blocks:
            # What the router itself has to say comes from the subnet's router address.
            source = first(block_of(port.subnet, block.network_address))
            yield Route(
                self.space, block, name, port.primary, onlink=True, source=source
            )
        if port.subnet.ipv6_cidr_blocks:
            yield from self._port6(port, name)

    def _port6(self, port: Port, name: str) -> Iterator[Address | Neighbour | Route]:
        mac = port.vnic.mac_address.lower()
        own, guest = port.subnet.ipv6_router, link_local(mac)
        yield Address(self.space, name, single(own))
        yield Neighbour(self.space, name, guest, mac)
        yield Route(self.space, IPv6Network(guest), name)
        for block in port.blocks6:
            yield Route(self.space, block, name, guest, source=own)

    def _hops(self) -> Iterator[Route | Rule]:
        for port in self.router.hops():
            name, table = (
                names.port_name(port.vnic.id),
                names.table_number(port.vnic.id),
            )
            yield Route(
                self.space, EVERYWHERE, name, port.primary, table=table, onlink=True
            )
            if port.subnet.ipv6_cidr_blocks:
                guest = link_local(port.vnic.mac_address)
                yield Route(self.space, EVERYWHERE6, name, guest, table=table)
            yield from by_mark(self.space, table)

    def _gate(self, id: str, gate: Cable) -> Iterator[Neighbour | Route | Rule | Veth]:
        table = names.table_number(id)
        yield from gate.at(self.space)
        for network in (EVERYWHERE, EVERYWHERE6):
            yield gate.route(self.space, network, table=table)
        yield from by_mark(self.space, table)

    def _node(self, port: Port) -> str:
        return names.node_space(self.fabric, port.instance_id)
