"""A VNIC in its router's namespace, and what its instance finds at its first boot.

A VNIC is a veth from its instance's namespace. The router has a route for each private-IP and
IPv6 object through the VNIC that has it, and permanent neighbour entries for the VNIC: its
primary address and the link-local one of its MAC. So it never asks a guest for anything;
guests' own questions it answers: ARP for every address that is routed elsewhere (proxy ARP),
neighbour discovery for itself, since in IPv6 a guest has no neighbour but the router.

A port is the same object until something of it changes: so long its facts are remembered.
"""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Network

from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Sysctl,
    Veth,
)
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric_links import (
    EVERYWHERE,
    EVERYWHERE6,
    LOOPBACK,
    single,
)
from mooring.core.vcn.packets.messages import VNIC_MTU
from mooring.core.vcn.packets.router import Port, block_of, first, link_local
from mooring.core.vcn.packets.same import Same

REMEMBERED = 1 << 14
# Nobody else has a guest's addresses: its link-local one is made anew, to be good at once.
AT_ONCE = (("accept_dad", "0"), ("disable_ipv6", "1"), ("disable_ipv6", "0"))


@lru_cache(REMEMBERED)
def port_facts(fabric: str, space: str, port: Same[Port]) -> Plan:
    """Give what the router's namespace has for a VNIC."""
    return tuple(_facts(fabric, space, port.value))


@lru_cache(REMEMBERED)
def port_births(fabric: str, space: str, port: Same[Port]) -> Plan:
    """Give what is done once for a new VNIC."""
    name = names.port_name(port.value.vnic.id)
    # An answer for another is else given after a random while; a new namespace
    # has no default for this.
    quick = Sysctl(space, f"net/ipv4/neigh/{name}/proxy_delay", "0")
    if port.value.slot != 0:
        return (quick,)
    return quick, *_boot(names.node_space(fabric, port.value.instance_id), port.value)


def _boot(node: str, port: Port) -> Iterator[Fact]:
    """Play the guest's first boot: what an image does with DHCP's answers."""
    nic = names.nic_name(port.slot)
    block = block_of(port.subnet, port.primary)
    yield LinkUp(node, LOOPBACK)
    yield LinkUp(node, nic)
    yield Address(node, nic, IPv4Interface((port.primary, block.prefixlen)))
    yield Route(node, EVERYWHERE, nic, first(block))
    if port.subnet.ipv6_cidr_blocks:
        for key, value in AT_ONCE:
            yield Sysctl(node, f"net/ipv6/conf/{nic}/{key}", value)
        if port.primary6 is not None:
            yield Address(node, nic, single(port.primary6))
        yield Route(node, EVERYWHERE6, nic, port.subnet.ipv6_router)


def _facts(fabric: str, space: str, port: Port) -> Iterator[Fact]:
    name, mac = names.port_name(port.vnic.id), port.vnic.mac_address.lower()
    router_mac = port.subnet.virtual_router_mac.lower()
    node = names.node_space(fabric, port.instance_id)
    here = End(space, name, router_mac, VNIC_MTU, alias=port.vnic.id)
    there = End(node, names.nic_name(port.slot), mac, VNIC_MTU)
    yield Veth(here, there)
    yield Neighbour(space, name, port.primary, mac)
    for block in port.blocks:
        # What the router itself has to say comes from the subnet's router address.
        source = first(block_of(port.subnet, block.network_address))
        yield Route(space, block, name, port.primary, onlink=True, source=source)
    if port.subnet.ipv6_cidr_blocks:
        yield from _facts6(space, name, port)


def _facts6(space: str, name: str, port: Port) -> Iterator[Fact]:
    mac = port.vnic.mac_address.lower()
    own, guest = port.subnet.ipv6_router, link_local(mac)
    yield Address(space, name, single(own))
    yield Neighbour(space, name, guest, mac)
    yield Route(space, IPv6Network(guest), name)
    for block in port.blocks6:
        yield Route(space, block, name, guest, source=own)
