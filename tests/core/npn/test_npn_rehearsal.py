"""A warm target is recommended by playing a trace; another simulation says whether it is the best."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mooring.core.npn.elastic import PATIENCE
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.rehearsal import Moved, Terms, recommend, rehearse

ANY = PoolPolicy(warm_target=1)


def naive(  # noqa: C901, PLR0912 - an oracle is written down as one thinks it
    trace: list[Moved], target: int, terms: Terms, minimum: int = 0
) -> tuple[int, float]:
    """Play a trace second by second, every address a thing of its own; the oracle.

    Gives the pods that lacked a rested address, and the address-seconds.
    """
    step = 1
    while step * 2 <= max(min(target, terms.most), -(-terms.most * 2 // 64), 1):
        step *= 2
    begin = min(max(target, minimum), terms.most)
    have = min(-(-begin // step) * step, terms.most)
    held, lacking, cost, slack = 0, 0, 0, None
    coming: dict[int, int] = {}
    resting: list[int] = []
    moves: dict[int, list[int]] = {}
    for moved in trace:
        moves.setdefault(int(moved.at), []).append(moved.pods)
    for now in range(int(trace[-1].at) + 1):
        have += coming.pop(now, 0)
        resting = [until for until in resting if until > now]
        for pods in [0, *moves.get(now, [])]:
            for _ in range(pods):
                if held + len(resting) < have:
                    held += 1
                else:
                    lacking += 1
                    if resting and held < have:
                        resting.pop(0)
                        held += 1
            for _ in range(min(max(-pods, 0), held)):
                held -= 1
                resting.append(now + int(terms.cool_down))
            all_ = have + sum(coming.values())
            want = min(max(held + len(resting) + target, minimum), terms.most)
            if want > all_:
                more = min(-(-(want - all_) // step) * step, terms.most - all_)
                due = now + int(terms.delay)
                coming[due] = coming.get(due, 0) + more
                all_ += more
            spare = max(all_ - want - max(step // 2, 1), 0)
            if spare < step:
                slack = None
            elif slack is None:
                slack = now
            elif now - slack >= PATIENCE:
                have -= spare - spare % step
                slack = None
        cost += have
    return lacking, cost


def a_trace(seed: int, seconds: int = 900, most: int = 100) -> list[Moved]:
    """Pods that come in waves and live for a while."""
    chance = random.Random(seed)
    ends: dict[int, int] = {}
    moves, held = [], 0
    for now in range(1, seconds):
        rate = 0.3 if (now // 120) % 3 else 0.02
        came = sum(chance.random() < rate for _ in range(2))
        if chance.random() < 0.01:
            came += chance.randrange(2, 9)
        came = min(came, most - held)
        for _ in range(came):
            end = now + chance.randrange(20, 300)
            ends[end] = ends.get(end, 0) + 1
        gone = ends.pop(now, 0)
        held += came - gone
        if gone:
            moves.append(Moved(now, -gone))
        if came:
            moves.append(Moved(now, came))
    return [*moves, Moved(seconds, 0)]


@pytest.mark.parametrize("seed", range(4))
def test_rt_12_what_is_recommended_costs_what_the_best_costs(seed: int) -> None:
    """Within 5 %, by another simulation that tries every target."""
    terms = Terms(most=200, delay=5)
    trace = a_trace(seed)
    found = recommend(trace, ANY, terms)
    lacking, cost = naive(trace, found.policy.warm_target, terms)
    tried = [naive(trace, target, terms) for target in range(1, 60)]
    best = min(cost for lacked, cost in tried if not lacked)

    print(f"seed={seed} target={found.policy.warm_target} cost={cost} best={best}")
    assert (found.outcome.lacking, lacking) == (0, 0)
    assert found.outcome.cost == pytest.approx(cost, rel=0.02)
    assert cost <= best * 1.05


def test_rt_16_a_fifth_of_the_nodes_drained_at_once_finds_addresses() -> None:
    """50 nodes of 20 pods, ten of them drained: 200 pods come to 40 nodes within a second."""
    arrivals = [0] * 40
    chance = random.Random(16)
    for _ in range(200):
        arrivals[chance.randrange(40)] += 1
    terms = Terms(most=62, delay=5)
    worst = max(arrivals)
    calm = [Moved(n, 1) for n in range(60, 260, 10)]
    found = recommend([*calm, Moved(1000, worst), Moved(2000, 0)], ANY, terms).policy
    for came in arrivals:
        trace = [*calm, Moved(1000, came), Moved(2000, 0)]
        assert rehearse(trace, found, terms).lacking == 0
    # And what does not suffice is noticed.
    trace = [*calm, Moved(1000, worst), Moved(2000, 0)]
    assert rehearse(trace, ANY, terms).refused > 0
    assert found.warm_target <= worst


def test_the_pool_shrinks_when_pods_are_gone() -> None:
    terms = Terms(most=62)
    policy = PoolPolicy(warm_target=4)
    busy = [Moved(n, 1) for n in range(1, 31)]
    short = rehearse([*busy, Moved(40, -30), Moved(41, 0)], policy, terms)
    long = rehearse([*busy, Moved(40, -30), Moved(4040, 0)], policy, terms)

    assert short.peak == long.peak
    assert long.cost - short.cost < 4000 * 16


def test_a_pod_takes_what_has_not_rested_when_nothing_else_is_left() -> None:
    terms = Terms(most=2, cool_down=30)
    trace = [Moved(1, 2), Moved(2, -2), Moved(3, 1), Moved(4, 2), Moved(5, 0)]
    outcome = rehearse(trace, replace(ANY, minimum=2), terms)

    assert (outcome.early, outcome.refused) == (2, 1)
    assert outcome.lacking == 3


def test_where_nothing_suffices_the_least_bad_is_recommended() -> None:
    found = recommend([Moved(1, 5), Moved(9, 0)], ANY, Terms(most=3))

    assert found.outcome.refused == 2
    assert found.policy.warm_target <= 3


def test_minimum_and_maximum_hold_in_a_rehearsal() -> None:
    policy = PoolPolicy(warm_target=1, minimum=8, maximum=10)
    outcome = rehearse([Moved(1, 12), Moved(100, 0)], policy, Terms(most=62))

    assert (outcome.peak, outcome.refused) == (10, 4)


@settings(max_examples=60)
@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(-6, 6)), min_size=1),
    target=st.integers(1, 20),
)
def test_both_simulations_agree(steps: list[tuple[int, int]], target: int) -> None:
    now, trace = 0, []
    for after, pods in steps:
        now += after
        trace.append(Moved(now, pods))
    terms = Terms(most=40, delay=4)
    outcome = rehearse(trace, PoolPolicy(warm_target=target), terms)
    lacking, _ = naive(trace, target, terms)

    assert outcome.lacking == lacking
