"""podman: a container of the CNI backend (4.x) gets its address from us; a podman without that backend says so.

Debian 12 and Ubuntu 24.04 have podman 4; Debian 13 has podman 5, which is built without it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys import chain_stories as stories
from journeys.agent_world import Pod, World, a_world
from journeys.chained import Network
from patience import until
from upstream.pod import Podman
from upstream.programs import podman

LAST_WITH_CNI = 4
NODE, ROUTER = "10.0.2.7", "10.0.2.1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, "--cooldown", "0", "--conntrack", "on") as made:
        made.start()
        yield made


@pytest.fixture
def runtime(world: World) -> Iterator[Podman]:
    plugins = (
        {**stories.MINE, "capabilities": {"ips": True, "mac": True}},
        stories.PORTMAP,
    )
    made = Podman(Network(world, plugins))
    yield made
    made.remove()


if podman()[1] <= LAST_WITH_CNI:

    def test_containers_talk_by_the_vcns_addresses(
        world: World, runtime: Podman
    ) -> None:
        for name in ("one", "two"):
            started = runtime.start(name)
            assert started.returncode == 0, started.stderr
        one, two = runtime.address("one"), runtime.address("two")

        assert {one, two} == {"10.0.8.10", "10.0.8.11"}
        assert f"{one}/32" in runtime.do("exec", "one", "ip", "addr", "show", "eth0")
        for address in (two, "10.0.8.1", NODE):
            runtime.do("exec", "one", "ping", "-c", "1", "-W", "5", address)
        assert world.reaches(world.router, one)

        runtime.do("rm", "--force", "--time", "0", "one")
        until(lambda: world.status["pool"]["held"] == 1, "the free address")
        runtime.do("rm", "--force", "--time", "0", "two")
        until(lambda: world.status["pool"]["held"] == 0, "the free address")
        assert world.host_ends() == set()
        assert not [p for p in Path("/var/lib/cni").rglob("mooring-*") if p.is_file()]

    def test_a_published_port_leads_to_the_container(
        world: World, runtime: Podman
    ) -> None:
        stories.believe_only_true_sources(world)
        started = runtime.start("one", "--publish", "8080:80")
        assert started.returncode == 0, started.stderr
        inside = runtime.do(
            "inspect", "one", "--format", "{{.NetworkSettings.SandboxKey}}"
        )
        pod = Pod("one", Path(inside.strip()).name)

        assert stories.peer(world.router, NODE, pod) == ROUTER
        runtime.do("rm", "--force", "--time", "0", "one")
        assert "10.0.8.10" not in stories.rules(world)

    def test_a_restarted_container_gets_an_address_again(
        world: World, runtime: Podman
    ) -> None:
        assert runtime.start("one").returncode == 0
        runtime.do("restart", "--time", "0", "one")
        runtime.do("network", "reload", "one")

        runtime.do("exec", "one", "ping", "-c", "1", "-W", "5", "10.0.8.1")
        until(lambda: world.status["pool"]["held"] == 1, "one address")

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("--ip", "10.0.8.30", 'IP="10.0.8.30": cannot be chosen'),
            (
                "--mac-address",
                "02:00:00:00:00:09",
                'MAC="02:00:00:00:00:09": cannot be chosen',
            ),
        ],
    )
    def test_what_cannot_be_chosen_is_refused(
        world: World, runtime: Podman, option: str, value: str, words: str
    ) -> None:
        started = runtime.start("one", option, value)

        assert started.returncode != 0
        assert words in started.stderr
        assert world.host_ends() == set()

    def test_an_exhausted_pool_is_told(world: World, runtime: Podman) -> None:
        world.write_npn(("10.0.8.10",))
        until(lambda: world.status["pool"]["offered"] == 1, "the smaller pool")
        assert runtime.start("one").returncode == 0
        started = runtime.start("two")

        assert started.returncode != 0
        assert "raise maxPodCount" in started.stderr

else:

    def test_a_podman_without_the_backend_says_so(runtime: Podman) -> None:
        started = runtime.start("one")

        assert started.returncode != 0
        assert "cni support is not enabled" in started.stderr
