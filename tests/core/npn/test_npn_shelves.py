"""Whose the addresses of an elastic pool's VNIC are: the host takes none that a pod may have."""

from ipaddress import IPv4Address, IPv4Network

from mooring.core.npn.changes import NewVnic
from mooring.core.npn.elastic import Moment, PoolPlan, demand, plan
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Pair, VnicStatus
from mooring.core.npn.seen import AddressSeen
from mooring.core.npn.shelves import hold_listed, shelf
from mooring.core.npn.slots import Slot
from mooring.core.npn.usage import Usage

SLOT = Slot(key="0", pods=31, vnic=NewVnic(subnet_id="pods", display_name="pods"))


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.10.{n}")


def objects(*places: str) -> tuple[AddressSeen, ...]:
    return tuple(
        AddressSeen(id=place, vnic_id="v", block=IPv4Network(f"10.0.10.{place}"))
        for place in places
    )


def a_usage(held: int | None, *free: int) -> Usage:
    taken = frozenset() if held is None else frozenset({v4(held)})
    return Usage(serial=7, held=taken, free=frozenset(map(v4, free)))


def a_status(host: int | None, *pods: int) -> VnicStatus:
    return VnicStatus(
        vnic_id="v",
        mac_address="02:00:00:00:00:01",
        subnet_id="pods",
        host=Pair(v4(host) if host is not None else None),
        pod_addresses=tuple(Pair(v4(n)) for n in pods),
    )


def outcome(
    seen: tuple[AddressSeen, ...], usage: Usage | None, before: VnicStatus | None
) -> tuple[object, set[object], PoolPlan]:
    """The host, the pods and the plan that a turn comes to."""
    shelves = {"0": shelf(SLOT, seen, before, usage)}
    wanted = demand(PoolPolicy(warm_target=4), usage, shelves.values())
    made = plan(wanted, shelves, usage, Moment())
    held = hold_listed(SLOT, seen, before, (usage, made))
    return held.host, set(held.pods), made


def test_a_lost_status_leaves_a_single_address_to_its_pod() -> None:
    host, pods, made = outcome(objects("0/29", "200/32"), a_usage(200), None)

    assert host == v4(0)
    assert host not in pods
    assert made.leave == ()


def test_a_lost_status_gives_the_host_what_the_agent_does_not_name() -> None:
    usage = a_usage(3, 0, 1, 4, 5, 6, 7)
    host, pods, _ = outcome(objects("0/29", "32/28"), usage, None)

    assert host == v4(2)
    assert v4(3) in pods


def test_where_all_may_be_in_use_the_host_gets_a_new_one() -> None:
    host, pods, made = outcome(objects("200/32"), a_usage(200), None)

    assert host is None
    assert v4(200) in pods
    assert made.grow["0"] >= 1


def test_who_knows_nothing_takes_the_largest_object_s_first_address() -> None:
    host, _, _ = outcome(objects("200/32", "0/29"), None, None)

    assert host == v4(0)


def test_a_lost_host_takes_nothing_of_a_drained_object_with_a_pod() -> None:
    before = a_status(100, *range(8, 16))
    seen = objects("8/29", "16/29", "32/28")
    host, _, _ = outcome(seen, a_usage(19, *range(8, 16)), before)

    assert host == v4(32)


def test_a_lost_host_takes_nothing_that_the_agent_still_hands_out() -> None:
    before = a_status(100, *range(8, 16))
    host, _, made = outcome(
        objects("8/29", "16/29"), a_usage(None, *range(8, 24)), before
    )

    assert host is None
    assert made.grow["0"] >= 1
