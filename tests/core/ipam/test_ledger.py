"""The ledger: what it decides, and what no entry can do to it."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import (
    SLOTS,
    Claimed,
    Contradiction,
    Cooled,
    Empty,
    Entry,
    Freed,
    Held,
    Known,
    Lease,
    Ledger,
    Left,
    Netns,
    Phase,
    Placed,
    Unplaced,
    Wired,
)
from mooring.core.ipam.pool import Offer
from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

NETNS = Netns("/run/netns/pod", 4026532001)


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.8.{n}")


def offers(*numbers: int, vnic: str = "vnic-1") -> dict[str, Offer]:
    return {vnic: Offer(tuple(v4(n) for n in numbers))}


def pod(n: int = 1) -> AttachmentId:
    return AttachmentId("mooring", f"container-{n}", "eth0")


def a_ledger(*numbers: int) -> Ledger:
    ledger, _ = Ledger().refill(offers(*(numbers or (1, 2, 3))))
    return ledger


def holding(ledger: Ledger, n: int = 1, now: float = 0) -> Ledger:
    match ledger.claim(pod(n), NETNS, now):
        case Claimed(lease):
            return ledger.after([Held(lease)])
        case other:
            raise AssertionError(other)


def test_a_claim_gives_an_offered_address_and_changes_nothing() -> None:
    ledger = a_ledger()
    answer = ledger.claim(pod(), NETNS, 7)

    assert answer == Claimed(
        Lease(
            attachment=pod(),
            addresses=Pair(v4(1)),
            vnic_id="vnic-1",
            slot=1,
            netns=NETNS,
            since=7,
        )
    )
    assert ledger == a_ledger()


def test_the_same_attachment_gets_the_same_lease() -> None:
    ledger = holding(a_ledger())

    assert ledger.claim(pod(), NETNS, 9) == Known(ledger.leases[pod()])


def test_a_lease_goes_through_its_phases() -> None:
    ledger = holding(a_ledger())
    phases = [ledger.leases[pod()].phase]
    for entry in (Wired(pod()), Left(pod())):
        ledger = ledger.after([entry])
        phases.append(ledger.leases[pod()].phase)

    assert phases == [Phase.CLAIMED, Phase.WIRED, Phase.LEAVING]


def test_a_freed_address_rests_before_it_is_free() -> None:
    ledger = holding(a_ledger(1)).after([Freed(pod(), 30)])

    assert ledger.reclaim(29).pool.first() is None
    answer = ledger.reclaim(30).claim(pod(2), NETNS, 30)
    assert isinstance(answer, Claimed)
    assert answer.early == {}


def test_nothing_to_reclaim_gives_the_same_ledger() -> None:
    ledger = holding(a_ledger())

    assert ledger.reclaim(9) is ledger


def test_an_exhausted_node_says_why_and_what_next() -> None:
    answer = holding(a_ledger(1)).claim(pod(2), NETNS, 0)

    assert answer == Empty(offered=1, held=1)
    assert "1 held by pods" in answer.cause
    assert "maxPodCount" in answer.advice


def test_rt_10_a_full_node_falls_back_to_the_address_that_was_released_first() -> None:
    ledger = holding(holding(a_ledger(1, 2), 1), 2)
    ledger = ledger.after([Freed(pod(2), 35), Freed(pod(1), 42)])
    answer = ledger.claim(pod(3), NETNS, 30)

    assert isinstance(answer, Claimed)
    assert (answer.lease.addresses, answer.early) == (Pair(v4(2)), {v4(2): 5})
    assert answer.entries == (Cooled(v4(2), 30), Held(answer.lease))
    after = ledger.after(answer.entries)
    assert after.pool.cooling == {v4(1): 42}
    assert after.holders == {v4(2): pod(3)}


def test_an_address_with_a_live_flow_comes_last_on_a_full_node() -> None:
    ledger = holding(holding(a_ledger(1, 2), 1), 2)
    ledger = ledger.after([Freed(pod(2), 31), Freed(pod(1), 55)])
    answer = ledger.claim(pod(3), NETNS, 30, frozenset({v4(2)}))

    assert isinstance(answer, Claimed)
    assert (answer.lease.addresses, answer.early) == (Pair(v4(1)), {v4(1): 25})
    other = ledger.after(answer.entries).claim(pod(4), NETNS, 30, frozenset({v4(2)}))
    assert isinstance(other, Claimed)
    assert other.lease.addresses == Pair(v4(2))


def test_an_address_whose_time_has_come_needs_no_entry_to_be_taken() -> None:
    ledger = holding(a_ledger(1)).after([Freed(pod(), 42)])
    answer = ledger.claim(pod(2), NETNS, 50)

    assert isinstance(answer, Claimed)
    assert (answer.early, answer.entries) == ({v4(1): 0}, (Held(answer.lease),))
    assert ledger.after(answer.entries).pool.cooling == {}


def test_a_lease_ends_the_rest_of_its_own_addresses_only() -> None:
    ledger = holding(holding(a_ledger(1, 2, 3), 1), 2)
    ledger = ledger.after([Freed(pod(1), 10), Freed(pod(2), 10)])

    assert holding(ledger, 3, now=20).pool.cooling == {v4(1): 10, v4(2): 10}


def test_an_early_pod_gets_what_is_free_of_the_other_family() -> None:
    both = {"vnic-1": Offer((v4(1), IPv6Address("fd00::1")), (4, 6))}
    ledger, _ = Ledger().refill(both)
    ledger = ledger.after([Cooled(v4(1), 9)])
    answer = ledger.claim(pod(), NETNS, 5)

    assert isinstance(answer, Claimed)
    assert answer.lease.addresses == Pair(v4(1), IPv6Address("fd00::1"))


V6 = IPv6Address("fd00::1")
LATER = IPv6Address("fd00::2")


def both(*addresses: Ip, vnic: str = "vnic-1") -> dict[str, Offer]:
    return {vnic: Offer(addresses, (4, 6))}


def test_an_early_pod_gets_of_each_family_what_was_released_first() -> None:
    ledger, _ = Ledger().refill(both(v4(1), v4(2), V6, LATER))
    rests = {v4(1): 12, v4(2): 9, V6: 20, LATER: 14}
    ledger = ledger.after([Cooled(address, until) for address, until in rests.items()])
    answer = ledger.claim(pod(), NETNS, 5)

    assert isinstance(answer, Claimed)
    assert answer.lease.addresses == Pair(v4(2), LATER)
    assert answer.early == {v4(2): 4, LATER: 9}
    assert ledger.after(answer.entries).pool.cooling == {v4(1): 12, V6: 20}


def test_a_pod_gets_the_other_family_early_when_it_is_resting() -> None:
    """What a pod lacks when it begins it lacks until it ends."""
    ledger, _ = Ledger().refill(both(v4(1), V6, LATER))
    ledger = ledger.after([Cooled(V6, 9), Cooled(LATER, 12)])
    answer = ledger.claim(pod(), NETNS, 5, frozenset({V6}))

    assert isinstance(answer, Claimed)
    assert answer.lease.addresses == Pair(v4(1), LATER)
    assert answer.early == {LATER: 7}


def test_where_no_vnic_has_all_families_free_one_that_has_them_resting_comes_first() -> (
    None
):
    one = both(v4(1), v4(2), vnic="vnic-1")
    ledger, _ = Ledger().refill({**one, **both(v4(3), V6, vnic="vnic-2")})
    answer = ledger.after([Cooled(V6, 9)]).claim(pod(), NETNS, 5)

    assert isinstance(answer, Claimed)
    assert (answer.lease.vnic_id, answer.lease.addresses) == ("vnic-2", Pair(v4(3), V6))


def test_what_the_cloud_took_away_is_no_way_out() -> None:
    ledger = holding(a_ledger(1)).after([Freed(pod(), 42)])
    ledger, _ = ledger.refill(offers(2))
    ledger = holding(ledger, 2)

    assert ledger.claim(pod(3), NETNS, 5) == Empty(offered=1, held=1)


def test_a_node_without_addresses_points_at_the_status() -> None:
    answer = Ledger().claim(pod(), NETNS, 0)

    assert answer == Empty(0, 0)
    assert "no pod address yet" in answer.cause
    assert "NativePodNetwork" in answer.advice


def test_new_vnics_get_the_lowest_numbers() -> None:
    _, entries = Ledger().refill({**offers(1), **offers(2, vnic="vnic-2")})

    assert entries == (Placed("vnic-1", 1), Placed("vnic-2", 2))


def test_a_vnic_keeps_its_number() -> None:
    ledger, _ = Ledger().refill({**offers(1), **offers(2, vnic="vnic-2")})
    ledger, entries = ledger.refill(
        {**offers(3, vnic="vnic-3"), **offers(2, vnic="vnic-2")}
    )

    assert entries == (Unplaced("vnic-1"), Placed("vnic-3", 1))
    assert ledger.slots == {"vnic-2": 2, "vnic-3": 1}


def test_a_vnic_with_a_pod_keeps_its_number_when_it_is_gone() -> None:
    ledger, entries = holding(a_ledger()).refill({})

    assert entries == ()
    assert ledger.slots == {"vnic-1": 1}
    assert isinstance(ledger.claim(pod(2), NETNS, 0), Empty)


def test_more_vnics_than_numbers_leaves_some_unused() -> None:
    many = {f"vnic-{n}": Offer((IPv4Address(n),)) for n in range(1, 200)}
    ledger, entries = Ledger().refill(many)

    assert len(entries) == len(SLOTS)
    assert len(ledger.pool.offers) == len(SLOTS)


def test_an_address_withdrawn_while_held_is_draining() -> None:
    ledger = holding(holding(a_ledger(1, 2)), 2)
    ledger, _ = ledger.refill(offers(2))

    assert [lease.attachment for lease in ledger.draining()] == [pod(1)]


def test_an_address_that_moved_to_another_vnic_is_draining() -> None:
    ledger, _ = holding(a_ledger(1)).refill(
        {**offers(vnic="vnic-1"), **offers(1, vnic="b")}
    )

    assert [lease.attachment for lease in ledger.draining()] == [pod(1)]
    assert ledger.pool.first() is None


def test_a_drained_address_is_never_given_again() -> None:
    ledger, _ = holding(a_ledger(1)).refill(offers(2))
    ledger = ledger.after([Freed(pod(), 5)]).reclaim(5)

    assert ledger.pool.free == {("vnic-1", 4): (v4(2),)}


@pytest.mark.parametrize(
    "entry",
    [
        Wired(pod(9)),
        Left(pod(9)),
        Freed(pod(9), 5),
        Cooled(v4(1), 5),
        Placed("vnic-1", 2),
        Placed("vnic-2", 1),
        Placed("vnic-2", 0),
        Placed("vnic-2", 127),
        Unplaced("vnic-9"),
    ],
    ids=str,
)
def test_an_entry_that_cannot_follow_is_refused(entry: Entry) -> None:
    with pytest.raises(Contradiction):
        holding(a_ledger()).after([entry])


@pytest.mark.parametrize(
    ("attachment", "addresses"),
    [
        (pod(1), Pair(v4(2))),
        (pod(2), Pair(v4(1))),
        (pod(2), Pair(v4(3))),
        (pod(2), Pair()),
    ],
)
def test_an_address_cannot_be_held_twice_nor_while_it_rests(
    attachment: AttachmentId, addresses: Pair
) -> None:
    ledger = holding(a_ledger()).after([Cooled(v4(3), 5)])
    lease = Lease(
        attachment=attachment,
        addresses=addresses,
        vnic_id="vnic-1",
        slot=1,
        netns=NETNS,
        since=0,
    )

    with pytest.raises(Contradiction):
        ledger.after([Held(lease)])


# Both families.


def v6(n: int) -> IPv6Address:
    return IPv6Address(f"fd00::{n:x}")


def a_dual_ledger(*families: int) -> Ledger:
    offer = Offer((v4(1), v4(2), v6(1)), families or (4, 6))
    ledger, _ = Ledger().refill({"vnic-1": offer})
    return ledger


@pytest.mark.parametrize(
    ("families", "ordered"), [((4, 6), (v4(1), v6(1))), ((6, 4), (v6(1), v4(1)))]
)
def test_a_lease_has_an_address_of_each_family_in_order_of_preference(
    families: tuple[int, ...], ordered: tuple[object, ...]
) -> None:
    lease = holding(a_dual_ledger(*families)).leases[pod()]

    assert lease.addresses == Pair(v4(1), v6(1))
    assert (lease.ordered, lease.lacking) == (ordered, ())


def test_rt_09_a_pod_without_the_second_family_says_what_it_lacks() -> None:
    ledger = holding(a_dual_ledger())
    answer = ledger.claim(pod(2), NETNS, 0)

    assert isinstance(answer, Claimed)
    assert answer.lease.addresses == Pair(v4(2))
    assert answer.lease.lacking == ("IPv6",)
    assert replace(answer.lease, families=(6, 4)).ordered == (v4(2),)


def test_rt_09_a_claim_fails_only_without_the_required_family() -> None:
    ledger = holding(a_dual_ledger(6, 4))
    answer = ledger.claim(pod(2), NETNS, 0)

    assert answer == Empty(1, 1, "IPv6")
    assert "none of this node's 1 IPv6 pod addresses is free" in answer.cause


def test_a_pod_of_two_families_frees_both() -> None:
    ledger = holding(a_dual_ledger()).after([Freed(pod(), 30)])

    assert ledger.pool.cooling == {v4(1): 30, v6(1): 30}
    assert ledger.reclaim(30).pool.count(6).free == 1


def test_one_withdrawn_half_makes_the_lease_draining() -> None:
    ledger, _ = holding(a_dual_ledger()).refill({"vnic-1": Offer((v4(1),), (4, 6))})

    assert [lease.attachment for lease in ledger.draining()] == [pod()]
