"""Addresses as they are shown."""

from mooring.core.vcn.model import Ipv6, PrivateIp, Subnet
from mooring.core.vcn.shown.forms import Json, More
from mooring.core.vcn.world import World


def _private_ip(ip: PrivateIp, world: World) -> Json:
    subnet = world.find(Subnet, ip.subnet_id)
    blocks = subnet.ipv4_cidr_blocks if subnet else ()
    return {
        "ipState": "AVAILABLE" if ip.vnic_id is None else "ASSIGNED",
        "ipv4SubnetCidrAtCreation": next(
            (str(block) for block in blocks if ip.ip_address in block), None
        ),
    }


def _ipv6(ip: Ipv6, _: World) -> Json:
    return {"ipState": "AVAILABLE" if ip.vnic_id is None else "ASSIGNED"}


MORE: More = {
    PrivateIp: _private_ip,
    Ipv6: _ipv6,
}
