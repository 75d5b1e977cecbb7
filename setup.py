"""Builds the CNI executables of `native/` before the Python package is put together."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

COMPILE = Path(__file__).resolve().parent / "native/compile.py"


class BuildWithShim(build_py):
    """Runs for wheels and for editable installations alike."""

    def run(self) -> None:
        """Compile what is out of date, then go on as usual."""
        runpy.run_path(str(COMPILE))["build"]()
        super().run()


setup(cmdclass={"build_py": BuildWithShim})
