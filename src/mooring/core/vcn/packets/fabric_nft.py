"""A VCN's router as one nft table: who may send, which way out, what passes.

A packet's way through the table:

- prerouting (before connection tracking): is the source one of the VNIC's own (asked of
  the FIB, which has a route per private IP)? Outside of the VCN: the route table's way,
  kept as a mark (`ways_nft`), and the tracking zone of what will be translated.
- nat: translation of the first packet of a flow; connection tracking does the others.
  Then what a gateway's own table leads elsewhere than to the address is marked.
- forward twice: the sender's egress rules, then the receiver's ingress rules. `accept`
  ends one base chain and lets the packet on to the next.
- postrouting: what leaves for the internet has the address that its mark says.

Maps by interface have one element per VNIC; maps by address are named by their content
and so are the chains to which they jump. What a profile's chain asks, `profiles_nft` and
`services_nft` say. Where a VCN has IPv6 prefixes, that family has chains and maps of its own
(`…6`); where it has none, none of its packets pass.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import is_

from mooring.core.linux.nft import Chain, Hook, NamedSet, Table, quote
from mooring.core.vcn.model import NetworkSecurityGroup, SecurityList
from mooring.core.vcn.packets.forwarding import METADATA_PORT
from mooring.core.vcn.packets.names import HIGHEST_TABLE, UPLINK, gate_name, port_name
from mooring.core.vcn.packets.ports import keep_living
from mooring.core.vcn.packets.profiles import Profile, Rules, profiles
from mooring.core.vcn.packets.profiles_nft import profile_chains
from mooring.core.vcn.packets.router import (
    LINK_LOCAL6,
    METADATA,
    METADATA6,
    Router,
    Services,
)
from mooring.core.vcn.packets.services_nft import IPV4, IPV6, Family, Shelf
from mooring.core.vcn.packets.ways_nft import (
    arrivals,
    inside,
    inward6,
    named,
    outside,
    ways,
)
from mooring.core.vcn.world import World

FAMILY, TABLE = "inet", "mooring"
AFTER_TRANSLATION = 110  # source translation is at 100
TRANSLATED_BACK = "dstnat + 10"
RESOLVER_PORT = 53
# What a guest and its router say to each other to find each other (RFC 4861).
DISCOVERY = "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert"
NEARBY6 = "{ fe80::/10, ff02::/16 }"

SERVED = f"tcp . {METADATA_PORT}, tcp . {RESOLVER_PORT}, udp . {RESOLVER_PORT}"
Frame = dict[str, tuple[Hook | None, Iterable[str]]]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A VCN's table, and what it was made of."""

    router: Router
    rules: tuple[Rules, ...]
    table: Table


# A change is of one VCN: of all others the table is the same object. By VCN.
_last: dict[str, _Compiled] = {}


def ruleset(world: World, router: Router) -> Table:
    """Compile one VCN; give the same table while nothing that it is made of changes."""
    last, rules = _last.get(router.vcn.id), tuple(_rules(world, router))
    if last is not None and last.router == router and _are_same(last.rules, rules):
        return last.table
    table = _compiled(world, router)
    _last[router.vcn.id] = _Compiled(router, rules, table)
    return table


def forget(world: World) -> None:
    """Forget the tables of VCNs that are not of this world."""
    keep_living(_last, world)


def _rules(world: World, router: Router) -> Iterator[Rules]:
    """Give the rules of every list and group that some port is under."""
    lists = {i for port in router.ports for i in port.subnet.security_list_ids}
    groups = {i for port in router.ports for i in port.vnic.nsg_ids}
    for id in sorted(lists | groups):
        record = world.get(id)
        if isinstance(record, SecurityList | NetworkSecurityGroup):
            yield record.rules


def _are_same(these: tuple[Rules, ...], those: tuple[Rules, ...]) -> bool:
    return len(these) == len(those) and all(map(is_, these, those))


def _compiled(world: World, router: Router) -> Table:
    shelf = Shelf()
    by_vnic = profiles(world, router)
    families = (IPV4, IPV6) if has_ipv6(router) else (IPV4,)
    for family in families:
        for profile in {p.name: p for p in by_vnic.values()}.values():
            profile_chains(shelf, profile, family)
        _ports(shelf, router, by_vnic, family)
    _checks(shelf, router)
    outside(shelf, router)
    ways(shelf, router, families)
    _base(shelf, router)
    return Table(
        FAMILY, TABLE, tuple(shelf.sets.values()), tuple(shelf.chains.values())
    )


def has_ipv6(router: Router) -> bool:
    """Tell whether the VCN has IPv6 prefixes."""
    return any(block.version == 6 for block in router.blocks)


# -- who is where


def _ports(
    shelf: Shelf, router: Router, by_vnic: dict[str, Profile], family: Family
) -> None:
    of = family.suffix
    names = [
        (quote(port_name(p.vnic.id)), by_vnic[p.vnic.id].name) for p in router.ports
    ]
    gates = [
        (quote(gate_name(g.id)), isinstance(g.way, Services))
        for g in router.gates.values()
    ]
    uplink = quote(UPLINK)
    verdicts = {
        "senders": [
            f"{uplink} : goto inbound{of}",
            # A service gateway lets in only answers.
            *(f"{g} : {'goto answers' if only else 'accept'}" for g, only in gates),
            *(f"{n} : goto e{of}_{p}" for n, p in names),
        ],
        "receivers": [
            f"{uplink} : accept",
            *(f"{g} : accept" for g, _ in gates),
            *(f"{n} : goto i{of}_{p}" for n, p in names),
        ],
    }
    for name, elements in verdicts.items():
        shelf.put(NamedSet(f"{name}{of}", "ifname", "verdict", (), tuple(elements)))
    found = ((p, p.primary if family is IPV4 else p.primary6) for p in router.ports)
    primaries = tuple(
        f"{quote(port_name(p.vnic.id))} . {address}" for p, address in found if address
    )
    key = f"ifname . {family.key}"
    shelf.put(NamedSet(f"primaries{of}", key, elements=primaries))


def _checks(shelf: Shelf, router: Router) -> None:
    checked = tuple(
        quote(port_name(p.vnic.id))
        for p in router.ports
        if not p.vnic.skip_source_dest_check
    )
    shelf.put(NamedSet("checked", "ifname", elements=checked))
    beside = (quote(UPLINK), *(quote(gate_name(id)) for id in router.gates))
    shelf.put(NamedSet("beside", "ifname", elements=beside))


# -- the frame


def _base(shelf: Shelf, router: Router) -> None:
    frame = _frame(router, inside(shelf, router, IPV4))
    if arrivals(shelf, router):
        rule = f"iifname {quote(UPLINK)} meta mark vmap @arrivals"
        frame["arrivals"] = Hook("filter", "prerouting", TRANSLATED_BACK), (rule,)
    if has_ipv6(router):
        frame |= _frame6(shelf, router, inside(shelf, router, IPV6))
    for name, (hook, rules) in frame.items():
        shelf.put(Chain(name, tuple(rules), hook))


def _frame(router: Router, within: str) -> Frame:
    six = has_ipv6(router)
    uplink = quote(UPLINK)
    left = f"oifname {uplink} meta mark . ip saddr != @translated drop"
    return {
        "outside": (None, _outside(within, six=six)),
        "inbound": (None, _inbound()),
        "answers": (None, ("ct direction reply accept",)),
        "prerouting": (
            Hook("filter", "prerouting", "raw", "drop"),
            _prerouting(within, six=six),
        ),
        "dstnat": (
            Hook("nat", "prerouting", "dstnat"),
            (f"iifname {uplink} dnat ip to ip daddr map @published",),
        ),
        "input": (Hook("filter", "input", "filter", "drop"), _input(six=six)),
        "egress": (
            Hook("filter", "forward", "filter", "drop"),
            (*_sixth("egress6", six=six), "iifname vmap @senders"),
        ),
        "ingress": (
            Hook("filter", "forward", "filter + 1", "drop"),
            (
                *_forged(router),
                *_sixth("ingress6", six=six),
                "oifname vmap @receivers",
            ),
        ),
        "srcnat": (
            Hook("nat", "postrouting", "srcnat"),
            (f"oifname {uplink} snat ip to meta mark map @faces",),
        ),
        "postrouting": (
            Hook("filter", "postrouting", AFTER_TRANSLATION),
            (left, *(_left6(uplink) if six else ())),
        ),
    }


def _frame6(shelf: Shelf, router: Router, within: str) -> Frame:
    """Give what IPv6 adds: it is translated nowhere."""
    begins = named(shelf, IPV6, "n", router.receiving6)
    found = f"icmpv6 type {{ {DISCOVERY} }} ip6 hoplimit 255 ip6 daddr {NEARBY6} accept"
    return {
        "outside6": (None, _outside6(shelf, router, within)),
        "inbound6": (
            None,
            (
                f"oifname {quote(UPLINK)} drop",
                f"ct direction original ip6 daddr @{begins} accept",
                "ct direction reply accept",
            ),
        ),
        "prerouting6": (
            None,
            (
                found,
                "iifname @checked fib saddr . iif oif missing drop",
                f"ip6 daddr vmap {{ {LINK_LOCAL6} : goto nearby6, :: : drop, ff00::/8 : drop }}",
                # The kernel would answer that it does not forward these.
                f"ip6 saddr {LINK_LOCAL6} drop",
                f"ip6 daddr @{within} accept",
                "iifname vmap @ways6",
            ),
        ),
        "nearby6": (None, ("fib daddr . iif type local accept", "drop")),
        "output": (
            Hook("filter", "output", "filter"),
            # All that a guest could be told is that it is its own neighbour.
            ("icmpv6 type nd-redirect drop",),
        ),
        "egress6": (None, ("iifname vmap @senders6",)),
        "ingress6": (None, ("oifname vmap @receivers6",)),
    }


def _sixth(chain: str, *, six: bool) -> Iterator[str]:
    if six:
        yield f"meta nfproto ipv6 goto {chain}"


def _prerouting(within: str, *, six: bool) -> Iterator[str]:
    yield "iifname vmap @entries"
    yield from _sixth("prerouting6", six=six)
    yield "iifname @checked fib saddr . iif oif missing drop"
    yield f"ip daddr @{within} accept"
    yield "iifname vmap @ways"


def _outside(within: str, *, six: bool) -> Iterator[str]:
    yield from _sixth("outside6", six=six)
    yield f"ip saddr @{within} drop"
    yield "ip daddr vmap @open"


def _outside6(shelf: Shelf, router: Router, within: str) -> Iterator[str]:
    public = named(shelf, IPV6, "n", router.global6)
    yield f"ip6 saddr @{within} drop"
    yield f"ip6 daddr != @{public} drop"
    yield from inward6(shelf, router)
    yield "accept"


def _forged(router: Router) -> Iterator[str]:
    """Stop what a VNIC sends as if it came from outside, to an address that is translated.

    Its mark says that it should leave; connection tracking has turned it back, as the answer to
    somebody's flow. Only who may send from any address can do so.
    """
    if any(port.vnic.skip_source_dest_check for port in router.ports):
        uplink = quote(UPLINK)
        marked = f"meta mark {HIGHEST_TABLE + 1:#010x}-0xffffffff"
        yield f"iifname != {uplink} oifname != {uplink} {marked} drop"


def _inbound() -> Iterator[str]:
    yield f"oifname {quote(UPLINK)} drop"
    yield "ct direction original ct original ip daddr . ip daddr @receiving accept"
    yield "ct direction reply ct reply ip daddr . ip daddr @standing accept"
    yield "ct direction reply ct reply ip daddr @shared accept"


def _left6(uplink: str) -> Iterator[str]:
    # What should leave by a gate whose link is just being made.
    yield f"oifname {uplink} meta nfproto ipv6 meta mark != 0x00000000 drop"


def _input(*, six: bool) -> Iterator[str]:
    yield 'iifname "lo" accept'
    yield "iifname @beside drop"
    asks = f"meta l4proto . th dport {{ {SERVED} }}"
    yield f"ip daddr {METADATA} {asks} iifname . ip saddr @primaries accept"
    yield f"ip daddr != {METADATA} icmp type echo-request accept"
    if six:
        metadata = f"ip6 daddr {METADATA6} tcp dport {METADATA_PORT}"
        yield f"{metadata} iifname . ip6 saddr @primaries6 accept"
        asked = f"icmpv6 type {{ {DISCOVERY}, echo-request }}"
        yield f"ip6 daddr != {METADATA6} {asked} accept"
