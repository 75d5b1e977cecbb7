"""What is built for those who install is whole without the tree that it came from."""

import subprocess
import sys
from pathlib import Path

from mooring.lab.manifests import ORDER

ROOT = Path(__file__).parents[2]


def test_a_wheel_has_the_executables_and_the_manifests(tmp_path: Path) -> None:
    """`build_py` gathers what a wheel is then packed from."""
    build = ["-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run([sys.executable, "setup.py", *build], cwd=ROOT, check=True)
    package = tmp_path / "mooring"

    assert (package / "lab/manifests.py").exists()
    assert (package / "_native/mooring-x86_64").exists()
    for name in ORDER:
        packed = package / "_manifests" / name
        assert packed.read_text() == (ROOT / "deploy/manifests" / name).read_text()


def test_the_archive_of_the_sources_has_the_manifests() -> None:
    assert "graft deploy/manifests" in (ROOT / "MANIFEST.in").read_text().splitlines()
