"""The machine's settings while clusters come and go: raised by the first, as before after the last."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes.process import FakeProcesses

from mooring.adapters.clock import Clock
from mooring.adapters.estate import SdkEstate
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.lab.settings import KEPT, LEAST, PLACE, MachineSettings
from mooring.lab.tools import Tools

(NAME,) = LEAST
Stands = Callable[[str], MachineSettings]


@pytest.fixture
def machine(tmp_path: Path) -> Host:
    place = tmp_path / "sys" / NAME
    place.parent.mkdir(parents=True)
    place.write_text("128\n")
    return Host("", tmp_path / "sys")


@pytest.fixture
def stands(machine: Host, tmp_path: Path) -> Stands:
    """Gives what a lab of this name does with the settings; its directory is made."""
    labs = tmp_path / "mooring/labs"
    tools = Tools(
        processes=FakeProcesses(),
        cgroups=None,
        host=machine,
        clock=Clock(),
        estate=SdkEstate,
        cri=None,
        files=lambda name: LabFiles(labs / name),
        executable=tmp_path,
        say=lambda _: None,
    )

    def lab(name: str) -> MachineSettings:
        files = tools.files(name)
        files.path.mkdir(parents=True, exist_ok=True)
        return MachineSettings(tools, files)

    return lab


def down(lab: MachineSettings) -> None:
    lab.release()
    lab.lab.remove()


def test_the_last_lab_puts_it_back(machine: Host, stands: Stands) -> None:
    one, two = stands("one"), stands("two")
    one.need()
    two.need()
    down(one)
    assert machine.setting(NAME) == LEAST[NAME]
    down(two)

    assert machine.setting(NAME) == 128


def test_nothing_is_left_beside_the_labs(stands: Stands, tmp_path: Path) -> None:
    one = stands("one")
    one.need()
    down(one)

    assert not (tmp_path / "mooring").exists()


def test_one_that_goes_down_while_another_comes_up(
    machine: Host, stands: Stands
) -> None:
    for _ in range(20):
        one, two = stands("one"), stands("two")
        one.need()
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(two.need), pool.submit(down, one)]:
                each.result()
        assert machine.setting(NAME) == LEAST[NAME]
        down(two)
        assert machine.setting(NAME) == 128


def test_up_again_after_a_reboot_is_raised_again(machine: Host, stands: Stands) -> None:
    one = stands("one")
    one.need()
    machine.set(NAME, 256)  # as that machine begins
    one.need()
    assert machine.setting(NAME) == LEAST[NAME]
    down(one)

    assert machine.setting(NAME) == 256


def test_what_somebody_else_has_set_meanwhile_stays(
    machine: Host, stands: Stands
) -> None:
    one = stands("one")
    one.need()
    machine.set(NAME, 8192)
    down(one)

    assert machine.setting(NAME) == 8192


def test_a_lab_that_was_removed_by_hand_is_not_waited_for(
    machine: Host, stands: Stands
) -> None:
    one, two = stands("one"), stands("two")
    one.need()
    two.need()
    one.lab.remove()
    down(two)

    assert machine.setting(NAME) == 128


@pytest.mark.parametrize("damaged", ["{", "[]", '{"labs": 1}', '{"before": [1]}'])
def test_a_damaged_record_hinders_nobody(
    machine: Host, stands: Stands, tmp_path: Path, damaged: str
) -> None:
    one = stands("one")
    one.need()
    (tmp_path / "mooring/labs" / PLACE / KEPT).write_text(damaged)
    one.need()
    down(one)

    assert machine.setting(NAME) == LEAST[NAME]
