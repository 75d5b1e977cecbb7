"""What a subnet's router advertises to who asks for a router (RFC 4861): that it is one, no more.

Addresses come by DHCPv6 in the cloud, which the M flag says; there is no prefix in it, since in a VCN
nobody has a neighbour but the router. As bytes of ICMPv6; the kernel fills in the checksum.
"""

import struct
from collections.abc import Mapping

from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import port_name
from mooring.core.vcn.packets.router import router
from mooring.core.vcn.world import World

SOLICITATION, ADVERTISEMENT = 133, 134
MANAGED, OTHER = 0x80, 0x40  # addresses, and all else, are told by DHCPv6
LIFETIME = 1800  # seconds for which it is believed; three times the period
PERIOD = 600.0
EVERYBODY = "ff02::1"
SOURCE_LINK_ADDRESS = 1
HEAD = struct.Struct("!BBHBBHII")
OPTION = struct.Struct("!BB6s")


def advertisement(router_mac: str) -> bytes:
    """Write the message of the router that has this MAC."""
    mac = bytes.fromhex(router_mac.replace(":", ""))
    flags = MANAGED | OTHER
    head = HEAD.pack(ADVERTISEMENT, 0, 0, 0, flags, LIFETIME, 0, 0)
    return head + OPTION.pack(SOURCE_LINK_ADDRESS, 1, mac)


def advertisers(world: World, vcn_id: str) -> Mapping[str, bytes]:
    """Give what is advertised on a VCN's links, by their names in its router; IPv4's say nothing."""
    vcn = world.find(Vcn, vcn_id)
    ports = router(world, vcn).ports if vcn else ()
    return {
        port_name(port.vnic.id): advertisement(port.subnet.virtual_router_mac)
        for port in ports
        if port.subnet.ipv6_cidr_blocks
    }
