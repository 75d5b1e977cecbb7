"""What a look at one network namespace shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.core.linux.plan import Address, Neighbour, Route, Rule


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface. `kind` is "veth", "loopback", "vxlan", … or "" for hardware.

    `peer_index` is the veth twin's index (None for other kinds); `peer_space` the namespace id
    (IFLA_LINK_NETNSID) when the twin lives elsewhere. `operational` is IFLA_OPERSTATE == UP.
    """

    name: str
    index: int
    mac: str
    mtu: int
    up: bool
    operational: bool
    kind: str
    peer_index: int | None
    alias: str
    group: int
    rx_packets: int = 0
    tx_packets: int = 0
    peer_space: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One namespace's links (by name), addresses, routes of every table, rules, permanent neighbours.

    `raw` is what it was read off, for a later look to compare.
    """

    space: str
    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: frozenset[Address] = frozenset()
    routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()
    neighbours: frozenset[Neighbour] = frozenset()
    raw: Mapping[int, tuple[bytes, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
