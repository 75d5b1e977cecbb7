"""What is outside of the VCNs: the internet and Oracle's services, each with something to talk to.

There is one internet, joined with every router. The services network is played once for each
service gateway, so that VCNs with the same addresses do not meet there; its servers are reached
over the internet too.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from mooring.core.linux.plan import Address, Fact, LinkUp
from mooring.core.vcn.packets.fabric_links import LOOPBACK, single
from mooring.core.vcn.packets.fabric_router import Place

SERVER = IPv4Address("198.51.100.10")  # TEST-NET-2 (RFC 5737): what there is to talk to
SERVER6 = IPv6Address("2001:db8:ffff::10")
# In the services network: a server like the internet's, and the cloud's own API.
SERVICES_SERVER = IPv4Address("198.19.16.10")
API_SERVER = IPv4Address("198.19.0.2")
SERVICES = SERVICES_SERVER, API_SERVER


def internet_facts(space: str, places: Iterable[Place]) -> Iterator[Fact]:
    """Give what the internet's namespace has."""
    yield LinkUp(space, LOOPBACK)
    for server in (SERVER, SERVER6, *SERVICES):
        yield Address(space, LOOPBACK, single(server))
    for place in places:
        link, router = place.uplink(), place.router
        yield from link.at(space)
        for address in sorted({*router.faces, *router.published}):
            to = IPv4Network(address)
            yield link.route(space, to, source=SERVER)
        for prefix in router.global6:
            yield link.route(space, prefix, source=SERVER6)


def services_facts(space: str, gateway_id: str, place: Place | None) -> Iterator[Fact]:
    """Give what the services network behind a service gateway of a router has."""
    yield LinkUp(space, LOOPBACK)
    for server in SERVICES:
        yield Address(space, LOOPBACK, single(server))
    link = place.gates.get(gateway_id) if place else None
    if place is not None and link is not None:
        yield from link.at(space)
        for block in place.router.vcn.cidr_blocks:
            yield link.route(space, block, source=SERVICES_SERVER)
