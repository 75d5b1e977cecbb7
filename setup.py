"""Puts what is made elsewhere into the Python package: the CNI executables, the manifests."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
COMPILE = ROOT / "native/compile.py"
MANIFESTS = ROOT / "deploy/manifests"


class BuildWhole(build_py):
    """Runs for wheels and for editable installations alike."""

    def run(self) -> None:
        """Compile what is out of date, go on as usual, and add the manifests."""
        runpy.run_path(str(COMPILE))["build"]()
        super().run()
        for source, place in self._manifests().items():
            self.mkpath(str(Path(place).parent))
            self.copy_file(source, place)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - setuptools' own signature
        """List what a wheel holds."""
        return [*super().get_outputs(include_bytecode), *self._manifests().values()]

    def _manifests(self) -> dict[str, str]:
        """Where each is, and where it goes; an editable installation finds them in the tree."""
        if self.editable_mode:
            return {}
        place = Path(self.build_lib, "mooring/_manifests")
        return {str(p): str(place / p.name) for p in sorted(MANIFESTS.glob("*.yaml"))}


setup(cmdclass={"build_py": BuildWhole})
