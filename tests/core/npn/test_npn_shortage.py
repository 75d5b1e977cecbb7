"""The kubelet's max-pods and the pool agree, or the scheduler is told before any pod comes."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from core.npn.npn_builders import BOTH, a_profiled_npn, an_npn

from mooring.core.kube.node import Node, Taint
from mooring.core.npn import capacity
from mooring.core.npn.nodework import (
    DRY,
    FAMILY4,
    LABELS,
    NATIVE,
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
from mooring.core.npn.shortage import Shortage, most, shortage
from mooring.core.npn.usage import Counts
from mooring.core.vcn.shapes import SHAPES

READY = Condition(type="IPv4Ready", status="True", reason="Complete")
PENDING = Condition(type="IPv4Ready", status="False", reason="Incomplete")
EXHAUSTED = Condition(type="IPv4Ready", status="False", reason="Exhausted")
NO_SIX = Condition(type="IPv6Ready", status="False", reason="NotInSubnet")


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


def elastic(have: int, *conditions: Condition, maximum: int | None = None) -> Npn:
    policy = PoolPolicy(warm_target=8, maximum=maximum)
    return listing(have, *conditions, pool=PoolStatus(policy=policy))


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
            listing(
                31, PENDING, asked=62, state="BACKOFF", reason="FailedToAttachVNIC"
            ),
            62,
            Shortage(62, 31),
        ),
        # A family that cannot be had takes no address from the other.
        (listing(31, READY, NO_SIX), 31, None),
    ],
)
def test_how_many_pods_are_too_many_rt_13(
    npn: Npn, pods: int | None, found: Shortage | None
) -> None:
    assert shortage(npn, pods, tainted=False) == found


def test_while_it_is_worked_on_all_stays_as_it_was() -> None:
    """Between two refusals nothing is refused; pods must not slip in."""
    again = listing(12, PENDING, state="IN_PROGRESS")

    assert shortage(again, 31, tainted=False) is None
    assert shortage(again, 31, tainted=True) == Shortage(31, 12, eased=True)
    assert shortage(listing(31, READY), 31, tainted=True) is None
    assert shortage(elastic(8, READY), 31, tainted=True) is None


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
        short = shortage(npn, allowed, tainted=False)
        told = disagreement(replace(npn, kubelet_pods=allowed))
        assert (short is not None) is bool(told) is (allowed > pods)


# Labels.


def test_labels_of_a_node_without_an_object() -> None:
    ours = dict.fromkeys(LABELS, "true")
    served = a_node(31, **ours)
    flannel = a_node(31, **{FAMILY4: "true"})

    assert without(served, declined=False, gone=False) == {}
    assert without(served, declined=False, gone=True) == dict.fromkeys(LABELS)
    assert without(served, declined=True, gone=True) == {
        **dict.fromkeys(LABELS),
        NATIVE: "false",
    }
    assert without(flannel, declined=True, gone=False) == {NATIVE: "false"}
    assert without(flannel, declined=False, gone=True) == {}
    assert without(a_node(31, **{NATIVE: "false"}), declined=True, gone=False) == {}


def test_of_two_families_the_one_that_is_served_less_counts() -> None:
    npn = listing(31, READY)
    (vnic,) = npn.status.vnics
    pairs = (Pair(IPv4Address(1), IPv6Address(1)), Pair(v4=IPv4Address(2)))
    both = replace(vnic, ip_families=BOTH, pod_addresses=pairs)
    six = replace(EXHAUSTED, type="IPv6Ready")
    status = replace(npn.status, vnics=(both,), conditions=(READY, six))

    found = shortage(replace(npn, status=status), 31, tainted=False)
    assert found == Shortage(31, 1)
