"""Programs as users of the cloud write them, unmodified, in front of the local VCN."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.programs import HERE, go_program, oci_command
from journeys.local_vcn import LocalVcn, local_vcn


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path) as started:
        yield started


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_go_program_runs_unmodified(server: LocalVcn) -> None:
    said = run(
        [str(go_program())],
        OCI_CONFIG=str(server.config_file),
        OCI_PROFILE="DEFAULT",
        OCI_ENDPOINT=server.endpoint,
    )

    assert json.loads(said) == {
        "one_vcn_per_token": True,
        "services": 2,
        "rules": 1,
        "block": 28,
        "prefix": 96,
        "addresses": [10, 1],  # primary, block and eight at once; primary
        "rules_of_nodes": 1,
        "delete_subnet": "409 Conflict",
        "stale_etag": "412 NoEtagMatch",
    }


def test_a_script_of_the_command_line_runs_unmodified(server: LocalVcn) -> None:
    oci = oci_command()
    config = server.init()

    said = run(
        [str(HERE / "network.sh"), config["tenancy"], "moor:LOCAL-1-AD-1"],
        PATH=f"{oci.parent}:{os.environ['PATH']}",
        OCI_ARGS=f"--config-file {server.config_file} --endpoint {server.endpoint}",
    )

    assert said.splitlines() == [
        "rules 1",
        "prefix /96",
        "addresses 6",
        '"status": 409',
    ]
