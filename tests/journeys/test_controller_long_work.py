"""What outlives a turn, and a controller: work that the cloud goes on with, instances that it forgets."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from fakes.cloud import FakeCloud
from journeys.test_controller_converges import INSTANCE, NAME, Story, assert_exact
from journeys.test_controller_elastic import Node, a_draining_node

from mooring.controller.look import VANISHED, Looker
from mooring.controller.npn import Reconciler
from mooring.controller.work import UNSEEN_PATIENCE, WORK_PATIENCE
from mooring.core.npn.changes import Change, DeleteAddresses
from mooring.core.npn.errors import NotFound, UnderWay
from mooring.core.npn.memory import Memory
from mooring.core.npn.port import Cloud
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import InstanceSeen, Made

# Single addresses by one call, of which the cloud has made half when the turn ends.


def a_checkerboard(subnet: str = "10.0.0.0/24", seconds: float = 90.0) -> Story:
    story = Story(31, subnet=subnet)
    taken = story.cloud.subnets["pods"]
    taken.taken |= {a for a in taken.seen.v4[0] if int(a) % 2 == 0}
    story.cloud.work_seconds = seconds
    return story


def until_under_way(story: Story) -> None:
    while not story.turn().said.startswith("under way"):
        assert len(story.turns) < 60


def test_work_that_takes_long_is_waited_for_and_not_asked_for_again() -> None:
    story = a_checkerboard()
    until_under_way(story)
    assert story.status.state == "IN_PROGRESS"
    assert story.status.work in story.cloud.under_way
    begun = story.now
    story.until_settled()

    assert story.now - begun > 60
    assert story.changes().count("CreateAddresses") == 1
    assert "CreateAddress" not in story.changes()
    assert_exact(story, 31)
    assert story.status.work == ""


def test_a_controller_that_comes_meanwhile_waits_for_the_work_of_the_one_before() -> (
    None
):
    story = a_checkerboard()
    until_under_way(story)
    story.memory = Memory()
    story.until_settled()

    assert story.changes().count("CreateAddresses") == 1
    assert_exact(story, 31)


def test_work_that_fails_late_is_followed_by_single_calls() -> None:
    story = a_checkerboard(subnet="10.0.0.0/26")
    until_under_way(story)
    while not story.turn().said.startswith("backoff"):
        assert len(story.turns) < 120

    assert story.status.reason == "FailedToCreatePrivateIP"
    assert story.status.work == ""
    assert story.changes().count("CreateAddresses") == 1
    assert "CreateAddress" in story.changes()


def test_work_that_never_ends_is_looked_past() -> None:
    story = a_checkerboard(seconds=1e9)
    until_under_way(story)
    story.cloud.work_seconds = 0.0
    begun = story.now
    story.until_settled()

    assert story.now - begun > WORK_PATIENCE
    assert_exact(story, 31)


def test_work_of_another_that_the_cloud_has_forgotten_is_looked_past_at_once() -> None:
    story = a_checkerboard()
    until_under_way(story)
    story.now += 100
    story.cloud.instance(INSTANCE)  # it ends
    story.cloud.ended.clear()
    story.memory = Memory()
    story.turn()

    assert story.status.work == ""
    story.until_settled()
    assert_exact(story, 31)


class Unseen:
    """The cloud for somebody who cannot see works: they are too fresh, or a right is missing."""

    def __init__(self, story: Story) -> None:
        self._cloud = story.cloud

    def __getattr__(self, name: str) -> object:
        return getattr(self._cloud, name)

    def work(self, work_id: str) -> str:
        words = f"{work_id} is not there, or may not be seen"
        raise NotFound("GetWorkRequest", "NotAuthorizedOrNotFound", words)


@pytest.mark.parametrize("moment", ["fresh", "for good"])
def test_work_of_our_own_that_cannot_be_seen_is_not_asked_for_again(
    moment: str,
) -> None:
    story = a_checkerboard(seconds=UNSEEN_PATIENCE / 2)
    until_under_way(story)
    begun = story.now
    unseen = cast("Cloud", Unseen(story))
    while story.status.work:
        story.turn(unseen if moment == "for good" or story.now < begun + 3 else None)
    story.until_settled()

    assert story.changes().count("CreateAddresses") == 1
    assert "CreateAddress" not in story.changes()
    assert_exact(story, 31)


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED"])
def test_an_instance_that_ends_is_not_waited_with(state: str) -> None:
    story = a_checkerboard(seconds=1e9)
    until_under_way(story)
    story.cloud.set_state(INSTANCE, state)
    story.turn()

    assert story.objects.names() == []


def test_one_that_is_forgotten_meanwhile_is_missed() -> None:
    story = a_checkerboard(seconds=1e9)
    until_under_way(story)
    del story.cloud.instances[INSTANCE]
    alone = Alone(story)
    for_long(story, lambda: story.turn(objects=alone))

    assert story.objects.names() == []


def test_a_cloud_that_cannot_be_asked_of_work_holds_nothing_up_for_good() -> None:
    story = a_checkerboard()
    until_under_way(story)
    story.cloud.fault = lambda call: "away" if call == "GetWorkRequest" else ""
    for _ in range(3):
        story.turn()
    assert story.status.state == "BACKOFF"
    story.cloud.fault = lambda _: ""
    story.until_settled()

    assert_exact(story, 31)


# Addresses that are given back by work that takes long: nothing waits for it.


class Slow:
    """A cloud that gives addresses back by work, which is in this `state`."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud, self.state = cloud, "IN_PROGRESS"
        self.asked: list[DeleteAddresses] = []
        self.works: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._cloud, name)

    def work(self, work_id: str) -> str:
        assert work_id in self.works
        return self.state

    def carry_out(self, change: Change) -> Made | None:
        if not isinstance(change, DeleteAddresses):
            return self._cloud.carry_out(change)
        self.asked.append(change)
        self.works.append(f"work-{len(self.asked)}")
        raise UnderWay("BulkDeletePrivateIps", self.works[-1], self.state)

    def end(self) -> None:
        """Do what was asked for."""
        self.state = "SUCCEEDED"
        for change in self.asked:
            for each in change.ids:
                self._cloud.delete_address(each)


def a_giving_node() -> tuple[Node, Slow]:
    """A node for whose addresses the cloud has begun to be asked."""
    node = a_draining_node()
    slow = Slow(node.town.cloud)
    looker = Looker(cast("Cloud", slow), lambda: node.town.now)
    node.town.reconciler = Reconciler(node.town.objects, looker, lambda: 0.5)
    node.follow()
    node.settle()
    assert slow.asked
    return node, slow


def test_a_pool_grows_while_addresses_are_given_back() -> None:
    node, slow = a_giving_node()
    asked, before = len(slow.asked), len(node.listed())
    while len(node.ledger.holders) < before + 8:
        assert node.add()
        node.settle()
    going = {each for change in slow.asked for each in change.ids}
    slow.end()
    node.wait(60)

    assert len(slow.asked) == asked
    assert len(node.listed()) > before
    assert going.isdisjoint(node.town.cloud.private_ips)
    assert set(node.ledger.holders) <= node.in_cloud()
    assert node.memory.giving == ()


def test_an_instance_that_ends_is_noticed_while_addresses_are_given_back() -> None:
    node, _ = a_giving_node()
    node.town.cloud.set_state(node.instance, "TERMINATED")
    for _ in range(3):
        node.turn()

    assert node.town.objects.names() == []


@pytest.mark.parametrize("how", ["it failed", "it never ends"])
def test_what_work_did_not_give_back_is_given_back_again(how: str) -> None:
    node, slow = a_giving_node()
    asked, left = len(slow.asked), node.objects()
    node.wait(60)
    assert len(slow.asked) == asked
    if how == "it failed":
        slow.state = "FAILED"
    else:
        node.wait(WORK_PATIENCE)
    while len(slow.asked) == asked:
        node.turn()
        node.town.now += 15

    assert node.objects() == left
    assert slow.asked[-1].ids == slow.asked[0].ids


# An instance that the cloud knows no more. Behind that answer it hides what may not be seen, too.


class Alone:
    """The store, of objects without a node and an owner."""

    def __init__(self, story: Story, *, alone: bool = True) -> None:
        self._objects, self._alone = story.objects, alone

    def __getattr__(self, name: str) -> object:
        return getattr(self._objects, name)

    def read_spec(self, name: str) -> Npn:
        return replace(self._objects.read_spec(name), alone=self._alone)


class Blind:
    """The cloud for somebody who may not see instances any more."""

    def __init__(self, story: Story) -> None:
        self._cloud = story.cloud

    def __getattr__(self, name: str) -> object:
        return getattr(self._cloud, name)

    def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
        words = f"{compartment_id} is not there, or may not be seen"
        raise NotFound("ListInstances", "NotAuthorizedOrNotFound", words)


def a_forgotten_instance() -> Story:
    story = Story()
    story.until_settled()
    del story.cloud.instances[INSTANCE]
    return story


def for_long(story: Story, turn: Callable[[], object]) -> None:
    """Take turns for twice as long as an instance has to be missing."""
    end = story.now + 2 * VANISHED
    while story.now < end and story.objects.names():
        turn()


def test_an_object_of_an_instance_that_is_in_no_list_goes_with_it() -> None:
    story = a_forgotten_instance()
    begun = story.now
    for_long(story, lambda: story.turn(objects=Alone(story)))

    assert story.objects.names() == []
    assert story.turns[-1].pause is None
    assert story.now - begun >= VANISHED
    assert story.cloud.calls.count("ListInstances") == 1


def test_so_it_does_after_another_controller_has_taken_over() -> None:
    story = a_forgotten_instance()
    story.memory = Memory()
    for_long(story, lambda: story.turn(objects=Alone(story)))

    assert story.objects.names() == []


def test_one_that_the_list_shows_as_terminated_is_gone() -> None:
    story = a_forgotten_instance()
    ended = InstanceSeen(id=INSTANCE, compartment_id="compartment", state="TERMINATED")

    class Late(Blind):
        def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
            return (replace(ended, compartment_id=compartment_id),)

    for_long(story, lambda: story.turn(Late(story), Alone(story)))

    assert story.objects.names() == []


@pytest.mark.parametrize("why", ["has a node", "list forbidden", "never seen"])
def test_an_object_stays_where_it_is_not_sure(why: str) -> None:
    story = Story() if why == "never seen" else a_forgotten_instance()
    story.cloud.instances.pop(INSTANCE, None)
    alone = Alone(story, alone=why != "has a node")
    cloud = Blind(story) if why == "list forbidden" else None
    for_long(story, lambda: story.turn(cloud, alone))

    assert story.objects.names() == [NAME]
    assert story.status.state == "BACKOFF"
    assert story.status.reason == "FailedToGetInstance"


def test_one_that_comes_back_was_never_missing() -> None:
    story = a_forgotten_instance()
    seen = InstanceSeen(id=INSTANCE, compartment_id="compartment", state="RUNNING")
    alone = Alone(story)
    for _ in range(4):
        story.turn(objects=alone)
    story.cloud.instances[INSTANCE] = seen
    story.turn(objects=alone)
    story.turn(objects=alone)
    del story.cloud.instances[INSTANCE]
    begun = story.now
    while story.now - begun < VANISHED * 0.9:
        story.turn(objects=alone)

    assert story.objects.names() == [NAME]
