"""Ways as nft: route tables by interface and source, and what a way means for a packet.

A way is kept as the packet's mark: the public address behind which it will leave, or the number
of the routing table that leads to a VNIC, a peer, a DRG, the services network; no mark is IPv6
for the internet. What is going to be translated also gets the tracking zone of the address outside
(docs/decisions/0015), the same that it has when it comes back.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Network

from mooring.core.linux.nft import Chain, NamedSet, anonymous, quote
from mooring.core.net.ranges import merged, pieces
from mooring.core.vcn.packets.forwarding import SHARED_PROTOCOLS
from mooring.core.vcn.packets.names import (
    UPLINK,
    gate_name,
    port_name,
    table_number,
)
from mooring.core.vcn.packets.router import (
    LINK_LOCAL,
    METADATA6,
    Closed,
    Drg,
    Gate,
    Hop,
    Internet,
    Nat,
    Network,
    Peer,
    Port,
    Route,
    Route6,
    Router,
    Services,
    Way,
)
from mooring.core.vcn.packets.services_nft import (
    IPV4,
    IPV6,
    WORDS,
    Family,
    Shelf,
    digest,
    extent,
    filled,
    intervals,
)

ZONES = 0xFFFF  # zone 0 is for what is not translated
CARRIED = anonymous(tuple(WORDS[each] for each in SHARED_PROTOCOLS))

Open = Internet | Nat | Hop | Services | Peer | Drg
Routes = Sequence[Route] | Sequence[Route6]


def outside(shelf: Shelf, router: Router) -> None:
    """Put the public addresses: who stands behind which, and what may begin outside."""
    public = sorted(router.behind.items())
    shared = sorted(router.faces)
    faces = [*(a for a, _ in public), *shared]
    receiving = [(a, b) for a, b in public if a in router.receiving]
    for name, found in {"standing": public, "receiving": receiving}.items():
        elements = tuple(f"{a} . {b}" for a, b in found)
        shelf.put(NamedSet(name, "ipv4_addr . ipv4_addr", elements=elements))
    zones = {a: zone(a, b) for a, b in public} | {a: zone(a) for a in shared}
    maps = {
        ("published", "ipv4_addr", "ipv4_addr"): [f"{a} : {b}" for a, b in receiving],
        ("publics", "ipv4_addr", "verdict"): [
            f"{b} : goto {_behind(shelf, a, zones[a])}" for a, b in public
        ],
        ("open", "ipv4_addr", "verdict"): [
            f"{a} : goto {_zoned(shelf, zones[a], _mark_inward(shelf, router, a))}"
            for a in faces
        ],
        ("faces", "mark", "ipv4_addr"): [f"{_mark(a)} : {a}" for a in faces],
    }
    for (name, key, value), texts in maps.items():
        shelf.put(NamedSet(name, key, value, (), tuple(texts)))
    shelf.put(NamedSet("shared", "ipv4_addr", elements=tuple(map(str, shared))))
    marked = tuple(f"{_mark(a)} . {a}" for a in faces)
    shelf.put(NamedSet("translated", "mark . ipv4_addr", elements=marked))


def ways(shelf: Shelf, router: Router, families: Sequence[Family]) -> None:
    """Put the ways out of each port, and what comes in by each gate."""
    for family in families:
        elements = tuple(
            f"{quote(port_name(port.vnic.id))} : goto {name}"
            for port in router.ports
            if (name := _of_port(shelf, router, port, family))
        )
        named = f"ways{family.suffix}"
        shelf.put(NamedSet(named, "ifname", "verdict", (), elements))
    entries = [f"{quote(UPLINK)} : goto outside"]
    within = [(family, inside(shelf, router, family)) for family in families]
    for gate in router.gates.values():
        entry = _entry(shelf, router, gate, within)
        entries.append(f"{quote(gate_name(gate.id))} : goto {entry}")
    shelf.put(NamedSet("entries", "ifname", "verdict", (), tuple(entries)))


def arrivals(shelf: Shelf, router: Router) -> bool:
    """Put where what came from the internet is led once it is translated back; False for nowhere."""
    led = [routes for routes in router.inward.values() if routes]
    found = {_inward(shelf, router, routes) for routes in led}
    elements = tuple(f"{_mark_of(name)} : goto {name}" for name in sorted(found))
    if elements:
        shelf.put(NamedSet("arrivals", "mark", "verdict", elements=elements))
    return bool(elements)


def inward6(shelf: Shelf, router: Router) -> Iterator[str]:
    """Give the rule that leads what comes in from the internet over IPv6, if there is one."""
    return _routes(shelf, router, router.inward6, IPV6, shut="drop")


def _mark_inward(shelf: Shelf, router: Router, address: IPv4Address) -> str:
    """Give the mark by which `arrivals` knows what came to an address outside; "" for none."""
    routes = router.inward.get(address)
    return _mark_of(_inward(shelf, router, routes)) if routes else ""


def _inward(shelf: Shelf, router: Router, routes: Sequence[Route]) -> str:
    asked = _routes(shelf, router, routes, IPV4, shut="drop")
    # What no route is for goes to the address itself.
    rules = (*asked, "meta mark set 0x00000000")
    return shelf.put(Chain(f"n_{digest(*rules)}", rules))


def _mark_of(name: str) -> str:
    return f"{table_number(name):#010x}"


def inside(shelf: Shelf, router: Router, family: Family) -> str:
    """Put what belongs to the VCN and its router; give the set's name."""
    own = LINK_LOCAL if family is IPV4 else IPv6Network(METADATA6)
    blocks = (b for b in router.blocks if b.version == family.version)
    return named(shelf, family, "n", (*blocks, own))


def named(shelf: Shelf, family: Family, letter: str, blocks: Iterable[Network]) -> str:
    """Put a set of networks that has the name of its content; give the name."""
    stretches = (family.stretch(*each) for each in merged(map(extent, blocks)))
    return shelf.put(filled(letter, family.key, stretches))


def zone(face: IPv4Address, inner: IPv4Address | None = None) -> int:
    """Give the tracking zone of an address outside, and of the private one behind it."""
    raw = hashlib.sha256(f"{face} {inner}".encode()).digest()
    return int.from_bytes(raw[:4]) % ZONES + 1


def _of_port(shelf: Shelf, router: Router, port: Port, family: Family) -> str:
    """Give the chain of a port's ways; "" when it has none."""
    own = [
        (to, table)
        for to, table in port.tables
        if to.version == family.version and table != port.route_table_id
    ]
    general = _table(shelf, router, port.route_table_id, family)
    if not own:
        return general
    elements = tuple(
        f"{to} : goto {name}"
        if (name := _table(shelf, router, table, family))
        else f"{to} : drop"
        for to, table in own
    )
    rules = [f"{family.word} saddr vmap @{intervals(shelf, 's', family, elements)}"]
    rules += [f"goto {general}"] if general else []
    return shelf.put(Chain(f"t_{digest(*rules)}", tuple(rules)))


def _table(shelf: Shelf, router: Router, table_id: str, family: Family) -> str:
    """Put a route table; give its chain, "" when there is none."""
    tables = router.routes if family is IPV4 else router.routes6
    if table_id not in tables:
        return ""
    name = f"w{family.suffix}_{digest(table_id)}"
    rules = tuple(_routes(shelf, router, tables[table_id], family))
    return shelf.put(Chain(name, rules))


def _routes(
    shelf: Shelf, router: Router, routes: Routes, family: Family, *, shut: str = ""
) -> Iterator[str]:
    """Ask a table for the way; `shut` is the verdict where it leads nowhere, if there must be one."""
    layers = [(extent(to), (to.prefixlen, way)) for to, way in routes]
    verdicts = (
        (low, high, shut)
        if isinstance(way, Closed)
        else (low, high, f"goto {_way(shelf, router, way, family)}")
        for low, high, way in pieces(layers, _longest)
    )
    elements = tuple(
        f"{family.stretch(low, high)} : {verdict}"
        for low, high, verdict in verdicts
        if verdict
    )
    if elements:
        yield f"{family.word} daddr vmap @{intervals(shelf, 'r', family, elements)}"


def _longest(those: Sequence[tuple[int, Way]]) -> Way:
    return max(those, key=lambda each: each[0])[1]


def _entry(
    shelf: Shelf, router: Router, gate: Gate, within: Sequence[tuple[Family, str]]
) -> str:
    """Put what is asked of packets that come in by a gate."""
    rules: list[str] = []
    for family, blocks in within:
        word = family.word
        rules += (f"{word} saddr @{blocks} drop", f"{word} daddr @{blocks} accept")
        routes = gate.routes if family is IPV4 else gate.routes6
        rules += _routes(shelf, router, routes, family)
    return shelf.put(Chain(f"n_{digest(*rules)}", tuple(rules)))


def _way(shelf: Shelf, router: Router, way: Open, family: Family) -> str:
    match way:
        case Internet() if family is IPV6:
            public = named(shelf, IPV6, "n", router.global6)
            rule = f"ip6 saddr @{public} accept"
        case Internet():
            rule = "ip saddr vmap @publics"
        case Nat(face):
            kept = f"meta mark set {_mark(face)} ct zone set {zone(face)} accept"
            rule = f"meta l4proto {CARRIED} {kept}"
        case Hop(port):
            rule = _to_table(port.vnic.id)
        case Services(id) | Peer(id) | Drg(id):
            rule = _to_table(id)
    return shelf.put(Chain(f"g_{digest(rule)}", (rule,)))


def _to_table(id: str) -> str:
    return f"meta mark set {table_number(id):#010x} accept"


def _behind(shelf: Shelf, face: IPv4Address, number: int) -> str:
    rule = f"meta mark set {_mark(face)} ct zone set {number} accept"
    return shelf.put(Chain(f"f_{digest(rule)}", (rule,)))


def _zoned(shelf: Shelf, number: int, mark: str) -> str:
    if not mark:
        return shelf.put(Chain(f"z_{number}", (f"ct zone set {number} accept",)))
    rule = f"meta mark set {mark} ct zone set {number} accept"
    return shelf.put(Chain(f"z_{digest(rule)}", (rule,)))


def _mark(address: IPv4Address) -> str:
    return f"{int(address):#010x}"
