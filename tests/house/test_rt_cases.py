"""The list of reliability cases and the tests agree."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rt-cases.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@cache
def functions(path: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((ROOT / path).read_text())
    return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}


def function(path: str, name: str) -> ast.FunctionDef | None:
    return functions(path).get(name)


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED.findall(PAGE)
        if not (ROOT / path).exists() or (name and function(path, name) is None)
    ]

    assert missing == []


def test_every_case_has_a_line() -> None:
    told = set()
    for line in PAGE.splitlines():
        head = line.split("|")[1] if line.startswith("| RT-") else ""
        numbers = [int(n) for n in re.findall(r"RT-(\d+)", head)]
        whole = range(numbers[0], numbers[-1] + 1) if " to " in head else numbers
        told.update(whole)

    assert told == set(range(1, 60))


def test_a_test_tells_the_number_of_its_case() -> None:
    silent = []
    for line in PAGE.splitlines():
        if not line.startswith("| RT-"):
            continue
        numbers = re.findall(r"RT-(\d+)", line.split("|")[1])
        for path, name in NAMED.findall(line):
            found = function(path, name) if name else None
            words = f"{name} {ast.get_docstring(found) if found else ''}"
            if found and not any(re.search(f"(rt_|RT-){n}", words) for n in numbers):
                silent.append(f"{path}::{name}")

    assert silent == []
