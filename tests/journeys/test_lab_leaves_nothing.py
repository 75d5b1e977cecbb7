"""A machine after `lab down` is as it was before `lab up`."""

import json
import subprocess
import sys

import pytest
from journeys import stage
from journeys.lab_cli import MOORING, Lab, unique


def walk(runtime: str, name: str) -> dict[str, object]:
    """Bring a lab up and down; tell what was seen before, meanwhile and after."""
    lab = Lab(name)
    before = stage.picture()
    lab.do("up", "--runtime", runtime)
    lab.do("pod", "run", "one", "--node", "node-1")
    lab.do("pod", "run", "two", "--node", "node-2")
    lab.do("ping", "one", "two")
    lab.do("pod", "rm", "one")
    meanwhile, traces, members = stage.picture(), lab.traces(), stage.members(name)
    lab.do("down")
    return {
        "before": before,
        "meanwhile": meanwhile,
        "after": stage.picture(),
        "traces": traces,
        "left": lab.traces(),
        "processes": list(members.values()),
        "alive": stage.alive(members),
    }


@pytest.mark.parametrize("runtime", ["netns", "containerd"])
def test_the_machine_is_as_it_was(runtime: str) -> None:
    name = unique(f"l{runtime[0]}")
    done = stage.play(__file__, runtime, name)
    try:
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
    finally:
        subprocess.run(
            stage.on(*MOORING, "lab", "down", "--name", name),
            capture_output=True,
            check=False,
        )

    assert seen["meanwhile"]["files"] != seen["before"]["files"]
    assert seen["meanwhile"]["namespaces"] != seen["before"]["namespaces"]
    assert seen["traces"]
    assert any(" agent " in each for each in seen["processes"])
    assert seen["after"] == seen["before"]
    assert seen["left"] == []
    assert seen["alive"] == []


if __name__ == "__main__":
    print(json.dumps(walk(*sys.argv[1:])))
