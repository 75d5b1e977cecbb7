"""Certificates that are believed besides the system's; in a process of its own, for it changes the environment."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
from mooring.adapters import authorities
try:
    found = authorities.believe(Path(sys.argv[1]))
except ValueError as error:
    print("refused", error)
else:
    print(found and found.read_text().count("BEGIN CERTIFICATE"))
    print([os.environ.get(name) == str(found) for name in authorities.VARIABLES])
"""


def tried(file: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, file],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.crt"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mine")
    subprocess.run(
        ["openssl", *words, "-keyout", tmp_path / "key", "-out", file],
        check=True,
        capture_output=True,
    )
    return file


def test_ours_are_believed_besides_the_systems(authority: Path, tmp_path: Path) -> None:
    system = tmp_path / "system.pem"
    system.write_text(authority.read_text() * 2)

    place = tmp_path / "tmp"
    place.mkdir()
    said = tried(authority, SSL_CERT_FILE=str(system), TMPDIR=str(place))

    assert said == ["3", "[True, True]"]
    assert list(place.iterdir()) == []


def test_a_file_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    assert tried(tmp_path / "none") == ["None", "[False, False]"]


@pytest.mark.parametrize("text", ["", "no certificate", "\xff"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(text.encode("latin1"))

    (said,) = tried(file)
    assert said.startswith(f"refused {file}: ")
