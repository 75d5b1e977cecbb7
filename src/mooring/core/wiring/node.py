"""What a node needs once, whatever its VNICs and pods are.

    from a pod                to a pod
        |                        |
     its mark                    |
        v                        v
    510 mark -> table 7000+slot  500 main, but only routes to single addresses
        v                        v
    default by the VNIC          the pod's veth

Rule 500 lets `main` answer for what it knows exactly (`suppress_prefixlength 31`): pods of
this node, and the instance metadata, which only the primary VNIC may ask for. Everything
else of a marked packet goes by its VNIC's table.

Reverse-path checks are off and local sources are accepted, which saves a look-up per
packet; the source check of `wiring.ruleset` is stricter than either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from mooring.core.linux.plan import HOST, MAIN, Fact, Plan, Route, Rule, Sysctl
from mooring.core.linux.seen import Seen
from mooring.core.wiring import vnic
from mooring.core.wiring.pod import EVERYWHERE4
from mooring.core.wiring.vnic import Uplink, settings

METADATA = IPv4Address("169.254.169.254")
RULE_PRIORITY = 500
MAIN_PRIORITY = 32766
EXACT = {4: 31, 6: 127}
"""Prefix lengths up to which rule 500 does not believe `main`."""


@dataclass(frozen=True, slots=True)
class Primary:
    """The node's primary VNIC: its link and its address."""

    link: str
    address: IPv4Address


def primary(seen: Seen) -> Primary | None:
    """Find the primary: the link of the default route, its address next to the router."""
    for route in sorted(_defaults(seen), key=str):
        if route.source is not None and isinstance(route.source, IPv4Address):
            return Primary(route.link or "", route.source)
        near = [
            fact.address.ip
            for fact in seen.addresses
            if fact.link == route.link and route.gateway in fact.address.network
        ]
        addresses = sorted(a for a in near if isinstance(a, IPv4Address))
        if addresses:
            return Primary(route.link or "", addresses[0])
    return None


def whole(primary: Primary | None, uplinks: Iterable[Uplink]) -> Plan:
    """Lay out all that the node and its VNICs need, pods aside; nothing without a primary."""
    if primary is None:
        return ()
    working = tuple(uplinks)
    six = any(uplink.status.router.v6 for uplink in working)
    families = frozenset({4, 6} if six else {4})
    return plan(primary, families) + tuple(f for u in working for f in vnic.plan(u))


def plan(first: Primary, families: frozenset[int] = frozenset({4})) -> Plan:
    """Lay out the node's own settings, rules and routes for these families."""
    facts: list[Fact] = [
        *(Sysctl(HOST, f"net/ipv4/conf/{each}", value) for each, value in _SWITCHES),
        *settings(first.link),
        Route(HOST, IPv4Network(METADATA), first.link),
    ]
    if 6 in families:
        # Ahead of forwarding, which ends what a router told the node of itself.
        facts.append(Sysctl(HOST, f"net/ipv6/conf/{first.link}/accept_ra", "2"))
        facts += [Sysctl(HOST, f"net/ipv6/conf/{key}", value) for key, value in _SIX]
    facts += [
        Rule(HOST, RULE_PRIORITY, family, MAIN, suppress_prefixlength=EXACT[family])
        for family in sorted(families)
    ]
    # The kernel's own, but whoever flushes all rules flushes it too.
    facts += [Rule(HOST, MAIN_PRIORITY, family, MAIN) for family in sorted(families)]
    return tuple(facts)


def _defaults(seen: Seen) -> list[Route]:
    return [
        route
        for route in seen.routes
        if route.table == MAIN
        and route.destination == EVERYWHERE4
        and route.link is not None
        and route.gateway is not None
    ]


_SWITCHES = (
    ("all/forwarding", "1"),
    ("default/forwarding", "1"),
    ("all/rp_filter", "0"),
    ("default/rp_filter", "0"),
    ("all/accept_local", "1"),
    ("default/accept_local", "1"),
)

# A forwarding node would stop to listen to its own router's advertisements: on the primary it
# shall listen (2), on VNICs not (`vnic.settings6`), and to pods it does not, because 1, which
# their links begin with, means "unless forwarding". What all have, those to come begin with.
_SIX = (
    ("default/disable_ipv6", "0"),
    ("all/forwarding", "1"),
    ("default/forwarding", "1"),
)
