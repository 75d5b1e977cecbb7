"""Programs by their records: the same for real processes and for the fake."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.process import FakeProcesses
from patience import until

from mooring.adapters.process import CommandError, Processes
from mooring.core.linux import node
from mooring.core.linux.node import Program, start
from mooring.core.linux.process import Identity

ENVIRONMENT = node.environment(os.environ)
Either = Processes | FakeProcesses


@pytest.fixture(params=["real", "fake"])
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Either]:
    made = Processes(ENVIRONMENT) if request.param == "real" else FakeProcesses()
    yield made
    for record in tmp_path.glob("*.pid"):
        if found := made.find(record):
            made.kill(found)


@pytest.fixture
def real() -> Processes:
    return Processes(ENVIRONMENT)


def a_program(tmp_path: Path, *argv: str) -> Program:
    return Program(
        name="it",
        argv=argv or ("sleep", "1000"),
        record=str(tmp_path / "it.pid"),
        log=str(tmp_path / "it.log"),
    )


# -- both


def test_a_program_is_found_by_its_record_until_it_is_stopped(
    processes: Either, tmp_path: Path
) -> None:
    record = tmp_path / "it.pid"
    assert processes.find(record) is None

    processes.launch(start(a_program(tmp_path)))
    found = processes.find(record)

    assert found is not None
    assert processes.stop(found, 10)
    assert processes.find(record) is None


def test_of_two_starters_the_first_wins(processes: Either, tmp_path: Path) -> None:
    processes.launch(start(a_program(tmp_path)))
    first = processes.find(tmp_path / "it.pid")
    processes.launch(start(a_program(tmp_path)))

    assert processes.find(tmp_path / "it.pid") == first


def test_a_living_record_is_not_retired(processes: Either, tmp_path: Path) -> None:
    processes.launch(start(a_program(tmp_path)))
    living = processes.find(tmp_path / "it.pid")

    assert processes.retire(tmp_path / "it.pid") == living
    assert processes.find(tmp_path / "it.pid") == living


def test_a_dead_one_makes_room_for_the_next(processes: Either, tmp_path: Path) -> None:
    processes.launch(start(a_program(tmp_path)))
    first = processes.find(tmp_path / "it.pid")
    assert first
    processes.kill(first)

    assert processes.retire(tmp_path / "it.pid") is None
    processes.launch(start(a_program(tmp_path)))

    assert processes.find(tmp_path / "it.pid") not in {None, first}


def test_stopping_what_has_ended_is_fine(processes: Either, tmp_path: Path) -> None:
    processes.launch(start(a_program(tmp_path)))
    found = processes.find(tmp_path / "it.pid")
    assert found
    processes.kill(found)

    assert processes.stop(found, 10)


# -- the real ones


def test_a_program_writes_its_log_and_outlives_its_starter(
    real: Processes, tmp_path: Path
) -> None:
    words = ("sh", "-c", "echo said; echo more >&2; exec sleep 1000")
    real.launch(start(a_program(tmp_path, *words)))
    found = real.find(tmp_path / "it.pid")
    assert found

    until(lambda: (tmp_path / "it.log").read_text() == "said\nmore\n")
    assert os.getsid(found.pid) == found.pid
    real.kill(found)


def test_one_that_ignores_being_asked_is_ended(real: Processes, tmp_path: Path) -> None:
    words = ("sh", "-c", "trap '' TERM; echo on; while :; do sleep 1; done")
    real.launch(start(a_program(tmp_path, *words)))
    found = real.find(tmp_path / "it.pid")
    assert found
    until(lambda: "on" in (tmp_path / "it.log").read_text())

    assert not real.stop(found, 0.1)
    assert real.find(tmp_path / "it.pid") is None


def test_a_pid_that_was_given_out_again_is_not_hit(real: Processes) -> None:
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        boot = Path(node.BOOT_ID).read_text().strip()
        dead = Identity(stranger.pid, 1, boot)

        assert not real.signal(dead, signal.SIGKILL)
        assert real.stop(dead, 0)
        assert stranger.poll() is None

        stranger.kill()


def test_a_record_of_another_boot_is_nobody(real: Processes, tmp_path: Path) -> None:
    own = Path("/proc/self/stat").read_text().strip()
    record = tmp_path / "it.pid"

    record.write_text(f"{own}\nanother\n")

    assert real.find(record) is None


def test_an_empty_record_is_given_a_moment(real: Processes, tmp_path: Path) -> None:
    (tmp_path / "it.pid").touch()

    assert real.retire(tmp_path / "it.pid") is None
    assert not (tmp_path / "it.pid").exists()


def test_a_command_gives_its_output_and_status(real: Processes) -> None:
    done = real.run(["sh", "-c", "cat; echo err >&2; exit 3"], b"in", env={"A": "b"})

    assert (done.code, done.text, done.complaint) == (3, "in", "err")


def test_a_silent_failure_is_told_by_its_status(real: Processes) -> None:
    assert real.run(["false"]).complaint == "exit status 1"


def test_a_command_sees_the_given_environment_only(real: Processes) -> None:
    seen = real.run(["env"], env={"EXTRA": "1"}).text.splitlines()

    assert "EXTRA=1" in seen
    assert not any(line.startswith("PYTEST") for line in seen)


def test_a_missing_command_is_told(real: Processes) -> None:
    with pytest.raises(CommandError, match=r"nothing-here: No such file"):
        real.run(["nothing-here"])


def test_a_command_that_does_not_end_is_told(real: Processes) -> None:
    with pytest.raises(CommandError, match=r"sleep: no end after 0.1 s"):
        real.run(["sleep", "100"], patience=0.1)


def test_a_starter_that_fails_is_told(real: Processes) -> None:
    with pytest.raises(CommandError, match="boom"):
        real.launch(["sh", "-c", "echo boom >&2; exit 1"])
