"""The pool: free is what the cloud has, less what is held and what cools."""

from ipaddress import IPv4Address, IPv6Address

from mooring.core.ipam.pool import Offers, Pool, parts, without
from mooring.core.npn.record import Pair


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.8.{n}")


def v6(n: int) -> IPv6Address:
    return IPv6Address(f"fd00::{n:x}")


def pairs(*numbers: int) -> tuple[Pair, ...]:
    return tuple(Pair(v4(n)) for n in numbers)


def resting(pool: Pool, n: int) -> Pool:
    return pool.taken([v4(n)]).cooled([v4(n)], 5)


def a_pool(offers: Offers | None = None, held: tuple[IPv4Address, ...] = ()) -> Pool:
    return Pool().offered(offers or {"a": pairs(1, 2, 3)}, held)


def test_without_copies() -> None:
    before = {"a": 1, "b": 2}

    assert without(before, ["a"]) == {"b": 2}
    assert before == {"a": 1, "b": 2}


def test_an_empty_pool_has_nothing_first() -> None:
    assert Pool().first() is None
    assert a_pool({"a": ()}).first() is None


def test_the_vnic_with_most_free_addresses_is_chosen() -> None:
    pool = a_pool({"a": pairs(1), "b": pairs(2, 3)})

    assert pool.first() == ("b", Pair(v4(2)))


def test_the_longest_free_address_is_first() -> None:
    pool = resting(a_pool(), 1).reclaimed(5, ())

    assert pool.free["a"] == pairs(2, 3, 1)


def test_what_is_held_or_cools_is_not_offered_anew() -> None:
    pool = resting(a_pool(held=(v4(1),)), 2)

    again = pool.offered({"a": pairs(1, 2, 3, 4)}, {v4(1)})
    assert again.free["a"] == pairs(3, 4)


def test_one_half_that_is_held_keeps_the_pair_back() -> None:
    pool = Pool().offered({"a": (Pair(v4(1), v6(1)), Pair(v4(2), v6(2)))}, {v6(1)})

    assert pool.free["a"] == (Pair(v4(2), v6(2)),)


def test_an_address_counts_where_it_stands_first() -> None:
    pool = a_pool({"a": pairs(1, 1), "b": pairs(1, 2)})

    assert pool.offers == {"a": pairs(1), "b": pairs(2)}


def test_a_pair_of_nothing_is_no_offer() -> None:
    assert a_pool({"a": (Pair(), Pair(v4(1)))}).offers == {"a": pairs(1)}


def test_taking_from_the_middle_keeps_the_order() -> None:
    assert a_pool().taken([v4(2)]).free["a"] == pairs(1, 3)


def test_taking_what_is_not_free_changes_nothing() -> None:
    pool = a_pool(held=(v4(1),))

    assert pool.taken([v4(1), v4(77)]) == pool


def test_a_withdrawn_address_does_not_come_back_from_its_rest() -> None:
    pool = resting(a_pool(), 1).offered({"a": pairs(2, 3)}, ())

    assert pool.reclaimed(9, ()).free["a"] == pairs(2, 3)


def test_nothing_due_changes_nothing() -> None:
    pool = resting(a_pool(), 1)

    assert pool.reclaimed(4.9, ()) is pool


def test_a_pair_is_free_when_both_halves_are() -> None:
    pool = Pool().offered({"a": (Pair(v4(1), v6(1)),)}, ())
    pool = pool.taken([v4(1)]).cooled([v4(1)], 5).cooled([v6(1)], 7)

    assert pool.reclaimed(5, ()).free["a"] == ()
    assert pool.reclaimed(5, ()).reclaimed(7, ()).free["a"] == (Pair(v4(1), v6(1)),)
    assert pool.resting() == (7,)


def test_only_offered_addresses_rest_for_somebody() -> None:
    assert a_pool().cooled([v4(77)], 5).resting() == ()


def test_it_knows_where_the_cloud_has_an_address() -> None:
    pool = a_pool({"a": pairs(1), "b": pairs(2)})

    assert pool.has("a", [v4(1)])
    assert not pool.has("a", [v4(1), v4(2)])
    assert not pool.has("a", [v4(3)])


def test_parts_leave_out_what_is_not_there() -> None:
    assert parts(Pair(None, v6(1))) == (v6(1),)
    assert parts(Pair()) == ()
