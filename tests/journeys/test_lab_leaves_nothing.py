"""A machine after `lab down` is as it was before `lab up`.

Looked at from inside network and mount namespaces of the test's own, with /run and
/var/lib of their own, so that nobody else's doings are in the picture.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from journeys.lab_cli import MOORING, Lab, unique

STAGE = """\
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
    "routes": "ip route show table all; ip rule",
    "nft": "nft list ruleset",
    "namespaces": "ip netns list",
    "mounts": "cut -d' ' -f5- /proc/self/mountinfo | sort",
    "files": "find /run /var/lib /etc /tmp/mooring* -xdev 2>/dev/null | sort",
    "dotfiles": "ls -a /root",
}


def picture() -> dict[str, str]:
    return {
        name: subprocess.run(
            ["sh", "-c", look], capture_output=True, text=True, check=False
        ).stdout
        for name, look in LOOKS.items()
    }


def walk(runtime: str, name: str) -> dict[str, object]:
    """Bring a lab up and down; tell what was seen before, meanwhile and after."""
    lab = Lab(name)
    before = picture()
    lab.do("up", "--runtime", runtime)
    lab.do("pod", "run", "one", "--node", "node-1")
    lab.do("pod", "run", "two", "--node", "node-2")
    lab.do("ping", "one", "two")
    lab.do("pod", "rm", "one")
    meanwhile, traces = picture(), lab.traces()
    lab.do("down")
    return {
        "before": before,
        "meanwhile": meanwhile,
        "after": picture(),
        "traces": traces,
        "left": lab.traces(),
    }


@pytest.mark.parametrize("runtime", ["netns", "containerd"])
def test_the_machine_is_as_it_was(runtime: str) -> None:
    name = unique(f"l{runtime[0]}")
    words = ["unshare", "--mount", "--net", "sh", "-c", STAGE, "stage", sys.executable]
    done = subprocess.run(
        [*words, __file__, runtime, name],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
    finally:
        subprocess.run(
            [*words[:-1], *MOORING, "lab", "down", "--name", name],
            capture_output=True,
            check=False,
        )

    assert seen["meanwhile"]["files"] != seen["before"]["files"]
    assert seen["meanwhile"]["namespaces"] != seen["before"]["namespaces"]
    assert seen["traces"]
    assert seen["after"] == seen["before"]
    assert seen["left"] == []


if __name__ == "__main__":
    print(json.dumps(walk(*sys.argv[1:])))
