"""The passage's port: remembered, and another one where somebody else has taken it."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.process import FakeProcesses

from mooring.adapters.clock import Clock
from mooring.adapters.estate import SdkEstate
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.core.linux.process import Identity
from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.topology import parse
from mooring.lab.controlplane import Control
from mooring.lab.errors import LabError
from mooring.lab.nodes import LabNode
from mooring.lab.record import Standing
from mooring.lab.tools import Tools


class Passing(FakeProcesses):
    """Processes that end as soon as they were seen once."""

    def find(self, record: Path) -> Identity | None:
        found = super().find(record)
        if found is not None:
            self.kill(found)
        return found


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def tools(tmp_path: Path, said: list[str]) -> Tools:
    return Tools(
        processes=FakeProcesses(),
        cgroups=None,
        host=Host(""),
        clock=Clock(),
        estate=SdkEstate,
        cri=None,
        files=lambda _: LabFiles(tmp_path),
        executable=tmp_path,
        say=said.append,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as somebody:
        yield somebody.getsockname()[1]


def control(tools: Tools, door: int) -> Control:
    topology = parse({"name": "p", "runtime": "kubernetes"})
    instance = "ocid1.instance.oc1..aaaa"
    standing = Standing(topology=topology, token="t", control=instance, door=door)
    return Control(LabNode(tools, tools.files("p"), standing, CONTROL), ())


def test_a_port_is_remembered(tools: Tools, said: list[str]) -> None:
    first = control(tools, 0).door()

    assert first
    assert control(tools, first).door() == first
    assert said == []


def test_a_port_that_somebody_else_has_is_given_up(
    tools: Tools, said: list[str], taken: int
) -> None:
    assert control(tools, taken).door() not in {0, taken}
    assert said == [f"port {taken} is taken, taking another"]


def test_the_port_of_a_passage_that_runs_stays(tools: Tools, taken: int) -> None:
    control(tools, taken).open_passage()

    assert control(tools, taken).door() == taken


def test_a_passage_that_ends_is_told_of_by_its_name(tools: Tools) -> None:
    passing = replace(tools, processes=Passing())

    with pytest.raises(LabError, match="passage ended"):
        control(passing, tools.host.free_port()).open_passage()
