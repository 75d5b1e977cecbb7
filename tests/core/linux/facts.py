"""Strategies for facts, and links as a look shows them."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from hypothesis import strategies as st

from mooring.core.linux.plan import Address, Interface, Neighbour, Network, Route, Rule
from mooring.core.linux.seen import Link

SPACE = "host"
NAMES = {1: "lo", 7: "eth0"}

u32 = st.integers(1, 0xFFFFFFFF)
ip4s = st.ip_addresses(v=4).map(lambda a: IPv4Address(int(a)))
ip6s = st.ip_addresses(v=6).map(lambda a: IPv6Address(int(a)))
ips = ip4s | ip6s
macs = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))


def interface(ip: IPv4Address | IPv6Address, length: int) -> Interface:
    if isinstance(ip, IPv4Address):
        return IPv4Interface((ip, length % 33))
    return IPv6Interface((ip, length % 129))


def network(ip: IPv4Address | IPv6Address, length: int) -> Network:
    if isinstance(ip, IPv4Address):
        return IPv4Network((int(ip), length % 33), strict=False)
    return IPv6Network((int(ip), length % 129), strict=False)


interfaces = st.builds(interface, ips, st.integers(0, 128))
networks = st.builds(network, ips, st.integers(0, 128))
addresses = st.builds(Address, st.just(SPACE), st.just("eth0"), interfaces)
neighbours = st.builds(Neighbour, st.just(SPACE), st.just("eth0"), ips, macs)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    destination = draw(networks)
    own = ip4s if destination.version == 4 else ip6s
    nowhere = draw(st.booleans())
    if nowhere:
        kind = draw(st.sampled_from(["blackhole", "unreachable"]))
        return Route(SPACE, destination, kind=kind, table=draw(u32))
    return Route(
        SPACE,
        destination,
        link=draw(st.sampled_from([None, "eth0"])),
        gateway=draw(st.none() | ips),
        table=draw(u32),
        onlink=draw(st.booleans()),
        kind=draw(st.sampled_from(["unicast", "local"])),
        source=draw(st.none() | own),
    )


rules = st.builds(
    lambda priority, family, table, mark, suppress: Rule(
        SPACE,
        priority,
        family,
        table,
        mark=None if mark is None else mark[0],
        mask=None if mark is None else mark[1],
        suppress_prefixlength=suppress,
    ),
    priority=u32,
    family=st.sampled_from([4, 6]),
    table=u32,
    mark=st.none() | st.tuples(st.integers(0, 0xFFFFFFFF), u32),
    suppress=st.none() | st.integers(0, 128),
)


def a_link(name: str = "eth0", **more: object) -> Link:
    about = {
        "name": name,
        "index": 7,
        "mac": "02:00:00:00:00:01",
        "mtu": 9000,
        "up": True,
        "operational": True,
        "kind": "veth",
        "peer_index": 8,
        "alias": "",
        "group": 0,
    }
    return Link(**{**about, **more})
