"""What the controller's command line refuses, before it does anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from journeys.kubeconfigs import BROKEN, written

from mooring.cli.controller import controller


def refused(*words: str) -> str:
    done = CliRunner().invoke(controller, words)
    assert done.exit_code != 0
    return " ".join(done.output.split())


def test_it_needs_a_store_and_takes_one(tmp_path: Path) -> None:
    assert "--npn-dir or --kubernetes, and not both" in refused()
    assert "and not both" in refused("--kubernetes", "--npn-dir", str(tmp_path))


def test_a_file_of_node_pools_that_is_none_is_refused(tmp_path: Path) -> None:
    """Its lines are another matter: they may be wrong for a while (`controller.poolfile`)."""
    words = ("--kubernetes", "--node-pools")

    assert "does not exist" in refused(*words, str(tmp_path / "none"))
    assert "is a directory" in refused(*words, str(tmp_path))


def test_authorities_and_the_pods_account_are_proven_first(tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text("{")

    assert "must be certificates as PEM" in refused(
        "--kubernetes", "--authorities", str(file)
    )
    assert "KUBERNETES_SERVICE_HOST" in refused("--kubernetes")


@pytest.mark.parametrize(("text", "rule"), BROKEN)
def test_a_kubeconfig_is_read_first_and_its_field_value_and_rule_are_told(
    tmp_path: Path, text: str, rule: str
) -> None:
    file = written(tmp_path, text)
    said = refused("--kubernetes", "--kubeconfig", str(file))

    assert said == f"Error: kubeconfig {file}: {rule}"
