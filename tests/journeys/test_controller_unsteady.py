"""Cleanup that is throttled, and attaches that are slow and lose their replies (RT-19, RT-20)."""

from dataclasses import replace

import pytest
from journeys.test_controller_converges import INSTANCE, Story, assert_exact
from journeys.test_controller_elastic import COOLDOWN, Node, a_node

PODS = 40


def grown_and_emptied() -> Node:
    """A node whose pods are all gone, and whose pool may become as small as it was."""
    node = a_node("warmTarget=8,minimum=4", pods=62)
    pods = []
    while len(pods) < PODS:
        node.settle()
        pods.append(node.add())
    node.settle()
    for pod in pods:
        assert pod is not None
        node.delete(pod)
    return node


def come_to_rest(node: Node) -> None:
    """Half an hour with turns; what the controller puts off comes up in it."""
    for _ in range(180):
        node.town.now += 10
        node.ledger = node.ledger.reclaim(node.town.now)
        node.follow()
        node.turn()


def test_rt_19_giving_back_that_is_throttled_every_second_time_leaks_nothing() -> None:
    steady, node = grown_and_emptied(), grown_and_emptied()
    most = node.objects()
    refused = []

    def every_second(call: str) -> str:
        if not call.startswith("Delete"):
            return ""
        refused.append(len(refused) % 2 == 0)
        return "throttle" if refused[-1] else ""

    node.town.cloud.fault = every_second
    for each in (steady, node):
        each.town.now += COOLDOWN
        come_to_rest(each)

    assert sum(node.objects()) < sum(most)
    assert node.objects() == steady.objects()
    hosts = [vnic.host.v4 for vnic in node.status.vnics]
    assert sum(node.objects()) == len({*node.listed(), *hosts})
    assert sum(refused) >= 2


@pytest.mark.parametrize("list_lag", [0.0, 90.0])
def test_rt_20_a_slow_attach_whose_reply_is_lost_is_made_once_and_pods_use_the_rest(
    list_lag: float,
) -> None:
    """With lists that show it too late it is its retry token that makes it one."""
    story = Story(31)
    story.until_settled()
    served = set(story.pod_addresses())
    lost: list[str] = []

    def first_attach(call: str) -> str:
        if call != "AttachVnic" or lost:
            return ""
        lost.append(call)
        return "lost"

    story.cloud.fault = first_attach
    story.cloud.attach_seconds, story.cloud.list_lag = 60.0, list_lag
    story.objects.write(
        replace(story.npn, spec=replace(story.npn.spec, max_pod_count=62))
    )
    begun = story.now
    while not story.turn().settled:
        assert served <= set(story.pod_addresses())

    assert lost
    assert story.now >= begun + 60
    assert len(story.cloud.secondaries(INSTANCE)) == 2
    assert_exact(story, 62)
