"""The fast path's maps: whose packets are carried past the node's stack, and where to.

    pods4, pods6    a pod's address -> its host end, its VNIC's slot, its MTU, a frame's head
    vnics           a slot -> the VNIC's link, its MTU, its routers
    ways4, ways6    prefixes -> whether packets to them may leave by a VNIC unseen
    choices         whether connections are tracked here

An address that is not in a map is none of the fast path's business: its packets take the normal
way, with the source check and all that other programs have put there. So what may be carried is
said, and everything else need not be known: the pods' own subnets by default, without the
addresses of this node and of its pods, those to come too: a pod of this node that is not carried
is reached by the normal way, never by the VCN. The structures are those of
`native/fastpath/fastpath.c`.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.linux.bpf.call import ARRAY, HASH, ON_DEMAND, PREFIXES, Map
from mooring.core.linux.plan import HOST, MAIN, Ip, Network, Plan, Sysctl
from mooring.core.linux.rtnetlink import mac_bytes
from mooring.core.linux.seen import Seen
from mooring.core.wiring.names import PREFIX, macs
from mooring.core.wiring.node import Primary
from mooring.core.wiring.pod import alone
from mooring.core.wiring.vnic import Uplink

FROM_POD, TO_POD = "from_pod", "to_pod"
"""The programs at pods' host ends, and at VNICs."""

MOST_PODS, MOST_WAYS, SLOTS = 4096, 4096, 128
_POD = struct.Struct("=III6s6s")
_VNIC = struct.Struct("=IIII16s")
_WAY = {4: struct.Struct("=I4s"), 6: struct.Struct("=I16s")}
_NUMBER = struct.Struct("=I")

PODS = {4: "pods4", 6: "pods6"}
WAYS = {4: "ways4", 6: "ways6"}
VNICS, CHOICES = "vnics", "choices"

TABLES = (
    Map(PODS[4], HASH, 4, _POD.size, MOST_PODS),
    Map(PODS[6], HASH, 16, _POD.size, MOST_PODS),
    Map(VNICS, ARRAY, 4, _VNIC.size, SLOTS),
    Map(WAYS[4], PREFIXES, _WAY[4].size, 4, MOST_WAYS, ON_DEMAND),
    Map(WAYS[6], PREFIXES, _WAY[6].size, 4, MOST_WAYS, ON_DEMAND),
    Map(CHOICES, ARRAY, 4, 4, 1),
)

FOLLOWED = (*WAYS.values(), VNICS, *PODS.values())
"""The maps that follow pods and VNICs, in the order in which they are told."""

Entries = Mapping[bytes, bytes]
Cargo = Mapping[str, Entries]
"""What the maps should hold, by map."""

LIBERAL: Plan = (Sysctl(HOST, "net/netfilter/nf_conntrack_tcp_be_liberal", "1"),)
"""The tracking sees the beginnings and ends of connections, and must not call an end out of order."""


@dataclass(frozen=True, slots=True)
class Change:
    """What makes one map as it should be."""

    table: str
    put: Entries
    drop: tuple[bytes, ...]


def pod(lease: Lease, link: int, mtu: int) -> Cargo:
    """Say of a pod where its packets go; `link` is the index of its host end."""
    near, far = map(mac_bytes, macs(lease.attachment))
    value = _POD.pack(link, lease.slot, mtu, far, near)
    return {PODS[a.version]: {a.packed: value} for a in parts(lease.addresses)}


def keys(lease: Lease) -> dict[str, bytes]:
    """Give a pod's key in each map that has one."""
    return {PODS[a.version]: a.packed for a in parts(lease.addresses)}


def exact(primary: Primary, seen: Seen) -> frozenset[Ip]:
    """List the addresses of which the node knows better than a VNIC's router: never carried."""
    return frozenset(
        {
            primary.address,
            *(fact.address.ip for fact in seen.addresses),
            *(
                route.destination.network_address
                for route in seen.routes
                if route.table == MAIN
                and route.destination.prefixlen == route.destination.max_prefixlen
                and not (route.link or "").startswith(PREFIX)
            ),
        }
    )


def ways(prefixes: Iterable[Network]) -> Cargo:
    """Say that packets to these prefixes are carried."""
    cargo: dict[str, dict[bytes, bytes]] = {WAYS[4]: {}, WAYS[6]: {}}
    for prefix in prefixes:
        _lead(cargo, prefix, carried=True)
    return cargo


def spared(addresses: Iterable[Ip]) -> Cargo:
    """Say that packets to these addresses are not carried to a VNIC."""
    cargo: dict[str, dict[bytes, bytes]] = {WAYS[4]: {}, WAYS[6]: {}}
    for address in addresses:
        _lead(cargo, alone(address).network, carried=False)
    return cargo


def offered(uplinks: Iterable[Uplink]) -> frozenset[Ip]:
    """List the addresses that pods here have or may get."""
    pairs = (pair for uplink in uplinks for pair in uplink.status.pod_addresses)
    return frozenset(address for pair in pairs for address in parts(pair))


def ground(
    uplinks: Iterable[Uplink], indices: Mapping[str, int], own: Iterable[Ip]
) -> Cargo:
    """Say of a node what lies beyond its pods: subnets, VNICs; `own` addresses are left alone."""
    cargo: dict[str, dict[bytes, bytes]] = {VNICS: {}, WAYS[4]: {}, WAYS[6]: {}}
    known = set(own)
    for uplink in uplinks:
        if uplink.link in indices:
            key = _NUMBER.pack(uplink.slot)
            cargo[VNICS][key] = _vnic(uplink, indices[uplink.link])
        for subnet in (uplink.status.subnet_v4, uplink.status.subnet_v6):
            if subnet is not None:
                _lead(cargo, subnet, carried=True)
        known |= set(parts(uplink.status.host))
    for address in known:
        _lead(cargo, alone(address).network, carried=False)
    return cargo


def together(*cargoes: Cargo) -> Cargo:
    """Put several together; every map is named, also one that should be empty.

    What is not carried comes first: nothing may be carried there while the rest is written.
    """
    whole: dict[str, dict[bytes, bytes]] = {name: {} for name in FOLLOWED}
    for cargo in cargoes:
        for table, entries in cargo.items():
            whole[table].update(entries)
    for table in WAYS.values():
        whole[table] = dict(sorted(whole[table].items(), key=lambda way: way[1]))
    return whole


def choices(*, tracked: bool) -> Cargo:
    """Say whether connections are tracked; as long as nobody says, they are."""
    return {CHOICES: {} if tracked else {_NUMBER.pack(0): _NUMBER.pack(1)}}


def difference(table: str, wanted: Entries, found: Entries) -> Change | None:
    """Compare what a map should hold with what it holds; None when it does."""
    put = {key: value for key, value in wanted.items() if found.get(key) != value}
    drop = tuple(key for key in found if key not in wanted)
    return Change(table, put, drop) if put or drop else None


def _vnic(uplink: Uplink, index: int) -> bytes:
    router = uplink.status.router
    four = router.v4 or IPv4Address(0)
    six = router.v6 or IPv6Address(0)
    families = (1 if router.v4 else 0) | (2 if router.v6 else 0)
    (gateway,) = _NUMBER.unpack(four.packed)
    return _VNIC.pack(index, uplink.mtu, families, gateway, six.packed)


def _lead(
    cargo: dict[str, dict[bytes, bytes]],
    prefix: IPv4Network | IPv6Network,
    *,
    carried: bool,
) -> None:
    version = prefix.version
    key = _WAY[version].pack(prefix.prefixlen, prefix.network_address.packed)
    cargo[WAYS[version]][key] = _NUMBER.pack(int(carried))
