"""A cloud with everything that packets pass: two VCNs that are peers, a DRG, premises, services, IPv6.

VCN `near` has the VNICs `a` and `b` in subnet `one`, `c` in `two`; VCN `far` has `x` and `y`. Both have
all gateways and a route table (`near`, `far`) that leads everywhere.
"""

from builders_gateways import (
    attach,
    drg,
    ipv6,
    labels,
    peering,
    prefixes,
    service_gateway,
    table,
    tunnel,
)
from builders_vcn import OPEN, Cloud, allow, an_id

A, B, C, X, Y = (an_id("vnic", name) for name in "abcxy")
NEAR, FAR = an_id("vcn", "near"), an_id("vcn", "far")
NEAR_LPG, FAR_LPG = (an_id("localpeeringgateway", name) for name in ("near", "far"))
NEAR_DRG, FAR_DRG = (an_id("drgattachment", name) for name in ("near", "far"))
DRG, SITE = an_id("drg", "drg"), an_id("drgattachment", "site")
SGW, NAT_GW = an_id("servicegateway", "sgw"), an_id("natgateway", "nat")
IGW = an_id("internetgateway", "igw")
OPEN6 = (allow("ingress", peer="::/0"), allow("egress", peer="::/0"))

NEAR6, FAR6 = "2001:db8:4000::/56", "2001:db8:4000:100::/56"
ULA = "fd12::/48"
A6, B6, C6 = "2001:db8:4000::a", "2001:db8:4000::b", "2001:db8:4000:2::c"
X6, Y6 = "2001:db8:4000:100::a", "2001:db8:4000:100::b"
PREMISES, PREMISES6 = "192.168.0.0/16", "2001:db8:a::/48"
HOST, HOST6 = "192.168.0.9", "2001:db8:a::9"
STORAGE = "198.19.16.10"
SERVER, SERVER6 = "198.51.100.10", "2001:db8:ffff::10"
FACE, PUBLIC = "198.18.0.1", "198.18.0.10"


def a_wide_world() -> Cloud:
    """Everything is open, and every route is there."""
    cloud = Cloud("10.0.0.0/16", "near")
    rules = cloud.security_list("open", *OPEN, *OPEN6)
    routes = table(cloud, "near")
    one = cloud.subnet("one", "10.0.1.0/24", (rules,), routes)
    two = cloud.subnet("two", "10.0.2.0/24", (rules,), routes)
    prefixes(cloud, {"one": "2001:db8:4000::/64", "two": "2001:db8:4000:2::/64"}, NEAR6)
    for name, subnet, address, address6 in (
        ("a", one, "10.0.1.5", A6),
        ("b", one, "10.0.1.6", B6),
        ("c", two, "10.0.2.7", C6),
    ):
        ipv6(cloud, cloud.vnic(name, subnet, address), address6)
    cloud.internet()
    cloud.nat("nat", FACE)
    service_gateway(cloud)
    gateway = drg(cloud)
    attach(cloud, gateway, NEAR, "near")
    tunnel(cloud, gateway, "site", PREMISES, PREMISES6)
    far(cloud)
    near_routes(cloud)
    return cloud


def far(cloud: Cloud) -> None:
    """Add the other VCN and what joins it with the first; the first stays the present one."""
    cloud.vcn("far", "10.1.0.0/16")
    rules = cloud.security_list("far", *OPEN, *OPEN6)
    subnet = cloud.subnet("far", "10.1.1.0/24", (rules,), table(cloud, "far"))
    prefixes(cloud, {"far": "2001:db8:4000:100::/64"}, FAR6)
    for name, address, address6 in (("x", "10.1.1.5", X6), ("y", "10.1.1.6", Y6)):
        ipv6(cloud, cloud.vnic(name, subnet, address), address6)
    attach(cloud, DRG, FAR, "far")
    far_routes(cloud)
    cloud.vcn_id = NEAR
    peering(cloud, (NEAR, "near"), (FAR, "far"))


def near_routes(cloud: Cloud, *more: tuple[str, str]) -> None:
    """Write the table of the first VCN."""
    table(
        cloud,
        "near",
        *more,
        ("0.0.0.0/0", NAT_GW),
        ("::/0", IGW),
        (labels(cloud)[0], SGW),
        ("10.1.0.0/16", NEAR_LPG),
        (FAR6, NEAR_LPG),
        (PREMISES, DRG),
        (PREMISES6, DRG),
    )


def far_routes(cloud: Cloud, *more: tuple[str, str]) -> None:
    """Write the table of the other VCN."""
    before, cloud.vcn_id = cloud.vcn_id, FAR
    table(
        cloud,
        "far",
        *more,
        ("10.0.0.0/16", FAR_LPG),
        (NEAR6, FAR_LPG),
        (PREMISES, DRG),
        (PREMISES6, DRG),
    )
    cloud.vcn_id = before
