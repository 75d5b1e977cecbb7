"""Control groups as directories: real ones, and trees that only look like them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE

from mooring.adapters.cgroup import Cgroups, Sources

NAME = f"mooring-test-{os.getpid()}"


@pytest.fixture
def places() -> Iterator[tuple[str, ...]]:
    groups = Cgroups()
    found = groups.places(NAME)
    yield found
    groups.remove(found)


def a_process_in(places: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """A process that moved itself into the groups before it began."""
    moves = "".join(f"echo 0 >'{place}/cgroup.procs'; " for place in places)
    process = subprocess.Popen(
        ["sh", "-c", f"{moves} echo in; exec sleep 1000"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    process.stdout.close()
    return process


def test_this_machine_has_them() -> None:
    assert Cgroups().usable()
    assert Cgroups().fit_for_containers()
    assert not [p for p in Cgroups().places(NAME) if Path(p).exists()]


def test_processes_can_live_in_what_was_made(places: tuple[str, ...]) -> None:
    groups = Cgroups()
    groups.make(places, parents=True)
    inner = tuple(f"{place}/node/init" for place in places)
    groups.make(inner)

    with a_process_in(inner) as process:
        assert groups.pids(places) == {process.pid}
        process.kill()


def test_making_twice_is_making_once(places: tuple[str, ...]) -> None:
    groups = Cgroups()
    groups.make(places)
    groups.make(places)

    assert all(Path(place).is_dir() for place in places)


def test_removing_ends_what_runs_inside(places: tuple[str, ...]) -> None:
    groups = Cgroups()
    inner = tuple(f"{place}/a/b" for place in places)
    groups.make(places)
    groups.make(inner)

    with a_process_in(inner) as process:
        groups.remove(places)

        assert process.wait(PATIENCE) < 0
    assert not any(Path(place).exists() for place in places)
    assert groups.pids(places) == frozenset()
    groups.remove(places)


def a_tree(root: Path, own: str, files: dict[str, str]) -> Cgroups:
    """A version 2 machine made of plain files."""
    for path, content in files.items():
        place = root / "cg" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    (root / "own").write_text(f"0::/{own}\n")
    (root / "mounts").write_text(f"30 1 0:1 / {root}/cg rw - cgroup2 cgroup2 rw\n")
    return Cgroups(Sources(root / "own", root / "mounts"))


ALL = "cpuset cpu io memory pids"


def test_on_version_2_ours_go_where_controllers_are_handed_down(
    tmp_path: Path,
) -> None:
    groups = a_tree(
        tmp_path,
        "user/session",
        {
            "cgroup.controllers": ALL,
            "cgroup.subtree_control": ALL,
            "user/cgroup.controllers": ALL,
            "user/cgroup.subtree_control": ALL,
            "user/session/cgroup.controllers": ALL,
            "user/session/cgroup.subtree_control": "",
        },
    )

    assert groups.places("lab") == (f"{tmp_path}/cg/user/lab",)


def test_on_version_2_the_root_is_asked_to_when_nobody_does(tmp_path: Path) -> None:
    files = {"cgroup.controllers": "memory pids", "cgroup.subtree_control": "pids"}
    groups = a_tree(tmp_path, "", files)

    assert groups.places("lab") == (f"{tmp_path}/cg/lab",)
    assert (tmp_path / "cg/cgroup.subtree_control").read_text() == "+memory"


def test_a_tree_without_processors_is_not_fit_for_containers(tmp_path: Path) -> None:
    files = {"cgroup.controllers": "pids", "cgroup.subtree_control": "pids"}
    groups = a_tree(tmp_path, "", files)

    assert groups.usable()
    assert not groups.fit_for_containers()


def test_a_cpuset_gets_its_parents_processors(tmp_path: Path) -> None:
    group = tmp_path / "cpuset" / "lab"
    group.mkdir(parents=True)
    for file, parents in {"cpuset.cpus": "0-3", "cpuset.mems": "0"}.items():
        (group.parent / file).write_text(parents)
        (group / file).write_text("\n")
    (group / "cgroup.clone_children").write_text("0")

    Cgroups().make([str(group)])

    assert (group / "cpuset.cpus").read_text() == "0-3"
    assert (group / "cpuset.mems").read_text() == "0"
    assert (group / "cgroup.clone_children").read_text() == "1"


def test_where_none_can_be_made_none_are_usable() -> None:
    words = "from mooring.adapters.cgroup import Cgroups; print(Cgroups().usable())"
    hide = "mount -o remount,bind,ro /sys/fs/cgroup 2>/dev/null; "
    every = (
        "for m in /sys/fs/cgroup/*; do mount -o remount,bind,ro $m; done 2>/dev/null; "
    )
    stage = ["unshare", "--mount", "sh", "-c", f'{hide}{every}exec "$@"', "hide"]
    done = subprocess.run(
        [*stage, sys.executable, "-c", words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "False", done.stderr
