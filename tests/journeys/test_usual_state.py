"""Where `describe` and `audit` look for the agent's state when nobody says it."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mooring.cli.main import main
from mooring.inspect.state import STATE, usual_state

MANIFEST = Path(__file__).parents[2] / "deploy/manifests/agent.yaml"


def test_the_daemonsets_state_is_found(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()

    assert usual_state(tmp_path) == tmp_path / "agent"


def test_the_state_of_an_agent_without_a_cluster_is_found(tmp_path: Path) -> None:
    assert usual_state(tmp_path) == tmp_path


def test_the_daemonset_has_it_there() -> None:
    objects = yaml.safe_load_all(MANIFEST.read_text())
    (agent,) = (each for each in objects if each["kind"] == "DaemonSet")
    volumes = agent["spec"]["template"]["spec"]["volumes"]
    (state,) = (each["hostPath"]["path"] for each in volumes if each["name"] == "state")

    assert state == f"{STATE}/agent"


@pytest.mark.parametrize("command", [("describe", "node"), ("audit",)])
def test_the_help_says_both(command: tuple[str, ...]) -> None:
    said = CliRunner().invoke(main, [*command, "--help"]).output

    assert f"{STATE}/agent, the DaemonSet's, else" in " ".join(said.split())
