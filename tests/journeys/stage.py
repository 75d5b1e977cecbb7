"""A machine's picture before, during and after a lab, taken where nobody else's doings are in it.

The stage is network and mount namespaces of its own, with a /run and a /var/lib of their own. A lab's
processes are those of its control groups.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from journeys.lab_cli import MOORING, Lab, groups

SCRIPT = """\
set -e
while umount -R -l /run/netns 2>/dev/null; do :; done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
ip link set lo up
ip netns add x; ip netns del x
exec "$@"
"""
"""The last line but one makes what `ip netns` makes of /run for good, once."""

LOOKS = {
    "links": "ip -o link",
    "addresses": "ip -o addr",
    "routes": "ip -4 route show table all; ip -6 route show table all",
    "rules": "ip -4 rule; ip -6 rule",
    "nft": "nft list ruleset",
    "namespaces": "ip netns list",
    "mounts": "cut -d' ' -f5- /proc/self/mountinfo | sort",
    "files": "find /run /var/lib /etc /tmp/mooring* -xdev 2>/dev/null | sort",
    "dotfiles": "ls -a /root",
}
Members = dict[tuple[int, int], str]


def on(*command: str) -> list[str]:
    """Give the words that run a command on a stage of its own."""
    return ["unshare", "--mount", "--net", "sh", "-c", SCRIPT, "stage", *command]


def play(script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a Python script of the tests on a stage."""
    return subprocess.run(
        on(sys.executable, script, *words),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


def told(script: str, lab: str, *words: str) -> dict[str, Any]:
    """Run a script of the tests on a stage; give the JSON it tells. The lab it made ends with it."""
    try:
        done = play(script, lab, *words)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
    finally:
        subprocess.run(
            on(*MOORING, "lab", "down", "--name", lab), capture_output=True, check=False
        )
    return said


def walk(lab: Lab, stand: Callable[[], None]) -> dict[str, object]:
    """Have a lab stand and go down; give what was seen before, meanwhile and after."""
    before = picture()
    stand()
    meanwhile, traces, known = picture(), lab.traces(), members(lab.name)
    lab.do("down")
    return {
        "before": before,
        "meanwhile": meanwhile,
        "after": picture(),
        "traces": traces,
        "left": lab.traces(),
        "processes": list(known.values()),
        "alive": alive(known),
    }


def picture() -> dict[str, str]:
    """Look at everything."""
    return {
        name: subprocess.run(
            ["sh", "-c", look], capture_output=True, text=True, check=False
        ).stdout
        for name, look in LOOKS.items()
    }


def members(lab: str) -> Members:
    """Give the processes of a lab by pid and start, with their command lines."""
    pids = {
        int(pid)
        for group in groups(f"mooring-{lab}")
        for file in Path(group).rglob("cgroup.procs")
        for pid in file.read_text().split()
    }
    found = {pid: _seen(pid) for pid in pids}
    return {(pid, seen[0]): seen[1] for pid, seen in found.items() if seen}


def alive(known: Members) -> list[str]:
    """Tell which of some processes are still there."""
    return [
        words
        for (pid, start), words in known.items()
        if (seen := _seen(pid)) is not None and seen[0] == start
    ]


def _seen(pid: int) -> tuple[int, str] | None:
    """Give start and command line of a process; None when it is gone, or only its number is left."""
    place = Path(f"/proc/{pid}")
    try:
        fields = (place / "stat").read_text().rpartition(")")[2].split()
        words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return None
    return None if fields[0] == "Z" else (int(fields[19]), words)
