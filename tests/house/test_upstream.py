"""What the tree holds of other projects' programs: the pins by which they are built, no binary."""

from pathlib import Path

from mooring.core.linux.upstream import PROJECTS
from mooring.lab.programs_built import GO_LOCK, MODULES


def test_the_programs_of_others_are_there_as_pins_only() -> None:
    found = {path for path in MODULES.rglob("*") if not path.is_dir()}
    pins = {MODULES / name / pin for name in PROJECTS for pin in ("go.mod", "go.sum")}

    assert found == {*pins, GO_LOCK}
    assert [path.name for path in sorted(found) if not is_text(path)] == []


def is_text(path: Path) -> bool:
    """Tell whether a file is printable text and no link."""
    content = path.read_bytes()
    return not path.is_symlink() and content.isascii() and b"\0" not in content
