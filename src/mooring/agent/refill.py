"""Journey 3: from a NativePodNetwork's status to a pool, and VNICs that work.

    status -> VNICs' links by MAC -> pool -> nft table -> cables of node and VNICs
                                      |
              the first time: what the last life left (`agent.resume`)

A status counts when the cloud has reached it (SUCCESS), and later in any state that names
VNICs: what it lists is there. One that names none, after there were some, says that the cloud
has no address for pods left: then nothing is handed out any more. Where two families are
asked for, it counts as well when the preferred one is complete and the controller has said that
the other is not to be had for now.
A VNIC whose link has not appeared gives no addresses yet, nor does one of whose cables the kernel
refuses a part; the other VNICs serve on.
Nothing is touched before the first status that counts, so a restart of the agent while the
store is out of reach leaves every pod as it is.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from mooring.agent.book import Book
from mooring.agent.host import Host
from mooring.agent.node import Node, Standing
from mooring.agent.resume import Resume
from mooring.agent.source import Source, explain
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.pool import Offer, Offers, offer, paired, parts
from mooring.core.linux import drift
from mooring.core.linux.plan import HOST, Fact, Ip, Plan, Sysctl
from mooring.core.linux.port import KernelError, NftError
from mooring.core.linux.seen import Seen
from mooring.core.npn.record import UNDER_WAY, NpnStatus, VnicStatus
from mooring.core.wiring import node as node_wiring
from mooring.core.wiring import vnic
from mooring.core.wiring.names import words
from mooring.core.wiring.vnic import Match, Uplink
from mooring.core.wiring.words import say

SEEK_SECONDS = 30.0
"""How long a link that a new status names is looked for at each turn; later, as the node is looked at."""


class Refill:
    """Keeps pool and VNICs as the status says."""

    def __init__(
        self, host: Host, book: Book, node: Node, source: Source, resume: Resume
    ) -> None:
        self._host = host
        self._book = book
        self._node = node
        self._source = source
        self._resume = resume
        self._said = ""
        self._withheld = False
        self._latest: NpnStatus | None = None
        self._draining: frozenset[AttachmentId] = frozenset()
        self._contested: frozenset[Ip] = frozenset()
        self._seek_until = float("-inf")

    def turn(self) -> None:
        """Look whether the object has changed, and follow it."""
        now = self._host.clock.now()
        self._latest = self._source.changed(now) or self._latest
        if self._source.trouble:
            self._complain(self._source.trouble)
        status = self._latest
        # One that could not be followed last time is followed now; one that could, but
        # not put in force, waits for the next look at the node.
        if status is None or not self._is_new(status):
            if now < self._seek_until and self._lacks_a_link():
                self.relook(self._host.kernel.look(HOST, None))
            return
        if self._counts(status):
            self._seek_until = now + SEEK_SECONDS
            seen = self._host.kernel.look(HOST, None)
            self._withheld = False
            self.follow(status, seen)
        elif status.state and self._node.standing.npn.vnics and not self._withheld:
            self._withhold()

    def _withhold(self) -> None:
        """Hand nothing out any more: the cloud has no address for pods left on any VNIC.

        The cables stay as they are: which VNICs are there the status does not say.
        """
        self._withheld = True
        self._host.say("withheld", why=self._source.trouble)
        self._book.refill(self._offers(self._node.standing.npn.vnics))
        self._report_drains()

    def _lacks_a_link(self) -> bool:
        standing = self._node.standing
        return bool(standing.absent) or standing.primary is None

    def relook(self, seen: Seen) -> None:
        """Follow the links and the primary's address, which change by themselves."""
        standing = self._node.standing
        if standing.npn == NpnStatus():
            return
        match = vnic.match(standing.npn.vnics, seen.links)
        links = {v: u.link for v, u in standing.uplinks.items()}
        primary = node_wiring.primary(seen) or standing.primary
        same = (match.links, primary) == (links, standing.primary)
        settled = self._contested == self._held_hosts(standing.npn)
        refused = [standing.uplinks[v] for v in standing.refused]
        mended = any(self._lies(uplink, seen) for uplink in refused)
        if not same or not settled or mended or not self._node.in_force:
            self.follow(standing.npn, seen)

    def follow(self, status: NpnStatus, seen: Seen) -> None:
        """Make pool, table and cables as the status says."""
        before = self._node.standing.plan()
        match = vnic.match(status.vnics, seen.links)
        here = [v for v in status.vnics if v.vnic_id in match.links]
        refused_before = self._node.standing.refused
        self._book.refill(self._offers(here, refused_before))
        self._book.rest_for(status.pool.policy.cool_down if status.pool else None)
        primary = node_wiring.primary(seen) or self._node.standing.primary
        if primary is not None:
            # First of all: which addresses pods hold, the kernel may know better.
            self._resume.take_over(seen)
        self._node.standing = self._standing(status, match, seen)
        self._report_drains()
        try:
            self._put_in_force(before, seen)
        except (KernelError, NftError) as why:
            self._node.in_force = False
            self._complain(f"the node could not be set up: {why}")
            return
        if not self._node.in_force:
            self._complain(self._node.standing.trouble)
            return
        refused = self._node.standing.refused
        if refused != refused_before:
            self._book.refill(self._offers(here, refused))
            self._said = ""
        if refused:
            self._complain(self._node.standing.trouble)
        pool = self._book.ledger.pool
        self._host.say(
            "refilled",
            links=",".join(u.link for u in self._node.standing.uplinks.values()),
            free=",".join(str(pool.count(v).free) for v in pool.families or (4,)),
            absent=",".join(match.absent),
        )

    def _offers(
        self, vnics: Iterable[VnicStatus], refused: Collection[str] = ()
    ) -> Offers:
        """Read what VNICs give; one that gives none for now keeps its number."""
        offers = {v.vnic_id: _offer(v) for v in vnics}
        if self._withheld:
            return {v: replace(o, addresses=()) for v, o in offers.items()}
        return offers | {
            v: replace(offers[v], shut=True) for v in offers.keys() & refused
        }

    def _is_new(self, status: NpnStatus) -> bool:
        return self._withheld or status != self._node.standing.npn

    def _counts(self, status: NpnStatus) -> bool:
        if status.state == "SUCCESS" or _serves(status):
            return True
        before = self._node.standing.npn.vnics or self._book.ledger.slots
        return bool(status.vnics and before)

    def _standing(self, status: NpnStatus, match: Match, seen: Seen) -> Standing:
        slots = self._book.ledger.slots
        self._refuse_hosts(status)
        uplinks = {
            v.vnic_id: Uplink(
                self._hosted(v),
                slots[v.vnic_id],
                match.links[v.vnic_id],
                self._node.mtu,
            )
            for v in status.vnics
            if v.vnic_id in match.links and v.vnic_id in slots
        }
        primary = node_wiring.primary(seen) or self._node.standing.primary
        trouble = explain(self._source.name, status)
        if match.absent:
            trouble = f"no link of this node has the MAC of {', '.join(match.absent)}"
        if primary is None:
            trouble = "no default route, so the node's primary VNIC is not known"
        return Standing(primary, uplinks, match.absent, status, trouble)

    def _held_hosts(self, status: NpnStatus) -> frozenset[Ip]:
        hosts = {a for v in status.vnics for a in parts(v.host)}
        return frozenset(hosts & self._book.ledger.holders.keys())

    def _refuse_hosts(self, status: NpnStatus) -> None:
        """Leave to a pod what it holds, though the status calls it the host's."""
        contested = self._held_hosts(status)
        if contested - self._contested:
            self._host.say(
                "host-refused",
                address=",".join(map(str, sorted(contested, key=str))),
                because="a pod holds it",
                next="the VNIC has no host address until the pod ends",
            )
        self._contested = contested

    def _hosted(self, vnic: VnicStatus) -> VnicStatus:
        """Give a VNIC with only those host addresses that no pod holds."""
        mine = parts(vnic.host)
        kept = [a for a in mine if a not in self._contested]
        return vnic if len(kept) == len(mine) else replace(vnic, host=paired(kept))

    def _put_in_force(self, before: Plan, seen: Seen) -> None:
        standing = self._node.standing
        if standing.primary is None:
            return
        # The source check comes first: only with it may the node accept any source.
        self._node.write_table(self._book.ledger.leases.values())
        plan = standing.plan()
        gone = tuple(fact for fact in before if fact not in plan)
        self._host.kernel.take_back(gone, {HOST: None})
        # What holds already is left alone: the kernel's own rule for `main` is not ours.
        lacking = set(drift.missing(plan, {HOST: seen}))
        facts = tuple(f for f in plan if f in lacking or isinstance(f, Sysctl))
        cables = {v: frozenset(vnic.plan(u)) for v, u in standing.uplinks.items()}
        theirs = frozenset[Fact]().union(*cables.values())
        self._make(f for f in facts if f not in theirs)
        refusals: dict[str, KernelError] = {}
        for vnic_id, own in cables.items():
            try:
                self._make(f for f in facts if f in own)
            except KernelError as why:
                refusals[vnic_id] = why
        if refusals:
            said = [_refusal(vnic_id, why) for vnic_id, why in refusals.items()]
            trouble = "; ".join(filter(None, (*said, standing.trouble)))
            self._node.standing = replace(
                standing, refused=tuple(refusals), trouble=trouble
            )
        self._resume.end()
        self._node.in_force = True

    def _lies(self, uplink: Uplink, seen: Seen) -> bool:
        """Tell whether all cables of a VNIC lie; what no look shows is made to be sure."""
        plan = vnic.plan(uplink)
        if drift.missing(plan, {HOST: seen}):
            return False
        try:
            self._make(fact for fact in plan if isinstance(fact, Sysctl))
        except KernelError:
            return False
        return True

    def _make(self, facts: Iterable[Fact]) -> None:
        self._host.kernel.carry_out(tuple(facts), {HOST: None})

    def _report_drains(self) -> None:
        """Say once of each pod that the cloud took its address away."""
        draining = self._book.ledger.draining()
        for lease in draining:
            if lease.attachment not in self._draining:
                self._host.say(
                    "withdrawn",
                    attachment=words(lease.attachment),
                    address=",".join(map(str, parts(lease.addresses))),
                    next="the pod keeps it until it ends; nobody gets it after that",
                )
        self._draining = frozenset(lease.attachment for lease in draining)

    def _complain(self, trouble: str) -> None:
        """Say once what keeps the node from being set up."""
        if trouble and trouble != self._said:
            self._host.say("trouble", why=trouble)
        self._said = trouble
        if not self._node.in_force:
            standing = self._node.standing
            self._node.standing = replace(standing, trouble=trouble)


def _offer(vnic: VnicStatus) -> Offer:
    """Read what a VNIC gives to pods; IPv6 leads nowhere without its router."""
    families = [f for f in vnic.ip_families if f == "IPv4" or vnic.router.v6]
    return offer(vnic.pod_addresses, families or ("IPv4",))


def _refusal(vnic_id: str, why: KernelError) -> str:
    what = "" if why.fact is None else f"{say(why.fact)}: "
    return (
        f"{vnic_id} gives no addresses: the kernel refused {what}"
        f"{why.message} (errno {why.errno})"
    )


def _serves(status: NpnStatus) -> bool:
    """Tell whether the family without which there is no pod is complete, and no other comes.

    One that is under way is waited for: a pod keeps the addresses that it began with.
    """
    ready = [c for c in status.conditions if c.type.endswith("Ready")]
    return (
        status.state == "BACKOFF"
        and len(ready) > 1
        and ready[0].status == "True"
        and all(c.status == "True" or c.reason != UNDER_WAY for c in ready)
    )
