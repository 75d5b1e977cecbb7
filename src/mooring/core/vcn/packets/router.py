"""A VCN as its virtual router sees it: ports, route tables, ways out.

What both judges need, the plain one (`forwarding.verdict`) and the kernel
(`fabric`, `fabric_nft`), is read off the World here, once. What each makes of it is its
own: they are compared with each other in the tests.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network

from mooring.core.vcn.model import (
    Instance,
    InternetGateway,
    NatGateway,
    PrivateIp,
    RouteTable,
    Subnet,
    Vcn,
    Vnic,
)
from mooring.core.vcn.world import World

ATTACHED = "ATTACHED"
AVAILABLE = "AVAILABLE"
POWERED = frozenset({"PROVISIONING", "STARTING", "RUNNING", "STOPPING"})
METADATA = IPv4Address("169.254.169.254")
LINK_LOCAL = IPv4Network("169.254.0.0/16")


@dataclass(frozen=True, slots=True)
class Port:
    """A VNIC that is plugged in, with all that packets at it are judged by.

    `blocks` are its private-IP objects, the primary (a single address) first.
    """

    vnic: Vnic
    subnet: Subnet
    instance_id: str
    slot: int
    blocks: tuple[IPv4Network, ...]

    @property
    def primary(self) -> IPv4Address:
        """Its primary address."""
        return self.blocks[0].network_address

    @property
    def route_table_id(self) -> str:
        """The table that it asks for the way out of the VCN."""
        return self.vnic.route_table_id or self.subnet.route_table_id

    @property
    def spoken_for(self) -> str:
        """What to call it in a sentence."""
        return f"VNIC {self.vnic.display_name}"

    def has(self, address: IPv4Address) -> bool:
        """Tell whether one of its private IPs covers the address."""
        return any(address in block for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Internet:
    """The way out for public addresses, one to one."""


@dataclass(frozen=True, slots=True)
class Nat:
    """The way out behind one shared address."""

    face: IPv4Address


@dataclass(frozen=True, slots=True)
class Hop:
    """A VNIC of the VCN that takes packets for others."""

    port: Port


@dataclass(frozen=True, slots=True)
class Closed:
    """No way, and why."""

    reason: str


Way = Internet | Nat | Hop | Closed
Route = tuple[IPv4Network, Way]


@dataclass(frozen=True, slots=True)
class Router:
    """One VCN's virtual router.

    `routes` has for each route table its ways by destination, as they stand in it. `faces` are the
    NAT gateways' addresses that let replies in; `published` the primary address behind each public
    address while an internet gateway is open, `receiving` those of them to which the internet may
    speak first.
    """

    vcn: Vcn
    ports: tuple[Port, ...]
    routes: dict[str, tuple[Route, ...]]
    faces: frozenset[IPv4Address]
    published: dict[IPv4Address, Port]
    receiving: frozenset[IPv4Address]
    subnets: tuple[Subnet, ...]

    def inside(self, address: IPv4Address) -> bool:
        """Tell whether an address belongs to the VCN, in use or not."""
        return any(address in block for block in self.vcn.cidr_blocks)

    def port_at(self, address: IPv4Address) -> Port | None:
        """Find the port to which an address of the VCN is routed."""
        return next((port for port in self.ports if port.has(address)), None)

    def port_of(self, vnic_id: str) -> Port | None:
        """Find the port of a VNIC that is plugged in."""
        return next((port for port in self.ports if port.vnic.id == vnic_id), None)

    def hops(self) -> tuple[Port, ...]:
        """Give the ports that some route table has as a way."""
        ways = (way for routes in self.routes.values() for _, way in routes)
        found = {way.port.vnic.id: way.port for way in ways if isinstance(way, Hop)}
        return tuple(found.values())

    def routers(self) -> tuple[IPv4Address, ...]:
        """Give the virtual router's own addresses, one for each block of a subnet."""
        return tuple(first(b) for s in self.subnets for b in s.ipv4_cidr_blocks)


def first(block: IPv4Network) -> IPv4Address:
    """Give the address of the virtual router in a subnet's block."""
    return block.network_address + 1


def block_of(subnet: Subnet, address: IPv4Address) -> IPv4Network:
    """Give the subnet's block in which an address lies; ValueError when in none."""
    for block in subnet.ipv4_cidr_blocks:
        if address in block:
            return block
    raise ValueError(f"{address} is in no block of subnet {subnet.id}")


def router(world: World, vcn: Vcn) -> Router:
    """Read one VCN's router off the World."""
    found = (_port(world, vnic) for vnic in world.vnics_of_vcn(vcn.id))
    ports = tuple(port for port in found if port is not None)
    nats = world.referring(NatGateway, vcn.id)
    gates = world.referring(InternetGateway, vcn.id)
    is_open = any(isinstance(_internet(gate), Internet) for gate in gates)
    published = {p.vnic.public_ip: p for p in ports if p.vnic.public_ip and is_open}
    ways = _Ways(world, {port.vnic.id: port for port in ports})
    return Router(
        vcn=vcn,
        ports=ports,
        routes={t.id: ways.of(t) for t in world.referring(RouteTable, vcn.id)},
        faces=frozenset(w.face for w in map(_nat, nats) if isinstance(w, Nat)),
        published=published,
        receiving=frozenset(
            address
            for address, port in published.items()
            if not port.subnet.prohibit_internet_ingress
        ),
        subnets=tuple(world.subnets_of(vcn.id)),
    )


def _port(world: World, vnic: Vnic) -> Port | None:
    attachment = world.attachment_of_vnic(vnic.id)
    if attachment is None or attachment.lifecycle_state != ATTACHED:
        return None
    instance = world.find(Instance, attachment.instance_id)
    subnet = world.find(Subnet, vnic.subnet_id)
    ips = world.private_ips_of(vnic.id)
    if instance is None or instance.lifecycle_state not in POWERED:
        return None
    if subnet is None or not ips or not ips[0].is_primary:
        return None
    blocks = tuple(ip.block for ip in ips)
    return Port(vnic, subnet, instance.id, attachment.slot, blocks)


@dataclass(frozen=True, slots=True)
class _Ways:
    """Turns route rules into ways."""

    world: World
    ports: dict[str, Port]

    def of(self, table: RouteTable) -> tuple[Route, ...]:
        # A rule for a service's CIDRs has none here: this cloud has no service gateway.
        return tuple(
            (network, self._way(rule.network_entity_id))
            for rule in table.route_rules
            if rule.destination_type == "CIDR_BLOCK"
            and isinstance(network := ip_network(rule.destination), IPv4Network)
        )

    def _way(self, entity_id: str) -> Way:
        match self.world.get(entity_id):
            case InternetGateway() as gateway:
                return _internet(gateway)
            case NatGateway() as gateway:
                return _nat(gateway)
            case PrivateIp() as ip:
                return self._hop(ip)
            case _:
                return Closed("the target of the route does not exist")

    def _hop(self, ip: PrivateIp) -> Way:
        port = self.ports.get(ip.vnic_id or "")
        if port is None:
            return Closed(f"nothing is plugged in at {ip.ip_address}")
        if not port.vnic.skip_source_dest_check:
            return Closed(f"{port.spoken_for} takes only packets for its own addresses")
        return Hop(port)


def _internet(gateway: InternetGateway) -> Way:
    name = gateway.display_name
    if gateway.lifecycle_state != AVAILABLE:
        return Closed(f"internet gateway {name} is {gateway.lifecycle_state}")
    if not gateway.is_enabled:
        return Closed(f"internet gateway {name} is disabled")
    return Internet()


def _nat(gateway: NatGateway) -> Way:
    name = gateway.display_name
    if gateway.lifecycle_state != AVAILABLE:
        return Closed(f"NAT gateway {name} is {gateway.lifecycle_state}")
    if gateway.block_traffic:
        return Closed(f"NAT gateway {name} blocks traffic")
    return Nat(gateway.nat_ip)
