"""A lab survives kill -9: of `lab up` at any moment, and of each of its processes."""

import random
import subprocess
import time
from collections.abc import Iterator

import pytest
from journeys.lab_cli import MOORING, Lab, a_lab, unique, until

KILLS = 6


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("r")) as made:
        made.do("up")
        for node in ("node-1", "node-2"):
            made.do("pod", "run", f"on-{node}", "--node", node)
        yield made


def reaches(lab: Lab) -> bool:
    return bool(lab.read("ping", "on-node-1", "on-node-2")["received"] == 5)


def test_up_goes_on_wherever_it_was_killed(chance: random.Random) -> None:
    with a_lab(unique("k")) as lab:
        for _ in range(KILLS):
            after = chance.uniform(0.1, 3)
            print(f"killed after {after:.2f} s")
            words = [*MOORING, "lab", "up", "--name", lab.name]
            with subprocess.Popen(words, stderr=subprocess.DEVNULL) as going:
                time.sleep(after)
                going.kill()

        lab.do("up")
        lab.do("pod", "run", "one", "--node", "node-1")
        lab.do("pod", "run", "two", "--node", "node-2")

        assert lab.read("ping", "one", "two")["received"] == 5
        lab.do("down")
        assert lab.traces() == []


@pytest.mark.parametrize(
    "program", ["vcn", "controller", "node-1/agent", "node-2/agent"]
)
def test_a_killed_program_comes_back_and_no_pod_notices(lab: Lab, program: str) -> None:
    pids, addresses = lab.pids(), lab.addresses()
    lab.kill(program)

    assert reaches(lab)
    lab.do("up")

    after = lab.pids()
    assert after.keys() == pids.keys()
    assert {n for n in pids if pids[n] != after[n]} == {program}
    assert lab.addresses() == addresses
    assert reaches(lab)


def test_a_node_that_went_down_comes_back_with_its_pods(lab: Lab) -> None:
    lab.kill("node-1/init")
    until(lambda: "node-1/agent" not in lab.pids(), "the node to end")
    assert {p["name"]: p["state"] for p in lab.read("pod", "ls")} == {
        "on-node-1": "down",
        "on-node-2": "running",
    }

    lab.do("up")

    assert {p["state"] for p in lab.read("pod", "ls")} == {"running"}
    assert reaches(lab)


def test_a_program_that_cannot_start_is_told_of_with_its_log(lab: Lab) -> None:
    lab.kill("vcn")
    state = str(lab.path / "vcn")
    words = [*MOORING, "vcn", "serve", "--state", state, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as intruder:
        assert intruder.stderr is not None
        assert b"listening" in intruder.stderr.readline()

        failed = lab.run("up")

        intruder.kill()
    assert failed.returncode == 1
    assert "vcn ended" in failed.stderr
    assert "  | " in failed.stderr
    assert "next step: read" in failed.stderr
    lab.do("up")
    assert reaches(lab)


def test_a_pod_half_made_is_removed(lab: Lab) -> None:
    words = [*MOORING, "lab", "pod", "run", "half", "--name", lab.name]
    with subprocess.Popen(words) as going:
        record = lab.path / "pods" / "half.json"
        until(record.exists, "the record")
        going.kill()
    if '"made": true' in record.read_text():
        print("it was whole already")
        return

    assert "removed pod half" in lab.run("up").stderr
    assert "half" not in lab.addresses()
