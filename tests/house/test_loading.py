"""What a command loads: programs are called often, and each call pays for all of it."""

import subprocess
import sys

import pytest

HEAVY = {"cryptography.x509", "google.protobuf", "grpc", "lightkube", "oci", "rich"}
SHOWN = f"import sys; print(*sorted({HEAVY!r} & set(sys.modules)))"


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("mooring.cli.lab", {"cryptography.x509"}),  # the keys of a cluster
        ("mooring.cli.audit", set()),
        ("mooring.cli.audit.labs", {"cryptography.x509"}),
    ],
)
def test_a_command_loads_what_it_needs(module: str, may: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}; {SHOWN}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert {*done.stdout.split()} <= may
