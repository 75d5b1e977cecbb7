"""A node on which all sides agree, to be spoiled one thing at a time."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from core.wiring.cables import a_lease, a_pod

from mooring.core.ipam.ledger import Entry, Held, Lease, Ledger, Netns, Placed
from mooring.core.linux import nft
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    Neighbour,
    Plan,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.linux.seen import Link, Seen
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, Pair, VnicStatus
from mooring.core.npn.seen import MINE, AddressSeen, VnicSeen
from mooring.core.wiring import node, pod, ruleset, vnic
from mooring.core.wiring.audit.compare import compare
from mooring.core.wiring.audit.difference import Difference
from mooring.core.wiring.audit.sides import (
    AgentTold,
    CloudTold,
    Inside,
    KernelTold,
    LedgerTold,
    NpnTold,
    PodTold,
    Sides,
)
from mooring.core.wiring.node import Primary
from mooring.core.wiring.ruleset import Ground
from mooring.core.wiring.vnic import Uplink

NAME = "aaaa"
VNIC = "ocid1.vnic.oc1..a"
NOW = 1000.0
MTU = 9000
PRIMARY = Primary("ens3", IPv4Address("10.0.2.7"))
ONE, TWO, THREE = (IPv4Address(f"10.0.8.{n}") for n in (5, 6, 7))
STATUS = VnicStatus(
    vnic_id=VNIC,
    mac_address="02:00:17:00:00:05",
    subnet_id="ocid1.subnet.oc1..pods",
    router=Pair(IPv4Address("10.0.8.1")),
    host=Pair(IPv4Address("10.0.8.4")),
    pod_addresses=(Pair(ONE), Pair(TWO), Pair(THREE)),
)
UPLINK = Uplink(STATUS, 1, "ens5", MTU)
DEFAULT = Route(HOST, IPv4Network("0.0.0.0/0"), "ens3", gateway=IPv4Address("10.0.2.1"))


def lease_of(container: str, address: IPv4Address, inode: int) -> Lease:
    lease = a_lease(a_pod(container), Pair(address))
    return replace(lease, netns=Netns(f"/run/netns/{container}", inode))


FIRST, SECOND = lease_of("c1", ONE, 101), lease_of("c2", TWO, 102)


def a_link(name: str, mac: str, kind: str = "", alias: str = "") -> Link:
    return Link(
        name=name,
        index=7,
        mac=mac,
        mtu=MTU,
        up=True,
        operational=True,
        kind=kind,
        peer_index=2 if kind == "veth" else None,
        alias=alias,
        group=0,
    )


def link_of(end: End) -> Link:
    return a_link(end.name, end.mac, "veth", end.alias)


def seen_of(space: str, facts: Plan, *links: Link) -> Seen:
    """What a look shows when these facts hold."""
    ends = [
        link_of(end)
        for fact in facts
        if isinstance(fact, Veth)
        for end in (fact.near, fact.far)
        if end.space == space
    ]
    here = [f for f in facts if not isinstance(f, Veth) and f.space == space]
    return Seen(
        space,
        {link.name: link for link in (*ends, *links)},
        frozenset(f for f in here if isinstance(f, Address)),
        frozenset(f for f in here if isinstance(f, Route)),
        frozenset(f for f in here if isinstance(f, Rule)),
        frozenset(f for f in here if isinstance(f, Neighbour)),
    )


def inside_of(lease: Lease, *without: Fact) -> Seen:
    """A pod's namespace as ADD left it, but for some facts."""
    facts = tuple(f for f in pod.plan(lease, MTU) if f not in without)
    return seen_of(POD, facts, a_link("lo", "00:00:00:00:00:00", "loopback"))


def listing(sources: ruleset.Sources) -> str:
    """What nft lists, near enough."""
    return nft.render(ruleset.table(ground(), sources))


def ground(*, tracked: bool = False) -> Ground:
    return Ground(PRIMARY, (UPLINK,), tracked)


@dataclass
class Scene:
    """All that there is; `sides()` tells of it."""

    leases: list[Lease] = field(default_factory=lambda: [FIRST, SECOND])
    entries: list[Entry] = field(default_factory=list)
    without: set[Fact] = field(default_factory=set)
    extra: list[Fact] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    insides: dict[str, Inside] = field(default_factory=dict)
    sources: ruleset.Sources | None = None
    changes: dict[str, object] = field(default_factory=dict)
    status: NpnStatus = field(
        default_factory=lambda: NpnStatus(state="SUCCESS", vnics=(STATUS,))
    )

    def sides(self) -> Sides:
        sides = Sides(
            now=NOW,
            pods=tuple(
                PodTold(
                    name=f"pod-{lease.attachment.container}",
                    container=lease.attachment.container,
                    addresses=(lease.addresses.v4,) if lease.addresses.v4 else (),
                )
                for lease in self.leases
            ),
            ledger=LedgerTold(ledger=self.ledger()),
            kernel=self.kernel(),
            npn=NpnTold(name=NAME, npn=self.npn()),
            cloud=self.cloud(),
            agent=AgentTold(answers=True, mtu=MTU),
            spool=(),
        )
        return replace(sides, **self.changes)

    def ledger(self) -> Ledger:
        held = (Held(lease) for lease in self.leases)
        return Ledger().after([Placed(VNIC, 1), *held, *self.entries])

    def npn(self) -> Npn:
        return Npn(name=NAME, spec=NpnSpec(id="i"), status=self.status)

    def facts(self) -> Plan:
        pods = [f for x in self.leases for f in pod.host_side(pod.plan(x, MTU))]
        near = Address(HOST, "ens3", IPv4Interface("10.0.2.7/24"))
        plan = (*node.plan(PRIMARY), *vnic.plan(UPLINK), DEFAULT, near, *pods)
        return tuple(f for f in (*plan, *self.extra) if f not in self.without)

    def kernel(self) -> KernelTold:
        ens3 = a_link("ens3", "02:00:17:00:00:03")
        seen = seen_of(HOST, self.facts(), ens3, a_link("ens5", STATUS.mac_address))
        links = {**seen.links, **self.links}
        for name in self.gone:
            del links[name]
        insides: dict[str, Inside] = {
            x.attachment.container: inside_of(x) for x in self.leases
        }
        insides.update(self.insides)
        wanted = ruleset.sources(self.leases)
        table = listing(wanted if self.sources is None else self.sources)
        frame, _ = ruleset.listed(table)
        sysctls = (f for f in self.facts() if isinstance(f, Sysctl))
        return KernelTold(
            seen=replace(seen, links=links),
            table=table,
            memo=nft.render(ruleset.memo(ground(), frame)),
            settings={fact.key: fact.value for fact in sysctls},
            insides={
                x.attachment: insides[x.attachment.container]
                for x in self.leases
                if x.attachment.container in insides
            },
            inhabited=frozenset(x.netns.inode for x in self.leases),
        )

    def cloud(self) -> CloudTold:
        blocks = [
            AddressSeen(
                id="p", vnic_id=VNIC, block=IPv4Network("10.0.8.9/32"), is_primary=True
            ),
            AddressSeen(id="b", vnic_id=VNIC, block=IPv4Network("10.0.8.4/30")),
        ]
        return CloudTold(vnics={VNIC: a_vnic(VNIC)}, addresses={VNIC: tuple(blocks)})

    def found(self) -> tuple[Difference, ...]:
        return compare(self.sides())

    def codes(self) -> list[str]:
        return sorted(str(d.code) for d in self.found())


def a_vnic(ident: str, *, tagged: bool = True, primary: bool = False) -> VnicSeen:
    return VnicSeen(
        id=ident,
        state="AVAILABLE",
        mac_address=STATUS.mac_address,
        subnet_id=STATUS.subnet_id,
        is_primary=primary,
        tags={MINE: NAME} if tagged else {},
    )
