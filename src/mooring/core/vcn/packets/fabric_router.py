"""A VCN's router in its namespace: links, addresses, routes. What belongs to a VNIC, `fabric_port` says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mooring.core.linux.plan import (
    Address,
    Fact,
    Ip,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Veth,
)
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric_links import (
    EVERYWHERE,
    EVERYWHERE6,
    LOOPBACK,
    Cable,
    by_mark,
    cable,
    single,
)
from mooring.core.vcn.packets.fabric_port import port_births, port_facts
from mooring.core.vcn.packets.messages import INTERNET_MTU
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA,
    METADATA6,
    Router,
    link_local,
)
from mooring.core.vcn.packets.same import Same

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
            yield from port_facts(self.fabric, self.space, Same(port))
        yield from self._hops()
        for id, gate in self.gates.items():
            yield from self._gate(id, gate)

    def births(self) -> Iterator[tuple[str, Plan]]:
        """Give what is done once for a new port, by the port's name."""
        for port in self.router.ports:
            name = names.port_name(port.vnic.id)
            yield name, port_births(self.fabric, self.space, Same(port))

    def uplink(self) -> Cable:
        """Give the link to the internet."""
        vcn_id = self.router.vcn.id
        outside = names.internet_space(self.fabric), names.outside_name(vcn_id)
        return cable(vcn_id, (self.space, names.UPLINK), outside, INTERNET_MTU)

    def _uplink(self) -> Iterator[Neighbour | Route | Veth]:
        link = self.uplink()
        yield from link.at(self.space)
        for network in (EVERYWHERE, EVERYWHERE6):
            yield link.route(self.space, network)

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
