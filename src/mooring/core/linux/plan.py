"""Host networking as facts: what should be true, in the order in which to make it so.

A `Plan` is a tuple of facts. ADD carries it out forwards, DEL takes it back in reverse,
CHECK and the repair loops compare it with what was seen (`drift.missing`). A fact names the
namespace it belongs to by a word ("host", "pod", a fabric namespace's name); whoever carries the
plan out says which kernel namespace each word stands for.
"""

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

Ip = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

MAIN = 254
HOST = "host"
POD = "pod"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a veth pair. `mtu` in bytes; `index` None lets the kernel choose.

    `own_ip6`: the kernel may give it a link-local address, as it does of itself.
    """

    space: str
    name: str
    mac: str
    mtu: int
    index: int | None = None
    alias: str = ""
    group: int = 0
    own_ip6: bool = True


@dataclass(frozen=True, slots=True)
class Veth:
    """A veth pair exists, both ends up, one queue each.

    Made by one RTM_NEWLINK sent in `far`'s namespace with `near` as the peer, never by moving a
    link between namespaces. Taking it back deletes `near` (its twin goes with it).
    """

    near: End
    far: End


@dataclass(frozen=True, slots=True)
class LinkUp:
    """An existing link is up with this MTU and this alias (None, "": whatever it has)."""

    space: str
    link: str
    mtu: int | None = None
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A link has this address; IPv6 without duplicate address detection."""

    space: str
    link: str
    address: Interface


@dataclass(frozen=True, slots=True)
class Route:
    """A route exists. `kind`: unicast, blackhole, unreachable or local."""

    space: str
    destination: Network
    link: str | None = None
    gateway: Ip | None = None
    table: int = MAIN
    onlink: bool = False
    kind: str = "unicast"
    source: Ip | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy rule exists. `family` is 4 or 6; `mark` and `mask` go together."""

    space: str
    priority: int
    family: int
    table: int
    mark: int | None = None
    mask: int | None = None
    suppress_prefixlength: int | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent neighbour entry exists."""

    space: str
    link: str
    address: Ip
    mac: str


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A kernel setting holds, e.g. key "net/ipv4/ip_forward", value "1"."""

    space: str
    key: str
    value: str


Fact = Veth | LinkUp | Address | Route | Rule | Neighbour | Sysctl
Plan = tuple[Fact, ...]
