"""What of a plan does not hold, going by what was seen.

Only namespaces that were looked at are judged: a fact in any other is neither held nor missing.
Sysctls are not looked at; writing one that holds costs nothing.
"""

from collections.abc import Mapping
from dataclasses import replace

from mooring.core.linux.plan import (
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.seen import Link, Seen

VETH = "veth"
WHOLE_MASK = 0xFFFFFFFF
NOWHERE = {"blackhole", "unreachable"}

Within = LinkUp | Address | Route | Rule | Neighbour
Seens = Mapping[str, Seen]


def missing(plan: Plan, seen: Seens) -> Plan:
    """List the facts that do not hold, in the plan's order: the plan that repairs."""
    return tuple(fact for fact in plan if not holds(fact, seen))


def backwards(plan: Plan) -> Plan:
    """Turn the plan round, as it is taken back."""
    return plan[::-1]


def holds(fact: Fact, seen: Seens) -> bool:
    """Tell whether one fact holds, as far as was looked."""
    match fact:
        case Veth():
            return _veth_holds(fact, seen)
        case _ if isinstance(fact, Sysctl) or fact.space not in seen:
            return True
        case _:
            return _is_seen(fact, seen[fact.space])


def is_end(end: End, link: Link) -> bool:
    """Tell whether a link is this end of a pair: a veth with its MAC (any, if it has none)."""
    return link.kind == VETH and end.mac.lower() in {link.mac, ""}


def is_pair(veth: Veth, near: Link, far: Link) -> bool:
    """Tell whether two links are the fact's pair, whatever their state.

    They are if they are each other's twins and carry the fact's MACs, and the near end's alias is
    the fact's, or not yet set (a crash between creation and naming).
    """
    twins = near.peer_index == far.index and far.peer_index == near.index
    return (
        twins
        and is_end(veth.near, near)
        and is_end(veth.far, far)
        and near.alias in {veth.near.alias, ""}
    )


def _is_seen(fact: Within, seen: Seen) -> bool:
    match fact:
        case LinkUp():
            return _link_is_up(fact, seen.links.get(fact.link))
        case Address():
            return fact in seen.addresses
        case Route():
            return _route_holds(fact, seen.routes)
        case Rule():
            return _plain_rule(fact) in seen.rules
        case _:
            return replace(fact, mac=fact.mac.lower()) in seen.neighbours


def _veth_holds(fact: Veth, seen: Seens) -> bool:
    ends: list[Link] = []
    for end in (fact.near, fact.far):
        if end.space not in seen:
            continue
        link = seen[end.space].links.get(end.name)
        if link is None or not link.up or not is_end(end, link):
            return False
        ends.append(link)
    if fact.near.space in seen and not _near_is_ours(fact.near, ends[0]):
        return False
    return len(ends) < 2 or ends[0].peer_index == ends[1].index


def _near_is_ours(end: End, link: Link) -> bool:
    # Of the far end neither: whoever lives in that namespace may set a smaller MTU there.
    return link.mtu == end.mtu and link.alias == end.alias


def _link_is_up(fact: LinkUp, link: Link | None) -> bool:
    if link is None or not link.up:
        return False
    return fact.mtu in {link.mtu, None} and fact.alias in {link.alias, ""}


def _route_holds(fact: Route, routes: frozenset[Route]) -> bool:
    plain = replace(fact, link=None) if fact.kind in NOWHERE else fact
    if plain in routes:
        return True
    if plain.link is not None or plain.kind in NOWHERE:
        return False
    # The kernel finds the link of a gateway by itself, and shows it.
    return any(plain == replace(each, link=None) for each in routes)


def _plain_rule(fact: Rule) -> Rule:
    if fact.mark is None or fact.mask is not None:
        return fact
    return replace(fact, mask=WHOLE_MASK)
