"""Pods' journeys over fakes: what is recorded, chosen, refused and mended, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from fakes.cri import FakeCri
from fakes.process import FakeProcesses

from mooring.adapters.clock import Clock
from mooring.adapters.cri import Output
from mooring.adapters.estate import SdkEstate
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import Done
from mooring.core.linux import node
from mooring.core.vcn.topology import Topology, parse
from mooring.lab import podrecord
from mooring.lab.errors import LabError
from mooring.lab.nodes import IMAGE, LabNode
from mooring.lab.podrecord import PodRecord
from mooring.lab.pods import Pods
from mooring.lab.programs import Programs
from mooring.lab.record import Standing
from mooring.lab.tools import Tools


class NoGroups:
    """A machine without control groups."""

    def make(self, places: tuple[str, ...], *, parents: bool = False) -> None:
        assert places == ()


@dataclass
class Stage:
    """A lab of two nodes on fakes."""

    processes: FakeProcesses
    cri: dict[str, FakeCri]
    files: LabFiles
    nodes: dict[str, LabNode]
    pods: Pods


def a_stage(path: Path, runtime: str) -> Stage:
    topology: Topology = parse({"runtime": runtime})
    processes, files = FakeProcesses(), LabFiles(path)
    runtimes = {n.name: FakeCri([IMAGE]) for n in topology.nodes}
    by_pid: dict[str, FakeCri] = {}
    tools = Tools(
        processes=processes,
        cgroups=NoGroups(),
        host=Host("/usr/bin"),
        clock=Clock(),
        estate=SdkEstate,
        cri=lambda socket, _: by_pid[socket.split("/")[2]],
        files=lambda _: files,
        executable=path / "mooring",
        say=lambda _: None,
    )
    instances = {n.name: f"ocid1.instance.oc1.x.{n.name}" for n in topology.nodes}
    standing = Standing(topology=topology, token="t", instances=instances)
    nodes = {name: LabNode(tools, files, standing, name) for name in instances}
    for name, at in nodes.items():
        for program in (at.init, at.containerd):
            Programs(tools, files).launch(program, node.start(program))
        by_pid[str(at.holder())] = runtimes[name]
    numbers = count()
    return Stage(
        processes, runtimes, files, nodes, Pods(nodes, lambda: f"{next(numbers):064x}")
    )


@pytest.fixture
def contained(tmp_path: Path) -> Stage:
    return a_stage(tmp_path / "lab", "containerd")


RESULT = b'{"cniVersion": "1.1.0", "ips": [{"address": "10.0.32.9/32"}]}'


@pytest.fixture
def plain(tmp_path: Path) -> Stage:
    stage = a_stage(tmp_path / "lab", "netns")
    stage.processes.answer = lambda _: Done(0, RESULT, b"")
    return stage


def names(stage: Stage) -> list[str]:
    return [record.name for record in podrecord.all_of(stage.files)]


def test_pods_go_to_the_node_with_the_fewest(contained: Stage) -> None:
    where = [contained.pods.run(name, None).node for name in ("a", "b", "c")]

    assert where == ["node-1", "node-2", "node-1"]


def test_a_pod_that_could_not_be_made_leaves_no_record(contained: Stage) -> None:
    contained.cri["node-1"].refuse = True

    with pytest.raises(LabError, match="refused"):
        contained.pods.run("a", "node-1")

    assert names(contained) == []
    assert contained.pods.run("a", "node-1").running


def test_a_record_without_a_whole_pod_is_mended_away(contained: Stage) -> None:
    half = PodRecord(name="half", node="node-2", uid="u")
    podrecord.write(contained.files, half)

    assert contained.pods.mend() == ["removed pod half"]
    assert names(contained) == []


def test_a_pod_that_died_is_run_again_with_its_name(contained: Stage) -> None:
    contained.pods.run("a", "node-2")
    contained.cri["node-2"].die("a")
    assert [s.running for s in contained.pods.sights()] == [False]

    assert contained.pods.mend() == ["ran again pod a"]

    (sight,) = contained.pods.sights()
    assert (sight.name, sight.node, sight.running) == ("a", "node-2", True)
    assert len(contained.cri["node-2"].pods()) == 1


def test_a_dead_pod_may_be_run_again_elsewhere(contained: Stage) -> None:
    contained.pods.run("a", "node-2")
    contained.cri["node-2"].die("a")

    assert contained.pods.run("a", "node-1").node == "node-1"
    assert contained.cri["node-2"].pods() == ()


def test_what_is_well_is_left_alone(contained: Stage) -> None:
    contained.pods.run("a", None)
    before = contained.cri["node-1"].pods()

    assert contained.pods.mend() == []
    assert contained.cri["node-1"].pods() == before


def test_pods_of_a_node_that_is_down_are_down(contained: Stage) -> None:
    address = contained.pods.run("a", "node-1").address
    holder = contained.processes.find(Path(contained.nodes["node-1"].init.record))
    assert holder
    contained.processes.kill(holder)

    (sight,) = contained.pods.sights()

    assert (sight.running, sight.address) == (False, address)
    with pytest.raises(LabError, match="node-1 is down"):
        contained.pods.execute("a", ["true"])


def test_every_connection_is_closed(contained: Stage) -> None:
    opened = contained.cri["node-1"]
    contained.pods.run("a", "node-1")
    contained.pods.execute("a", ["true"])

    assert opened.closed == 2


def test_add_and_del_are_called_as_a_runtime_does(plain: Stage) -> None:
    pod = plain.pods.run("a", "node-1")
    plain.pods.remove("a")

    calls = [w for w in plain.processes.ran if w[-1].endswith("share/cni/mooring")]
    assert pod.address == "10.0.32.9"
    assert len(calls) == 2
    assert names(plain) == []


def test_a_refused_add_is_told_with_its_code_and_undone(plain: Stage) -> None:
    answers = iter([Done(1, b'{"code": 11, "msg": "no free address"}', b"")])

    def answer(argv: Sequence[str]) -> Done:
        fine = Done(0, b"", b"")
        return next(answers, fine) if argv[-1].endswith("cni/mooring") else fine

    plain.processes.answer = answer

    with pytest.raises(LabError, match=r"CNI ADD: no free address \(code 11\)"):
        plain.pods.run("a", "node-1")

    assert names(plain) == []


def test_a_command_runs_in_the_pods_namespace(plain: Stage) -> None:
    plain.pods.run("a", "node-1")
    plain.processes.answer = lambda _: Done(4, b"o", b"e")

    assert plain.pods.execute("a", ["ls"]) == Output(4, b"o", b"e")
    assert plain.processes.ran[-1][-2:] == ["--", "ls"]


def test_a_pod_without_an_address_is_none(plain: Stage) -> None:
    plain.processes.answer = lambda _: Done(0, b"{}", b"")

    with pytest.raises(LabError, match="ADD gave no address"):
        plain.pods.run("a", "node-1")


def test_check_tells_what_differs(plain: Stage) -> None:
    plain.pods.run("a", "node-1")
    assert plain.pods.check("a") == ""

    plain.processes.answer = lambda _: Done(1, b'{"code": 100, "msg": "gone"}', b"")

    assert "gone (code 100)" in plain.pods.check("a")
