"""A cloud in which `b` stands before others: all that comes in from the internet passes it first."""

from ipaddress import IPv4Address

from builders_gateways import ipv6, prefixes, table
from builders_vcn import Cloud, a_world, allow, an_id

from mooring.core.vcn.model import SecurityList

A, B, C = (an_id("vnic", name) for name in "abc")
IGW, NAT = an_id("internetgateway", "igw"), an_id("natgateway", "nat")
SERVER, FACE, PUBLIC = "198.51.100.10", "198.18.0.1", "198.18.0.10"
SERVER6, B6, C6 = "2001:db8:ffff::10", "2001:db8:4000::b", "2001:db8:4000:2::c"


def a_guarded_world() -> Cloud:
    """`b` stands before `c`, which has a public address, and before `a`, behind the NAT gateway."""
    cloud = a_world()
    cloud.change(B, skip_source_dest_check=True)
    cloud.change(C, public_ip=IPv4Address(PUBLIC))
    prefixes(cloud, {"one": "2001:db8:4000::/64", "two": "2001:db8:4000:2::/64"})
    guard, guard6 = an_id("privateip", "10.0.1.6"), ipv6(cloud, B, B6)
    ipv6(cloud, C, C6)
    for name in ("one", "two"):
        for side in ("ingress", "egress"):
            more = allow(side, peer="::/0")
            book = cloud.world.find(SecurityList, an_id("securitylist", "open"))
            assert book is not None
            cloud.change(book.id, rules=(*book.rules, more))
        cloud.change(an_id("subnet", name), route_table_id=an_id("routetable", name))
    cloud.internet()
    cloud.nat("nat", FACE)
    led = table(
        cloud, "guard", ("10.0.0.0/16", guard), ("2001:db8:4000:2::/64", guard6)
    )
    for gateway in (IGW, NAT):
        cloud.change(gateway, route_table_id=led)
    cloud.table("one", ("0.0.0.0/0", NAT))
    cloud.table("two", ("0.0.0.0/0", guard))
    return cloud
