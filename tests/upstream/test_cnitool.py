"""`cnitool` of the CNI project: every verb in every version of the specification that is spoken."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys import chain_stories as stories
from journeys.agent_world import World, a_world
from journeys.chained import Network
from patience import until
from upstream.programs import programs
from upstream.tool import CniTool, tool

from mooring.core.cni.versions import SUPPORTED, reaches


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path, "--cooldown", "0", six=True) as made:
        made.start()
        yield made


@pytest.mark.parametrize("version", SUPPORTED)
def test_add_check_and_del(world: World, version: str) -> None:
    runtime = tool(world, stories.MINE, version=version)
    pod = world.a_space_for("one")
    result = runtime.add(pod)

    assert result["cniVersion"] == version
    four, six = result["ips"]
    assert (four["address"], six["address"]) == ("10.0.8.10/32", "fd00:8::10/128")
    named = not reaches(version, "1.0.0")
    assert (four.get("version"), six.get("version")) == (
        ("4", "6") if named else (None, None)
    )
    assert ("mtu" in result["interfaces"][1]) == reaches(version, "1.1.0")
    assert world.reaches(pod.space, "10.0.8.1")
    checked = runtime.run("check", pod)
    if reaches(version, "0.4.0"):
        assert checked.returncode == 0, checked.stderr
    else:
        assert "does not support the CHECK command" in checked.stderr

    # DEL as often as anybody likes, at last without the namespace.
    runtime.delete(pod)
    runtime.delete(pod)
    world.drop_space(pod.space)
    runtime.delete(pod)
    until(lambda: world.host_ends() == set(), "the end")
    until(lambda: world.status["pool"]["held"] == 0, "the free address")


@pytest.mark.parametrize("version", SUPPORTED)
def test_status_and_gc(world: World, version: str) -> None:
    runtime = tool(world, stories.MINE, version=version)
    pod = world.a_space_for("one")
    runtime.add(pod)

    assert runtime.run("status", pod).returncode == 0
    # cnitool names nothing that shall stay: libcni sends DEL for what it remembers.
    assert runtime.run("gc", pod).returncode == 0
    until(lambda: world.host_ends() == set(), "the end")
    assert runtime.run("gc", pod).returncode == 0


@pytest.mark.parametrize("version", SUPPORTED)
def test_an_agent_that_is_away(world: World, version: str) -> None:
    runtime = tool(world, stories.MINE, version=version)
    pod, other = world.a_space_for("one"), world.a_space_for("two")
    runtime.add(pod)
    world.kill()

    young = reaches(version, "1.1.0")
    status = runtime.run("status", pod)
    assert (status.returncode, "agent" in status.stderr) == (int(young), young)
    added = runtime.run("add", other)
    assert added.returncode == 1
    assert "agent" in added.stderr
    # DEL is written down and carried out when it is back.
    runtime.delete(pod)
    assert len(list((world.place / "spool").iterdir())) == 1
    world.start()
    until(lambda: world.host_ends() == set(), "the end")


def test_the_youngest_version_that_both_speak_is_chosen(world: World) -> None:
    runtime = tool(world, stories.MINE)
    place = world.place / "net.d/10-mooring.conflist"
    document = json.loads(place.read_text())
    place.write_text(
        json.dumps({**document, "cniVersions": ["0.4.0", "1.1.0", "9.0.0"]})
    )

    assert runtime.add(world.a_space_for("one"))["cniVersion"] == "1.1.0"


def test_check_finds_what_was_taken_away(tmp_path: Path) -> None:
    with a_world(tmp_path, "--repair-interval", "3600") as world:
        world.start()
        runtime = tool(world, stories.MINE)
        pod = world.a_space_for("one")
        runtime.add(pod)
        runtime.check(pod)
        stories.ip(pod.space, "route", "del", "default")

        done = runtime.run("check", pod)
        assert done.returncode == 1
        assert "missing: route 0.0.0.0/0" in done.stderr


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ipmasq", True, "ipmasq: true: no such key; did you mean ipMasq?"),
        ("dns", {"nameservers": ["x"]}, "must be a list of addresses"),
    ],
)
def test_a_wrong_configuration_is_explained(
    world: World, key: str, value: object, words: str
) -> None:
    runtime = tool(world, {**stories.MINE, key: value})
    pod = world.a_space_for("one")
    done = runtime.run("add", pod)

    assert done.returncode == 1
    assert words in done.stderr
    runtime.delete(pod)
    assert world.host_ends() == set()


def test_an_address_cannot_be_chosen(world: World) -> None:
    plugin = {**stories.MINE, "capabilities": {"ips": True}}
    runtime = CniTool(
        Network(world, (plugin,), programs(), wishes={"ips": ["10.0.8.9"]})
    )
    done = runtime.run("add", world.a_space_for("one"))

    assert done.returncode == 1
    assert "the address comes from the VNIC's pool" in done.stderr
