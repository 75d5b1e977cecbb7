"""Links between the fabric's own namespaces, and what is routed over them.

Neither end has an address: each knows the other's MAC by a next hop, one per family, that
is good on this link only. So whatever networks meet here, no address of theirs is in the way.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from mooring.core.linux.plan import (
    MAIN,
    End,
    Interface,
    Ip,
    Neighbour,
    Network,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.vcn.packets.messages import VNIC_MTU

LOOPBACK = "lo"
EVERYWHERE = IPv4Network("0.0.0.0/0")
EVERYWHERE6 = IPv6Network("::/0")
NEAR_HOPS = IPv4Address("169.254.0.1"), IPv6Address("fe80::1")
FAR_HOPS = IPv4Address("169.254.0.2"), IPv6Address("fe80::2")
FAMILIES = (4, 6)
MARKED = 1000  # priority of the rules by mark
WHOLE = 0xFFFFFFFF

# What every namespace of the fabric's own has.
QUIET = {
    # The source check is nft's and knows private IPs; a second one would cost a look-up.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv4/conf/default/accept_local": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    # A machine may have switched IPv6 off for what is made on it.
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    # Link-local addresses are ours to give, and nobody else has them.
    "net/ipv6/conf/default/addr_gen_mode": "1",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
}
ROUTING = QUIET | {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
}


@dataclass(frozen=True, slots=True)
class Cable:
    """A link between two namespaces of the fabric's own."""

    near: End
    far: End

    def at(self, space: str) -> Iterator[Neighbour | Veth]:
        """Give what one of the two namespaces has of it."""
        yield Veth(self.near, self.far)
        here, there, hops = self._side(space)
        for hop in hops:
            yield Neighbour(space, here.name, hop, there.mac)

    def route(
        self, space: str, to: Network, *, table: int = MAIN, source: Ip | None = None
    ) -> Route:
        """Lead a network over it."""
        here, _, hops = self._side(space)
        if to.version == 6:
            return Route(space, to, here.name, hops[1], table, source=source)
        return Route(space, to, here.name, hops[0], table, onlink=True, source=source)

    def name_in(self, space: str) -> str:
        """Give the name of the end that is in a namespace."""
        return self._side(space)[0].name

    def _side(self, space: str) -> tuple[End, End, tuple[Ip, ...]]:
        if space == self.near.space:
            return self.near, self.far, FAR_HOPS
        return self.far, self.near, NEAR_HOPS


def cable(
    id: str, near: tuple[str, str], far: tuple[str, str], mtu: int = VNIC_MTU
) -> Cable:
    """Lay a link between two (namespace, name), called after what it stands for."""
    return Cable(
        End(*near, _mac("in", id), mtu, alias=id), End(*far, _mac("out", id), mtu)
    )


def single(address: Ip) -> Interface:
    """Give an address as one that an interface has by itself."""
    if isinstance(address, IPv4Address):
        return IPv4Interface((address, 32))
    return IPv6Interface((address, 128))


def by_mark(space: str, table: int) -> Iterator[Rule]:
    """Give the rules that lead what is marked with a table's number into the table."""
    for family in FAMILIES:
        yield Rule(space, MARKED, family, table, mark=table, mask=WHOLE)


def settings(space: str, values: dict[str, str]) -> Plan:
    """Give settings as facts."""
    return tuple(Sysctl(space, key, value) for key, value in values.items())


def _mac(side: str, id: str) -> str:
    raw = hashlib.sha256(f"{side} {id}".encode()).digest()[:5]
    return "02:" + raw.hex(":")
