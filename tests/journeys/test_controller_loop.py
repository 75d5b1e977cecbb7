"""The loop over many objects: threads, the directory, what it survives and how it ends."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

import pytest
from cluster_desk import Desk as ClusterDesk
from fakes.apiserver import an_api_server
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects
from patience import until

from mooring.adapters.kubernetes.api import Api
from mooring.controller.gate import PacedGate, Stopping
from mooring.controller.inside import Inside, Setting
from mooring.controller.nodes import Clock
from mooring.controller.run import POLL, Controller, World
from mooring.controller.term import Term
from mooring.core.kube.informer import Pace
from mooring.core.kube.kubeconfig import Access
from mooring.core.npn.codec import Unreadable
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Npn, NpnSpec
from mooring.core.npn.seen import InstanceSeen
from mooring.core.npn.usage import Usage, VnicLink


def an_npn(name: str, pods: int = 31) -> Npn:
    return Npn(
        name=name,
        spec=NpnSpec(id=f"i-{name}", pod_subnet_ids=("pods",), max_pod_count=pods),
    )


@dataclass
class Hands:
    """Time: the wall's, or what stands but for what a test puts it `ahead`."""

    stands: bool = False
    ahead: float = 0.0

    def now(self) -> float:
        return self.ahead + (0.0 if self.stands else time.monotonic())


def late(hands: Hands, seconds: float) -> bool:
    """Let it be later, each time that this is asked."""
    hands.ahead += seconds
    return True


@dataclass
class Desk:
    objects: FakeObjects
    cloud: FakeCloud
    hands: Hands = field(default_factory=Hands)
    store: "Locked" = field(init=False)
    laps: int = 0

    def __post_init__(self) -> None:
        self.store = Locked(self.objects)

    def begin(
        self, wait: Callable[[float], bool], interval: float, pool: PoolPolicy | None
    ) -> Controller:
        def lap(seconds: float) -> bool:
            self.laps += 1
            return wait(seconds)

        world = World(
            objects=self.store,
            cloud=Locked(self.cloud),
            now=self.hands.now,
            wait=lap,
            chance=random.Random(1).random,
        )
        self.controller = Controller(world, interval, 4, pool)
        return self.controller

    def looks(self) -> int:
        """How often the loop has asked what changed."""
        return self.store.asked.count("changes")

    def turn_round(self) -> None:
        """Let the loop turn a few times."""
        laps = self.laps
        until(lambda: self.laps > laps + 4)

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
    """One caller at a time: the fakes know no threads. `asked` are the calls."""

    def __init__(self, inner: object) -> None:
        self._inner, self._lock = inner, threading.Lock()
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*arguments: object, **named: object) -> object:
            with self._lock:
                self.asked.append(name)
                return method(*arguments, **named)

        return call


def a_desk(subnet: str = "10.0.0.0/16", hands: Hands | None = None) -> Desk:
    hands = hands or Hands()
    cloud = FakeCloud(now=hands.now)
    cloud.add_subnet("workers", "10.9.0.0/16")
    cloud.add_subnet("pods", subnet)
    return Desk(FakeObjects(), cloud, hands)


@contextmanager
def at_work(
    interval: float = 30.0, pool: PoolPolicy | None = None, desk: Desk | None = None
) -> Iterator[Desk]:
    """A controller in a thread, over fakes."""
    stop = threading.Event()
    desk = desk or a_desk()
    controller = desk.begin(stop.wait, interval, pool)
    thread = threading.Thread(target=controller.run)
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
        desk.add("a")
        until(lambda: desk.settled("a") and len(listed(desk)) == 7)
        tell(desk, 0)
        for held, have in ((5, 11), (9, 15)):
            tell(desk, held)
            until(lambda have=have: desk.settled("a") and len(listed(desk)) == have)


def listed(desk: Desk) -> list[IPv4Address]:
    vnics = desk.objects.read_status("a").vnics
    return [p.v4 for vnic in vnics for p in vnic.pod_addresses if p.v4]


def served(desk: Desk) -> int:
    """Give the serial of a's status."""
    pool = desk.objects.read_status("a").pool
    assert pool is not None
    return pool.serial


def tell(desk: Desk, held: int) -> None:
    """Let the agent of a tell how many of its addresses pods have."""
    known = listed(desk)
    usage = Usage(
        serial=served(desk),
        held=frozenset(known[:held]),
        free=frozenset(known[held:]),
    )
    desk.objects.write_usage("a", usage)


def until_it_rests_long(desk: Desk, looks: int) -> None:
    """Let a fail so often that the pause between two tries is a long one; one takes some `looks`."""

    def looked() -> int:
        return desk.cloud.calls.count("GetInstance")

    most = looked() + 12 * looks
    until(lambda: late(desk.hands, 61.0) and looked() > most)
    until_it_is_calm(desk)
    assert desk.state("a") == "BACKOFF"


def until_it_is_calm(desk: Desk) -> None:
    """Let the turns that are under way end."""
    calls = 0
    while calls != len(desk.cloud.calls):
        calls = len(desk.cloud.calls)
        desk.turn_round()


def test_a_pool_that_runs_low_does_not_wait_for_what_fails_for_another_reason() -> None:
    """IPv6 is asked for and the subnet has none: that stays so, and pods go on with IPv4."""
    with at_work(pool=PoolPolicy(warm_target=4)) as desk:
        npn = an_npn("a")
        spec = replace(npn.spec, ip_families=("IPv4", "IPv6"))
        desk.cloud.add_instance("i-a", "workers")
        desk.objects.write(replace(npn, spec=spec))
        until(lambda: desk.state("a") == "BACKOFF" and len(listed(desk)) == 7)
        assert desk.objects.read_status("a").reason == "FailedToGetNPN_IPFamilies"
        tell(desk, 0)
        until_it_rests_long(desk, 1)
        tell(desk, 5)
        until(lambda: len(listed(desk)) == 11, patience=15)

        # The agent says nothing of those: that somebody writes the status is no word of its.
        until_it_rests_long(desk, 1)
        status = desk.objects.read_status("a")
        assert rests_on(desk, lambda: desk.objects.write_status("a", status))


def test_a_pool_that_cannot_grow_is_not_tried_more_often_for_being_low() -> None:
    with at_work(pool=PoolPolicy(warm_target=4), desk=a_desk("10.0.0.0/29")) as desk:
        desk.add("a")
        until(lambda: desk.state("a") == "BACKOFF")
        tell(desk, 0)
        until_it_rests_long(desk, 6)
        assert desk.objects.read_status("a").reason == "FailedToCreatePrivateIP"

        assert rests_on(desk, lambda: tell(desk, 2))


def test_that_a_low_pool_s_link_has_another_name_is_no_news_of_the_pool() -> None:
    """The agent is about to follow what was added, so that it has few free."""
    with at_work(interval=3600, pool=PoolPolicy(warm_target=4)) as desk:
        desk.add("a")
        until(lambda: desk.settled("a") and len(listed(desk)) == 7)
        tell(desk, 0)
        until_it_is_calm(desk)
        calls = len(desk.cloud.calls)
        few = Usage(serial=served(desk), free=frozenset(listed(desk)[:2]))
        desk.objects.write_usage("a", few)
        until(lambda: len(desk.cloud.calls) > calls)
        until_it_is_calm(desk)

        link = VnicLink(vnic_id="v", link="ens5", table=7001)
        found = replace(few, links=(link,))
        assert rests_on(desk, lambda: desk.objects.write_usage("a", found))


def rests_on(desk: Desk, happens: Callable[[], None]) -> bool:
    """Tell whether a is left alone although something happens to it."""
    calls, asked = len(desk.cloud.calls), desk.store.asked.count("read_usage")
    happens()
    until(lambda: desk.store.asked.count("read_usage") > asked)
    desk.hands.ahead += 5.0
    desk.turn_round()
    return len(desk.cloud.calls) == calls


class First(FakeCloud):
    """A cloud that says which instances were asked for, in order."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now=now)
        self.order: list[str] = []

    def instance(self, instance_id: str) -> InstanceSeen:
        self.order.append(instance_id)
        return super().instance(instance_id)


def test_after_a_start_who_is_not_served_comes_before_the_first_looks_at_the_others() -> (
    None
):
    names = [f"n{i:02}" for i in range(20)]
    cloud = First(time.monotonic)
    cloud.add_subnet("workers", "10.9.0.0/16")
    cloud.add_subnet("pods", "10.0.0.0/16")
    desk = Desk(FakeObjects(), cloud)
    with at_work(desk=desk):
        desk.add(*names, "y")
        until(lambda: desk.settled(*names, "y"))
    desk.objects.write(an_npn("y", 40))  # nobody has done anything about that yet
    desk.add("z")
    cloud.order.clear()
    with at_work(desk=desk):
        until(lambda: desk.settled("z") and desk.vnics("y") == 2)
        until(lambda: {f"i-{n}" for n in names} <= set(cloud.order))

    assert {"i-y", "i-z"} <= set(cloud.order[:4])  # as many as there are workers


class Replaced(Locked):
    """As soon as an object is removed it is made anew, and the loop hears of that before the answer."""

    def __init__(self, inner: FakeObjects, anew: Callable[[], None]) -> None:
        super().__init__(inner)
        self._objects, self._anew = inner, anew

    def remove(self, name: str) -> None:
        with self._lock:
            self._objects.remove(name)
            self._anew()
        looks = self.asked.count("changes")
        until(lambda: self.asked.count("changes") > looks + 1)


@pytest.mark.parametrize("pods", [31, 40], ids=["the same", "another"])
def test_an_object_made_anew_while_the_old_one_goes_is_not_forgotten(pods: int) -> None:
    desk = a_desk()

    def anew() -> None:
        desk.cloud.set_state("i-a", "RUNNING")
        desk.objects.write(an_npn("a", pods))

    desk.store = Replaced(desk.objects, anew)
    with at_work(interval=0.05, desk=desk):
        desk.add("a")
        until(lambda: desk.settled("a"))
        written = len(desk.objects.written)
        desk.cloud.set_state("i-a", "TERMINATED")
        until(lambda: len(desk.objects.written) > written, patience=30)
        until(lambda: desk.settled("a"))

        assert desk.vnics("a") == (2 if pods == 40 else 1)


def test_what_comes_is_noticed_when_it_is_told_and_not_twice_in_a_moment() -> None:
    with at_work(desk=a_desk(hands=Hands(stands=True))) as desk:
        until(lambda: desk.looks() == 1)
        desk.add("a")
        desk.hands.ahead += POLL / 2
        desk.turn_round()
        assert desk.looks() == 1
        desk.controller.wake()
        until(lambda: desk.settled("a"), patience=30)
        assert desk.looks() == 2

        desk.add("b")
        for _ in range(3):
            desk.controller.wake()
        desk.turn_round()
        assert desk.looks() == 2
        desk.hands.ahead += POLL / 4
        until(lambda: desk.settled("b"), patience=30)
        assert desk.looks() == 3


def test_on_a_cluster_an_object_is_taken_up_when_the_informer_tells_of_it() -> None:
    hands, stop = Hands(stands=True), threading.Event()
    with an_api_server() as server, closing(Api(Access(server=server.url))) as api:
        desk = ClusterDesk(api)
        term = Laps(stop, hands.now)
        clock = Clock(now=hands.now, wait=term.wait, chance=random.Random(1).random)
        setting = Setting(me="one", pace=Pace(first=0.01, most=0.05))
        inside = Inside(api, desk.locked, clock, setting)
        thread = threading.Thread(target=inside.run, args=(term,), name="objects")
        thread.start()
        try:
            desk.joined("n1")
            until(lambda: late(hands, POLL) and desk.settled("n1"))
            laps = term.laps
            until(lambda: term.laps > laps + 4)  # it has looked at this late hour
            desk.joined("n2")
            until(lambda: desk.document("n2") is not None)
            hands.ahead += POLL / 2
            until(lambda: desk.settled("n2"), patience=30)
        finally:
            stop.set()
            thread.join(60)


class Laps(Term):
    """A term that counts how often the objects' loop has turned."""

    laps = 0

    def wait(self, seconds: float) -> bool:
        self.laps += threading.current_thread().name == "objects"
        return super().wait(seconds)


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
