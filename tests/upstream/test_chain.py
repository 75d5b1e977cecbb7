"""The CNI project's portmap, bandwidth and tuning behind us, run by its cnitool: both backends, both families."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journeys import chain_stories as stories
from journeys.agent_world import World, a_world
from journeys.chained import Json
from upstream.tool import CniTool, tool

Story = Callable[[World, CniTool], None]
PORTMAPS = {
    backend: {**stories.PORTMAP, "backend": backend}
    for backend in ("iptables", "nftables")
}


@contextmanager
def chained(
    place: Path, *behind: Json, six: bool = False
) -> Iterator[tuple[World, CniTool]]:
    with a_world(place, "--cooldown", "0", "--conntrack", "on", six=six) as world:
        world.start()
        yield world, tool(world, stories.MINE, *behind, **stories.WISHES)


@pytest.mark.parametrize(
    ("story", "behind"),
    [
        (stories.the_result_names_both_ends, []),
        (stories.rates_are_limited, [stories.BANDWIDTH]),
        (stories.a_pod_is_tuned, [stories.TUNING]),
    ],
)
def test_chained_behind_us(tmp_path: Path, story: Story, behind: list[Json]) -> None:
    with chained(tmp_path, *behind) as (world, runtime):
        story(world, runtime)


@pytest.mark.parametrize("backend", PORTMAPS)
def test_a_host_port(tmp_path: Path, backend: str) -> None:
    with chained(tmp_path, PORTMAPS[backend]) as (world, runtime):
        stories.a_host_port_leads_to_the_pod(world, runtime)


@pytest.mark.parametrize("backend", PORTMAPS)
def test_a_host_port_over_ipv6(tmp_path: Path, backend: str) -> None:
    with chained(tmp_path, PORTMAPS[backend], six=True) as (world, runtime):
        stories.a_host_port_leads_to_the_pod_over_ipv6(world, runtime)


@pytest.mark.parametrize("backend", PORTMAPS)
def test_nothing_is_left(tmp_path: Path, backend: str) -> None:
    behind = (PORTMAPS[backend], stories.BANDWIDTH, stories.TUNING)
    with chained(tmp_path, *behind) as (world, runtime):
        stories.nothing_is_left(world, runtime)
