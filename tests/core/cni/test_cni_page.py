"""The pages say what the tables say; `make golden` writes the tables into the page."""

import doctest
import os
import re
from pathlib import Path

from mooring.core.cni.conflist import conflist
from mooring.core.cni.errors import MEANINGS, Code
from mooring.core.cni.parse import NEEDS
from mooring.core.cni.versions import SUPPORTED

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/programs/cni.md"
HEADER = (ROOT / "native/shim/shim.h").read_text()


def held(name: str, table: list[str]) -> tuple[str, str]:
    """Give the page's part of that name, and what it should be."""
    text = PAGE.read_text()
    pattern = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    wanted = "".join(f"{line}\n" for line in table)
    if os.environ.get("MOORING_GOLDEN") == "write":
        text = pattern.sub(lambda _: wanted, text)
        PAGE.write_text(text)
    found = pattern.search(text)
    return found[0] if found else "", wanted


def test_golden_error_table_of_the_page() -> None:
    rows = [f"| {code} | {MEANINGS[code]} |" for code in Code]
    found, wanted = held("codes", ["| code | when |", "|---|---|", *rows])

    assert found == wanted


def test_golden_table_of_needed_variables() -> None:
    rows = [
        f"| `{command}` | {', '.join(f'`{n}`' for n in names) or 'none'} |"
        for command, names in NEEDS.items()
    ]
    found, wanted = held("needs", ["| command | variables |", "|---|---|", *rows])

    assert found == wanted


def test_the_page_shows_the_list_that_is_installed() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    squeezed = [
        re.sub(r"\s", "", text) for text in (found[1] if found else "", conflist())
    ]

    assert squeezed[0] == squeezed[1]


def test_the_page_gives_the_executable_s_own_defaults() -> None:
    rows = dict(
        re.findall(r"^\| `(MOORING_\w+)` \| `(\S+)` \|", PAGE.read_text(), re.MULTILINE)
    )
    defaults = dict(re.findall(r'#define DEFAULT_(\w+) "?(.+?)u?"?\s', HEADER))

    assert rows == {f"MOORING_{name}": value for name, value in defaults.items()}


def test_the_executable_uses_the_table_s_numbers() -> None:
    (body,) = re.findall(r"enum code \{(.*?)\}", HEADER, re.DOTALL)
    codes = {name: int(value) for name, value in re.findall(r"(\w+) = (\d+)", body)}

    assert codes
    assert codes == {name: int(Code[name]) for name in codes}


def test_the_executable_speaks_the_same_versions() -> None:
    text = (ROOT / "native/shim/say.c").read_text()

    assert ",".join(f'\\"{v}\\"' for v in SUPPORTED) in text
    assert f"supported: {', '.join(SUPPORTED)}\\n" in text


def test_the_examples_of_the_room_s_page_run() -> None:
    outcome = doctest.testfile(str(ROOT / "docs/rooms/cni.md"), module_relative=False)

    assert outcome.attempted > 5
    assert outcome.failed == 0
