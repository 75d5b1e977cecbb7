"""Whose turn it is."""

from mooring.core.npn.turns import AGE, QUANTUM, YIELD, Place, after_turn, anew, rank


def following(
    places: dict[str, Place], due: float = 0.0, now: float = 0.0
) -> list[str]:
    return sorted(places, key=lambda name: rank(places[name], due, now))


def after(turns: int, place: Place) -> Place:
    for _ in range(turns):
        place = after_turn(place, settled=False, waits=False, rounds=0)
    return place


def test_first_come_first_served_while_nobody_takes_too_much() -> None:
    first = after(QUANTUM - 1, Place(number=1))

    assert following({"b": Place(number=2), "a": first}) == ["a", "b"]


def test_who_takes_too_much_goes_behind_the_others() -> None:
    greedy = after(QUANTUM, Place(number=1))

    assert following({"greedy": greedy, "b": Place(number=2)}) == ["b", "greedy"]
    assert after(QUANTUM, greedy).rounds == 2


def test_waits_use_up_nothing() -> None:
    place = after_turn(Place(changes=3), settled=False, waits=True, rounds=0)

    assert place == Place(changes=3)


def test_the_round_that_begins_is_behind_that_of_all_others() -> None:
    place = after_turn(Place(changes=QUANTUM - 1), settled=False, waits=False, rounds=7)

    assert place.rounds == 8


def test_settled_ones_yield() -> None:
    settled = after_turn(Place(number=1), settled=True, waits=False, rounds=0)

    assert following({"settled": settled, "new": Place(number=9)}) == ["new", "settled"]


def test_who_comes_and_is_served_yields_to_who_comes_after() -> None:
    served = anew(Place(number=1), rounds=3, settled=True)
    new = anew(Place(number=2), rounds=3)

    assert following({"served": served, "new": new}) == ["new", "served"]
    assert rank(served, 0.0, 8 * AGE) < rank(new, 8 * AGE, 8 * AGE)


def test_waiting_moves_up_so_nobody_starves() -> None:
    late = AGE * (YIELD + 1)
    settled = after_turn(Place(number=1), settled=True, waits=False, rounds=0)
    greedy = after(QUANTUM, Place(number=2))
    busy = Place(number=3, rounds=1)

    assert rank(settled, 0.0, late) < rank(busy, late, late)
    assert rank(greedy, 0.0, late) < rank(Place(number=4), late, late)
    assert rank(Place(), 5.0, 0.0) == (0, False, 0)


def test_who_has_wishes_again_queues_as_it_came() -> None:
    settled = after_turn(Place(number=1), settled=True, waits=False, rounds=3)

    assert anew(settled, rounds=3) == Place(number=1, rounds=3)
