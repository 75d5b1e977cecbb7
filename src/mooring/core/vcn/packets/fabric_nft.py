"""A VCN's router as one nft table: who may send, which way out, what passes.

A packet's way through the table:

- prerouting (before connection tracking): is the source one of the VNIC's own (asked of
  the FIB, which has a route per private IP)? Outside of the VCN: the route table's way,
  kept as a mark. A mark is the public address behind which the packet will leave, or the
  number of a table that leads to a VNIC which forwards.
- nat: translation of the first packet of a flow; connection tracking does the others.
- forward twice: the sender's egress rules, then the receiver's ingress rules. `accept`
  ends one base chain and lets the packet on to the next.
- postrouting: what leaves for the internet has the address that its mark says; a flow that
  connection tracking holds behind another address, of before a change, ends here.

Maps by interface have one element per VNIC; maps by address are named by their content
and so are the chains to which they jump. What a profile's chain asks, `services_nft` says.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from mooring.core.linux.nft import Chain, Hook, NamedSet, Table, anonymous, quote
from mooring.core.net.ranges import merged, pieces
from mooring.core.vcn.packets.forwarding import METADATA_PORT, SHARED_PROTOCOLS
from mooring.core.vcn.packets.names import UPLINK, port_name
from mooring.core.vcn.packets.profiles import Classes, Profile, profiles, span
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA,
    Closed,
    Hop,
    Internet,
    Nat,
    Port,
    Route,
    Router,
    Way,
)
from mooring.core.vcn.packets.services_nft import INTERVAL, WORDS, Shelf, digest, filled
from mooring.core.vcn.world import World

FAMILY, TABLE = "inet", "mooring"
AFTER_TRANSLATION = 110  # source translation is at 100
HOPS = (
    1 << 24
)  # marks below are of VNICs that forward; no public address is in 0.0.0.0/8

CARRIED = anonymous(tuple(WORDS[each] for each in SHARED_PROTOCOLS))
TOO_BIG = "ct state related icmp type 3 icmp code 4"


def ruleset(world: World, router: Router) -> Table:
    """Compile one VCN."""
    shelf = Shelf()
    by_vnic = profiles(world, router)
    for profile in {p.name: p for p in by_vnic.values()}.values():
        _profile(shelf, profile)
    _ports(shelf, router, by_vnic)
    _outside(shelf, router)
    _ways(shelf, router)
    _base(shelf, router)
    return Table(
        FAMILY, TABLE, tuple(shelf.sets.values()), tuple(shelf.chains.values())
    )


def hop_mark(port: Port) -> int:
    """Give the number of the routing table, and the mark, that lead to a VNIC which forwards."""
    raw = hashlib.sha256(port.vnic.id.encode()).digest()
    return int.from_bytes(raw[:3]) % (HOPS - 1) + 1


# -- rules


def _profile(shelf: Shelf, profile: Profile) -> None:
    flows_in = _peers(profile.tracked_ingress, shelf, of_flows=True)
    flows_out = _peers(profile.tracked_egress, shelf, of_flows=True)
    packets_out = _peers(profile.egress, shelf, of_flows=False)
    packets_in = _peers(profile.ingress, shelf, of_flows=False)
    out = [
        *_asked("ip daddr", packets_out),
        *_asked(
            "ct state established ct direction reply ct original ip saddr", flows_in
        ),
        *_asked(f"{TOO_BIG} ct direction reply ct original ip saddr", flows_in),
        *_asked(f"{TOO_BIG} ct direction original ct original ip daddr", flows_out),
    ]
    into = [
        *_asked("ip saddr", packets_in),
        *_asked(
            "ct state established ct direction reply ct original ip daddr", flows_out
        ),
        *_asked(f"{TOO_BIG} ct direction reply ct original ip daddr", flows_out),
        *_asked(f"{TOO_BIG} ct direction original ct original ip saddr", flows_in),
    ]
    shelf.put(Chain(f"e_{profile.name}", tuple(out)))
    shelf.put(Chain(f"i_{profile.name}", tuple(into)))


def _asked(question: str, peers: str) -> Iterator[str]:
    if peers:
        yield f"{question} vmap @{peers}"


def _peers(classes: Classes, shelf: Shelf, *, of_flows: bool) -> str:
    """Keep the map from peers to what they may do; give its name, none for none."""
    say = shelf.flow if of_flows else shelf.packet
    elements = tuple(f"{_stretch(low, high)} : {say(s)}" for low, high, s in classes)
    if not elements:
        return ""
    name = f"m_{digest(*elements)}"
    return shelf.put(NamedSet(name, "ipv4_addr", "verdict", INTERVAL, elements))


# -- who is where


def _ports(shelf: Shelf, router: Router, by_vnic: dict[str, Profile]) -> None:
    named = [(quote(port_name(p.vnic.id)), p) for p in router.ports]
    names = [(n, by_vnic[p.vnic.id].name) for n, p in named]
    uplink = quote(UPLINK)
    verdicts = {
        "senders": [
            f"{uplink} : goto inbound",
            *(f"{n} : goto e_{p}" for n, p in names),
        ],
        "receivers": [f"{uplink} : accept", *(f"{n} : goto i_{p}" for n, p in names)],
        "ways": [
            f"{n} : goto {_table_name(p)}" for n, p in named if _has_table(router, p)
        ],
    }
    for name, elements in verdicts.items():
        shelf.put(NamedSet(name, "ifname", "verdict", (), tuple(elements)))
    checked = tuple(n for n, p in named if not p.vnic.skip_source_dest_check)
    shelf.put(NamedSet("checked", "ifname", elements=checked))
    primaries = tuple(f"{n} . {p.primary}" for n, p in named)
    shelf.put(NamedSet("primaries", "ifname . ipv4_addr", elements=primaries))


def _outside(shelf: Shelf, router: Router) -> None:
    public = [(a, port.primary) for a, port in sorted(router.published.items())]
    shared = sorted(router.faces)
    faces = [*(a for a, _ in public), *shared]
    pairs = {
        "standing": public,
        "receiving": [(a, b) for a, b in public if a in router.receiving],
    }
    for name, found in pairs.items():
        elements = tuple(f"{a} . {b}" for a, b in found)
        shelf.put(NamedSet(name, "ipv4_addr . ipv4_addr", elements=elements))
    maps = {
        ("published", "ipv4_addr", "ipv4_addr"): [
            f"{a} : {b}" for a, b in pairs["receiving"]
        ],
        ("publics", "ipv4_addr", "mark"): [f"{b} : {_mark(a)}" for a, b in public],
        ("faces", "mark", "ipv4_addr"): [f"{_mark(a)} : {a}" for a in faces],
    }
    for (name, key, value), texts in maps.items():
        shelf.put(NamedSet(name, key, value, (), tuple(texts)))
    plain = {"shared": shared, "open": faces}
    for name, addresses in plain.items():
        shelf.put(NamedSet(name, "ipv4_addr", elements=tuple(map(str, addresses))))
    marked = tuple(f"{_mark(a)} . {a}" for a in faces)
    shelf.put(NamedSet("translated", "mark . ipv4_addr", elements=marked))


# -- ways


def _ways(shelf: Shelf, router: Router) -> None:
    for port in router.ports:
        if _has_table(router, port):
            routes = router.routes[port.route_table_id]
            shelf.put(Chain(_table_name(port), tuple(_table(shelf, routes))))


def _table(shelf: Shelf, routes: Sequence[Route]) -> Iterator[str]:
    layers = [(span(to), (to.prefixlen, way)) for to, way in routes]
    elements = tuple(
        f"{_stretch(low, high)} : goto {_way(shelf, way)}"
        for low, high, way in pieces(layers, _longest)
        if not isinstance(way, Closed)
    )
    if elements:
        name = f"r_{digest(*elements)}"
        shelf.put(NamedSet(name, "ipv4_addr", "verdict", INTERVAL, elements))
        yield f"ip daddr vmap @{name}"


def _longest(those: Sequence[tuple[int, Way]]) -> Way:
    return max(those, key=lambda each: each[0])[1]


def _way(shelf: Shelf, way: Internet | Nat | Hop) -> str:
    match way:
        case Internet():
            rule = "meta mark set ip saddr map @publics accept"
        case Nat(face):
            rule = f"meta l4proto {CARRIED} meta mark set {_mark(face)} accept"
        case Hop(port):
            rule = f"meta mark set {hop_mark(port):#010x} accept"
    return shelf.put(Chain(f"g_{digest(rule)}", (rule,)))


def _table_name(port: Port) -> str:
    return f"w_{digest(port.route_table_id)}"


def _has_table(router: Router, port: Port) -> bool:
    return port.route_table_id in router.routes


# -- the frame


def _base(shelf: Shelf, router: Router) -> None:
    within = merged(span(b) for b in (*router.vcn.cidr_blocks, LINK_LOCAL))
    inside = shelf.put(filled("n", "ipv4_addr", (_stretch(*each) for each in within)))
    uplink = quote(UPLINK)
    frame: dict[str, tuple[Hook | None, Iterable[str]]] = {
        "outside": (None, (f"ip saddr @{inside} drop", "ip daddr @open accept")),
        "inbound": (None, _inbound()),
        "prerouting": (
            Hook("filter", "prerouting", "raw", "drop"),
            (
                f"iifname {uplink} goto outside",
                "iifname @checked fib saddr . iif oif missing drop",
                f"ip daddr @{inside} accept",
                "iifname vmap @ways",
            ),
        ),
        "dstnat": (
            Hook("nat", "prerouting", "dstnat"),
            (f"iifname {uplink} dnat ip to ip daddr map @published",),
        ),
        "input": (Hook("filter", "input", "filter", "drop"), _input()),
        "egress": (
            Hook("filter", "forward", "filter", "drop"),
            ("iifname vmap @senders",),
        ),
        "ingress": (Hook("filter", "forward", "filter + 1", "drop"), _ingress(router)),
        "srcnat": (
            Hook("nat", "postrouting", "srcnat"),
            (f"oifname {uplink} snat ip to meta mark map @faces",),
        ),
        "postrouting": (
            Hook("filter", "postrouting", AFTER_TRANSLATION),
            (f"oifname {uplink} meta mark . ip saddr != @translated drop",),
        ),
    }
    for name, (hook, rules) in frame.items():
        shelf.put(Chain(name, tuple(rules), hook))


def _inbound() -> Iterator[str]:
    yield f"oifname {quote(UPLINK)} drop"
    yield "ct direction original ct original ip daddr . ip daddr @receiving accept"
    yield "ct direction reply ct reply ip daddr . ip daddr @standing accept"
    yield "ct direction reply ct reply ip daddr @shared accept"


def _ingress(router: Router) -> Iterator[str]:
    if router.hops():
        # Translation would be undone on the way to a VNIC that should see the packet as it is.
        yield f"meta mark 0x00000001-{HOPS - 1:#010x} ct status snat,dnat drop"
    yield "oifname vmap @receivers"


def _input() -> Iterator[str]:
    metadata = f"ip daddr {METADATA}"
    yield 'iifname "lo" accept'
    yield f"{metadata} tcp dport {METADATA_PORT} iifname . ip saddr @primaries accept"
    yield f"ip daddr != {METADATA} icmp type echo-request accept"


def _stretch(low: int, high: int) -> str:
    if low == high:
        return str(IPv4Address(low))
    return f"{IPv4Address(low)}-{IPv4Address(high)}"


def _mark(address: IPv4Address) -> str:
    return f"{int(address):#010x}"
