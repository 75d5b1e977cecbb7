"""What outlives a turn, and a controller: work that the cloud goes on with, instances that it forgets."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from journeys.test_controller_converges import INSTANCE, NAME, Story, assert_exact

from mooring.controller.look import VANISHED
from mooring.controller.npn import WORK_PATIENCE
from mooring.core.npn.errors import NotFound
from mooring.core.npn.memory import Memory
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import InstanceSeen

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


def test_work_that_the_cloud_has_forgotten_is_looked_past_at_once() -> None:
    story = a_checkerboard()
    until_under_way(story)
    story.now += 100
    story.cloud.instance(INSTANCE)  # it ends
    story.cloud.ended.clear()
    story.until_settled()

    assert_exact(story, 31)


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
