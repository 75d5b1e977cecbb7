"""What runtimes find on the node."""

import json
import os
import stat
from pathlib import Path

import pytest

from mooring.adapters import cnifiles
from mooring.core.cni.conflist import conflist


def names(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir())


def test_the_package_brings_an_executable_for_both_machines() -> None:
    numbers = {"x86_64": 62, "aarch64": 183}  # e_machine of elf(5)
    for machine, number in numbers.items():
        header = cnifiles.built(machine).read_bytes()[:20]
        assert header.startswith(b"\x7fELF")
        assert int.from_bytes(header[18:20], "little") == number
    assert cnifiles.built() == cnifiles.built(os.uname().machine)


def test_another_machine_is_told_what_to_do() -> None:
    with pytest.raises(cnifiles.NotBuilt, match=r"mooring-pdp11 .* next step"):
        cnifiles.built("pdp11")


def test_an_installed_executable_runs_and_can_be_replaced_while_it_does(
    tmp_path: Path,
) -> None:
    target = cnifiles.install(cnifiles.built(), tmp_path / "bin")
    before = target.stat().st_ino
    with target.open("rb"):
        again = cnifiles.install(cnifiles.built(), tmp_path / "bin")

    assert again == target == tmp_path / "bin/mooring"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert target.stat().st_ino != before
    assert names(tmp_path / "bin") == ["mooring"]


def test_a_published_list_is_whole_and_can_be_withdrawn_twice(tmp_path: Path) -> None:
    target = cnifiles.publish(conflist(), tmp_path / "net.d")

    assert json.loads(target.read_text())["name"] == "mooring"
    assert names(tmp_path / "net.d") == ["10-mooring.conflist"]
    cnifiles.withdraw(tmp_path / "net.d")
    cnifiles.withdraw(tmp_path / "net.d")
    assert names(tmp_path / "net.d") == []
