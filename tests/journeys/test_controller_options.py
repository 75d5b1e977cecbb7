"""What the controller's command line refuses, before it does anything."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mooring.cli.controller import controller


def refused(*words: str) -> str:
    done = CliRunner().invoke(controller, words)
    assert done.exit_code != 0
    return " ".join(done.output.split())


def test_it_needs_a_store_and_takes_one(tmp_path: Path) -> None:
    assert "--npn-dir or --kubernetes, and not both" in refused()
    assert "and not both" in refused("--kubernetes", "--npn-dir", str(tmp_path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pool=batch", "line 1: 'pool=batch': must be SELECTOR -> POLICY"),
        ("# x\npool -> warmTarget=many", "line 2.warmTarget"),
        ("po ol -> preallocate", "line 1"),
    ],
)
def test_a_line_of_the_node_pools_that_cannot_be_read_is_named(
    tmp_path: Path, line: str, words: str
) -> None:
    file = tmp_path / "pools"
    file.write_text(line)

    assert words in refused("--kubernetes", "--node-pools", str(file))


def test_authorities_and_kubeconfig_are_proven_first(tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text("{")

    assert "must be certificates as PEM" in refused(
        "--kubernetes", "--authorities", str(file)
    )
    assert "kubeconfig" in refused("--kubernetes", "--kubeconfig", str(file))
    assert "KUBERNETES_SERVICE_HOST" in refused("--kubernetes")
