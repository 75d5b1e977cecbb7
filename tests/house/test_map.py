"""Docs and house agree: every room has its page, every adapter its fake or its reason, every map entry exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "src/mooring/core"
ROOMS = sorted(p.name for p in CORE.iterdir() if (p / "__init__.py").exists())
PAGES = sorted(p.stem for p in (ROOT / "docs/rooms").glob("*.md"))


def test_every_room_has_a_page_and_every_page_a_room() -> None:
    assert PAGES == ROOMS


def test_every_program_has_a_page() -> None:
    cli = ROOT / "src/mooring/cli"
    packages = {p.parent.name for p in cli.glob("*/__init__.py")}
    programs = packages | {p.stem for p in cli.glob("*.py")} - {"__init__", "main"}
    pages = {p.stem for p in (ROOT / "docs/programs").glob("*.md")}

    assert programs <= pages


@pytest.mark.parametrize(
    "page", ["docs/architecture.md", "README.md", "CONTRIBUTING.md"]
)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(
        r"`((?:src|tests|docs|native|scripts|core|agent|adapters|controller|localvcn|lab|cli)/[\w./-]+)`",
        text,
    )
    named += re.findall(r"\]\(([\w./-]+)\)", text)
    missing = [
        name
        for name in named
        if not (ROOT / name).exists() and not (ROOT / "src/mooring" / name).exists()
    ]

    assert named
    assert missing == []


def adapters_without_a_fake() -> list[str]:
    fakes = {p.stem for p in (ROOT / "tests/fakes").glob("*.py")}
    adapters = {p.stem for p in (ROOT / "src/mooring/adapters").glob("*.py")} - {
        "__init__"
    }
    text = (ROOT / "tests/fakes/README.md").read_text()
    excused = set(re.findall(r"^- `(\w+)`", text, re.MULTILINE))
    return sorted(adapters - fakes - excused)


def test_every_adapter_has_a_fake_or_a_reason() -> None:
    assert adapters_without_a_fake() == []
