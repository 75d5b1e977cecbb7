"""`.ci/run` tells what each stage took, which one failed, and whether all was in time."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGES = ("./demo", "./test", "make upstream", "make schedules", "make e2e")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose stages do nothing."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    for name in ("demo", "test"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    lines = [f"{name}:\n\t@true\n" for name in ("upstream", "schedules", "e2e")]
    (tmp_path / "Makefile").write_text("".join(lines))
    return tmp_path


def run(tree: Path, before: int = 0) -> tuple[int, str]:
    """Its exit code and what it prints, with the seconds left out.

    It begins as if so many seconds were over: the shell takes its clock from there.
    """
    done = subprocess.run(
        [tree / ".ci/run"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SECONDS": str(before)},
    )
    return done.returncode, re.sub(r"ci: +\d+ s ", "ci: N s ", done.stdout)


def test_every_stage_and_the_whole_have_their_seconds(tree: Path) -> None:
    code, said = run(tree)

    assert code == 0
    told = [f"ci: N s  {stage}" for stage in STAGES]
    assert said.splitlines()[-6:-1] == told
    assert said.splitlines()[-1].startswith("ci: N s  in all")


@pytest.mark.parametrize(
    ("before", "judged"),
    [(0, "within the bound of 4500 s"), (4501, "MORE than the bound of 4500 s")],
)
def test_the_last_line_tells_whether_75_minutes_were_kept(
    tree: Path, before: int, judged: str
) -> None:
    code, said = run(tree, before)

    assert code == 0
    assert said.splitlines()[-1] == f"ci: N s  in all, {judged}"


def test_the_stage_that_failed_is_named_and_none_comes_after_it(tree: Path) -> None:
    (tree / "Makefile").write_text("upstream:\n\t@exit 7\n")
    code, said = run(tree)

    assert code == 2
    assert said.splitlines()[-4:] == [
        "ci: N s  ./demo",
        "ci: N s  ./test",
        "ci: N s  make upstream: FAILED, exit code 2",
        "ci: N s  in all",
    ]
    assert "make schedules" not in said
