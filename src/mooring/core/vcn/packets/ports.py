"""VNICs that are plugged in, with all that packets at them are judged by."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from operator import is_
from typing import TypeVar

from mooring.core.net.blocks import Space
from mooring.core.vcn.indexes import Key, listed
from mooring.core.vcn.model import (
    Instance,
    Ipv6,
    PrivateIp,
    Resource,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.world import World

T = TypeVar("T")
ATTACHED = "ATTACHED"
POWERED = frozenset(
    {"PROVISIONING", "RUNNING", "STOPPING"}
)  # STARTING is the time of being off
SINGLE6 = 128

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Port:
    """A VNIC that is plugged in, with all that packets at it are judged by.

    `blocks` are its private-IP objects, the primary (a single address) first; `blocks6` its
    IPv6 objects, oldest first. `tables` are the addresses that have a route table of their
    own: packets from these ask it instead of the VNIC's.
    """

    vnic: Vnic
    subnet: Subnet
    instance_id: str
    slot: int
    blocks: tuple[IPv4Network, ...]
    blocks6: tuple[IPv6Network, ...] = ()
    tables: tuple[tuple[Network, str], ...] = ()

    @property
    def primary(self) -> IPv4Address:
        """Its primary address."""
        return self.blocks[0].network_address

    @property
    def primary6(self) -> IPv6Address | None:
        """Its oldest IPv6 object that is a single address, with which metadata is asked."""
        singles = (b for b in self.blocks6 if b.prefixlen == SINGLE6)
        return next((block.network_address for block in singles), None)

    @property
    def route_table_id(self) -> str:
        """The table that it asks for the way out of the VCN."""
        return self.vnic.route_table_id or self.subnet.route_table_id

    @property
    def spoken_for(self) -> str:
        """What to call it in a sentence."""
        return f"VNIC {self.vnic.display_name}"

    def has(self, address: Address) -> bool:
        """Tell whether one of its private IPs or IPv6s covers the address."""
        blocks = self.blocks if isinstance(address, IPv4Address) else self.blocks6
        return any(address in block for block in blocks)

    def table_for(self, source: Address) -> str:
        """Give the route table that packets from an address ask."""
        own = (table for block, table in self.tables if source in block)
        return next(own, self.route_table_id)


def first(block: IPv4Network) -> IPv4Address:
    """Give the address of the virtual router in a subnet's block."""
    return block.network_address + 1


def block_of(subnet: Subnet, address: IPv4Address) -> IPv4Network:
    """Give the subnet's block in which an address lies; ValueError when in none."""
    for block in subnet.ipv4_cidr_blocks:
        if address in block:
            return block
    raise ValueError(f"{address} is in no block of subnet {subnet.id}")


# A change touches few VNICs: a port is made again only when a record behind it has changed,
# and else is the same object, which makes routers quick to compare. By VCN and VNIC.
_Behind = tuple[Vnic, Subnet, str, int, tuple[PrivateIp, ...], tuple[Ipv6, ...]]
_last: dict[str, dict[str, "_Known"]] = {}


@dataclass(frozen=True, slots=True)
class _Known:
    """A VNIC's port, and all that it was read off: while that is the same, so is the port.

    `places` are the indexes of what belongs to the VNIC, `records` what was found by their ids.
    """

    behind: _Behind | None
    port: Port | None
    places: tuple[tuple[Key, Space | None], ...]
    ids: tuple[str, ...]
    records: tuple[Resource | None, ...]

    def holds(self, world: World) -> bool:
        """Tell whether all is as it was: most of what a change of a large world asks."""
        indexes = world.indexes
        if any(indexes.get(key) is not space for key, space in self.places):
            return False
        return all(map(is_, map(world.records.get, self.ids), self.records))


def forget(world: World) -> None:
    """Forget the ports of VCNs that are not of this world."""
    keep_living(_last, world)


def keep_living(cache: MutableMapping[str, T], world: World) -> None:
    """Drop from a cache by VCN what is of none of this world; others may use the cache meanwhile."""
    for id in tuple(cache):
        if world.find(Vcn, id) is None:
            cache.pop(id, None)


def ports_of(world: World, vcn: Vcn) -> tuple[Port, ...]:
    """Give a VCN's ports."""
    last = _last.get(vcn.id, {})
    now: dict[str, _Known] = {}
    for vnic in world.vnics_of_vcn(vcn.id):
        known = last.get(vnic.id)
        if known is None or not known.holds(world):
            known = _read(world, vnic, known)
        now[vnic.id] = known
    _last[vcn.id] = now
    return tuple(known.port for known in now.values() if known.port is not None)


def _read(world: World, vnic: Vnic, last: _Known | None) -> _Known:
    behind = _behind(world, vnic)
    keys = [listed(kind, vnic.id) for kind in (VnicAttachment, PrivateIp, Ipv6)]
    attachment = world.attachment_of_vnic(vnic.id)
    ids = [vnic.id, vnic.subnet_id]
    if attachment is not None:
        ids += [attachment.id, attachment.instance_id]
    ids += [ip.id for ip in world.private_ips_of(vnic.id)]
    ids += [ip.id for ip in world.ipv6s_of(vnic.id)]
    places = tuple((key, world.indexes.get(key)) for key in keys)
    return _Known(
        behind,
        last.port if last and last.behind == behind else _made(behind),
        places,
        tuple(ids),
        tuple(map(world.records.get, ids)),
    )


def _behind(world: World, vnic: Vnic) -> _Behind | None:
    """Give all that a port is made of; None for a VNIC that is not plugged in."""
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
    ip6s = world.ipv6s_of(vnic.id)
    return vnic, subnet, instance.id, attachment.slot, ips, ip6s


def _made(behind: _Behind | None) -> Port | None:
    if behind is None:
        return None
    vnic, subnet, instance_id, slot, ips, ip6s = behind
    held: tuple[PrivateIp | Ipv6, ...] = (*ips, *ip6s)
    return Port(
        vnic=vnic,
        subnet=subnet,
        instance_id=instance_id,
        slot=slot,
        blocks=tuple(ip.block for ip in ips),
        blocks6=tuple(ip.block for ip in ip6s),
        tables=tuple((ip.block, ip.route_table_id) for ip in held if ip.route_table_id),
    )
