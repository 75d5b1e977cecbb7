"""What a subnet's router advertises to who asks for a router (RFC 4861): that it is one, no more.

Addresses come by DHCPv6 in the cloud, which the M flag says; there is no prefix in it, since in a VCN
nobody has a neighbour but the router. As bytes of ICMPv6; the kernel fills in the checksum.
"""

import struct
from collections.abc import Mapping

from mooring.core.vcn.model import Subnet, Vnic
from mooring.core.vcn.packets.names import port_name
from mooring.core.vcn.world import World

SOLICITATION, ADVERTISEMENT = 133, 134
MANAGED, OTHER = 0x80, 0x40  # addresses, and all else, are told by DHCPv6
LIFETIME = 1800  # seconds for which it is believed; three times the period
PERIOD = 600.0
APART = 3.0  # seconds between answers on a link at least (RFC 4861 6.2.6)
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


def links(world: World, vcn_id: str) -> Mapping[str, str]:
    """Give the VNICs of a VCN by their links' names in its router."""
    return {port_name(vnic.id): vnic.id for vnic in world.vnics_of_vcn(vcn_id)}


def advertised(world: World, vnic_id: str) -> bytes | None:
    """Give what is advertised to a VNIC; None where there is no IPv6."""
    vnic = world.find(Vnic, vnic_id)
    subnet = world.find(Subnet, vnic.subnet_id) if vnic else None
    if subnet is None or not subnet.ipv6_cidr_blocks:
        return None
    return advertisement(subnet.virtual_router_mac)


class Answers:
    """When it is answered who asks for a router: on each link once in a while, however often it asks."""

    def __init__(self) -> None:
        self._last: dict[
            int, float
        ] = {}  # by link, in the order of questions; may be to come

    def wait(self, link: int, now: float) -> float | None:
        """Give the seconds until this question is answered; None when that of another answers it too."""
        while self._last and next(iter(self._last.values())) + APART <= now:
            del self._last[next(iter(self._last))]
        last = self._last.pop(link, now - APART)
        when = last if last > now else max(last + APART, now)
        self._last[link] = when
        return None if last > now else when - now
