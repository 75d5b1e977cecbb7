"""Every kind of difference by itself: spoil one thing, and just that is named."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from core.wiring.audit_scene import (
    DEFAULT,
    FIRST,
    MTU,
    NAME,
    NOW,
    ONE,
    PRIMARY,
    SECOND,
    STATUS,
    THREE,
    TWO,
    UPLINK,
    VNIC,
    Scene,
    a_link,
    a_vnic,
    inside_of,
    link_of,
)
from core.wiring.cables import a_pod

from mooring.core.ipam.ledger import Cooled, Ledger, Phase, Placed
from mooring.core.linux.plan import (
    HOST,
    MAIN,
    Fact,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Condition, NpnStatus, Pair, PoolStatus
from mooring.core.npn.seen import AddressSeen
from mooring.core.wiring import node, pod, ruleset, vnic
from mooring.core.wiring.audit import node as audit_node
from mooring.core.wiring.audit.difference import (
    AskAgent,
    AwaitController,
    Difference,
    EndLease,
    RemoveFile,
    acts,
    lasting,
    say,
)
from mooring.core.wiring.audit.kinds import KINDS, By, Code
from mooring.core.wiring.audit.sides import (
    AgentTold,
    Gone,
    LedgerTold,
    NpnTold,
    PodTold,
    Side,
    SpoolFile,
)
from mooring.core.wiring.audit.twice import across
from mooring.core.wiring.names import host_link
from mooring.core.wiring.words import say as say_fact

PAGE = Path(__file__).parents[3] / "docs/programs/audit.md"
Spoil = Callable[[Scene], object]
LINK, LINK2 = host_link(FIRST.attachment), host_link(SECOND.attachment)
DEL = "01700000000000000000-4711-c9.del"


def laid(kind: type[Fact], lease: object = FIRST) -> Fact:
    """The first fact of a kind on the node's side of a pod's cables."""
    assert lease is FIRST
    return next(f for f in pod.host_side(pod.plan(FIRST, MTU)) if isinstance(f, kind))


def near() -> Veth:
    fact = laid(Veth)
    assert isinstance(fact, Veth)
    return fact


def link(**changes: object) -> dict[str, object]:
    return {LINK: replace(link_of(near().near), **changes)}


def wanted(kind: type[Fact], number: int = 0) -> Fact:
    plan = (
        *node.plan(node.Primary("ens3", IPv4Address("10.0.2.7"))),
        *vnic.plan(UPLINK),
    )
    return [fact for fact in plan if isinstance(fact, kind)][number]


def told(scene: Scene) -> dict[str, PodTold]:
    return {pod.container: pod for pod in scene.sides().pods or ()}


def pods(scene: Scene, *changed: PodTold, without: str = "") -> None:
    known = {**told(scene), **{pod.container: pod for pod in changed}}
    known.pop(without, None)
    scene.changes["pods"] = tuple(known.values())


def empty(scene: Scene, *inodes: int) -> None:
    """Let no process live in these namespaces."""
    kernel = scene.kernel()
    scene.changes["kernel"] = replace(kernel, inhabited=kernel.inhabited - set(inodes))


def leaked(scene: Scene) -> None:
    pods(scene, without="c1")
    empty(scene, 101)


def stopped(scene: Scene) -> None:
    pods(scene, replace(told(scene)["c1"], running=False))
    empty(scene, 101)


def leave(scene: Scene, phase: Phase) -> None:
    scene.leases[0] = replace(FIRST, phase=phase)


def source(scene: Scene) -> None:
    scene.sources = ruleset.sources([SECOND])


def wrong_source(scene: Scene) -> None:
    scene.sources = {**ruleset.sources([SECOND]), (LINK, ONE): 0x20000}


def nothing(scene: Scene) -> None:
    """Leave all as it is."""


def thief(scene: Scene) -> None:
    scene.sources = {**ruleset.sources(scene.leases), ("moorx", THREE): 0x10000}


def ledger(scene: Scene, **changes: object) -> None:
    fresh = LedgerTold(ledger=scene.ledger())
    scene.changes["ledger"] = replace(fresh, **changes)


def kernel(scene: Scene, **changes: object) -> None:
    scene.changes["kernel"] = replace(scene.kernel(), **changes)


def cloud(scene: Scene, *addresses: AddressSeen) -> None:
    scene.changes["cloud"] = replace(scene.cloud(), addresses={VNIC: addresses})


def block(text: str, ident: str = "b") -> AddressSeen:
    net = IPv6Network(text) if ":" in text else IPv4Network(text)
    return AddressSeen(id=ident, vnic_id=VNIC, block=net)


def status(scene: Scene, **changes: object) -> None:
    scene.status = NpnStatus(state="SUCCESS", vnics=(replace(STATUS, **changes),))


def elastic(scene: Scene) -> None:
    pool = PoolStatus(policy=PoolPolicy(warm_target=8), serial=3)
    scene.status = NpnStatus(state="SUCCESS", vnics=(STATUS,), pool=pool)


def listed_twice(scene: Scene) -> None:
    bare = replace(STATUS, vnic_id="other", router=Pair(), host=Pair())
    other = replace(bare, pod_addresses=(Pair(THREE),))
    scene.status = NpnStatus(state="SUCCESS", vnics=(STATUS, other))
    scene.entries.append(Placed("other", 2))
    scene.changes["cloud"] = None
    kernel(scene, memo="")


def spool(name: str, age: float) -> Spoil:
    return lambda s: s.changes.update(spool=(SpoolFile(name=name, age=age),))


def elsewhere() -> Route:
    route = laid(Route)
    assert isinstance(route, Route)
    return replace(route, link="ens5")


def stray(number: int) -> Route:
    net = IPv4Network("10.0.8.77/32") if number == MAIN else IPv4Network("0.0.0.0/0")
    return Route(HOST, net, "moor1", table=number)


ALIAS = near().near.alias
RULE = Rule(HOST, 510, 4, 7009, mark=0x90000, mask=0x7F0000)
DUPLICATE = replace(link_of(near().near), name="moorother")
SPOILS: list[tuple[str, Spoil, set[tuple[Code, str]]]] = [
    ("nothing", nothing, set()),
    # Pods beside the ledger.
    ("the pod is gone", leaked, {(Code.LEAKED_LEASE, str(ONE))}),
    ("the pod has stopped", stopped, {(Code.STOPPED_POD, str(ONE))}),
    (
        "the runtime forgot a pod that lives",
        lambda s: pods(s, without="c1"),
        {(Code.UNKNOWN_POD, str(ONE))},
    ),
    (
        "a pod is known to its runtime only",
        lambda s: pods(s, PodTold(name="web", container="c9", addresses=(THREE,))),
        {(Code.POD_WITHOUT_LEASE, "web (c9)")},
    ),
    (
        "a pod without address is known to its runtime only",
        lambda s: pods(s, PodTold(name="web", container="c9")),
        {(Code.POD_WITHOUT_LEASE, "web (c9)")},
    ),
    (
        "a stopped pod without a lease",
        lambda s: pods(s, PodTold(name="web", container="c9", running=False)),
        set(),
    ),
    (
        "runtime and ledger differ",
        lambda s: pods(s, replace(told(s)["c1"], addresses=(THREE,))),
        {(Code.OTHER_ADDRESS, "pod-c1 (c1)")},
    ),
    (
        "two pods with one address",
        lambda s: pods(s, replace(told(s)["c1"], addresses=(ONE, TWO))),
        {(Code.ADDRESS_TWICE, str(TWO))},
    ),
    (
        "a pod without an address of a family",
        lambda s: s.leases.__setitem__(0, replace(FIRST, families=(4, 6))),
        {(Code.FAMILY_MISSING, str(ONE))},
    ),
    ("the runtime is not asked", lambda s: s.changes.update(pods=None), set()),
    # The ledger beside the kernel.
    (
        "a lease that was begun",
        lambda s: leave(s, Phase.CLAIMED),
        {(Code.LEASE_CLAIMED, str(ONE))},
    ),
    (
        "a lease that ends",
        lambda s: leave(s, Phase.LEAVING),
        {(Code.LEASE_LEAVING, str(ONE))},
    ),
    ("a link is gone", lambda s: s.gone.add(LINK), {(Code.LINK_MISSING, LINK)}),
    (
        "link and namespace are gone",
        lambda s: (s.gone.add(LINK), s.insides.update(c1=Gone())),
        {(Code.NAMESPACE_GONE, str(ONE))},
    ),
    (
        "a link is down",
        lambda s: s.links.update(link(up=False)),
        {(Code.LINK_CHANGED, LINK)},
    ),
    (
        "a link has another MTU",
        lambda s: s.links.update(link(mtu=1500)),
        {(Code.LINK_CHANGED, LINK)},
    ),
    (
        "a link has another alias",
        lambda s: s.links.update(link(alias="")),
        {(Code.LINK_CHANGED, LINK)},
    ),
    (
        "a link has another MAC",
        lambda s: s.links.update(link(mac="02:00:00:00:00:99")),
        {(Code.LINK_CHANGED, LINK)},
    ),
    (
        "a link of another kind",
        lambda s: s.links.update(link(kind="")),
        {(Code.LINK_CHANGED, LINK), (Code.FOREIGN_LINK, LINK)},
    ),
    (
        "a link without lease",
        lambda s: s.links.update(
            moorother=a_link("moorother", "02:00:00:00:00:01", "veth")
        ),
        {(Code.LINK_WITHOUT_LEASE, "moorother")},
    ),
    (
        "a link of a lease that was",
        lambda s: s.leases.pop(0) and s.links.update({LINK: link_of(near().near)}),
        {(Code.LINK_WITHOUT_LEASE, LINK)},
    ),
    (
        "a link of somebody else's",
        lambda s: s.links.update(moorx=a_link("moorx", "02:00:00:00:00:01", "dummy")),
        {(Code.FOREIGN_LINK, "moorx")},
    ),
    (
        "hardware of somebody else's",
        lambda s: s.links.update(moorx=a_link("moorx", "02:00:00:00:00:01")),
        {(Code.FOREIGN_LINK, "moorx")},
    ),
    (
        "two links with one address",
        lambda s: s.links.update(moorother=DUPLICATE),
        {(Code.LINK_WITHOUT_LEASE, "moorother"), (Code.ADDRESS_TWICE, str(ONE))},
    ),
    (
        "two links with the address of no lease",
        lambda s: (
            s.leases.pop(0),
            s.links.update({LINK: link_of(near().near), "moorother": DUPLICATE}),
        ),
        {
            (Code.LINK_WITHOUT_LEASE, LINK),
            (Code.LINK_WITHOUT_LEASE, "moorother"),
            (Code.ADDRESS_TWICE, str(ONE)),
        },
    ),
    (
        "the route to a pod is gone",
        lambda s: s.without.add(laid(Route)),
        {(Code.ROUTE_MISSING, f"{ONE}/32")},
    ),
    (
        "the route to a pod leads elsewhere",
        lambda s: (s.without.add(laid(Route)), s.extra.append(elsewhere())),
        {(Code.ROUTE_ELSEWHERE, f"{ONE}/32")},
    ),
    (
        "the route to a pod leads to another pod",
        lambda s: (
            s.without.add(laid(Route)),
            s.extra.append(replace(elsewhere(), link=LINK2)),
        ),
        {(Code.ROUTE_ELSEWHERE, f"{ONE}/32")},
    ),
    (
        "a pod's neighbour is gone",
        lambda s: s.without.add(laid(Neighbour)),
        {(Code.NEIGHBOUR_MISSING, f"neighbour {ONE} at 06:6d:8a:1a:9c:d5 on {LINK}")},
    ),
    (
        "the interface in the pod is gone",
        lambda s: s.insides.update(c1=replace(inside_of(FIRST), links={})),
        {(Code.INTERFACE_GONE, "mooring/c1/eth0")},
    ),
    (
        "something in the pod is gone",
        lambda s: s.insides.update(
            c1=inside_of(
                FIRST, *[f for f in pod.plan(FIRST, MTU) if isinstance(f, Route)]
            )
        ),
        {(Code.INSIDE_MISSING, "mooring/c1/eth0")},
    ),
    ("a pod may not send", source, {(Code.SOURCE_MISSING, f"{LINK} {ONE}")}),
    (
        "a pod sends by another VNIC",
        wrong_source,
        {(Code.SOURCE_WRONG, f"{LINK} {ONE}")},
    ),
    (
        "somebody sends without a lease",
        thief,
        {(Code.SOURCE_STRAY, f"moorx {THREE}")},
    ),
    (
        "an address rests, and may be sent from",
        lambda s: (
            s.entries.append(Cooled(THREE, NOW + 9)),
            thief(s),
        ),
        {(Code.SOURCE_STRAY, f"moorx {THREE}"), (Code.COOLING_IN_USE, str(THREE))},
    ),
    (
        "an address rests, and a pod has it",
        lambda s: (
            s.entries.append(Cooled(THREE, NOW + 9)),
            pods(s, replace(told(s)["c1"], addresses=(ONE, THREE))),
        ),
        {(Code.COOLING_IN_USE, str(THREE))},
    ),
    (
        "an address rests, and a stopped pod had it",
        lambda s: (
            s.entries.append(Cooled(THREE, NOW + 9)),
            pods(
                s, PodTold(name="p", container="p", addresses=(THREE,), running=False)
            ),
        ),
        set(),
    ),
    ("an address rests", lambda s: s.entries.append(Cooled(THREE, NOW + 9)), set()),
    (
        "an address has rested, and a pod has it",
        lambda s: (
            s.entries.append(Cooled(THREE, NOW - 1)),
            pods(s, replace(told(s)["c1"], addresses=(ONE, THREE))),
        ),
        set(),
    ),
    # Object and ledger beside the kernel.
    (
        "a rule is gone",
        lambda s: s.without.add(wanted(Rule)),
        {(Code.RULE_MISSING, "rule 500 to table 254")},
    ),
    (
        "a VNIC's table is empty",
        lambda s: s.without.add(wanted(Route, 1)),
        {
            (
                Code.NODE_ROUTE_MISSING,
                "route 0.0.0.0/0 via 10.0.8.1 on ens5 in table 7001",
            )
        },
    ),
    (
        "a VNIC's address is gone",
        lambda s: s.without.update(
            f for f in vnic.plan(UPLINK) if type(f).__name__ == "Address"
        ),
        {(Code.NODE_ADDRESS_MISSING, "address 10.0.8.4/32 on ens5")},
    ),
    (
        "a VNIC's link is down, and its routes with it",
        lambda s: (
            s.links.update(ens5=replace(a_link("ens5", STATUS.mac_address), up=False)),
            s.without.add(wanted(Route, 1)),
        ),
        {(Code.NODE_LINK_CHANGED, "link ens5 up mtu 9000")},
    ),
    (
        "a setting is another",
        lambda s: kernel(s, settings={"net/ipv4/conf/all/rp_filter": "1"}),
        {(Code.SETTING_CHANGED, "net/ipv4/conf/all/rp_filter")},
    ),
    ("a setting cannot be read", lambda s: kernel(s, settings={}), set()),
    (
        "a rule of ours",
        lambda s: s.extra.append(RULE),
        {(Code.RULE_STRAY, "rule 510 for mark 0x90000 to table 7009")},
    ),
    (
        "a route of ours",
        lambda s: s.extra.append(stray(MAIN)),
        {(Code.ROUTE_STRAY, "route 10.0.8.77/32 on moor1")},
    ),
    (
        "a route to a pod that was, while its address rests",
        lambda s: (
            s.entries.append(Cooled(IPv4Address("10.0.8.77"), NOW + 1)),
            s.extra.append(stray(MAIN)),
        ),
        {
            (Code.ROUTE_STRAY, "route 10.0.8.77/32 on moor1"),
            (Code.COOLING_IN_USE, "10.0.8.77"),
        },
    ),
    (
        "no default route",
        lambda s: s.without.add(DEFAULT),
        {(Code.NO_PRIMARY, "default route")},
    ),
    (
        "no table",
        lambda s: kernel(s, table=""),
        {(Code.TABLE_MISSING, "inet mooring")},
    ),
    (
        "another table",
        lambda s: kernel(s, table=s.kernel().table.replace("goto from_pod", "accept")),
        {(Code.TABLE_CHANGED, "inet mooring")},
    ),
    ("nobody knows which table it was", lambda s: kernel(s, memo=""), set()),
    # Object, ledger, cloud.
    (
        "no object",
        lambda s: s.changes.update(npn=NpnTold(name=NAME, npn=None)),
        {(Code.NPN_ABSENT, NAME)},
    ),
    (
        "an object that is not settled",
        lambda s: setattr(s, "status", replace(s.status, state="BACKOFF", reason="R")),
        {(Code.NPN_NOT_SETTLED, NAME)},
    ),
    (
        "an object that was not begun",
        lambda s: setattr(s, "status", replace(s.status, state="")),
        {(Code.NPN_NOT_SETTLED, NAME)},
    ),
    ("the object is not asked", lambda s: s.changes.update(npn=None), set()),
    (
        "a VNIC without link",
        lambda s: (
            s.gone.add("ens5"),
            s.changes.update(cloud=None),
            s.without.update(vnic.plan(UPLINK)),
            kernel(s, memo=""),
        ),
        {(Code.VNIC_WITHOUT_LINK, VNIC)},
    ),
    (
        "a VNIC that was detached",
        lambda s: (
            s.gone.add("ens5"),
            s.without.update(vnic.plan(UPLINK)),
            s.changes.update(cloud=replace(s.cloud(), vnics={}, addresses={})),
            setattr(s, "leases", []),
            kernel(s, memo=""),
        ),
        {(Code.VNIC_WITHOUT_LINK, VNIC), (Code.VNIC_NOT_IN_CLOUD, VNIC)},
    ),
    (
        "a VNIC that was not taken",
        lambda s: (
            setattr(s, "leases", []),
            s.without.update(vnic.plan(UPLINK)),
            ledger(s, ledger=Ledger()),
            kernel(s, memo=""),
        ),
        {(Code.VNIC_NOT_TAKEN, VNIC)},
    ),
    (
        "a number of no VNIC",
        lambda s: s.entries.append(Placed("old", 7)),
        {(Code.VNIC_LEFT_OVER, "old")},
    ),
    (
        "an address that the object does not list",
        lambda s: (
            status(s, pod_addresses=(Pair(TWO), Pair(THREE))),
            s.changes.update(cloud=None),
        ),
        {(Code.WITHDRAWN_ADDRESS, str(ONE))},
    ),
    (
        "an address that only the cloud and the ledger have",
        lambda s: (
            status(s, pod_addresses=(Pair(TWO), Pair(THREE))),
            cloud(s, block("10.0.8.4/32"), block("10.0.8.6/31"), block("10.0.8.5/32")),
        ),
        {(Code.WITHDRAWN_ADDRESS, str(ONE)), (Code.ADDRESS_NOT_LISTED, "10.0.8.5/32")},
    ),
    (
        "an address that the cloud does not have",
        lambda s: cloud(s, block("10.0.8.4/32"), block("10.0.8.6/31")),
        {(Code.LEASE_NOT_IN_CLOUD, str(ONE))},
    ),
    (
        "a free address that the cloud does not have",
        lambda s: cloud(s, block("10.0.8.4/31"), block("10.0.8.6/32")),
        {(Code.ADDRESS_NOT_IN_CLOUD, str(THREE))},
    ),
    (
        "a free address that is on another VNIC",
        lambda s: s.changes.update(
            cloud=replace(
                s.cloud(),
                vnics={VNIC: a_vnic(VNIC), "other": a_vnic("other", tagged=False)},
                addresses={
                    VNIC: (block("10.0.8.4/31"), block("10.0.8.6/32")),
                    "other": (block("10.0.8.7/32"),),
                },
            )
        ),
        {(Code.ADDRESS_NOT_IN_CLOUD, str(THREE))},
    ),
    (
        "a block that the object does not list",
        lambda s: cloud(s, block("10.0.8.4/30"), block("10.0.8.16/28")),
        {(Code.ADDRESS_NOT_LISTED, "10.0.8.16/28")},
    ),
    (
        "a block that an elastic pool is giving back",
        lambda s: (
            elastic(s),
            cloud(s, block("10.0.8.4/30"), block("10.0.8.16/28")),
        ),
        set(),
    ),
    (
        "IPv6 that an elastic pool does not list: it gives none back",
        lambda s: (
            elastic(s),
            cloud(s, block("10.0.8.4/30"), block("fd00::/80")),
        ),
        {(Code.ADDRESS_NOT_LISTED, "fd00::/80")},
    ),
    (
        "an address that an elastic pool lists and the cloud lacks",
        lambda s: (elastic(s), cloud(s, block("10.0.8.4/31"), block("10.0.8.6/32"))),
        {(Code.ADDRESS_NOT_IN_CLOUD, str(THREE))},
    ),
    (
        "a block of IPv6 that nobody lists",
        lambda s: cloud(s, block("10.0.8.4/30"), block("fd00::/80")),
        {(Code.ADDRESS_NOT_LISTED, "fd00::/80")},
    ),
    (
        "a VNIC that the object does not list",
        lambda s: s.changes.update(
            cloud=replace(
                s.cloud(),
                vnics={
                    VNIC: a_vnic(VNIC),
                    "new": a_vnic("new"),
                    "first": a_vnic("first", primary=True),
                    "foreign": a_vnic("foreign", tagged=False),
                },
            )
        ),
        {(Code.VNIC_NOT_LISTED, "new")},
    ),
    (
        "an address that the object lists twice",
        listed_twice,
        {(Code.ADDRESS_TWICE, str(THREE))},
    ),
    # Those who keep it equal.
    (
        "the agent is away",
        lambda s: s.changes.update(agent=AgentTold(answers=False, trouble="refused")),
        {(Code.AGENT_AWAY, "agent")},
    ),
    (
        "the agent cannot serve",
        lambda s: s.changes.update(
            agent=AgentTold(answers=True, trouble="no route", mtu=MTU)
        ),
        {(Code.AGENT_NOT_READY, "agent")},
    ),
    ("the agent is not asked", lambda s: s.changes.update(agent=None), set()),
    (
        "a damaged ledger",
        lambda s: ledger(s, ledger=Ledger(), trouble="line 3"),
        {(Code.LEDGER_DAMAGED, "journal")},
    ),
    (
        "a ledger of another boot",
        lambda s: ledger(s, same_boot=False),
        {(Code.LEDGER_OF_ANOTHER_BOOT, "journal")},
    ),
    ("the ledger is not seen", lambda s: s.changes.update(ledger=None), set()),
    ("the kernel is not seen", lambda s: s.changes.update(kernel=None), set()),
    (
        "only the cloud is seen",
        lambda s: s.changes.update(kernel=None, ledger=None, pods=None),
        set(),
    ),
    ("a DEL that waits", spool(DEL, 20), {(Code.SPOOL_WAITING, DEL)}),
    ("a DEL that came just now", spool(DEL, 3), set()),
    (
        "a DEL that was never finished",
        spool(DEL.replace(".del", ".tmp"), 90),
        {(Code.SPOOL_UNFINISHED, DEL.replace(".del", ".tmp"))},
    ),
    ("a DEL that is being written", spool(DEL.replace(".del", ".tmp"), 1), set()),
    (
        "a DEL that nobody can read",
        spool(f"{DEL}.bad", 1),
        {(Code.SPOOL_UNREADABLE, f"{DEL}.bad")},
    ),
    ("a file that is nobody's", spool("README", 1e6), set()),
]


def of(spoil: Spoil) -> tuple[Difference, ...]:
    scene = Scene()
    spoil(scene)
    return scene.found()


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [each[1:] for each in SPOILS],
    ids=[each[0] for each in SPOILS],
)
def test_just_what_differs_is_named(
    spoil: Spoil, wanted: set[tuple[Code, str]]
) -> None:
    found = of(spoil)

    assert {difference.key for difference in found} == wanted
    assert all(each.says and all(each.says.values()) for each in found)


def test_every_code_has_been_seen() -> None:
    assert {code for _, _, keys in SPOILS for code, _ in keys} == set(Code)


def only(spoil: Spoil) -> Difference:
    (found,) = of(spoil)
    return found


def test_who_repairs_is_who_owns() -> None:
    end = EndLease(FIRST.attachment)
    acts = {
        leaked: (By.AGENT, end),
        stopped: (By.AGENT, end),
        source: (By.AGENT, AskAgent()),
        spool(f"{DEL}.bad", 1): (By.AUDIT, RemoveFile(f"{DEL}.bad")),
    }

    assert {spoil: (only(spoil).by, only(spoil).act) for spoil in acts} == acts


def test_what_only_the_controller_can_make_is_waited_for() -> None:
    found = only(lambda s: setattr(s, "status", replace(s.status, state="BACKOFF")))

    assert (found.by, found.act) == (By.CONTROLLER, AwaitController())


def test_a_pod_that_lives_is_never_ended() -> None:
    found = only(lambda s: pods(s, without="c1"))

    assert (found.by, found.act) == (By.YOU, None)
    assert "101" in found.says[Side.KERNEL]


def test_without_sight_of_processes_no_lease_is_ended() -> None:
    for spoil in (
        lambda s: empty(s, 101, 102),
        lambda s: kernel(s, inhabited=frozenset()),
    ):
        scene = Scene()
        pods(scene, without="c1")
        spoil(scene)
        (found,) = scene.found()

        assert (found.code, found.by, found.act) == (Code.LEAKED_LEASE, By.YOU, None)
        assert "PID namespace" in found.remedy


def test_without_a_look_at_the_kernel_no_lease_is_ended() -> None:
    scene = Scene()
    pods(scene, without="c1")
    scene.changes["kernel"] = None
    (found,) = scene.found()

    assert (found.code, found.act) == (Code.LEAKED_LEASE, None)


def test_a_young_lease_is_no_leak() -> None:
    scene = Scene(leases=[replace(FIRST, since=NOW - 59), SECOND])
    leaked(scene)

    assert scene.found() == ()


def test_an_unreadable_del_of_a_held_container_is_kept() -> None:
    name = "01700000000000000000-4711-c1.del.bad"
    found = only(spool(name, 1))

    assert (found.by, found.act) == (By.YOU, None)
    assert "c1" in found.says[Side.LEDGER]


def test_an_unreadable_del_is_kept_while_the_ledger_is_not_known() -> None:
    scene = Scene()
    spool(f"{DEL}.bad", 1)(scene)
    scene.changes["ledger"] = None

    assert [d.act for d in scene.found()] == [None]


def test_an_address_that_pods_use_while_it_rests_is_for_people() -> None:
    found = of(
        lambda s: (
            s.entries.append(Cooled(THREE, NOW + 9)),
            pods(s, replace(told(s)["c1"], addresses=(ONE, THREE))),
        )
    )

    assert [(d.by, d.act) for d in found] == [(By.YOU, None)]


def test_a_detached_vnic_is_the_controllers() -> None:
    (detached,) = (x for name, x, _ in SPOILS if name == "a VNIC that was detached")
    found = of(detached)

    assert {d.by for d in found} == {By.CONTROLLER}


def test_without_the_agents_word_any_mtu_is_right() -> None:
    scene = Scene()
    scene.changes["agent"] = AgentTold(answers=True)
    scene.links.update(link(mtu=1500))
    scene.links["ens5"] = replace(a_link("ens5", STATUS.mac_address), mtu=1500)

    assert scene.found() == ()


def test_of_a_vnic_that_is_shut_the_kernel_is_the_cause() -> None:
    own, other = vnic.plan(UPLINK), node.plan(PRIMARY)
    of_vnic = next(f for f in own if isinstance(f, Rule))
    setting = next(f for f in own if isinstance(f, Sysctl))
    of_node = next(f for f in other if isinstance(f, Rule))
    scene = Scene(without={of_vnic, of_node})
    told = scene.kernel()
    settings = {**told.settings, setting.key: "7"}
    scene.changes["kernel"] = replace(told, settings=settings)
    usual = {each.name: (each.cause, each.by) for each in scene.found()}
    refused = frozenset({VNIC})
    scene.changes["agent"] = AgentTold(answers=True, mtu=MTU, refused=refused)

    found = {each.name: each for each in scene.found()}

    assert (
        found.keys()
        == usual.keys()
        == {say_fact(of_vnic), setting.key, say_fact(of_node)}
    )
    assert found[say_fact(of_node)].cause == usual[say_fact(of_node)][0]
    for name in (say_fact(of_vnic), setting.key):
        assert "the kernel refuses" in found[name].cause
        assert (found[name].by, found[name].act) == (By.YOU, None)
        assert usual[name][1] is By.AGENT


def test_a_route_inside_the_pod_of_a_later_plugin_is_fine() -> None:
    default = next(
        f for f in pod.plan(FIRST, MTU) if isinstance(f, Route) and f.gateway
    )
    inside = inside_of(FIRST, default)
    mesh = replace(default, gateway=IPv4Address("127.0.0.6"))

    assert (
        of(
            lambda s: s.insides.update(
                c1=replace(inside, routes=frozenset({*inside.routes, mesh}))
            )
        )
        == ()
    )


def test_a_lease_of_both_families_is_judged_by_each() -> None:
    six = IPv6Address("fd00:8::5")
    both = replace(FIRST, addresses=Pair(ONE, six))
    found = of(lambda s: s.leases.__setitem__(0, both))

    assert {d.key for d in found} == {(Code.LEASE_NOT_IN_CLOUD, str(six))}


def test_an_ipv6_block_that_is_used_may_be_larger_than_needed() -> None:
    six = IPv6Address("fd00:8::5")
    scene = Scene(leases=[replace(FIRST, addresses=Pair(ONE, six)), SECOND])
    status(scene, pod_addresses=(Pair(ONE, six), Pair(TWO), Pair(THREE)))
    cloud(scene, block("10.0.8.4/30"), block("fd00:8::/64"))

    assert scene.found() == ()


@pytest.mark.parametrize(
    ("state", "surplus", "by"),
    [
        ("SUCCESS", "", By.YOU),
        ("IN_PROGRESS", "", By.CONTROLLER),
        ("BACKOFF", "", By.CONTROLLER),
        ("BACKOFF", "VNIC new fills no slot", By.YOU),
    ],
)
def test_nobody_repairs_a_vnic_too_many_and_one_that_comes_is_waited_for(
    state: str, surplus: str, by: By
) -> None:
    """Decision 31: what is too much is left alone."""
    told = Condition(type="Surplus", status="True", reason="LeftAlone", message=surplus)
    scene = Scene()
    scene.status = NpnStatus(
        state=state, vnics=(STATUS,), conditions=(told,) if surplus else ()
    )
    vnics = {VNIC: a_vnic(VNIC), "new": a_vnic("new")}
    scene.changes["cloud"] = replace(scene.cloud(), vnics=vnics)
    found = [d for d in scene.found() if d.code is Code.VNIC_NOT_LISTED]

    assert [(d.name, d.by) for d in found] == [("new", by)]
    assert (AwaitController() in acts(found)) is (by is By.CONTROLLER)


def test_the_settings_to_read_are_those_of_the_plan() -> None:
    scene = Scene()

    keys = audit_node.settings(scene.sides())
    assert "net/ipv4/conf/all/rp_filter" in keys
    assert "net/ipv4/conf/ens5/arp_ignore" in keys
    for side in ("ledger", "kernel"):
        assert audit_node.settings(replace(scene.sides(), **{side: None})) == ()
    scene.changes["npn"] = None
    assert "net/ipv4/conf/ens5/arp_ignore" not in audit_node.settings(scene.sides())
    scene.without.add(DEFAULT)
    assert audit_node.settings(scene.sides()) == ()


def test_an_address_is_held_on_one_node_only() -> None:
    one, two, three = Scene(), Scene(leases=[SECOND]), Scene(leases=[])
    unseen = replace(one.sides(), ledger=None)
    sides = {"a": one.sides(), "b": two.sides(), "c": three.sides(), "d": unseen}
    found = across(sides)

    assert {name: [d.key for d in each] for name, each in found.items()} == {
        "a": [(Code.ADDRESS_TWICE, str(TWO))],
        "b": [(Code.ADDRESS_TWICE, str(TWO))],
        "c": [],
        "d": [],
    }


def test_what_only_one_look_finds_is_no_difference() -> None:
    first, second = of(source), (*of(source), *of(leaked))

    assert lasting(first, second) == of(source)
    assert lasting(second, first) == first
    assert lasting((), second) == ()


def test_an_address_that_another_has_by_now_is_another_difference() -> None:
    def leaving(container: str) -> tuple[Difference, ...]:
        lease = replace(FIRST, attachment=a_pod(container), phase=Phase.LEAVING)
        return Scene(leases=[lease, SECOND]).found()

    assert lasting(leaving("c1"), leaving("c1")) == leaving("c1")
    assert lasting(leaving("c1"), leaving("c7")) == ()


def test_acts_are_done_once_and_leases_end_first() -> None:
    name = f"{DEL}.bad"
    found = (
        *of(spool(name, 1)),
        *of(source),
        *of(lambda s: s.without.add(laid(Route))),
        *of(lambda s: s.changes.update(agent=AgentTold(answers=False))),
        *of(lambda s: setattr(s, "status", replace(s.status, state="BACKOFF"))),
        *of(leaked),
    )

    assert acts(found) == (
        EndLease(FIRST.attachment),
        AskAgent(),
        RemoveFile(name),
        AwaitController(),
    )
    assert [say(act) for act in acts(found)] == [
        "call DEL for mooring/c1/eth0 at the agent's socket",
        "ask the agent to look after its node now",
        f"delete {name} from the spool",
        "wait for the controller's next look at the cloud",
    ]


def test_a_difference_speaks_as_its_kind_unless_it_knows_better() -> None:
    usual, better = of(source)[0], only(lambda s: pods(s, without="c1"))

    assert (usual.cause, usual.remedy) == (usual.kind.cause, usual.kind.remedy)
    assert better.cause == better.kind.cause
    assert Difference(Code.LINK_MISSING, "x", {}, "why", "how").cause == "why"


def test_golden_table_of_the_page() -> None:
    rows = [
        f"| `{c}` | {k.about} | {k.what} | {k.cause} | {k.remedy} | {k.by} |"
        for c, k in KINDS.items()
    ]
    head = "| code | about | what | probable cause | remedy | by |\n|---|---|---|---|---|---|"
    wanted = "\n".join([head, *rows]) + "\n"
    text = PAGE.read_text()
    pattern = re.compile(r"(?<=<!-- kinds -->\n).*?(?=<!-- end -->)", re.DOTALL)
    if os.environ.get("MOORING_GOLDEN") == "write":
        text = pattern.sub(lambda _: wanted, text)
        PAGE.write_text(text)

    assert pattern.findall(text) == [wanted]
