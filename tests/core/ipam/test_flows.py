"""When an address that rests may be used again: what its flows say (RT-38, RT-39)."""

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from mooring.core.ipam.flows import AGAIN, LEAD, SILENCE, Watch, due, judge, trusted
from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import Ip

PEER = IPv4Address("203.0.113.7")
NODE = IPv4Address("10.0.2.7")


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.8.{n}")


def a_flow(*ends: Ip, timeout: int = 120, name: bytes = b"1") -> Flow:
    return Flow(frozenset(ends), 6, timeout, name)


def test_who_is_new_to_rest_and_who_is_about_to_be_free_is_looked_at() -> None:
    cooling = {v4(1): 100.0, v4(2): 50.0 + LEAD, v4(3): 100.0}
    watch = Watch(clean={v4(2): 50.0 + LEAD, v4(3): 100.0})

    assert due(watch, cooling, 50.0) == {v4(1), v4(2)}
    assert due(Watch(clean=cooling), cooling, 49.0) == set()


def test_a_new_rest_of_the_same_address_is_looked_at_again() -> None:
    assert due(Watch(clean={v4(1): 70.0}), {v4(1): 100.0}, 0.0) == {v4(1)}


def test_rt_39_the_flows_of_a_pod_that_went_are_forgotten_at_once() -> None:
    """A hostPort's flow has the node's address in front and the pod's behind."""
    flow = a_flow(PEER, NODE, v4(1))
    verdict = judge(Watch(), {v4(1): 30.0}, [flow], now=1.0)

    assert verdict.forget == (flow,)
    assert verdict.rest == {}
    assert due(verdict.watch, {v4(1): 30.0}, 2.0) == set()


def test_rt_38_an_address_rests_on_while_somebody_knocks() -> None:
    cooling = {v4(1): 30.0, v4(2): 30.0}
    watch = Watch(clean=cooling)
    verdict = judge(watch, cooling, [a_flow(PEER, v4(1))], now=29.0)

    assert verdict.rest == {v4(1): 29.0 + AGAIN}
    assert verdict.why == {v4(1): a_flow(PEER, v4(1))}
    assert verdict.forget == ()
    again = {v4(1): 29.0 + AGAIN}
    assert due(verdict.watch, again, 29.0 + AGAIN - LEAD) == {v4(1)}
    assert judge(verdict.watch, again, [], now=36.0).rest == {}


def test_a_flow_long_before_the_end_of_the_rest_keeps_nothing() -> None:
    cooling = {v4(1): 100.0}

    assert judge(Watch(clean=cooling), cooling, [a_flow(v4(1))], 5.0).rest == {}


def test_a_flow_that_only_runs_down_is_forgotten_in_the_end() -> None:
    """One taken up in its middle would stand for five days."""
    cooling, watch, now, day = {v4(1): 10.0}, Watch(clean={v4(1): 10.0}), 10.0, 86400
    while True:
        flow = a_flow(PEER, v4(1), timeout=5 * day - int(now))
        verdict = judge(watch, cooling, [flow], now)
        if verdict.forget:
            break
        watch, cooling, now = verdict.watch, dict(verdict.rest), now + AGAIN - 1

    assert verdict.rest == {}
    assert SILENCE <= now - 10.0 <= SILENCE + AGAIN


def test_a_flow_that_goes_on_is_never_forgotten() -> None:
    cooling, watch = {v4(1): 10.0}, Watch(clean={v4(1): 10.0})
    for step in range(100):
        verdict = judge(watch, cooling, [a_flow(v4(1), timeout=300)], 10.0 + step * 7)
        assert not verdict.forget
        assert verdict.rest
        watch, cooling = verdict.watch, dict(verdict.rest)


def test_flows_of_others_are_left_alone() -> None:
    verdict = judge(Watch(), {v4(1): 30.0}, [a_flow(PEER, v4(9))], now=29.0)

    assert (verdict.forget, verdict.rest) == ((), {})


def test_a_start_believes_that_what_it_sees_came_later() -> None:
    cooling = {v4(1): 30.0}
    verdict = judge(trusted(cooling, 40.0), cooling, [a_flow(v4(1))], now=40.0)

    assert (verdict.forget, verdict.rest) == ((), {v4(1): 48.0})


@given(
    cooling=st.dictionaries(
        st.integers(1, 6).map(v4), st.floats(0, 100), min_size=1, max_size=6
    ),
    ends=st.lists(st.frozensets(st.integers(1, 9).map(v4), min_size=1), max_size=6),
    known=st.booleans(),
    now=st.floats(0, 100),
)
def test_nothing_with_a_live_flow_is_due_and_unmentioned(
    cooling: dict[Ip, float], ends: list[frozenset[Ip]], known: bool, now: float
) -> None:
    """Whatever is free by the next look had no flow, or its flows are forgotten now."""
    flows = [Flow(e, 6, 100, bytes([i])) for i, e in enumerate(ends)]
    watch = Watch(clean=dict(cooling)) if known else Watch()
    verdict = judge(watch, cooling, flows, now)
    for flow in flows:
        for end in flow.ends & cooling.keys():
            if cooling[end] <= now + LEAD:
                assert end in verdict.rest or flow in verdict.forget
    assert verdict.rest.keys() <= cooling.keys()


def test_after_a_start_only_a_rest_that_may_be_prolonged_is_trusted() -> None:
    """The last life may have ended between a pod's end and the look after it."""
    cooling = {v4(1): 79.0, v4(2): 50.0 + AGAIN}
    watch = trusted(cooling, 50.0)

    assert due(watch, cooling, 50.0) == {v4(1)}
    flows = [a_flow(PEER, v4(1), name=b"1"), a_flow(PEER, v4(2), name=b"2")]
    assert judge(watch, cooling, flows, 50.0).forget == (flows[0],)


def test_what_the_kernel_refused_to_forget_is_asked_for_again() -> None:
    cooling = {v4(1): 80.0, v4(2): 51.0}
    watch = Watch(clean={v4(2): 51.0})
    flows = [a_flow(PEER, v4(1), name=b"1"), a_flow(PEER, v4(2), name=b"2")]
    verdict = judge(watch, cooling, flows, 50.0)
    after = {**cooling, **verdict.rest}

    assert verdict.rest == {v4(2): 50.0 + AGAIN}
    assert due(verdict.undone, after, 50.5) == {v4(1)}
    again = judge(verdict.undone, after, flows, 50.5)
    assert again.forget == (flows[0],)


def test_a_silent_flow_that_stays_is_still_silent() -> None:
    cooling = {v4(1): 30.0}
    flow = a_flow(PEER, v4(1), timeout=432000)
    first = judge(Watch(clean=cooling), cooling, [flow], 0.0)
    silent = a_flow(PEER, v4(1), timeout=432000 - int(SILENCE))
    second = judge(first.watch, cooling, [silent], SILENCE)
    third = judge(second.undone, cooling, [silent], SILENCE + 1)

    assert second.forget == third.forget == (silent,)
