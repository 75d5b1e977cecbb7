"""What stands in the kernel under our names and numbers although nobody wants it.

A crash between taking a thing back and writing it down, or an older Mooring, leaves such
things. What is not ours by name or number is never touched.
"""

from collections.abc import Iterable, Mapping

from mooring.core.linux.plan import MAIN, Fact, Plan, Route, Rule
from mooring.core.linux.seen import Link, Seen
from mooring.core.wiring import vnic
from mooring.core.wiring.names import PREFIX

TABLES = range(vnic.TABLES + 1, vnic.TABLES + 127)


def strays(seen: Seen, wanted: Plan) -> Plan:
    """Give the rules and routes that are ours and that the wanted plan does not have."""
    known = frozenset(wanted)
    found: list[Fact] = [rule for rule in seen.rules if _is_our_rule(rule)]
    found += [route for route in seen.routes if _is_our_route(route)]
    return tuple(sorted((fact for fact in found if fact not in known), key=str))


def host_ends(links: Mapping[str, Link]) -> tuple[str, ...]:
    """Name the links that are host ends of pods."""
    return tuple(
        name
        for name, link in links.items()
        if name.startswith(PREFIX) and link.kind == "veth"
    )


def orphans(links: Mapping[str, Link], wanted: Iterable[str]) -> tuple[str, ...]:
    """Name the host ends that belong to none of the wanted ones."""
    known = frozenset(wanted)
    return tuple(name for name in host_ends(links) if name not in known)


def is_set_up(seen: Seen) -> bool:
    """Tell whether an agent has worked on this machine since it was started."""
    return any(_is_our_rule(rule) for rule in seen.rules) or bool(host_ends(seen.links))


def _is_our_rule(rule: Rule) -> bool:
    return rule.priority == vnic.RULE_PRIORITY and rule.mask == vnic.MARK_MASK


def _is_our_route(route: Route) -> bool:
    if route.table in TABLES:
        # The kernel's own, for IPv6 addresses, are not in tables of ours.
        return True
    alone = route.destination.prefixlen == route.destination.max_prefixlen
    to_pod = route.link is not None and route.link.startswith(PREFIX)
    return route.table == MAIN and alone and to_pod
