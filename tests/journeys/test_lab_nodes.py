"""A node begins when the fabric has made its namespace, not a moment before."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fakes.process import FakeProcesses

from mooring.adapters import netns
from mooring.adapters.clock import Clock
from mooring.adapters.estate import SdkEstate
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.topology import parse
from mooring.lab.errors import LabError
from mooring.lab.nodes import LabNode
from mooring.lab.record import Standing
from mooring.lab.tools import Tools


class Hasty(Clock):
    """Time that runs away: whatever is waited for is looked at once."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        self._now += 1000.0
        return self._now


class Reached(Exception):
    """The node went on."""


class Groups:
    """Where a node goes first, once it has its namespace."""

    def remove(self, _groups: object) -> None:
        raise Reached


@pytest.fixture
def lab_node(tmp_path: Path) -> Iterator[LabNode]:
    files = LabFiles(tmp_path)
    tools = Tools(
        processes=FakeProcesses(),
        cgroups=Groups(),
        host=Host(""),
        clock=Hasty(),
        estate=SdkEstate,
        cri=None,
        files=lambda _: files,
        executable=tmp_path,
        say=print,
    )
    topology = parse({"name": f"n{os.getpid()}", "runtime": "kubernetes"})
    standing = Standing(
        topology=topology, token="t", control="ocid1.instance.oc1..aaaa", door=0
    )
    made = LabNode(tools, files, standing, CONTROL)
    try:
        yield made
    finally:
        netns.delete(made.space.name)
        with suppress(FileNotFoundError):
            made.space.unlink()


def test_a_namespace_s_file_is_not_yet_the_namespace(lab_node: LabNode) -> None:
    """`ip netns` and the fabric make the file, then put the namespace on it."""
    netns.DIRECTORY.mkdir(exist_ok=True)
    for make in (lambda: None, lab_node.space.touch):
        make()
        with pytest.raises(LabError, match="waited 60 s for the fabric to make"):
            lab_node.ensure()
    netns.create(lab_node.space.name)
    with pytest.raises(Reached):
        lab_node.ensure()
