"""What the README shows is what happens."""

import re
import shlex
from pathlib import Path

from journeys.lab_cli import a_lab, unique

README = (Path(__file__).parents[2] / "README.md").read_text()


def lab_commands() -> list[list[str]]:
    """The first block of `mooring lab …` commands, without the program's name.

    The second one brings up Kubernetes, as `tests/kubernetes/cluster.py` does.
    """
    blocks = re.findall(r"^```console\n(.+?)^```$", README, re.MULTILINE | re.DOTALL)
    block = next(block for block in blocks if " lab pod run " in block)
    found = re.findall(r"^# \.venv/bin/mooring lab (.+)$", block, re.MULTILINE)
    return [shlex.split(line) for line in found]


def test_the_first_minutes_commands_work_in_their_order() -> None:
    commands = lab_commands()

    assert commands[0][0] == "up"
    assert commands[-1] == ["down"]
    with a_lab(unique("r")) as lab:
        for words in commands:
            lab.do(*words)
        assert lab.traces() == []


def test_the_two_commands_are_there_and_can_be_run() -> None:
    for name in re.findall(r"^# \./(\w+)$", README, re.MULTILINE):
        script = Path(__file__).parents[2] / name

        assert script.stat().st_mode & 0o100
