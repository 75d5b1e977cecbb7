"""What a node carries, and when the scheduler is told that no address is left."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from core.npn.npn_builders import BOTH, an_npn

from mooring.core.kube.node import Node, Taint
from mooring.core.net.fields import Unreadable
from mooring.core.npn import nodepools, policy
from mooring.core.npn.nodework import (
    DRY,
    RESERVED,
    STARTING,
    View,
    instance_of,
    plan,
    remarks,
    without,
)
from mooring.core.npn.notes import notes
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.poolstatus import disagreement
from mooring.core.npn.record import (
    Condition,
    Npn,
    NpnStatus,
    Pair,
    PoolStatus,
    SecondaryVnic,
    VnicStatus,
)
from mooring.core.npn.scarcity import DWELL, GRACE, Dryness, coming, judge, listed
from mooring.core.npn.usage import Counts

READY = Condition(type="IPv4Ready", status="True", reason="Complete")
PENDING = Condition(type="IPv4Ready", status="False", reason="Incomplete")
EXHAUSTED = Condition(type="IPv4Ready", status="False", reason="Exhausted")
LABELS = {
    "oci.oraclecloud.com/vcn-native-ip-cni": "true",
    "oci.oraclecloud.com/ip-family-ipv4": "true",
    "oci.oraclecloud.com/ip-family-preferred": "ipv4",
}


def serving(
    addresses: int = 31, *conditions: Condition, state: str = "SUCCESS", **spec: object
) -> Npn:
    pods = tuple(Pair(v4=IPv4Address(n + 10)) for n in range(addresses))
    vnic = VnicStatus(
        vnic_id="v",
        mac_address="02:00:17:00:00:01",
        subnet_id="pods",
        pod_addresses=pods,
    )
    status = NpnStatus(state=state, vnics=(vnic,), conditions=conditions or (READY,))
    return an_npn(31, status=status, **spec)


def elastic(have: int, *conditions: Condition, maximum: int | None = None) -> Npn:
    npn = serving(have, *conditions)
    policy = PoolPolicy(warm_target=8, maximum=maximum)
    return replace(npn, status=replace(npn.status, pool=PoolStatus(policy=policy)))


def a_node(*taints: Taint, labels: dict[str, str] | None = None) -> Node:
    return Node(name="n", uid="u", taints=taints, labels=labels or LABELS)


def left(free: int, cooling: int = 0) -> Counts:
    return Counts(used=31 - free - cooling, free=free, cooling=cooling)


def test_a_node_that_is_as_it_should_be_is_left_alone() -> None:
    work = plan(View(node=a_node(), npn=serving(), counts=left(9)), 0.0)

    assert not work.labels
    assert (work.put, work.lift, work.notes) == ((), (), ())


def test_labels_are_those_of_oke_and_a_stale_one_goes() -> None:
    node = a_node(labels={"oci.oraclecloud.com/ip-family-ipv4": "true", "own": "x"})
    six = plan(View(node=node, npn=serving(ip_families=("IPv6",))), 0.0)
    both = plan(View(node=node, npn=serving(ip_families=BOTH)), 0.0)

    assert six.labels == {
        "oci.oraclecloud.com/vcn-native-ip-cni": "true",
        "oci.oraclecloud.com/ip-family-ipv4": None,
        "oci.oraclecloud.com/ip-family-ipv6": "true",
        "oci.oraclecloud.com/ip-family-preferred": "ipv6",
    }
    assert both.labels["oci.oraclecloud.com/ip-family-preferred"] == "ipv4"


def test_a_value_that_somebody_made_up_is_told_with_its_label_and_rule() -> None:
    ours = "oci.oraclecloud.com"
    here = {
        f"{ours}/vcn-native-ip-cni": "somenonsense",
        f"{ours}/ip-family-ipv4": "",
        f"{ours}/ip-family-ipv6": "false",
        f"{ours}/ip-family-preferred": "IPv4",
        "own": "x",
    }
    node = a_node(labels=here)
    work = plan(View(node=node, npn=serving(), counts=left(9)), 0.0)
    notes = remarks(node, work.odd, {})
    again = remarks(node, work.odd, work.odd)
    other = {**work.odd, f"{ours}/vcn-native-ip-cni": "more"}

    assert f"{ours}/ip-family-ipv6" in work.labels
    assert [(n.reason, n.warning) for n in notes] == [("LabelPutRight", True)] * 3
    assert [n.text.partition(", as the")[0] for n in notes] == [
        f"node n: metadata.labels.{ours}/vcn-native-ip-cni: 'somenonsense': must be true or false",
        f"node n: metadata.labels.{ours}/ip-family-ipv4: '': must be true or false",
        f"node n: metadata.labels.{ours}/ip-family-preferred: 'IPv4': must be ipv4 or ipv6",
    ]
    assert again == []
    assert ["'more'" in n.text for n in remarks(node, other, work.odd)] == [True]


def test_a_made_up_value_of_a_node_without_an_object_is_told_when_it_goes() -> None:
    label = "oci.oraclecloud.com/vcn-native-ip-cni"
    node = a_node(labels={label: "maybe"})

    assert without(node, declined=True, gone=False).odd == {label: "maybe"}
    assert without(node, declined=False, gone=False).odd == {}


@pytest.mark.parametrize(
    ("npn", "agent", "lifted"),
    [
        (serving(), True, True),
        (serving(), False, False),
        (serving(0), True, False),
        (an_npn(), True, False),
        (serving(9, PENDING), True, False),
        (serving(9, EXHAUSTED), True, True),
    ],
)
def test_the_start_up_taint_goes_when_agent_and_object_serve_rt_23(
    npn: Npn, agent: bool, lifted: bool
) -> None:
    view = View(node=a_node(STARTING), npn=npn, agent_ready=agent)
    work = plan(view, 0.0)

    assert (work.lift == (STARTING,)) is lifted
    assert [n.reason for n in work.notes] == (["AgentReady"] if lifted else [])
    assert DRY not in work.put


def test_the_start_up_taint_goes_whatever_its_effect() -> None:
    hard = replace(STARTING, effect="NoExecute")
    view = View(node=a_node(hard), npn=serving(), counts=left(9))
    early = plan(view, 0.0)
    ready = plan(replace(view, agent_ready=True), 0.0)

    assert (early.put, early.lift) == ((), ())
    assert (ready.put, ready.lift) == ((), (hard,))
    assert [note.reason for note in ready.notes] == ["AgentReady"]


def test_a_node_of_application_resources_alone_says_so() -> None:
    some = SecondaryVnic(display_name="a", subnet_id="s", ip_count=8)
    asked = replace(some, display_name="b", application_resources=("fast",))
    only = serving(secondary_vnics=(asked,))
    mixed = serving(secondary_vnics=(some, asked))

    assert plan(View(node=a_node(), npn=only, counts=left(9)), 0.0).put == (RESERVED,)
    there = View(node=a_node(RESERVED), npn=mixed, counts=left(9))
    assert plan(there, 0.0).lift == (RESERVED,)
    assert not plan(replace(there, npn=only), 0.0).put


def test_a_profile_with_ipv6_counts_as_a_family() -> None:
    six = SecondaryVnic(
        display_name="a", subnet_id="s", ip_count=8, assign_ipv6_ip=True
    )
    work = plan(View(node=a_node(), npn=serving(secondary_vnics=(six,))), 0.0)

    assert work.labels == {"oci.oraclecloud.com/ip-family-ipv6": "true"}


# RT-10, RT-11: the scheduler hears of it.


def test_a_node_without_a_free_address_is_shut_and_opened_again_rt_10() -> None:
    npn, node = serving(), a_node()
    full = plan(View(node=node, npn=npn, counts=left(0)), 100.0)
    shut = View(node=a_node(DRY), npn=npn, dryness=full.dryness)
    early = plan(replace(shut, counts=left(5)), 100.0 + DWELL - 1)
    one = plan(replace(shut, counts=left(1)), 100.0 + DWELL)
    late = plan(replace(shut, counts=left(5)), 100.0 + DWELL)

    assert full.put == (DRY,)
    assert [(n.reason, n.warning) for n in full.notes] == [("NoAddresses", True)]
    assert early.lift == one.lift == ()
    assert late.lift == (DRY,)
    assert late.notes[0].reason == "AddressesFree"
    assert late.dryness == Dryness()


def test_addresses_that_rest_are_not_free_rt_11() -> None:
    work = plan(View(node=a_node(), npn=serving(), counts=left(0, cooling=20)), 0.0)

    assert work.put == (DRY,)
    assert "20 cooling" in work.notes[0].text


def test_a_pool_that_grows_is_given_a_moment() -> None:
    npn = elastic(8, PENDING)
    first = judge(Dryness(), npn, left(0), tainted=False, now=50.0)
    still = judge(first, npn, left(0), tainted=False, now=50.0 + GRACE)
    grown = judge(first, npn, left(3), tainted=False, now=52.0)

    assert first.dry_since is None
    assert still.dry_since == 50.0 + GRACE
    assert grown == Dryness()


def test_a_taint_of_an_earlier_life_is_not_forgotten_and_one_taken_off_comes_back() -> (
    None
):
    npn = serving()
    found = judge(Dryness(), npn, left(9), tainted=True, now=7.0)
    taken = judge(Dryness(dry_since=5.0), npn, left(0), tainted=False, now=8.0)

    assert found.dry_since == 7.0
    assert judge(found, npn, left(9), tainted=True, now=7.0 + DWELL).dry_since is None
    assert taken.dry_since == 5.0


def test_what_nobody_told_changes_nothing() -> None:
    npn = serving()

    assert judge(Dryness(), npn, None, tainted=False, now=1.0) == Dryness()
    assert judge(Dryness(), npn, None, tainted=True, now=1.0).dry_since == 1.0


def test_an_object_that_lists_nothing_gives_nothing() -> None:
    gone = an_npn(status=NpnStatus(state="BACKOFF"))

    assert judge(Dryness(), gone, left(9), tainted=False, now=1.0).dry_since == 1.0


@pytest.mark.parametrize(
    ("npn", "more"),
    [
        (elastic(8), True),
        (elastic(8, PENDING), True),
        (elastic(8, EXHAUSTED), False),
        (elastic(31), False),
        (elastic(8, maximum=8), False),
        (serving(), False),
        (serving(9, PENDING), True),
        (serving(9, EXHAUSTED), False),
        (serving(9, PENDING, state="BACKOFF"), False),
        (an_npn(), True),
        (an_npn(status=NpnStatus(state="IN_PROGRESS")), True),
        (an_npn(status=NpnStatus(state="BACKOFF")), False),
    ],
)
def test_what_may_still_come(npn: Npn, more: bool) -> None:
    assert coming(npn) is more


def test_of_two_families_the_scarcer_one_counts() -> None:
    pairs = (Pair(IPv4Address(1), IPv6Address(1)), Pair(v6=IPv6Address(2)))
    vnic = VnicStatus(
        vnic_id="v",
        mac_address="02:00:17:00:00:01",
        subnet_id="s",
        ip_families=BOTH,
        pod_addresses=pairs,
    )

    assert listed(an_npn(status=NpnStatus(vnics=(vnic,)))) == 1


@pytest.mark.parametrize(
    ("pods", "maximum", "said"),
    [
        (None, None, ""),
        (31, None, ""),
        (20, None, ""),
        (110, None, "allows 110 pods and there are addresses for 31"),
        (31, 16, "allows 31 pods and there are addresses for 16"),
    ],
)
def test_kubelet_and_pool_disagree_rt_13(
    pods: int | None, maximum: int | None, said: str
) -> None:
    policy = PoolPolicy(warm_target=8, maximum=maximum)
    npn = replace(an_npn(31), kubelet_pods=pods, policy=policy)

    assert said in disagreement(npn)
    assert bool(said) is bool(disagreement(npn))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("ocid1.instance.oc1.a.b", "ocid1.instance.oc1.a.b"),
        ("oci://ocid1.instance.oc1.a.b", "ocid1.instance.oc1.a.b"),
        ("oci:///region/ocid1.instance.oc1.a.b", "ocid1.instance.oc1.a.b"),
        ("aws:///eu-1/i-012", ""),
        ("ocid1.vnic.oc1.a.b", ""),
    ],
)
def test_a_provider_id_names_the_instance(text: str, found: str | None) -> None:
    assert instance_of(text) == found


# What people are told.


def reasons(before: NpnStatus, after: NpnStatus) -> list[str]:
    return [note.reason for note in notes(before, after)]


def test_events_follow_the_state() -> None:
    begun = NpnStatus(state="IN_PROGRESS", message="attaching VNIC 0")
    failed = NpnStatus(state="BACKOFF", reason="FailedToAttachVNIC", message="no")
    odd = NpnStatus(state="BACKOFF", reason="FailedToGetSubnet", message="no")
    done = NpnStatus(state="SUCCESS", reason="COMPLETED")

    assert reasons(NpnStatus(), begun) == ["StartNPNReconcile"]
    assert reasons(begun, replace(begun, message="taking a /27")) == []
    assert reasons(begun, failed) == ["FailedToCreateVNIC"]
    assert reasons(failed, failed) == []
    assert reasons(failed, odd) == ["NPNReconcileFailed"]
    assert reasons(failed, begun) == []
    assert reasons(begun, done) == ["NPN_CR_Success"]
    assert reasons(done, begun) == ["StartNPNReconcile"]


def test_a_fragmented_subnet_has_an_event_rt_15() -> None:
    pieces = Condition(
        type="Fragmented", status="True", reason="NoLargeBlock", message="in 9 pieces"
    )
    plain = NpnStatus(state="SUCCESS")
    found = replace(plain, conditions=(READY, pieces))
    (note,) = notes(plain, found)

    assert (note.reason, note.text, note.warning) == (
        "FragmentedSubnet",
        "in 9 pieces",
        True,
    )
    assert reasons(found, found) == []


# Pools of nodes.

LINES = """
# jobs come and go
pool=batch, arch in (arm64, amd64) -> warmTarget=16,minimum=16
!pool -> preallocate
"""


def test_the_first_line_that_selects_a_node_holds() -> None:
    pools = nodepools.parse(LINES)
    found = [
        nodepools.chosen(pools, labels)
        for labels in ({"pool": "batch", "arch": "arm64"}, {}, {"pool": "web"})
    ]

    assert found[0] is not None
    assert found[0].policy == PoolPolicy(warm_target=16, minimum=16)
    assert found[1] is not None
    assert found[1].policy is None
    assert found[2] is None


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("pool=batch warmTarget=8", "must be SELECTOR -> POLICY"),
        ("-> preallocate", "needs a selector"),
        ("pool==a b -> preallocate", "must have a comma"),
        ("pool -> warmTarget=0", "from 1 to 256"),
    ],
)
def test_a_line_that_says_nothing_is_named(line: str, rule: str) -> None:
    with pytest.raises(Unreadable, match=r"pools, line 2") as raised:
        nodepools.parse(f"# pools\n{line}", "pools")

    assert rule in str(raised.value)


def test_a_broken_line_stops_no_other_and_what_held_for_its_nodes_goes_on() -> None:
    whole = nodepools.read("pool=a -> warmTarget=4\nb -> preallocate", "pools")
    text = (
        "pool=a -> warmTarget=none\n# b is away\nc -> warmTarget=0\nd\n!f -> warmTarget=8"
        "\n=e -> preallocate\ng -> preallocate"
    )
    found = nodepools.read(text, "pools", whole.pools)
    fields = [fault.error.field for fault in found.faults]
    instead = [fault.instead for fault in found.faults]
    sound = nodepools.parse("!f -> warmTarget=8\ng -> preallocate")

    assert whole.faults == ()
    assert [p for p in found.pools if not p.broken] == [whole.pools[0], *sound]
    assert fields[:2] == ["pools, line 1.warmTarget", "pools, line 3.warmTarget"]
    assert fields[2:] == ["pools, line 4", "pools, line 6"]
    stays = "keep the pool that they have, new ones follow the other lines"
    assert instead == [
        "pool in (a) -> warmTarget=4,minimum=0 goes on to hold",
        f"nodes with c {stays}",
        f"nodes with d {stays}",
        f"nodes that no line before selects {stays}",
    ]


@pytest.mark.parametrize(
    ("labels", "keeps", "new"),
    [
        ({"pool": "a"}, False, "preallocate"),
        ({"pool": "b"}, True, "preallocate"),
        ({"pool": "c"}, False, "warmTarget=4,minimum=0"),
        ({"pool": "d"}, True, "warmTarget=8,minimum=0"),
        ({"pool": "e"}, True, "preallocate"),
        ({}, True, None),
    ],
)
def test_a_broken_line_changes_no_pool_of_a_node_that_it_may_mean(
    labels: dict[str, str], keeps: bool, new: str | None
) -> None:
    """Nobody remembers what held before."""
    text = (
        "pool=a -> preallocate\npool=b -> none\npool in (b,a) -> preallocate"
        "\npool=c -> warmTarget=4\npool d -> warmTarget=4\npool=d -> warmTarget=8"
        "\npool -> preallocate"
    )
    pools = nodepools.read(text, "pools").pools
    line = nodepools.chosen(pools, labels)

    assert nodepools.keeps(pools, labels) is keeps
    assert (line and policy.say(line.policy)) == new


def test_without_broken_lines_no_node_keeps_its_pool() -> None:
    assert not nodepools.keeps(nodepools.parse(LINES), {"pool": "web"})
