"""A machine after `lab down` is as it was before `lab up`."""

import json
import sys

import pytest
from journeys import stage
from journeys.lab_cli import Lab, unique


def stand(lab: Lab, runtime: str) -> None:
    """Bring a lab up that has had two pods."""
    lab.do("up", "--runtime", runtime)
    lab.do("pod", "run", "one", "--node", "node-1")
    lab.do("pod", "run", "two", "--node", "node-2")
    lab.do("ping", "one", "two")
    lab.do("pod", "rm", "one")


def main(name: str, runtime: str) -> None:
    """Tell of a lab on this stage."""
    lab = Lab(name)
    print(json.dumps(stage.walk(lab, lambda: stand(lab, runtime))))


@pytest.mark.parametrize("runtime", ["netns", "containerd"])
def test_the_machine_is_as_it_was(runtime: str) -> None:
    name = unique(f"l{runtime[0]}")
    seen = stage.told(__file__, name, runtime)

    assert seen["meanwhile"]["files"] != seen["before"]["files"]
    assert seen["meanwhile"]["namespaces"] != seen["before"]["namespaces"]
    assert seen["traces"]
    assert any(" agent " in each for each in seen["processes"])
    assert seen["after"] == seen["before"]
    assert seen["left"] == []
    assert seen["alive"] == []


if __name__ == "__main__":
    main(*sys.argv[1:])
