"""portmap, bandwidth and tuning of the distribution behind us; hostPort.

The CNI project's own, with nftables as well, and called by `cnitool`: `tests/upstream`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journeys import chain_stories as stories
from journeys.agent_world import World, a_world
from journeys.chained import ByHand, Json, Network, Runtime
from patience import until

UNCHECKED = ("portmap",)
"""Its CHECK in version 1.1.1 looks for each family's address in both families' rules."""

Story = Callable[[World, Runtime], None]


@contextmanager
def chained(
    place: Path, *behind: Json, six: bool = False
) -> Iterator[tuple[World, ByHand]]:
    with a_world(place, "--cooldown", "0", "--conntrack", "on", six=six) as world:
        world.start()
        network = Network(world, (stories.MINE, *behind), wishes=stories.WISHES)
        yield world, ByHand(network, UNCHECKED)


@pytest.mark.parametrize(
    ("story", "behind"),
    [
        (stories.the_result_names_both_ends, []),
        (stories.a_host_port_leads_to_the_pod, [stories.PORTMAP]),
        (stories.rates_are_limited, [stories.BANDWIDTH]),
        (stories.a_pod_is_tuned, [stories.TUNING]),
        (
            stories.nothing_is_left,
            [stories.PORTMAP, stories.BANDWIDTH, stories.TUNING],
        ),
    ],
)
def test_chained_behind_us(tmp_path: Path, story: Story, behind: list[Json]) -> None:
    with chained(tmp_path, *behind) as (world, runtime):
        story(world, runtime)


def test_a_host_port_over_ipv6(tmp_path: Path) -> None:
    with chained(tmp_path, stories.PORTMAP, six=True) as (world, runtime):
        stories.a_host_port_leads_to_the_pod_over_ipv6(world, runtime)


def test_the_first_host_port_of_a_node_makes_it_track(tmp_path: Path) -> None:
    with a_world(tmp_path, "--cooldown", "0") as world:
        world.start()
        behind = (stories.MINE, stories.PORTMAP)
        runtime = ByHand(Network(world, behind, wishes=stories.WISHES), UNCHECKED)
        pod = world.a_space_for("one")
        runtime.add(pod)

        until(lambda: " tracking " in world.log, "the tracking")
        assert stories.peer(world.router, stories.NODE, pod) == "10.0.2.1"
