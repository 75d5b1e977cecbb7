"""From what a namespace shows to what must be done there: unplug, make, remove.

Routers and the internet belong to the fabric whole, so what nobody wants there goes, as
far as the fabric makes such things: its links, addresses, routes, rules and permanent
neighbours. What the kernel replaces by itself when the wanted fact is made is left to it, and
so are the routes that it keeps for IPv6 addresses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface

from mooring.core.linux.drift import missing
from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Veth,
)
from mooring.core.linux.seen import Link, Seen
from mooring.core.vcn.packets.names import is_made_here

KERNELS_RULES = frozenset({0, 32766, 32767})
KERNELS_ADDRESSES = IPv4Interface("127.0.0.1/8"), IPv6Interface("::1/128")

Ends = Mapping[str, End]


@dataclass(frozen=True, slots=True)
class Chores:
    """What to do in one namespace, in this order."""

    unplug: tuple[str, ...] = ()
    make: Plan = ()
    remove: Plan = ()


def chores(facts: Plan, seen: Seen) -> Chores:
    """Compare the wanted facts of a namespace with what it shows."""
    ends = {
        end.name: end
        for fact in facts
        if isinstance(fact, Veth)
        for end in (fact.near, fact.far)
        if end.space == seen.space
    }
    strange = {
        link.name
        for link in seen.links.values()
        if is_made_here(link.name) and not _is_end(ends.get(link.name), link)
    }
    shown = _without(seen, strange)
    kept = {name: end for name, end in ends.items() if name in shown.links}
    lacking = missing(facts, {seen.space: shown})
    return Chores(
        unplug=tuple(sorted(strange)),
        make=tuple(_repair(fact, kept) for fact in lacking),
        remove=tuple(_unwanted(facts, shown)),
    )


def _without(seen: Seen, links: set[str]) -> Seen:
    """Give the look as it will be when links are gone, and with them what is on them."""
    return Seen(
        seen.space,
        {name: link for name, link in seen.links.items() if name not in links},
        frozenset(each for each in seen.addresses if each.link not in links),
        frozenset(each for each in seen.routes if each.link not in links),
        seen.rules,
        frozenset(each for each in seen.neighbours if each.link not in links),
    )


def changes(space: str, before: Plan, after: Plan) -> Chores | None:
    """Say how a namespace that has one plan gets the other, without a look at all that is there.

    None where only a look tells: what goes with an address, what is left of a link that is made
    anew, whether the far end of another namespace's link is there already.
    """
    old, new = _only(before, after), _only(after, before)
    gone = {name for fact in old for name in _ends(fact, space)}
    came = {name for fact in new for name in _ends(fact, space)}
    left = [fact for fact in old if _link(fact) not in gone and not _ends(fact, space)]
    if gone & came or any(isinstance(fact, Address | LinkUp) for fact in left):
        return None
    if any(isinstance(fact, Veth) and fact.near.space != space for fact in new):
        return None
    kept = {_key(fact) for fact in after} if left else set()
    return Chores(
        unplug=tuple(sorted(gone)),
        make=new,
        remove=tuple(fact for fact in left if _key(fact) not in kept),
    )


def _only(these: Plan, those: Plan) -> Plan:
    """Give the facts that the others lack; most are the same objects."""
    known = set(map(id, those))
    mine = [fact for fact in these if id(fact) not in known]
    known = set(map(id, these))
    others = {fact for fact in those if id(fact) not in known}
    return tuple(fact for fact in mine if fact not in others)


def _ends(fact: Fact, space: str) -> tuple[str, ...]:
    """Name the links that a pair is in a namespace."""
    if not isinstance(fact, Veth):
        return ()
    return tuple(end.name for end in (fact.near, fact.far) if end.space == space)


def _link(fact: Fact) -> str | None:
    return getattr(fact, "link", None)


def alike(one: Seen, other: Seen) -> bool:
    """Tell whether two looks show the same, whatever was sent and received in between."""
    return (
        one.routes == other.routes
        and one.addresses == other.addresses
        and one.rules == other.rules
        and one.neighbours == other.neighbours
        and _uncounted(one) == _uncounted(other)
    )


def _uncounted(seen: Seen) -> list[Link]:
    links = seen.links.values()
    return [replace(each, rx_packets=0, tx_packets=0) for each in links]


def _is_end(end: End | None, link: Link) -> bool:
    return end is not None and link.kind == "veth" and link.mac == end.mac


def _repair(fact: Fact, kept: Ends) -> Fact:
    """Raise our end of a pair that is there; its far end is the guest's to name."""
    if isinstance(fact, Veth):
        for end in (fact.near, fact.far):
            if kept.get(end.name) == end:
                return LinkUp(end.space, end.name, end.mtu)
    return fact


def _unwanted(facts: Plan, seen: Seen) -> Iterator[Fact]:
    """Give what is there, is not wanted and is not replaced by what is."""
    keys = {key for fact in facts if (key := _key(fact)) is not None}
    # The kernel keeps a route for each IPv6 address.
    kept = {
        (each.link, each.address.network)
        for each in (*seen.addresses, *facts)
        if isinstance(each, Address) and each.address.version == 6
    }
    routes = (r for r in seen.routes if (r.link, r.destination) not in kept)
    found: list[Fact] = [*seen.neighbours, *seen.addresses, *routes, *seen.rules]
    strange = (f for f in found if (key := _key(f)) is not None and key not in keys)
    yield from sorted(strange, key=str)


def _key(fact: Fact) -> tuple[object, ...] | None:
    """Say what the kernel tells facts apart by; None for what no fabric makes."""
    match fact:
        case Neighbour():
            return "neighbour", fact.link, fact.address
        case Address() if fact.address not in KERNELS_ADDRESSES:
            return "address", fact.link, fact.address
        case Route(destination=IPv4Network() as to):
            return "route", fact.table, to
        case Route(destination=to):
            # Of two kinds of routes to one network it keeps both.
            return "route", fact.table, to, fact.link, fact.gateway, fact.kind
        case Rule() if fact.priority not in KERNELS_RULES:
            return "rule", replace(fact, space="")
        case _:
            return None
