"""Ways out of a VCN: what the targets of its route tables lead to, today.

A way is a value of a closed union. A gateway that is shut, and a target that is gone, is
`Closed` with the reason in words. Rules for a service's CIDR label stand for its network.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from mooring.core.vcn import model
from mooring.core.vcn.model import (
    DrgAttachment,
    InternetGateway,
    Ipv6,
    LocalPeeringGateway,
    NatGateway,
    PrivateIp,
    RouteRule,
    RouteTable,
    ServiceGateway,
    Vcn,
)
from mooring.core.vcn.oracle_services import labelled, service
from mooring.core.vcn.packets.ports import ATTACHED, Address, Network, Port
from mooring.core.vcn.world import World

AVAILABLE, PEERED = "AVAILABLE", "PEERED"
CIDR = "CIDR_BLOCK"  # else a service's
IPV4 = 4


@dataclass(frozen=True, slots=True)
class Internet:
    """The way out for public addresses: IPv4 one to one, IPv6 as it is."""


@dataclass(frozen=True, slots=True)
class Nat:
    """The way out behind one shared address, for IPv4."""

    face: IPv4Address


@dataclass(frozen=True, slots=True)
class Hop:
    """A VNIC of the VCN that takes packets for others."""

    port: Port


@dataclass(frozen=True, slots=True)
class Services:
    """The way to Oracle's services by a service gateway, for IPv4."""

    gateway_id: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The way into another VCN: by our local peering gateway, through its one (`peer_id`)."""

    gateway_id: str
    vcn_id: str
    peer_id: str


@dataclass(frozen=True, slots=True)
class Drg:
    """The way to a DRG by our VCN's attachment."""

    attachment_id: str


@dataclass(frozen=True, slots=True)
class Closed:
    """No way, and why."""

    reason: str


# Networks beside the VCN, which packets come in from too.
Beside = Services | Peer | Drg
Way = Internet | Nat | Hop | Beside | Closed
Route = tuple[IPv4Network, Way]
Route6 = tuple[IPv6Network, Way]


@dataclass(frozen=True, slots=True)
class Routes:
    """A route table's ways as they stand in it, by family."""

    ipv4: tuple[Route, ...] = ()
    ipv6: tuple[Route6, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """A gateway between the VCN and a private network beside it, while it is open.

    `way` leads out by it. What comes in by it is delivered when its destination is in the VCN; else
    its own route table decides, here as `routes` and `routes6`: none of them leads to
    the internet or a NAT gateway. A service gateway lets in only replies.
    """

    id: str
    way: Beside
    routes: tuple[Route, ...] = ()
    routes6: tuple[Route6, ...] = ()


def longest(routes: Iterable[Route | Route6], address: Address) -> Way | None:
    """Give the way of the longest prefix that has an address, the first of equal ones."""
    fitting = (route for route in routes if address in route[0])
    found = max(fitting, key=lambda route: route[0].prefixlen, default=None)
    return found[1] if found else None


Gateway = ServiceGateway | LocalPeeringGateway | DrgAttachment


@dataclass(frozen=True, slots=True)
class Ways:
    """Turns the route rules of one VCN into ways; `ports` are its own, by VNIC."""

    world: World
    vcn: Vcn
    ports: Mapping[str, Port]

    def of(self, table: RouteTable | None) -> Routes:
        """Give a route table's ways; none without a table."""
        rules = table.route_rules if table else ()
        found = [route for rule in rules if (route := self._route(rule))]
        return Routes(
            tuple((to, way) for to, way in found if isinstance(to, IPv4Network)),
            tuple((to, way) for to, way in found if isinstance(to, IPv6Network)),
        )

    def gates(self) -> Iterator[Gate]:
        """Give the VCN's open gateways to networks beside it."""
        for gateway in self._gateways():
            way = self._beside(gateway)
            if not isinstance(way, Closed):
                table = self.world.find(RouteTable, gateway.route_table_id or "")
                routes = self.of(table)
                yield Gate(
                    gateway.id,
                    way,
                    tuple((to, _inner(way)) for to, way in routes.ipv4),
                    tuple((to, _inner(way)) for to, way in routes.ipv6),
                )

    def inward(self, gateway: InternetGateway | NatGateway) -> Routes:
        """Give where a gateway's own table leads what comes in from the internet by it."""
        routes = self.of(self.world.find(RouteTable, gateway.route_table_id or ""))
        return Routes(
            tuple((to, _to_vnic(way)) for to, way in routes.ipv4),
            tuple((to, _to_vnic(way)) for to, way in routes.ipv6),
        )

    def _gateways(self) -> Iterator[Gateway]:
        yield from self.world.referring(ServiceGateway, self.vcn.id)
        yield from self.world.referring(LocalPeeringGateway, self.vcn.id)
        yield from self.world.referring(DrgAttachment, self.vcn.id)

    def _route(self, rule: RouteRule) -> tuple[Network, Way] | None:
        if rule.destination_type == CIDR:
            to = ip_network(rule.destination)
            return to, self._way(rule.network_entity_id, to)
        found = labelled(self.world.settings.region, rule.destination)
        if found is None:
            return None
        gateway = self.world.find(ServiceGateway, rule.network_entity_id)
        if gateway is None or gateway.vcn_id != self.vcn.id:
            return found.network, self._way(rule.network_entity_id, found.network)
        return found.network, self._services(gateway, found.network)

    def _way(self, entity_id: str, to: Network) -> Way:
        target = self.world.get(entity_id)
        if getattr(target, "vcn_id", self.vcn.id) != self.vcn.id:
            return Closed("the target of the route is not of this VCN")
        match target:
            case InternetGateway() | NatGateway() as gateway:
                return _outside(gateway, to)
            case ServiceGateway():
                return Closed(
                    "a service gateway takes only the CIDR labels of services"
                )
            case LocalPeeringGateway() | model.Drg() as gateway:
                return self._private(gateway)
            case PrivateIp() | Ipv6() as ip:
                return self._hop(ip, to)
            case _:
                return Closed("the target of the route does not exist")

    def _private(self, gateway: LocalPeeringGateway | model.Drg) -> Way:
        if isinstance(gateway, LocalPeeringGateway):
            return self._peer(gateway)
        attachments = self.world.referring(DrgAttachment, self.vcn.id)
        ways = [
            self._attached(each) for each in attachments if each.drg_id == gateway.id
        ]
        ways.sort(key=lambda way: isinstance(way, Closed))
        found = next(iter(ways), None)
        return found or Closed(f"the VCN is not attached to DRG {gateway.display_name}")

    def _hop(self, ip: PrivateIp | Ipv6, to: Network) -> Way:
        port = self.ports.get(ip.vnic_id or "")
        if ip.ip_address.version != to.version:
            return Closed(f"{ip.ip_address} takes no packets of IPv{to.version}")
        if port is None:
            return Closed(f"nothing is plugged in at {ip.ip_address}")
        if not port.vnic.skip_source_dest_check:
            return Closed(f"{port.spoken_for} takes only packets for its own addresses")
        return Hop(port)

    def _beside(self, gateway: Gateway) -> Beside | Closed:
        match gateway:
            case ServiceGateway():
                return _unless_shut(gateway) or Services(gateway.id)
            case LocalPeeringGateway():
                return self._peer(gateway)
            case DrgAttachment():
                return self._attached(gateway)

    def _services(self, gateway: ServiceGateway, to: IPv4Network) -> Way:
        region = self.world.settings.region
        enabled = (service(region, each) for each in gateway.services)
        if not any(each is not None and to.subnet_of(each.network) for each in enabled):
            return Closed(f"service gateway {gateway.display_name} does not reach {to}")
        return self._beside(gateway)

    def _peer(self, gateway: LocalPeeringGateway) -> Peer | Closed:
        name = f"local peering gateway {gateway.display_name}"
        other = self.world.find(LocalPeeringGateway, gateway.peer_id or "")
        if gateway.lifecycle_state != AVAILABLE:
            return Closed(f"{name} is {gateway.lifecycle_state}")
        if gateway.peering_status != PEERED:
            return Closed(f"{name} is {gateway.peering_status}")
        if other is None or other.peer_id != gateway.id:
            return Closed(f"{name} has no peer")
        if other.lifecycle_state != AVAILABLE or other.peering_status != PEERED:
            return Closed(f"{name} has a peer that is not open")
        return Peer(gateway.id, other.vcn_id, other.id)

    def _attached(self, attachment: DrgAttachment) -> Drg | Closed:
        name, state = attachment.display_name, attachment.lifecycle_state
        if state != ATTACHED:
            return Closed(f"DRG attachment {name} is {state}")
        return Drg(attachment.id)


def internet(gateway: InternetGateway) -> Internet | Closed:
    """Give the way by an internet gateway."""
    name = gateway.display_name
    if gateway.lifecycle_state != AVAILABLE:
        return Closed(f"internet gateway {name} is {gateway.lifecycle_state}")
    if not gateway.is_enabled:
        return Closed(f"internet gateway {name} is disabled")
    return Internet()


def nat(gateway: NatGateway) -> Nat | Closed:
    """Give the way by a NAT gateway."""
    name = gateway.display_name
    if gateway.lifecycle_state != AVAILABLE:
        return Closed(f"NAT gateway {name} is {gateway.lifecycle_state}")
    if gateway.block_traffic:
        return Closed(f"NAT gateway {name} blocks traffic")
    return Nat(gateway.nat_ip)


def _outside(gateway: InternetGateway | NatGateway, to: Network) -> Way:
    if isinstance(gateway, InternetGateway):
        return internet(gateway)
    if to.version != IPV4:
        return Closed("a NAT gateway carries IPv4 only")
    return nat(gateway)


def _unless_shut(gateway: ServiceGateway) -> Closed | None:
    name = gateway.display_name
    if gateway.lifecycle_state != AVAILABLE:
        return Closed(f"service gateway {name} is {gateway.lifecycle_state}")
    if gateway.block_traffic:
        return Closed(f"service gateway {name} blocks traffic")
    return None


def _to_vnic(way: Way) -> Way:
    if isinstance(way, Hop | Closed):
        return way
    return Closed("what comes in from the internet is led to VNICs only")


def _inner(way: Way) -> Way:
    if isinstance(way, Internet | Nat):
        return Closed("what comes in by a gateway does not leave for the internet")
    return way
