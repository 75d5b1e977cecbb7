"""The room's page names its modules, and what it shows is so."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/rooms/kube.md"


def test_every_module_has_its_row() -> None:
    modules = {p.name for p in (ROOT / "src/mooring/core/kube").glob("*.py")}
    rows = "".join(re.findall(r"^\|(.*?)\|", PAGE.read_text(), re.MULTILINE))

    assert modules - {"__init__.py"} == set(re.findall(r"`(\w+\.py)`", rows))


def test_the_page_shows_what_is_so() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0
