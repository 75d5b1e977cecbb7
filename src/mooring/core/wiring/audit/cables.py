"""The ledger beside the kernel: each lease's cables, and cables without a lease."""

from collections.abc import Iterator, Mapping

from mooring.core.ipam.ledger import Lease, Phase
from mooring.core.linux import drift
from mooring.core.linux.plan import HOST, MAIN, POD, End, Fact, Ip, Plan, Route, Veth
from mooring.core.linux.seen import Link, Seen
from mooring.core.wiring import pod, ruleset
from mooring.core.wiring.audit.difference import Difference, of
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.pods import address, held
from mooring.core.wiring.audit.sides import Inside, KernelTold, Side, Sides
from mooring.core.wiring.names import PREFIX, host_link, read_alias, words
from mooring.core.wiring.strays import host_ends, orphans
from mooring.core.wiring.words import say

_OPEN = {Phase.CLAIMED: Code.LEASE_CLAIMED, Phase.LEAVING: Code.LEASE_LEAVING}


def compare(sides: Sides) -> Iterator[Difference]:
    """Compare leases and cables."""
    ledger, kernel = sides.believed, sides.kernel
    if ledger is None:
        return
    for lease in ledger.leases.values():
        if lease.phase in _OPEN:
            says = {Side.LEDGER: f"{held(sides, lease)}, {lease.phase}"}
            yield Difference(
                _OPEN[lease.phase], address(lease), says, holder=lease.attachment
            )
    if kernel is None:
        return
    for lease in sides.wired:
        yield from of(lease.attachment, _lease(sides, kernel, lease))
    yield from _links(sides, kernel.seen.links)
    yield from _sources(sides, kernel)
    yield from _cooling(sides, kernel)


def cables(sides: Sides, lease: Lease) -> Plan:
    """Lay out a lease's cables; of an MTU that nobody told, the one that is there is right."""
    mtu = sides.agent.mtu if sides.agent else None
    if mtu is None and sides.kernel is not None:
        link = sides.kernel.seen.links.get(host_link(lease.attachment))
        mtu = link.mtu if link else None
    return pod.plan(lease, mtu or 0)


def _lease(sides: Sides, kernel: KernelTold, lease: Lease) -> Iterator[Difference]:
    laid = cables(sides, lease)
    name = host_link(lease.attachment)
    link = kernel.seen.links.get(name)
    inside = kernel.insides.get(lease.attachment)
    if link is None:
        yield _linkless(sides, lease, inside)
        return
    (veth,) = (fact for fact in laid if isinstance(fact, Veth))
    faults = _faults(veth.near, link)
    if faults:
        says = {
            Side.LEDGER: held(sides, lease),
            Side.KERNEL: f"{name} {', '.join(faults)}",
        }
        yield Difference(Code.LINK_CHANGED, name, says)
    if link.up:  # the kernel takes the routes of a link that goes down
        yield from _ways_in(kernel.seen, laid, held(sides, lease))
    if isinstance(inside, Seen):
        yield from _inside(sides, lease, inside)


def _linkless(sides: Sides, lease: Lease, inside: Inside | None) -> Difference:
    name = host_link(lease.attachment)
    if isinstance(inside, Seen):
        says = {Side.LEDGER: held(sides, lease), Side.KERNEL: f"has no link {name}"}
        return Difference(Code.LINK_MISSING, name, says)
    where = lease.netns.path or f"inode {lease.netns.inode}"
    says = {
        Side.LEDGER: held(sides, lease),
        Side.KERNEL: f"has no link {name} and no namespace {where}",
    }
    return Difference(Code.NAMESPACE_GONE, address(lease), says)


def _faults(end: End, link: Link) -> tuple[str, ...]:
    """Say in which ways a link is not the end that was laid."""
    checks = (
        (link.kind == drift.VETH, f"is of kind {link.kind or 'hardware'}"),
        (link.mac == end.mac, f"has MAC {link.mac} instead of {end.mac}"),
        (link.up, "is down"),
        (link.mtu == end.mtu, f"has MTU {link.mtu} instead of {end.mtu}"),
        (link.alias == end.alias, f"has alias {link.alias!r}"),
    )
    return tuple(words for holds, words in checks if not holds)


def _ways_in(seen: Seen, laid: Plan, told: str) -> Iterator[Difference]:
    for fact in drift.missing(pod.ways_in(laid), {HOST: seen}):
        says = {Side.LEDGER: told}
        if not isinstance(fact, Route):
            says[Side.KERNEL] = f"lacks {say(fact)}"
            yield Difference(Code.NEIGHBOUR_MISSING, say(fact), says)
            continue
        others = [say(r) for r in seen.routes if _same_way(r, fact)]
        if others:
            says[Side.KERNEL] = f"has {', '.join(sorted(others))}"
            yield Difference(Code.ROUTE_ELSEWHERE, str(fact.destination), says)
        else:
            says[Side.KERNEL] = f"lacks {say(fact)}"
            yield Difference(Code.ROUTE_MISSING, str(fact.destination), says)


def _same_way(route: Route, wanted: Route) -> bool:
    return route.table == MAIN and route.destination == wanted.destination


def _inside(sides: Sides, lease: Lease, inside: Seen) -> Iterator[Difference]:
    name, ifname = words(lease.attachment), lease.attachment.ifname
    says = {Side.LEDGER: held(sides, lease)}
    if ifname not in inside.links:
        shown = ", ".join(sorted(inside.links))
        says[Side.KERNEL] = f"the namespace has {shown} and no {ifname}"
        yield Difference(Code.INTERFACE_GONE, name, says)
        return
    laid = pod.inside(cables(sides, lease))
    lacking: tuple[Fact, ...] = pod.lacking(laid, {POD: inside})
    if lacking:
        says[Side.KERNEL] = "lacks " + ", ".join(say(fact) for fact in lacking)
        yield Difference(Code.INSIDE_MISSING, name, says)


def _links(sides: Sides, links: Mapping[str, Link]) -> Iterator[Difference]:
    ledger = sides.believed
    known = [host_link(a) for a in ledger.leases] if ledger else []
    for name in orphans(links, known):
        alias = read_alias(links[name].alias)
        says = {Side.LEDGER: "has no lease for it"}
        if alias is None:
            says[Side.KERNEL] = f"{name} has no alias of ours"
            because = "somebody else names links moor…, or the link was never named"
            yield Difference(Code.LINK_WITHOUT_LEASE, name, says, because)
        else:
            says[Side.KERNEL] = f"{name} was made for {words(alias.attachment)}"
            yield Difference(Code.LINK_WITHOUT_LEASE, name, says)
    for name, link in links.items():
        if name.startswith(PREFIX) and name not in host_ends(links):
            kind = link.kind or "hardware"
            says = {Side.KERNEL: f"{name} is of kind {kind}"}
            yield Difference(Code.FOREIGN_LINK, name, says)


def _sources(sides: Sides, kernel: KernelTold) -> Iterator[Difference]:
    """Compare the pods of the nft table; a table that is missing is told elsewhere."""
    ledger = sides.believed
    if not kernel.table or ledger is None:
        return
    _, there = ruleset.listed(kernel.table)
    wanted = ruleset.sources(sides.wired)
    for (link, source), mark in wanted.items():
        found = there.get((link, source))
        if found == mark:
            continue
        code = Code.SOURCE_MISSING if found is None else Code.SOURCE_WRONG
        shown = "lacks it" if found is None else f"has mark {found:#x} for it"
        says = {Side.LEDGER: f"{link} sends as {source} with mark {mark:#x}"}
        yield Difference(code, f"{link} {source}", {**says, Side.KERNEL: shown})
    known = ruleset.sources(ledger.leases.values())
    for link, source in there.keys() - known.keys():
        says = {
            Side.KERNEL: f"lets {link} send as {source}",
            Side.LEDGER: "has no such lease",
        }
        yield Difference(Code.SOURCE_STRAY, f"{link} {source}", says)


def _cooling(sides: Sides, kernel: KernelTold) -> Iterator[Difference]:
    """Find addresses that rest and are in use all the same."""
    ledger = sides.believed
    resting = ledger.pool.cooling if ledger else {}
    _, sources = ruleset.listed(kernel.table)
    for resting_one, until in resting.items():
        if until <= sides.now:
            continue
        running = [p for p in sides.pods or () if p.running]
        pods = [p.name for p in running if resting_one in p.addresses]
        users = [
            f"{source} of {link}" for link, source in sources if source == resting_one
        ]
        users += [say(r) for r in kernel.seen.routes if _leads_to_pod(r, resting_one)]
        says = {Side.LEDGER: f"{resting_one} rests for {until - sides.now:.0f} s more"}
        if users:
            says[Side.KERNEL] = f"has {', '.join(sorted(users))}"
        if pods:
            says[Side.PODS] = f"{', '.join(sorted(pods))} runs with it"
            anew = "delete the pod, so that its runtime starts it anew"
            name = str(resting_one)
            yield Difference(Code.COOLING_IN_USE, name, says, advice=anew, whose=By.YOU)
        elif users:
            yield Difference(Code.COOLING_IN_USE, str(resting_one), says)


def _leads_to_pod(route: Route, destination: Ip) -> bool:
    alone = route.destination.prefixlen == route.destination.max_prefixlen
    to_pod = (route.link or "").startswith(PREFIX)
    return alone and to_pod and route.destination.network_address == destination
