"""Services as nft chains: is a packet, or the flow that it answers, one of the set.

Chains and sets are named by their content, so that equal classes of a ruleset are one
chain, and a changed rule makes new names and leaves all others as they are. A chain
accepts what belongs to it and returns for the rest.

nft 1.0.6 knows no type for the ports of a flow's first packet unless the rule compares
`meta l4proto` before: hence one rule for each protocol that a reply can have, and one for
ICMP, which carries the errors about all of them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mooring.core.linux.nft import Chain, NamedSet, anonymous
from mooring.core.net.ranges import Range
from mooring.core.vcn.services import (
    BYTE,
    EVERYTHING,
    ICMP,
    PORT,
    TCP,
    UDP,
    Services,
    Shape,
    whole,
)

WORDS = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}
INTERVAL = ("interval",)
PAIR = "inet_proto . inet_service"
TRIPLE = "inet_proto . inet_service . inet_service"
KINDS = "icmp_type . icmp_code"


@dataclass(slots=True)
class Shelf:
    """The chains and sets of a ruleset while it is compiled, each name once."""

    sets: dict[str, NamedSet] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    _known: dict[tuple[str, Services], str] = field(default_factory=dict)

    def put(self, new: NamedSet | Chain) -> str:
        """Keep a set or chain; give its name."""
        if isinstance(new, Chain):
            self.chains[new.name] = new
        else:
            self.sets[new.name] = new
        return new.name

    def filled(self, letter: str, key: str, elements: Iterable[str]) -> str:
        """Keep an interval set under the name of its content; give the name."""
        given = tuple(elements)
        name = f"{letter}_{digest(key, *given)}"
        return self.put(NamedSet(name, key, None, INTERVAL, given))

    def packet(self, services: Services) -> str:
        """Give the verdict by which a packet of these services is accepted."""
        return self._verdict("c", services)

    def flow(self, services: Services) -> str:
        """Give the verdict that accepts what belongs to a flow of these services."""
        return self._verdict("o", services)

    def _verdict(self, letter: str, services: Services) -> str:
        if services == EVERYTHING:
            return "accept"
        known = self._known.get((letter, services))
        if known is None:
            rules = _packet(self, services) if letter == "c" else _flow(self, services)
            known = self.put(Chain(f"{letter}_{digest(*rules)}", tuple(rules)))
            self._known[letter, services] = known
        return f"jump {known}"


def digest(*texts: str) -> str:
    """Name a content."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _packet(shelf: Shelf, services: Services) -> list[str]:
    found: list[str] = []
    if wholes := _wholes(services):
        found.append(f"meta l4proto {wholes} accept")
    if ports := list(_ports(services)):
        name = shelf.filled("p", PAIR, ports)
        found.append(f"meta l4proto . th dport @{name} accept")
    if boxes := list(_boxes(services)):
        name = shelf.filled("b", TRIPLE, boxes)
        found.append(f"meta l4proto . th dport . th sport @{name} accept")
    if kinds := list(_kinds(services)):
        name = shelf.filled("k", KINDS, kinds)
        found.append(f"icmp type . icmp code @{name} accept")
    if services.others:
        found.append(f"meta l4proto != {_named(services)} accept")
    return found


def _flow(shelf: Shelf, services: Services) -> list[str]:
    found: list[str] = []
    if wholes := _wholes(services):
        found.append(f"ct original protocol {wholes} accept")
    if ports := [*_ports(services), *_queries(services)]:
        name = shelf.filled("p", PAIR, ports)
        found += (
            f"meta l4proto {word} ct original protocol . ct original proto-dst @{name} accept"
            for word in _carriers(ports)
        )
    if boxes := list(_boxes(services)):
        name = shelf.filled("b", TRIPLE, boxes)
        found += (
            f"meta l4proto {word} ct original protocol . ct original proto-dst"
            f" . ct original proto-src @{name} accept"
            for word in _carriers(boxes)
        )
    if services.others:
        found.append(f"ct original protocol != {_named(services)} accept")
    return found


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


def _kinds(services: Services) -> Iterator[str]:
    """ICMP types and codes."""
    for _, shape in _partial(services, (ICMP,)):
        for low, high, codes in shape:
            for code in codes:
                yield f"{_range((low, high))} . {_range(code)}"


def _queries(services: Services) -> Iterator[str]:
    """ICMP types and codes as conntrack has them: where others have a port."""
    for _, shape in _partial(services, (ICMP,)):
        for low, high, codes in shape:
            if codes == (BYTE,):
                yield f"icmp . {_range((low * 256, high * 256 + BYTE[1]))}"
                continue
            for kind in range(low, high + 1):
                for start, end in codes:
                    yield f"icmp . {_range((kind * 256 + start, kind * 256 + end))}"


def _carriers(elements: Iterable[str]) -> list[str]:
    """Protocols of packets that can belong to the elements' flows."""
    return sorted({each.partition(" ")[0] for each in elements} | {WORDS[ICMP]})


def _word(protocol: int) -> str:
    return WORDS.get(protocol, str(protocol))


def _range(span: Range) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"
