"""Services as nft chains: is a packet, or the flow that it answers, one of the set.

Chains and sets are named by their content, so that equal classes of a ruleset are one
chain, and a changed rule makes new names and leaves all others as they are. A chain
accepts what belongs to it and returns for the rest.

nft 1.0.6 knows no type for the ports of a flow's first packet unless the rule compares
`meta l4proto` before: hence one rule for each protocol that a reply can have, and one for
ICMP, which carries the errors about all of them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from mooring.core.linux.nft import Chain, NamedSet, anonymous
from mooring.core.linux.plan import Network
from mooring.core.net.ranges import Range, Ranges
from mooring.core.vcn.packets.services import (
    BYTE,
    ICMP,
    ICMPV6,
    PORT,
    TCP,
    UDP,
    Services,
    Shape,
    whole,
)

WORDS = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "ipv6-icmp"}
INTERVAL = ("interval",)
PAIR = "inet_proto . inet_service"
REMEMBERED = 4096  # chains that are not compiled again
TRIPLE = "inet_proto . inet_service . inet_service"
KINDS = {
    ICMP: ("icmp_type . icmp_code", "icmp type . icmp code"),
    ICMPV6: ("icmpv6_type . icmpv6_code", "icmpv6 type . icmpv6 code"),
}

Compiled = tuple[Chain, tuple[NamedSet, ...]]


@dataclass(frozen=True, slots=True)
class Family:
    """How nft speaks of IPv4 or IPv6."""

    version: int
    word: str
    key: str
    suffix: str
    address: type[IPv4Address] | type[IPv6Address]

    def stretch(self, low: int, high: int) -> str:
        """Write addresses that stand side by side."""
        first = str(self.address(low))
        return first if low == high else f"{first}-{self.address(high)}"


IPV4 = Family(4, "ip", "ipv4_addr", "", IPv4Address)
IPV6 = Family(6, "ip6", "ipv6_addr", "6", IPv6Address)


@dataclass(slots=True)
class Shelf:
    """The chains and sets of a ruleset while it is compiled, each name once."""

    sets: dict[str, NamedSet] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)

    def put(self, new: NamedSet | Chain) -> str:
        """Keep a set or chain; give its name."""
        if isinstance(new, Chain):
            self.chains[new.name] = new
        else:
            self.sets[new.name] = new
        return new.name

    def put_all(self, compiled: Compiled) -> None:
        """Keep a chain with its sets, unless it is kept already."""
        chain, sets = compiled
        if chain.name not in self.chains:
            self.chains[chain.name] = chain
            for each in sets:
                self.put(each)


def digest(*texts: str) -> str:
    """Name a content."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def extent(block: Network) -> Range:
    """Give the numbers of a network's first and last address."""
    return int(block.network_address), int(block.broadcast_address)


def filled(letter: str, key: str, elements: Iterable[str]) -> NamedSet:
    """Make an interval set that has the name of its content."""
    given = tuple(elements)
    return NamedSet(f"{letter}_{digest(key, *given)}", key, None, INTERVAL, given)


def intervals(
    shelf: Shelf, letter: str, family: Family, elements: Sequence[str]
) -> str:
    """Put a map from stretches of addresses to verdicts, named by its content."""
    name = f"{letter}_{digest(*elements)}"
    return shelf.put(NamedSet(name, family.key, "verdict", INTERVAL, tuple(elements)))


@lru_cache(REMEMBERED)
def packet_chain(services: Services) -> Compiled:
    """Compile what a packet is asked."""
    rules: list[str] = []
    sets: list[NamedSet] = []
    if wholes := _wholes(services):
        rules.append(f"meta l4proto {wholes} accept")
    if ports := list(_ports(services)):
        sets.append(filled("p", PAIR, ports))
        rules.append(f"meta l4proto . th dport @{sets[-1].name} accept")
    if boxes := list(_boxes(services)):
        sets.append(filled("b", TRIPLE, boxes))
        rules.append(f"meta l4proto . th dport . th sport @{sets[-1].name} accept")
    for protocol, (key, asked) in KINDS.items():
        if kinds := list(_kinds(services, protocol)):
            sets.append(filled("k", key, kinds))
            rules.append(f"{asked} @{sets[-1].name} accept")
    if services.others:
        rules.append(f"meta l4proto != {_named(services)} accept")
    return _chain("c", rules), tuple(sets)


@lru_cache(REMEMBERED)
def flow_chain(services: Services, family: Family) -> Compiled:
    """Compile what the first packet of a flow is asked, given a later one."""
    rules: list[str] = []
    sets: list[NamedSet] = []
    first = "ct original protocol . ct original proto-dst"
    if wholes := _wholes(services):
        rules.append(f"ct original protocol {wholes} accept")
    if ports := [*_ports(services), *_queries(services)]:
        sets.append(filled("p", PAIR, ports))
        asked = f"{first} @{sets[-1].name} accept"
        rules += (f"meta l4proto {word} {asked}" for word in _carriers(ports, family))
    if boxes := list(_boxes(services)):
        sets.append(filled("b", TRIPLE, boxes))
        asked = f"{first} . ct original proto-src @{sets[-1].name} accept"
        rules += (f"meta l4proto {word} {asked}" for word in _carriers(boxes, family))
    if services.others:
        rules.append(f"ct original protocol != {_named(services)} accept")
    return _chain("o", rules), tuple(sets)


def _chain(letter: str, rules: Sequence[str]) -> Chain:
    return Chain(f"{letter}_{digest(*rules)}", tuple(rules))


def _wholes(services: Services) -> str:
    names = [_word(p) for p, s in services.shapes if s and s == whole(p)]
    return anonymous(tuple(names)) if names else ""


def _named(services: Services) -> str:
    return anonymous(tuple(_word(protocol) for protocol, _ in services.shapes))


def _partial(
    services: Services, protocols: Iterable[int]
) -> Iterator[tuple[int, Shape]]:
    for protocol, shape in services.shapes:
        if protocol in protocols and shape != whole(protocol):
            yield protocol, shape


def _ports(services: Services) -> Iterator[str]:
    """Destination ports that every source port may use."""
    for protocol, shape in _partial(services, (TCP, UDP)):
        for low, high, sources in shape:
            if sources == (PORT,):
                yield f"{_word(protocol)} . {_range((low, high))}"


def _boxes(services: Services) -> Iterator[str]:
    """Destination ports that only some source ports may use."""
    for protocol, shape in _partial(services, (TCP, UDP)):
        for low, high, sources in shape:
            for source in sources:
                if source != PORT:
                    yield f"{_word(protocol)} . {_range((low, high))} . {_range(source)}"


def _kinds(services: Services, protocol: int) -> Iterator[str]:
    """ICMP types and codes, of either family's."""
    for _, shape in _partial(services, (protocol,)):
        for low, high, codes in shape:
            for code in codes:
                yield f"{_range((low, high))} . {_range(code)}"


def _queries(services: Services) -> Iterator[str]:
    """ICMP types and codes as conntrack has them: where others have a port."""
    for protocol, shape in _partial(services, (ICMP, ICMPV6)):
        for low, high, codes in shape:
            yield from _numbers(_word(protocol), (low, high), codes)


def _numbers(word: str, kinds: Range, codes: Ranges) -> Iterator[str]:
    low, high = kinds
    if codes == (BYTE,):
        yield f"{word} . {_range((low * 256, high * 256 + BYTE[1]))}"
        return
    for kind in range(low, high + 1):
        for start, end in codes:
            yield f"{word} . {_range((kind * 256 + start, kind * 256 + end))}"


def _carriers(elements: Iterable[str], family: Family) -> list[str]:
    """Protocols of packets that can belong to the elements' flows."""
    errors = WORDS[ICMP if family is IPV4 else ICMPV6]
    return sorted({each.partition(" ")[0] for each in elements} | {errors})


def _word(protocol: int) -> str:
    return WORDS.get(protocol, str(protocol))


def _range(span: Range) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"
