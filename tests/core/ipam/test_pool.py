"""The pool: free is what the cloud has, less what is held and what cools; by family."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from mooring.core.ipam.pool import (
    Count,
    Offer,
    Offers,
    Pool,
    offer,
    paired,
    parts,
    without,
)
from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

BOTH = (4, 6)


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.8.{n}")


def v6(n: int) -> IPv6Address:
    return IPv6Address(f"fd00::{n:x}")


def four(*numbers: int) -> tuple[Ip, ...]:
    return tuple(v4(n) for n in numbers)


def some(*numbers: int) -> Offer:
    return Offer(four(*numbers))


def dual(fours: list[int], sixes: list[int], families: tuple[int, ...] = BOTH) -> Offer:
    return Offer((*four(*fours), *(v6(n) for n in sixes)), families)


def resting(pool: Pool, n: int) -> Pool:
    return pool.taken([v4(n)]).cooled([v4(n)], 5)


def a_pool(offers: Offers | None = None, held: tuple[Ip, ...] = ()) -> Pool:
    return Pool().offered(offers or {"a": some(1, 2, 3)}, held)


def test_without_copies() -> None:
    before = {"a": 1, "b": 2}

    assert without(before, ["a"]) == {"b": 2}
    assert before == {"a": 1, "b": 2}


def test_an_empty_pool_has_nothing_first() -> None:
    assert Pool().first() is None
    assert a_pool({"a": Offer()}).first() is None


def test_the_vnic_with_most_free_addresses_is_chosen() -> None:
    pool = a_pool({"a": some(1), "b": some(2, 3)})

    assert pool.first() == ("b", Pair(v4(2)))


def test_the_longest_free_address_is_first() -> None:
    pool = resting(a_pool(), 1).reclaimed(5, ())

    assert pool.free["a", 4] == four(2, 3, 1)


def test_what_is_held_or_cools_is_not_offered_anew() -> None:
    pool = resting(a_pool(held=(v4(1),)), 2)

    again = pool.offered({"a": some(1, 2, 3, 4)}, {v4(1)})
    assert again.free["a", 4] == four(3, 4)


def test_an_address_counts_where_it_stands_first() -> None:
    pool = a_pool({"a": some(1, 1), "b": some(1, 2)})

    assert pool.offers == {"a": some(1), "b": some(2)}


def test_taking_from_the_middle_keeps_the_order() -> None:
    assert a_pool().taken([v4(2)]).free["a", 4] == four(1, 3)


def test_taking_what_is_not_free_changes_nothing() -> None:
    pool = a_pool(held=(v4(1),))

    assert pool.taken([v4(1), v4(77)]) == pool


def test_a_withdrawn_address_does_not_come_back_from_its_rest() -> None:
    pool = resting(a_pool(), 1).offered({"a": some(2, 3)}, ())

    assert pool.reclaimed(9, ()).free["a", 4] == four(2, 3)


def test_what_is_held_again_does_not_come_back_from_its_rest() -> None:
    pool = resting(a_pool(), 1)

    assert pool.reclaimed(9, {v4(1)}).free["a", 4] == four(2, 3)


def test_nothing_due_changes_nothing() -> None:
    pool = resting(a_pool(), 1)

    assert pool.reclaimed(4.9, ()) is pool


def test_only_offered_addresses_count() -> None:
    pool = resting(a_pool(), 1).cooled([v4(77)], 5)

    assert pool.count(4) == Count(offered=3, free=2, resting=(5,))
    assert pool.count(6) == Count(offered=0, free=0, resting=())


def test_it_knows_where_the_cloud_has_an_address() -> None:
    pool = a_pool({"a": some(1), "b": some(2)})

    assert pool.has("a", [v4(1)])
    assert not pool.has("a", [v4(1), v4(2)])
    assert not pool.has("a", [v4(3)])


def test_parts_leave_out_what_is_not_there() -> None:
    assert parts(Pair(None, v6(1))) == (v6(1),)
    assert parts(Pair()) == ()
    assert paired([v6(1), v4(2)]) == Pair(v4(2), v6(1))
    assert paired([]) == Pair()


# Both families.


def test_an_offer_has_the_families_of_its_vnic_only() -> None:
    pairs = [Pair(v4(1), v6(1)), Pair(v4(2)), Pair(None, v6(3))]

    assert offer(pairs, ["IPv4"]) == Offer(four(1, 2), (4,))
    assert offer(pairs, ["IPv6", "IPv4"]) == Offer((v4(1), v6(1), v4(2), v6(3)), (6, 4))


def test_a_pod_gets_the_longest_free_address_of_each_family() -> None:
    pool = a_pool({"a": dual([1, 2], [7, 8])}, held=(v4(1),))

    assert pool.first() == ("a", Pair(v4(2), v6(7)))


def test_rt_09_a_family_that_ran_out_does_not_break_the_other() -> None:
    pool = a_pool({"a": dual([1, 2], [7])}).taken([v4(1), v6(7)])

    assert pool.first() == ("a", Pair(v4(2)))


def test_there_is_no_pod_without_the_preferred_family() -> None:
    pool = a_pool({"a": dual([1], [7, 8], (6, 4))}).taken([v6(7), v6(8)])

    assert pool.free["a", 4] == four(1)
    assert pool.first() is None


def test_a_vnic_with_both_families_comes_before_one_with_more_of_the_first() -> None:
    pool = a_pool({"a": dual([1, 2, 3], []), "b": dual([4], [8])})

    assert pool.first() == ("b", Pair(v4(4), v6(8)))


def test_the_halves_of_a_pod_come_back_each_in_its_time() -> None:
    pool = a_pool({"a": dual([1], [7])}).taken([v4(1), v6(7)])
    pool = pool.cooled([v4(1)], 5).cooled([v6(7)], 9).reclaimed(5, ())

    assert pool.first() == ("a", Pair(v4(1)))
    assert pool.count(6) == Count(offered=1, free=0, resting=(9,))
    assert pool.reclaimed(9, ()).first() == ("a", Pair(v4(1), v6(7)))


def test_required_families_are_named_first() -> None:
    pool = a_pool({"a": dual([1], [7]), "b": dual([2], [8], (6, 4)), "c": some(3)})

    assert pool.families == (4, 6)
    assert a_pool({"a": dual([1], [7], (6, 4))}).families == (6, 4)
    assert Pool().families == ()


def shut(given: Offer) -> Offer:
    return replace(given, shut=True)


def test_a_shut_vnic_gives_nothing_and_the_other_one_gives_on() -> None:
    pool = a_pool({"a": shut(some(1, 2)), "b": some(3)}, held=four(1))
    assert pool.first() == ("b", Pair(v4(3)))
    assert pool.count(4) == Count(offered=3, free=1, resting=())
    assert pool.withheld(four(1)) == {v4(2)}
    assert pool.taken(four(3)).first() is None


def test_what_rests_on_a_shut_vnic_rests_on_and_is_not_given_early() -> None:
    pool = resting(a_pool({"a": some(1)}), 1).offered({"a": shut(some(1))}, ())
    assert pool.oldest() is None
    assert pool.withheld(()) == frozenset()
    assert pool.offered({"a": some(1)}, ()).first() is None


def test_a_rest_that_ends_on_a_shut_vnic_gives_the_address_when_it_opens() -> None:
    pool = resting(a_pool({"a": some(1)}), 1).offered({"a": shut(some(1))}, ())
    over = pool.reclaimed(5, ())
    assert over.first() is None
    assert over.withheld(()) == {v4(1)}
    assert over.offered({"a": some(1)}, ()).first() == ("a", Pair(v4(1)))


def test_a_vnic_that_is_shut_loses_what_was_free() -> None:
    pool = a_pool({"a": some(1, 2)}).offered({"a": shut(some(1, 2))}, ())
    assert pool.first() is None
    assert pool.offered({"a": some(1, 2)}, ()).first() == ("a", Pair(v4(1)))
