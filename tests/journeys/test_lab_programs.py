"""Supervision over fakes: started once, told of when it fails, never twice."""

from pathlib import Path

import pytest
from fakes.process import FakeProcesses

from mooring.adapters.clock import Clock
from mooring.adapters.estate import SdkEstate
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.core.linux.node import Program
from mooring.core.vcn.topology import parse
from mooring.lab.errors import LabError
from mooring.lab.programs import Programs
from mooring.lab.record import Standing, read, written
from mooring.lab.tools import Tools


@pytest.fixture
def processes() -> FakeProcesses:
    return FakeProcesses()


@pytest.fixture
def programs(tmp_path: Path, processes: FakeProcesses) -> Programs:
    files = LabFiles(tmp_path)
    tools = Tools(
        processes=processes,
        cgroups=None,
        host=Host("/usr/bin"),
        clock=Clock(),
        estate=SdkEstate,
        cri=None,
        files=lambda _: files,
        executable=tmp_path,
        say=lambda _: None,
    )
    return Programs(tools, files)


def a_program(tmp_path: Path) -> Program:
    return Program(
        name="vcn",
        argv=("serve",),
        record=str(tmp_path / "run/vcn"),
        log=str(tmp_path / "log/vcn.log"),
    )


def test_what_runs_is_not_started_again(programs: Programs, tmp_path: Path) -> None:
    first = programs.ensure(a_program(tmp_path))
    second = programs.ensure(a_program(tmp_path))

    assert first == second


def test_a_stopped_one_is_started_anew(programs: Programs, tmp_path: Path) -> None:
    first = programs.ensure(a_program(tmp_path))
    programs.stop(a_program(tmp_path))
    programs.stop(a_program(tmp_path))

    assert programs.ensure(a_program(tmp_path)) != first


def test_one_that_does_not_start_is_told_of_with_its_log(
    programs: Programs, processes: FakeProcesses, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/vcn.log").write_text("port taken\n")
    processes.refuse = True

    with pytest.raises(LabError) as caught:
        programs.ensure(a_program(tmp_path))

    assert caught.value.lines() == [
        "vcn did not start: sh: refused",
        "  | port taken",
        f"next step: read {tmp_path}/log/vcn.log, then mooring lab up again",
    ]


def test_one_that_ends_while_waited_for_is_told_of(
    programs: Programs, tmp_path: Path
) -> None:
    program = a_program(tmp_path)
    programs.ensure(program)

    def ends() -> bool:
        programs.stop(program)
        return False

    with pytest.raises(LabError, match="vcn ended"):
        programs.await_ready(program, ends)


def test_one_that_never_serves_is_told_of(programs: Programs, tmp_path: Path) -> None:
    program = a_program(tmp_path)
    programs.ensure(program)

    with pytest.raises(LabError, match=r"vcn is not ready after 0\.1 s"):
        programs.await_ready(program, lambda: False, 0.1)


STANDING = Standing(
    topology=parse({"name": "x", "nodes": 3}),
    token="t",
    port=4711,
    boot="b",
    groups=("/sys/fs/cgroup/mooring-x",),
    instances={"node-1": "ocid1.instance.oc1.x.a"},
)


def test_a_labs_record_is_read_as_it_was_written() -> None:
    assert read(written(STANDING)) == STANDING
    assert (STANDING.name, STANDING.endpoint) == ("x", "http://127.0.0.1:4711")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {**written(STANDING), "version": 2},
        {**written(STANDING), "topology": {"nodes": "many"}},
        {k: v for k, v in written(STANDING).items() if k != "port"},
        {**written(STANDING), "instances": 3},
    ],
)
def test_what_is_no_record_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"version|not a lab's record"):
        read(wrong)
