"""A pod's cables: what ADD makes, DEL takes back, CHECK and repair compare.

One veth pair, no bridge. Inside the pod: its addresses, each alone in its prefix, and
everything by a gateway that exists only as a permanent neighbour, so that no ARP or neighbour
discovery is ever sent or waited for. An IPv6 address is good at once: nobody else can have
it, so nobody is asked. On the node: one route to the pod and its permanent neighbour. What the pod may
send is decided by one element of a map (`wiring.ruleset`); ADD puts it in last and DEL
takes it out first.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import NamedTuple

from mooring.core.cni import result
from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.linux import drift
from mooring.core.linux.mould import Alike
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    Interface,
    Ip,
    LinkUp,
    Neighbour,
    Network,
    Plan,
    Route,
    Sysctl,
    Veth,
)
from mooring.core.linux.rtnetlink import mac_bytes
from mooring.core.wiring.names import alias, host_link, macs

GATEWAY4 = IPv4Address("169.254.1.1")
GATEWAY6 = IPv6Address("fe80::1")
ONLY_GATEWAY4 = IPv4Network(GATEWAY4)
ONLY_GATEWAY6 = IPv6Network(GATEWAY6)
EVERYWHERE4 = IPv4Network("0.0.0.0/0")
EVERYWHERE6 = IPv6Network("::/0")
DEFAULTS: Mapping[int, result.Route] = {
    4: result.Route(dst=EVERYWHERE4, gw=GATEWAY4),
    6: result.Route(dst=EVERYWHERE6, gw=GATEWAY6),
}
"""A pod's route in the result of ADD, by family."""

LOOPBACK = LinkUp(POD, "lo")
MARKS: Mapping[int, Ip] = {
    4: IPv4Address(0xDC5155A2),
    6: IPv6Address(0x19495CFF2AE8944A625558EC238E1F29),
}
"""Addresses of samples: such as come about nowhere else in messages."""

SETTINGS6: Plan = tuple(
    Sysctl(POD, f"net/ipv6/conf/default/{key}", value)
    for key, value in (("disable_ipv6", "0"), ("accept_dad", "0"), ("accept_ra", "0"))
)
"""Before there is a link, which takes them over: later would be too late for its own address."""


class Own(NamedTuple):
    """What the cables of a pod have of their own: names, MACs, the alias, addresses."""

    near: str
    near_mac: str
    far_mac: str
    alias: str
    addresses: tuple[Ip, ...]

    @property
    def values(self) -> tuple[bytes, ...]:
        """Write it as it stands in messages."""
        return (
            self.near.encode(),
            mac_bytes(self.near_mac),
            mac_bytes(self.far_mac),
            self.alias.encode(),
            *(address.packed for address in self.addresses),
        )


def plan(lease: Lease, mtu: int) -> Plan:
    """Lay out the cables of a lease, in the order in which ADD makes them."""
    return cables(lease, mtu).facts


def cables(lease: Lease, mtu: int) -> Alike:
    """Give the cables of a lease; making them takes no more than what is their own."""
    attachment = lease.attachment
    own = Own(
        host_link(attachment), *macs(attachment), alias(lease), parts(lease.addresses)
    )
    return _alike(own, attachment.ifname, mtu)


def _alike(own: Own, far: str, mtu: int) -> Alike:
    values = own.values
    return Alike(
        partial(_laid, own, far, mtu),
        (far, mtu, *map(len, values)),
        own.near,
        values,
        partial(_sample, own, far, mtu),
    )


def _laid(own: Own, far: str, mtu: int) -> Plan:
    near, near_mac, far_mac, text, addresses = own
    six = any(isinstance(address, IPv6Address) for address in addresses)
    # A link-local address is of no use where no packet of it may pass, and takes its time.
    veth = Veth(
        near=End(HOST, near, near_mac, mtu, alias=text, own_ip6=False),
        far=End(POD, far, far_mac, mtu, own_ip6=six),
    )
    interfaces = [alone(address) for address in addresses]
    facts: list[Fact] = [*(SETTINGS6 if six else ()), veth, LOOPBACK]
    for interface in interfaces:
        facts += _inside(interface, far, near_mac)
    for address in addresses:
        facts += _way_in(near, address, far_mac)
    return tuple(facts)


def _way_in(near: str, address: Ip, far_mac: str) -> tuple[Fact, Fact]:
    return (
        Neighbour(HOST, near, address, far_mac),
        Route(HOST, alone(address).network, near),
    )


def _sample(own: Own, far: str, mtu: int) -> Alike:
    """Lay out cables of the same shape with values that stand for others."""
    marks = Own(
        "\x7f" * len(own.near),
        "7b:23:c6:64:3c:98",
        "66:33:48:73:74:b0",
        "\x7e" * len(own.alias.encode()),
        tuple(MARKS[address.version] for address in own.addresses),
    )
    return _alike(marks, far, mtu)


def host_side(cables: Plan) -> Plan:
    """Give what has to be taken back by hand: the rest goes with the veth."""
    return tuple(
        fact for fact in cables if isinstance(fact, Veth) or fact.space == HOST
    )


def ways_in(cables: Plan) -> Plan:
    """Give the host's routes and neighbours: without them nothing reaches the pod."""
    return tuple(fact for fact in host_side(cables) if not isinstance(fact, Veth))


def way_in(lease: Lease) -> Plan:
    """Give what leads to the pod of a lease: its `ways_in`, without laying out the rest."""
    near, (_, far_mac) = host_link(lease.attachment), macs(lease.attachment)
    addresses = parts(lease.addresses)
    return tuple(fact for a in addresses for fact in _way_in(near, a, far_mac))


def inside(cables: Plan) -> Plan:
    """Give what belongs inside the pod, the veth aside."""
    return tuple(
        fact for fact in cables if not isinstance(fact, Veth) and fact.space == POD
    )


def lacking(cables: Plan, seen: drift.Seens) -> Plan:
    """Give the cables that are not as they were laid, past what others may change.

    A plugin later in the chain may send the pod's traffic another way: its default route
    is as good as ours.
    """
    return tuple(
        fact
        for fact in drift.missing(cables, seen)
        if not (isinstance(fact, Route) and _has_another_default(fact, seen))
    )


def outcome(lease: Lease, sandbox: str, mtu: int) -> result.Result:
    """Say what ADD made, for the runtime and the plugins after us.

    The preferred family comes first: runtimes take the first address for the pod's.
    """
    near_mac, far_mac = macs(lease.attachment)
    name = lease.attachment.ifname
    addresses = lease.ordered
    return result.Result(
        interfaces=(
            result.Interface(name=host_link(lease.attachment), mac=near_mac, mtu=mtu),
            result.Interface(name=name, mac=far_mac, mtu=mtu, sandbox=sandbox),
        ),
        ips=tuple(
            result.Ip(a, length=a.max_prefixlen, gateway=gateway(a), interface=1)
            for a in addresses
        ),
        routes=tuple(DEFAULTS[a.version] for a in addresses),
    )


def gateway(address: Ip) -> Ip:
    """Give the next hop of a pod with that address."""
    return GATEWAY4 if isinstance(address, IPv4Address) else GATEWAY6


def everywhere(address: Ip) -> Network:
    """Give the default destination of the address's family."""
    return EVERYWHERE4 if isinstance(address, IPv4Address) else EVERYWHERE6


@lru_cache(maxsize=1024)
def alone(address: Ip) -> Interface:
    """Give the address as the only one of its prefix."""
    # From a number, because from an address ipaddress would write and read text.
    if isinstance(address, IPv4Address):
        return IPv4Interface(int(address))
    return IPv6Interface(int(address))


def _has_another_default(fact: Route, seen: drift.Seens) -> bool:
    return fact.destination.prefixlen == 0 and any(
        (route.destination, route.table) == (fact.destination, fact.table)
        for route in seen[fact.space].routes
    )


def _inside(interface: Interface, link: str, near_mac: str) -> tuple[Fact, ...]:
    four = isinstance(interface, IPv4Interface)
    hop = GATEWAY4 if four else GATEWAY6
    return (
        Address(POD, link, interface),
        Neighbour(POD, link, hop, near_mac),
        *_ways_out(four, link),
    )


@lru_cache(maxsize=64)
def _ways_out(four: bool, link: str) -> tuple[Route, Route]:  # noqa: FBT001 - a cache's key
    """Lead everything to the gateway; the same in every pod."""
    hop = GATEWAY4 if four else GATEWAY6
    return (
        Route(POD, ONLY_GATEWAY4 if four else ONLY_GATEWAY6, link),
        Route(
            POD,
            EVERYWHERE4 if four else EVERYWHERE6,
            link,
            gateway=hop,
            onlink=True,
        ),
    )
