"""What runtimes find on the node."""

import json
import os
import shutil
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
    newer = tmp_path / "newer"
    newer.write_bytes(cnifiles.built().read_bytes() + b"\0")
    with target.open("rb"):
        again = cnifiles.install(newer, tmp_path / "bin")

    assert again == target == tmp_path / "bin/mooring"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert target.stat().st_ino != before
    assert names(tmp_path / "bin") == ["mooring"]


def test_what_is_installed_already_is_left_there(tmp_path: Path) -> None:
    target = cnifiles.install(cnifiles.built(), tmp_path / "bin")
    before = target.stat().st_ino

    assert cnifiles.install(cnifiles.built(), tmp_path / "bin").stat().st_ino == before
    target.chmod(0o644)
    assert cnifiles.install(cnifiles.built(), tmp_path / "bin").stat().st_ino != before
    assert os.access(target, os.X_OK)


def test_only_the_chained_plugins_that_are_brought_are_installed(
    tmp_path: Path,
) -> None:
    brought = tmp_path / "brought"
    brought.mkdir()
    for name in ("portmap", "bandwidth", "dhcp"):
        (brought / name).write_text(name)

    found = cnifiles.install_chained(brought, tmp_path / "bin")

    assert found == ("portmap", "bandwidth")
    assert names(tmp_path / "bin") == ["bandwidth", "portmap"]
    assert cnifiles.install_chained(tmp_path / "none", tmp_path / "bin") == ()


def test_a_list_in_a_volatile_place_is_gone_with_it_and_its_link_stays(
    tmp_path: Path,
) -> None:
    """RT-22: after a reboot a runtime finds a name that leads nowhere, and starts no pod."""
    live, directory = tmp_path / "run", tmp_path / "net.d"
    target = cnifiles.publish(conflist(), directory, live)

    assert target.is_symlink()
    assert json.loads(target.read_text())["name"] == "mooring"
    shutil.rmtree(live)
    assert names(directory) == ["10-mooring.conflist"]
    assert not target.exists()
    cnifiles.publish(conflist("again"), directory, live)
    assert json.loads(target.read_text())["name"] == "again"
    assert names(live) == names(directory) == ["10-mooring.conflist"]


def test_a_list_that_was_a_file_becomes_a_link(tmp_path: Path) -> None:
    cnifiles.publish(conflist(), tmp_path / "net.d")
    target = cnifiles.publish(conflist(), tmp_path / "net.d", tmp_path / "run")

    assert target.is_symlink()
    cnifiles.withdraw(tmp_path / "net.d")
    assert names(tmp_path / "net.d") == []


def test_what_a_runtime_does_not_find_any_more_is_named(tmp_path: Path) -> None:
    live, directory = tmp_path / "run", tmp_path / "net.d"
    ours = cnifiles.install(cnifiles.built(), tmp_path / "bin")
    published = (ours, cnifiles.publish(conflist(), directory, live))
    assert cnifiles.lost(published) == ()

    (live / "10-mooring.conflist").unlink()
    assert cnifiles.lost(published) == published[1:], "a link that leads nowhere"
    ours.unlink()
    published[1].unlink()
    assert cnifiles.lost(published) == published
    ours.touch()
    published[1].mkdir()
    assert cnifiles.lost(published) == published, "nothing a runtime can use"


def test_a_list_of_somebody_elses_making_is_there(tmp_path: Path) -> None:
    """A service mesh writes the list anew, with its own plugin behind ours."""
    target = cnifiles.publish(conflist(), tmp_path / "net.d", tmp_path / "run")
    meshed = tmp_path / "meshed"
    meshed.write_text(conflist(behind=[{"type": "istio-cni"}]))
    meshed.replace(target)

    assert cnifiles.lost([target]) == ()


def test_what_a_runtime_takes_before_ours_is_named(tmp_path: Path) -> None:
    assert cnifiles.before_ours(tmp_path / "none") == ()
    for name in ("05-a.conf", "10-calico.conflist", "99-b.conflist", "00-read.me"):
        (tmp_path / name).touch()

    assert cnifiles.before_ours(tmp_path) == ("05-a.conf", "10-calico.conflist")


def test_a_published_list_is_whole_and_can_be_withdrawn_twice(tmp_path: Path) -> None:
    target = cnifiles.publish(conflist(), tmp_path / "net.d")

    assert json.loads(target.read_text())["name"] == "mooring"
    assert names(tmp_path / "net.d") == ["10-mooring.conflist"]
    cnifiles.withdraw(tmp_path / "net.d")
    cnifiles.withdraw(tmp_path / "net.d")
    assert names(tmp_path / "net.d") == []
