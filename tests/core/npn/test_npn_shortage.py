"""The kubelet's max-pods and the pool agree, or the scheduler is told before any pod comes."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from core.npn.npn_builders import BOTH, a_profiled_npn, an_npn

from mooring.core.kube.node import Node, Taint
from mooring.core.npn import capacity
from mooring.core.npn.elastic import PATIENCE, Demand
from mooring.core.npn.nodework import (
    DRY,
    FAMILY4,
    LABELS,
    NATIVE,
    RESERVED,
    SHORT,
    STARTING,
    View,
    plan,
    without,
)
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.poolstatus import disagreement
from mooring.core.npn.record import (
    Condition,
    Npn,
    NpnStatus,
    Pair,
    PoolStatus,
    VnicStatus,
)
from mooring.core.npn.scarcity import coming
from mooring.core.npn.shortage import DWELL, Shortage, most, rest, shortage
from mooring.core.npn.usage import Counts
from mooring.core.vcn.shapes import SHAPES

READY = Condition(type="IPv4Ready", status="True", reason="Complete")
PENDING = Condition(type="IPv4Ready", status="False", reason="Incomplete")
EXHAUSTED = Condition(type="IPv4Ready", status="False", reason="Exhausted")
NO_VNIC = Condition(type="IPv4Ready", status="False", reason="NoVnic")
NO_SIX = Condition(type="IPv6Ready", status="False", reason="NotInSubnet")
SIX_UNASKED = replace(NO_SIX, reason="NotAssigned")
SIX_GONE = replace(NO_SIX, reason="Exhausted")
UNSURE = Condition(type="IPv4Ready", status="Unknown", reason="NotAccepted")


def listing(
    have: int, *conditions: Condition, asked: int = 31, **status: object
) -> Npn:
    pods = tuple(Pair(v4=IPv4Address(n + 10)) for n in range(have))
    vnic = VnicStatus(
        vnic_id="v",
        mac_address="02:00:17:00:00:01",
        subnet_id="pods",
        pod_addresses=pods,
    )
    fields = {"state": "SUCCESS", "vnics": (vnic,), "conditions": conditions} | status
    return an_npn(asked, status=NpnStatus(**fields))


def elastic(
    have: int,
    *conditions: Condition,
    maximum: int | None = None,
    state: str = "SUCCESS",
) -> Npn:
    policy = PoolPolicy(warm_target=8, maximum=maximum)
    return listing(have, *conditions, state=state, pool=PoolStatus(policy=policy))


def without_six(npn: Npn) -> Npn:
    """Give it as it is where the subnet has no IPv6."""
    reason = "FailedToGetNPN_IPFamilies"
    return replace(npn, status=replace(npn.status, state="BACKOFF", reason=reason))


@pytest.mark.parametrize(
    ("npn", "pods", "found"),
    [
        # The kubelet has not said.
        (listing(9, EXHAUSTED), None, None),
        # They agree, or it allows fewer.
        (listing(31, READY), 31, None),
        (listing(31, READY), 20, None),
        # The object will never have as many, whatever is listed still.
        (listing(31, READY), 110, Shortage(110, 31, hard=True)),
        (an_npn(31), 32, Shortage(32, 31, hard=True)),
        (elastic(31, READY, maximum=16), 31, Shortage(31, 16, hard=True)),
        # More is on its way.
        (an_npn(31), 31, None),
        (listing(8, PENDING, state="IN_PROGRESS"), 31, None),
        (
            listing(8, PENDING, state="BACKOFF", reason="FailedToListPrivateIP"),
            31,
            None,
        ),
        # An elastic pool may grow; one whose growth was refused may not.
        (elastic(8, READY), 31, None),
        (elastic(8, EXHAUSTED), 31, Shortage(31, 8)),
        (elastic(8, EXHAUSTED), 8, None),
        # The subnet ran dry, or a VNIC is not to be had.
        (listing(12, EXHAUSTED), 31, Shortage(31, 12)),
        (
            listing(31, NO_VNIC, asked=62, state="BACKOFF"),
            62,
            Shortage(62, 31),
        ),
        # One call for it went wrong: that says nothing.
        (
            listing(
                31, PENDING, asked=62, state="BACKOFF", reason="FailedToAttachVNIC"
            ),
            62,
            None,
        ),
        # A family that cannot be had takes no address from the other.
        (listing(31, READY, NO_SIX), 31, None),
        (elastic(8, READY, NO_SIX), 31, None),
        (elastic(8, READY, SIX_UNASKED), 31, None),
        (elastic(8, EXHAUSTED, NO_SIX), 31, Shortage(31, 8)),
        (elastic(8, READY, SIX_GONE), 31, Shortage(31, 8)),
        # No family can be had at all.
        (listing(0, NO_SIX, state="BACKOFF"), 31, Shortage(31, 0)),
        # What was said of it was taken back: nobody knows.
        (elastic(8, UNSURE, state="IN_PROGRESS"), 31, None),
    ],
)
def test_how_many_pods_are_too_many_rt_13(
    npn: Npn, pods: int | None, found: Shortage | None
) -> None:
    assert shortage(npn, pods) == found


@pytest.mark.parametrize(
    ("npn", "found"),
    [
        (elastic(8, READY), True),
        (elastic(31, READY), False),
        (elastic(8, EXHAUSTED), False),
        (elastic(8, UNSURE, state="IN_PROGRESS"), True),
        # A family that the subnet does not have leaves the object in BACKOFF for ever.
        (without_six(elastic(8, READY, NO_SIX)), True),
        (without_six(elastic(8, EXHAUSTED, NO_SIX)), False),
        (without_six(listing(31, READY, NO_SIX)), False),
        (without_six(listing(0, NO_SIX)), False),
        (elastic(8, PENDING, state="BACKOFF"), False),
    ],
)
def test_more_may_come_where_only_a_family_apart_is_missing(
    npn: Npn, found: bool
) -> None:
    assert coming(npn) is found


def test_while_it_is_worked_on_all_stays_as_it_was() -> None:
    """Between two refusals nothing is refused; pods must not slip in."""
    again = listing(12, PENDING, state="IN_PROGRESS")
    before = Shortage(31, 10)
    eased = replace(before, eased=True)

    assert shortage(again, 31) is None
    assert shortage(again, 31, before) == shortage(again, 31, eased) == eased
    assert shortage(elastic(8, UNSURE), 31, before) == eased
    assert shortage(listing(31, READY), 31, before) is None


# An elastic pool whose growth was refused.


def test_a_pool_that_wants_less_has_gained_nothing_rt_13() -> None:
    """Pods ended; what it has now is all that it wants, and the subnet is as dry as before."""
    refused, quiet = Shortage(31, 8), elastic(8, READY)
    first = shortage(quiet, 31, refused, 100.0)
    later = shortage(quiet, 31, first, 100.0 + DWELL - 1)

    assert first == later == Shortage(31, 8, eased=True, since=100.0)
    assert rest(first, 130.0) == DWELL - 30
    assert shortage(quiet, 31, first, 100.0 + DWELL) is None
    # What begins again begins a rest anew.
    again = shortage(elastic(8, PENDING), 31, first, 200.0)
    assert again == Shortage(31, 8, eased=True)
    assert shortage(elastic(8, EXHAUSTED), 31, first, 200.0) == refused
    assert rest(again, 200.0) is rest(None, 200.0) is None


def test_a_pool_that_grew_since_opens_the_node_at_once() -> None:
    refused = Shortage(31, 8)

    assert shortage(elastic(9, READY), 31, refused, 0.0) is None
    assert shortage(elastic(8, READY), 8, refused, 0.0) is None


def test_numbers_that_were_set_right_open_the_node_at_once() -> None:
    """The pool at rest has fewer than the kubelet allows; it was never refused any."""
    narrow = shortage(elastic(8, READY, maximum=16), 31)
    begun = shortage(elastic(8, PENDING), 31, narrow)

    assert narrow == Shortage(31, 16, hard=True)
    assert begun == replace(narrow, eased=True)
    assert shortage(elastic(8, READY), 31, begun) is None
    # By what another leader wrote: it said all that the pool may have.
    assert shortage(elastic(8, READY), 31, Shortage(110, 31)) is None


def test_the_taint_says_what_was_when_another_leads() -> None:
    npn = elastic(8, READY)
    shut = View(node=a_node(31, valued(8, 31)), npn=npn)
    first = plan(shut, 50.0)
    later = plan(replace(shut, short=first.short), 50.0 + DWELL)
    grown = plan(replace(shut, npn=elastic(16, READY)), 50.0)
    strange = plan(replace(shut, node=a_node(31, replace(SHORT, value="x"))), 50.0)

    assert (first.put, first.lift, first.notes) == ((), (), ())
    assert first.short == Shortage(31, 8, eased=True, since=50.0)
    assert (later.lift, later.short) == ((SHORT,), None)
    assert grown.lift == strange.lift == (SHORT,)


@dataclass
class Town:
    """A node with an elastic pool, a subnet, and more pods than both: each second is one step.

    Pods that the scheduler sent wait for an address that is free; each lives for a while.
    """

    subnet: int
    allowed: int = 31
    have: int = 8
    ends: list[int] = field(default_factory=list)
    waiting: int = 0
    quiet: int = 0
    taints: tuple[Taint, ...] = ()
    short: Shortage | None = None
    shut_at: list[int] = field(default_factory=list)
    opened_at: list[int] = field(default_factory=list)

    def second(self, now: int, lives: int) -> None:
        """Pods end and come, the pool grows or shrinks, the node is looked at."""
        self.ends = [end for end in self.ends if end > now]
        if not self.taints:
            self.waiting = self.allowed - len(self.ends)
        starting = min(self.waiting, self.have - len(self.ends))
        self.waiting -= starting
        self.ends += [now + lives] * starting
        work = plan(View(node=self.node(), npn=self.pool(), short=self.short), now)
        self.short = work.short
        if work.put and not self.taints:
            self.shut_at.append(now)
        if work.lift:
            self.opened_at.append(now)
        self.taints = work.put or (() if work.lift else self.taints)

    def pool(self) -> Npn:
        """Give the object after a look of the controller."""
        wanted = Demand(
            policy=PoolPolicy(warm_target=8),
            have=self.have,
            room=31,
            step=8,
            held=len(self.ends),
        )
        if wanted.want > self.have:
            if self.have == self.subnet:
                return elastic(self.have, EXHAUSTED)
            self.have = min(self.have + wanted.step, self.subnet, 31)
            return elastic(self.have, PENDING)
        self.quiet = self.quiet + 1 if wanted.excess >= wanted.step else 0
        if self.quiet > PATIENCE:
            self.have, self.quiet = self.have - wanted.step, 0
        return elastic(self.have, READY)

    def node(self) -> Node:
        return a_node(self.allowed, *self.taints)


@pytest.mark.parametrize("lives", [20, 90, 200])
def test_a_dry_subnet_does_not_open_and_shut_the_node_all_the_time_rt_13(
    lives: int,
) -> None:
    town = Town(subnet=24)
    for now in range(3600):
        town.second(now, lives)

    assert 1 <= len(town.shut_at) <= 3600 / DWELL + 1
    for shut, opened in zip(town.shut_at, town.opened_at, strict=False):
        assert opened - shut >= DWELL


def test_room_in_the_subnet_opens_the_node_before_the_rest_is_over_rt_13() -> None:
    town = Town(subnet=24)
    for now in range(60):
        town.second(now, 3600)
    before = town.shut_at, list(town.opened_at), town.waiting
    town.subnet = 64
    for now in range(60, 70):
        town.second(now, 3600)

    assert (len(before[0]), before[1]) == (1, [])
    assert before[2] > 0
    assert len(town.opened_at) == 1
    assert (town.taints, town.waiting, town.have) == ((), 0, 31)


def test_the_policy_in_force_counts_and_before_there_is_one_that_of_the_object() -> (
    None
):
    said = PoolPolicy(warm_target=8, maximum=16)
    begun = replace(an_npn(31), policy=said)
    profiled = a_profiled_npn(16, 16)

    assert (most(begun), most(elastic(8, maximum=20)), most(profiled)) == (16, 20, 32)


# The taint.


def a_node(pods: int, *taints: Taint, **labels: str) -> Node:
    return Node(name="n", taints=taints, labels=labels, capacity_pods=pods)


def valued(addresses: int, pods: int) -> Taint:
    return replace(SHORT, value=f"{addresses}-for-{pods}-pods")


def test_the_node_is_shut_before_the_start_up_taint_goes_rt_13() -> None:
    npn = listing(31, READY)
    view = View(node=a_node(110, STARTING), npn=npn, agent_ready=True)
    work = plan(view, 0.0)
    note = work.notes[0]

    assert (work.put, work.lift) == ((valued(31, 110),), (STARTING,))
    assert (note.reason, note.warning) == ("TooFewAddresses", True)
    assert note.text == (
        "the kubelet allows 110 pods and there are 31 addresses at most: set the kubelet's"
        " maxPods to 31, or have the object ask for 110"
    )


def test_what_the_scheduler_was_told_is_what_the_kubelet_offers() -> None:
    """What is allocatable counts where it is less than the capacity."""
    node = replace(a_node(110), allocatable_pods=31)

    assert plan(View(node=node, npn=listing(31, READY)), 0.0).put == ()
    assert Node(name="n").most_pods is None


def test_a_dry_subnet_shuts_the_node_before_the_last_address_is_taken_rt_10() -> None:
    left = Counts(used=1, free=11)
    dry = View(node=a_node(31), npn=listing(12, EXHAUSTED), counts=left)
    shut = plan(dry, 0.0)
    more = listing(20, PENDING, state="IN_PROGRESS")
    eased = plan(View(node=a_node(31, valued(12, 31)), npn=more), 0.0)
    fewer = View(node=a_node(31, valued(12, 31)), npn=listing(9, EXHAUSTED))
    filled = View(node=a_node(31, valued(12, 31)), npn=listing(31, READY), counts=left)
    opened = plan(filled, 1.0)

    assert shut.put == (valued(12, 31),)
    assert "make room in the pods' subnet" in shut.notes[0].text
    assert plan(replace(dry, node=a_node(31, valued(12, 31))), 0.0).put == ()
    assert (eased.put, eased.lift, eased.notes) == ((), (), ())
    assert plan(fewer, 0.0).put == (valued(9, 31),)
    assert (opened.put, opened.lift) == ((), (SHORT,))
    assert [(n.reason, n.warning) for n in opened.notes] == [("EnoughAddresses", False)]


def test_who_wants_pods_there_nonetheless_gets_them_until_none_is_free() -> None:
    view = View(node=a_node(110, valued(31, 110)), npn=listing(31, READY))
    left = replace(view, overcommit=True, counts=Counts(used=30, free=1))
    none = replace(view, overcommit=True, counts=Counts(used=31))

    assert (plan(left, 0.0).put, plan(left, 0.0).lift) == ((), (SHORT,))
    assert plan(none, 0.0).put == (DRY,)


def sizes() -> list[tuple[str, float]]:
    """Each shape, a flexible one with the fewest, some and the most OCPUs."""
    return [
        (shape.name, ocpus)
        for shape in SHAPES.values()
        for ocpus in shape.sizes
        or sorted({shape.least_ocpus, min(5.0, shape.ocpus), shape.ocpus})
    ]


@pytest.mark.parametrize(("name", "ocpus"), sizes())
def test_every_shape_has_an_address_for_each_pod_its_kubelet_allows_rt_13(
    name: str, ocpus: float
) -> None:
    """What OKE tells kubelet and object of a shape: the object's room, what its VNICs list, the agent's."""
    vnics = SHAPES[name].max_vnics(ocpus)
    pods = capacity.pods(vnics)
    spread = capacity.spread(pods)
    npn = listing(sum(spread), READY, asked=pods)

    assert len(spread) == capacity.vnics_for(pods) <= max(vnics - 1, 0)
    assert most(npn) == sum(spread) == pods
    for allowed in (pods, pods + 1):
        short = shortage(npn, allowed)
        told = disagreement(replace(npn, kubelet_pods=allowed))
        assert (short is not None) is bool(told) is (allowed > pods)


# Labels.


def left(node: Node, *, declined: bool = False, gone: bool = False) -> object:
    return without(node, declined=declined, gone=gone).labels


def test_labels_of_a_node_without_an_object() -> None:
    ours = dict.fromkeys(LABELS, "true")
    served = a_node(31, **ours)
    flannel = a_node(31, **{FAMILY4: "true"})

    assert left(served) == {}
    assert left(served, gone=True) == dict.fromkeys(LABELS)
    assert left(served, declined=True, gone=True) == {
        **dict.fromkeys(LABELS),
        NATIVE: "false",
    }
    assert left(flannel, declined=True) == {NATIVE: "false"}
    assert left(flannel, gone=True) == {}
    assert left(a_node(31, **{NATIVE: "false"}), declined=True) == {}


def test_taints_do_not_outlive_the_object() -> None:
    others = Taint("example.com/mine", "NoSchedule")
    node = a_node(31, valued(8, 31), DRY, RESERVED, STARTING, others)

    for said in ({"declined": True}, {"gone": True}):
        work = without(node, **{"declined": False, "gone": False} | said)
        assert (work.put, work.lift) == ((), (DRY, SHORT, RESERVED))
        assert {note.reason for note in work.notes} == {"ObjectGone"}
    # Of one that another leader saw go; the third may be the kubelet's, of an object that comes.
    unseen = without(node, declined=False, gone=False)
    assert unseen.lift == (DRY, SHORT)
    assert unseen.notes[1].text == (
        "mooring/too-few-addresses lifted: the node has no NativePodNetwork object"
    )
    assert without(a_node(31), declined=True, gone=True).lift == ()


def test_of_two_families_the_one_that_is_served_less_counts() -> None:
    npn = listing(31, READY)
    (vnic,) = npn.status.vnics
    pairs = (Pair(IPv4Address(1), IPv6Address(1)), Pair(v4=IPv4Address(2)))
    both = replace(vnic, ip_families=BOTH, pod_addresses=pairs)
    six = replace(EXHAUSTED, type="IPv6Ready")
    status = replace(npn.status, vnics=(both,), conditions=(READY, six))

    found = shortage(replace(npn, status=status), 31)
    assert found == Shortage(31, 1)
