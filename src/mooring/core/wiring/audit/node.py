"""The object and the ledger beside the kernel: VNICs, the node's rules and routes, the nft table."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mooring.core.ipam.ledger import Ledger
from mooring.core.linux import drift
from mooring.core.linux.plan import (
    HOST,
    Address,
    Fact,
    LinkUp,
    Plan,
    Route,
    Rule,
    Sysctl,
)
from mooring.core.npn.record import NpnStatus
from mooring.core.wiring import node as wiring
from mooring.core.wiring import pod, ruleset, vnic
from mooring.core.wiring.audit.cables import cables
from mooring.core.wiring.audit.difference import Difference
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.sides import KernelTold, Side, Sides
from mooring.core.wiring.ruleset import Ground
from mooring.core.wiring.strays import strays
from mooring.core.wiring.vnic import Match, Uplink
from mooring.core.wiring.words import say

_CODES = {
    Rule: Code.RULE_MISSING,
    Route: Code.NODE_ROUTE_MISSING,
    Address: Code.NODE_ADDRESS_MISSING,
    LinkUp: Code.NODE_LINK_CHANGED,
}


def compare(sides: Sides) -> Iterator[Difference]:
    """Compare object, ledger and kernel, pods aside."""
    if sides.npn is None:
        return
    name, npn = sides.npn.name, sides.npn.npn
    if npn is None:
        says = {Side.NPN: f"there is no object {name}"}
        yield Difference(Code.NPN_ABSENT, name, says)
        return
    status, ledger = npn.status, sides.believed
    if status.state != "SUCCESS":
        because = " ".join(x for x in (status.reason, status.message) if x)
        says = {Side.NPN: f"{status.state or 'not begun'} {because}".strip()}
        yield Difference(Code.NPN_NOT_SETTLED, name, says)
    if sides.kernel is None:
        return
    match = vnic.match(status.vnics, sides.kernel.seen.links)
    yield from _absent(sides, status, match)
    if ledger is not None:
        yield from _numbers(ledger, status, match)
        yield from _set_up(sides, sides.kernel, uplinks(sides, ledger))


def settings(sides: Sides) -> tuple[str, ...]:
    """Name the kernel settings whose values a comparison needs."""
    ledger = sides.believed
    if ledger is None or sides.kernel is None:
        return ()
    wanted = wiring.whole(wiring.primary(sides.kernel.seen), uplinks(sides, ledger))
    return tuple(fact.key for fact in wanted if isinstance(fact, Sysctl))


def uplinks(sides: Sides, ledger: Ledger) -> tuple[Uplink, ...]:
    """Give the VNICs that the agent works with: a link here, a number in the ledger."""
    npn = sides.npn.npn if sides.npn else None
    if npn is None or sides.kernel is None:
        return ()
    links = sides.kernel.seen.links
    found = vnic.match(npn.status.vnics, links).links
    mtu = sides.agent.mtu if sides.agent else None
    return tuple(
        Uplink(
            v,
            ledger.slots[v.vnic_id],
            found[v.vnic_id],
            mtu or links[found[v.vnic_id]].mtu,
        )
        for v in npn.status.vnics
        if v.vnic_id in found and v.vnic_id in ledger.slots
    )


def _absent(sides: Sides, status: NpnStatus, match: Match) -> Iterator[Difference]:
    macs = {v.vnic_id: v.mac_address for v in status.vnics}
    for ident in match.absent:
        says = {
            Side.NPN: f"lists it with MAC {macs[ident]}",
            Side.KERNEL: "has no link with that MAC",
        }
        if sides.cloud is not None and ident not in sides.cloud.vnics:
            says[Side.CLOUD] = "has not attached it"
            yield Difference(
                Code.VNIC_WITHOUT_LINK,
                ident,
                says,
                because="the VNIC was detached",
                advice="the controller attaches another",
                whose=By.CONTROLLER,
            )
        else:
            yield Difference(Code.VNIC_WITHOUT_LINK, ident, says)


def _numbers(ledger: Ledger, status: NpnStatus, match: Match) -> Iterator[Difference]:
    listed = {v.vnic_id for v in status.vnics}
    used = {lease.vnic_id for lease in ledger.leases.values()}
    for ident in match.links:
        if ident not in ledger.slots:
            says = {Side.NPN: "lists it", Side.LEDGER: "has no number for it"}
            yield Difference(Code.VNIC_NOT_TAKEN, ident, says)
    for ident, slot in ledger.slots.items():
        if ident not in listed and ident not in used:
            says = {Side.LEDGER: f"it has number {slot}", Side.NPN: "does not list it"}
            yield Difference(Code.VNIC_LEFT_OVER, ident, says)


def _set_up(
    sides: Sides, kernel: KernelTold, working: tuple[Uplink, ...]
) -> Iterator[Difference]:
    primary = wiring.primary(kernel.seen)
    if primary is None:
        says = {Side.KERNEL: "has no default route whose link has an address near it"}
        yield Difference(Code.NO_PRIMARY, "default route", says)
        return
    wanted = wiring.whole(wiring.primary(kernel.seen), working)
    shut = sides.agent.refused if sides.agent else frozenset()
    refused = {f for u in working if u.status.vnic_id in shut for f in vnic.plan(u)}
    lacking = (*_facts(kernel, wanted), *_settings(kernel.settings, wanted))
    for fact, difference in lacking:
        yield _refused(difference) if fact in refused else difference
    yield from _strays(sides, kernel, wanted)
    yield from _table(kernel, primary, working)


def _refused(difference: Difference) -> Difference:
    """Say of cables of a VNIC that is shut who keeps the agent from making them."""
    return replace(
        difference,
        because="the kernel refuses the agent a part of this VNIC's cables, so the VNIC"
        " is shut: it gives no addresses",
        advice="mend what `trouble` in the agent's status.json and log says; the agent"
        " tries at each look at the node",
        whose=By.YOU,
    )


def _facts(kernel: KernelTold, wanted: Plan) -> Iterator[tuple[Fact, Difference]]:
    lacking = drift.missing(wanted, {HOST: kernel.seen})
    down = {name for name, link in kernel.seen.links.items() if not link.up}
    for fact in lacking:
        if isinstance(fact, Route) and fact.link in down:
            continue  # the kernel takes the routes of a link that goes down
        code = _CODES[type(fact)]
        says = {Side.KERNEL: f"lacks {say(fact)}"}
        if isinstance(fact, LinkUp):
            link = kernel.seen.links[fact.link]
            state = "up" if link.up else "down"
            says = {Side.KERNEL: f"{fact.link} is {state} with MTU {link.mtu}"}
        yield fact, Difference(code, say(fact), says)


def _settings(
    values: Mapping[str, str], wanted: Plan
) -> Iterator[tuple[Fact, Difference]]:
    for fact in wanted:
        if not isinstance(fact, Sysctl) or fact.key not in values:
            continue
        if values[fact.key].split() != fact.value.split():
            says = {Side.KERNEL: f"{values[fact.key]} instead of {fact.value}"}
            yield fact, Difference(Code.SETTING_CHANGED, fact.key, says)


def _strays(sides: Sides, kernel: KernelTold, wanted: Plan) -> Iterator[Difference]:
    ledger = sides.believed
    leases = ledger.leases.values() if ledger else ()
    laid = [f for lease in leases for f in pod.host_side(cables(sides, lease))]
    ways = {(f.destination, f.table) for f in laid if isinstance(f, Route)}
    for fact in strays(kernel.seen, (*wanted, *laid)):
        if isinstance(fact, Route) and (fact.destination, fact.table) in ways:
            continue  # told of as a pod's route that leads elsewhere
        code = Code.RULE_STRAY if isinstance(fact, Rule) else Code.ROUTE_STRAY
        says = {
            Side.KERNEL: f"has {say(fact)}",
            Side.LEDGER: "has nothing that needs it",
        }
        yield Difference(code, say(fact), says)


def _table(
    kernel: KernelTold, primary: wiring.Primary, working: tuple[Uplink, ...]
) -> Iterator[Difference]:
    name = f"{ruleset.FAMILY} {ruleset.NAME}"
    if not kernel.table:
        says = {Side.KERNEL: f"has no table {name}"}
        yield Difference(Code.TABLE_MISSING, name, says)
        return
    frame, _ = ruleset.listed(kernel.table)
    grounds = (Ground(primary, working, tracked) for tracked in (False, True))
    made = [
        chain.name for ground in grounds for chain in ruleset.memo(ground, frame).chains
    ]
    if kernel.memo and not any(each in kernel.memo for each in made):
        says = {Side.KERNEL: "lists another table than the agent wrote"}
        yield Difference(Code.TABLE_CHANGED, name, says)
