"""How long packets may be where, and what a router says of one that is too long (path MTU).

A packet that must not be cut and is longer than the link by which it would go on is dropped, and the
router says so to whom it is from: "fragmentation needed" or "packet too big". Errors are told nobody.
A VCN's router asks no rules for its own words; those of a DRG come into a VCN like anything that comes
in by a gateway, and pass there as what is said about a flow.
"""

from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from mooring.core.vcn.drg_routes import (
    IPSEC_TUNNEL,
    REMOTE_PEERING,
    VIRTUAL_CIRCUIT,
    across,
    drg_routes,
)
from mooring.core.vcn.model import DrgAttachment, DrgRouteTable
from mooring.core.vcn.packets.packet import (
    FRAGMENTATION_NEEDED,
    TOO_BIG6,
    UNREACHABLE,
    Packet,
    Tuple,
)
from mooring.core.vcn.packets.ports import ATTACHED, Address, Network
from mooring.core.vcn.packets.services import OWN_ICMP
from mooring.core.vcn.world import World

VNIC_MTU = 9000
INTERNET_MTU = 1500
# An IPSec tunnel goes over the internet.
SITE_MTU = {IPSEC_TUNNEL: INTERNET_MTU, VIRTUAL_CIRCUIT: VNIC_MTU}
# What a DRG has to say comes from here: a dummy address (RFC 7600) and one for documentation.
VOICES: Mapping[int, Address] = {
    4: IPv4Address("192.0.0.8"),
    6: IPv6Address("2001:db8:ffff::d"),
}
# ICMP's errors (RFC 1122 3.2.2); ICMPv6's are all below 128.
ERRORS = frozenset({3, 4, 5, 11, 12})
QUERIES6 = 128


def too_long(packet: Packet, mtu: int) -> str | None:
    """Say what is wrong with a packet's length on a link."""
    if packet.length <= mtu:
        return None
    return f"{packet.length} bytes do not fit into {mtu}, and must not be cut"


def message(packet: Packet, origin: str, source: Address | None) -> Packet | None:
    """Give what a router, that speaks from an address, says of a packet that is too long."""
    head = packet.head
    if source is None or _is_error(head):
        return None
    protocol = OWN_ICMP[head.source.version]
    code = UNREACHABLE * 256 + FRAGMENTATION_NEEDED
    said = code if head.source.version == 4 else TOO_BIG6 * 256
    return Packet(origin, Tuple(protocol, source, 0, head.source, said), quoted=head)


def own_routes(
    world: World, tables: Collection[DrgRouteTable], open_: Collection[str]
) -> Mapping[Network, str]:
    """Give the attachment by which what a DRG itself says leaves: by any of its tables.

    `open_` are the attachments that packets pass.
    """
    found: dict[Network, str] = {}
    for table in tables:
        for to, attachment_id in drg_routes(world, table):
            if attachment_id in open_:
                found.setdefault(to, attachment_id)
    return found


def tables_of(world: World, open_: Collection[str]) -> tuple[DrgRouteTable, ...]:
    """Give the route tables that attachments ask, each once."""
    attached = (world.find(DrgAttachment, id) for id in open_)
    ids = dict.fromkeys(each.drg_route_table_id for each in attached if each)
    found = (world.find(DrgRouteTable, id) for id in ids)
    return tuple(table for table in found if table is not None)


def open_at(world: World, drg_id: str) -> Iterator[str]:
    """Give the attachments of a DRG that packets pass."""
    for each in world.referring(DrgAttachment, drg_id):
        if each.lifecycle_state != ATTACHED:
            continue
        if each.network_type == REMOTE_PEERING:
            other = across(world, each)
            if other is None or other.drg_id == each.drg_id:
                continue
        yield each.id


def _is_error(head: Tuple) -> bool:
    kind = head.destination_port // 256
    if not head.is_icmp:
        return False
    return kind in ERRORS if head.source.version == 4 else kind < QUERIES6
