"""The loop over many objects: threads, the directory, what it survives and how it ends."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects
from patience import until

from mooring.controller.gate import PacedGate, Stopping
from mooring.controller.run import Controller, World
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Npn, NpnSpec
from mooring.core.npn.seen import InstanceSeen
from mooring.core.npn.usage import Usage


def an_npn(name: str, pods: int = 31) -> Npn:
    return Npn(
        name=name,
        spec=NpnSpec(id=f"i-{name}", pod_subnet_ids=("pods",), max_pod_count=pods),
    )


@dataclass
class Desk:
    objects: FakeObjects
    cloud: FakeCloud
    controller: Controller

    def add(self, *names: str) -> None:
        for name in names:
            self.cloud.add_instance(f"i-{name}", "workers")
            self.objects.write(an_npn(name))

    def state(self, name: str) -> str:
        return self.objects.read_status(name).state

    def vnics(self, name: str) -> int:
        return len(self.objects.read_status(name).vnics)

    def settled(self, *names: str) -> bool:
        return all(self.state(n) == "SUCCESS" for n in names)


class Locked:
    """One caller at a time: the fakes know no threads."""

    def __init__(self, inner: object) -> None:
        self._inner, self._lock = inner, threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*arguments: object, **named: object) -> object:
            with self._lock:
                return method(*arguments, **named)

        return call


@contextmanager
def at_work(interval: float = 30.0, pool: PoolPolicy | None = None) -> Iterator[Desk]:
    """A controller in a thread, over fakes."""
    stop = threading.Event()
    objects = FakeObjects()
    cloud = FakeCloud(now=time.monotonic)
    cloud.add_subnet("workers", "10.9.0.0/16")
    cloud.add_subnet("pods", "10.0.0.0/16")
    world = World(
        objects=Locked(objects),
        cloud=Locked(cloud),
        now=time.monotonic,
        wait=stop.wait,
        chance=random.Random(1).random,
    )
    desk = Desk(objects, cloud, Controller(world, interval, 4, pool))
    thread = threading.Thread(target=desk.controller.run)
    thread.start()
    try:
        yield desk
    finally:
        stop.set()
        thread.join(180)
        assert not thread.is_alive()


def test_many_objects_settle_at_the_same_time() -> None:
    names = [f"n{i}" for i in range(20)]
    with at_work() as desk:
        desk.add(*names)
        until(lambda: desk.settled(*names))

        assert len(desk.cloud.private_ips) == 20 * 3


def test_an_object_whose_spec_changes_is_taken_up_at_once() -> None:
    with at_work(interval=3600) as desk:
        desk.add("a")
        until(lambda: desk.settled("a"))
        desk.objects.write(an_npn("a", 40))
        until(lambda: desk.objects.read_status("a").observed_generation == 2)
        until(lambda: desk.settled("a") and desk.vnics("a") == 2)


def test_a_pool_that_runs_low_is_not_put_off_to_the_next_look() -> None:
    """The controller's default holds where the object says nothing."""
    with at_work(interval=3600, pool=PoolPolicy(warm_target=4)) as desk:

        def listed() -> list[IPv4Address | None]:
            vnics = desk.objects.read_status("a").vnics
            return [p.v4 for vnic in vnics for p in vnic.pod_addresses]

        def tell(held: int) -> None:
            pool = desk.objects.read_status("a").pool
            assert pool is not None
            known = [a for a in listed() if a is not None]
            usage = Usage(
                serial=pool.serial,
                held=frozenset(known[:held]),
                free=frozenset(known[held:]),
            )
            desk.objects.write_usage("a", usage)

        desk.add("a")
        until(lambda: desk.settled("a") and len(listed()) == 7)
        tell(0)
        for held, have in ((5, 11), (9, 15)):
            tell(held)
            until(lambda have=have: desk.settled("a") and len(listed()) == have)


def test_drift_is_found_by_itself() -> None:
    with at_work(interval=0.05) as desk:
        desk.add("a")
        until(lambda: desk.settled("a"))
        (lost,) = desk.objects.read_status("a").vnics
        desk.cloud.detach(lost.vnic_id)
        until(
            lambda: (
                desk.settled("a")
                and desk.objects.read_status("a").vnics[0].vnic_id != lost.vnic_id
            )
        )


def test_a_broken_object_does_not_stop_the_others() -> None:
    with at_work() as desk:
        desk.objects.write(an_npn("broken"))
        desk.objects.broken["broken"] = Unreadable("spec.id", 7, "must be text")
        desk.add("good")
        until(lambda: desk.settled("good"))
        until(lambda: desk.state("broken") == "BACKOFF")

        assert desk.objects.read_status("broken").message == "spec.id: 7: must be text"


def test_a_mishap_in_one_object_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with at_work() as desk:
        # What no adapter should do: an error that nobody expects.
        desk.cloud.instances["i-odd"] = InstanceSeen(
            id="i-odd",
            compartment_id="",
            state="RUNNING",
            most_vnics="x",
        )
        desk.objects.write(an_npn("odd"))
        desk.add("good")
        until(lambda: desk.settled("good"))
        until(lambda: "broken npn=odd" in caplog.text)
        desk.cloud.add_instance("i-odd", "workers")
        until(lambda: desk.settled("odd"))


def test_an_object_goes_with_its_instance_and_may_come_again() -> None:
    with at_work(interval=0.05) as desk:
        desk.add("a")
        until(lambda: desk.settled("a"))
        desk.cloud.set_state("i-a", "TERMINATED")
        until(lambda: desk.objects.names() == [])
        desk.cloud.set_state("i-a", "RUNNING")
        desk.objects.write(an_npn("a"))
        until(lambda: desk.settled("a"))


def test_an_object_removed_by_hand_is_forgotten() -> None:
    with at_work(interval=0.05) as desk:
        desk.add("a", "b")
        until(lambda: desk.settled("a", "b"))
        desk.objects.remove("a")
        calls = len(desk.cloud.calls)
        until(lambda: len(desk.cloud.calls) > calls + 20)

        assert desk.objects.names() == ["b"]


def test_a_store_out_of_reach_is_told_once_and_tried_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with at_work() as desk:
        desk.objects.unreachable = True
        until(lambda: "unreadable store" in caplog.text)
        desk.objects.unreachable = False
        desk.add("a")
        until(lambda: desk.settled("a"))

    assert caplog.text.count("unreadable store") == 1


def test_a_cloud_that_is_away_is_told_and_tried_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with at_work() as desk:
        until(lambda: "connected" in caplog.text)
        desk.cloud.fault = lambda _: "away"
        desk.add("a")
        until(lambda: "cloud away" in caplog.text)
        until(lambda: desk.state("a") == "BACKOFF")
        desk.cloud.fault = lambda _: ""
        until(lambda: desk.settled("a"))
        until(lambda: "cloud back" in caplog.text)


def test_a_gate_lets_nobody_through_when_the_program_ends() -> None:
    ended = PacedGate(time.monotonic, lambda _: True)

    with pytest.raises(Stopping):
        ended.enter()


def test_the_loop_ends_while_the_cloud_is_away() -> None:
    with at_work() as desk:
        desk.cloud.fault = lambda _: "away"
        desk.add(*(f"n{i}" for i in range(9)))
        until(lambda: any(desk.state(n) == "BACKOFF" for n in desk.objects.names()))
