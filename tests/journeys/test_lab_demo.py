"""The demo does what it says, says what it measured, and leaves the machine as it was."""

import subprocess
from pathlib import Path

from journeys.lab_cli import COMMAND_PATIENCE, MOORING, Lab, a_lab, unique

STEPS = [
    "lab up",
    "pods",
    "ping",
    "TCP",
    "UDP",
    "internet",
    "rule removed",
    "rule added",
    "lab down",
]


def demo(name: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*MOORING, "lab", "demo", "--name", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_PATIENCE,
    )


def test_the_demo_tells_every_step_and_tidies(seed: int) -> None:
    with a_lab(unique("d")) as lab:
        done = demo(lab.name)

        assert done.returncode == 0, done.stdout + done.stderr
        told = [line[4:17].strip() for line in done.stdout.splitlines()[1:-1]]
        assert told == STEPS
        assert "0 of 5 pings answered" in done.stdout
        assert lab.traces() == []


def test_what_a_killed_demo_left_is_no_hindrance() -> None:
    with a_lab(unique("e")) as lab:
        lab.do("up", "--nodes", "1")

        assert demo(lab.name).returncode == 0


def test_a_step_that_fails_is_told_and_the_lab_still_goes(tmp_path: Path) -> None:
    # Without busybox there is no image for the pods.
    hide = 'mount --bind /dev/null "$(command -v busybox)"; exec "$@"'
    lab = Lab(unique("f"))
    words = ["unshare", "--mount", "sh", "-c", hide, "hide", *MOORING]

    done = subprocess.run(
        [*words, "lab", "demo", "--name", lab.name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "lab up        FAILED" in done.stdout
    assert "missing: busybox" in done.stdout
    assert "lab down      no namespace" in done.stdout
    assert lab.traces() == []
