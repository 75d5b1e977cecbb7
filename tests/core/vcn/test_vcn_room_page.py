"""The room's page names every module of the room, and none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/rooms/vcn.md"
ROOM = ROOT / "src/mooring/core/vcn"


def test_the_page_names_every_module() -> None:
    rows = re.findall(r"^\| `.*", PAGE.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_0-9]+)`", row)}
    first = {
        name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }
    modules = {path.stem for path in ROOM.rglob("*.py")} - {"__init__"}

    assert modules - named == set()
    assert {name for name in first if "_" in name} <= modules
