"""The list of reliability cases and the tests agree."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rt-cases.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+(?:::\w+)?))?`")
Test = ast.FunctionDef | ast.ClassDef


@cache
def kept_in(path: str) -> dict[str, Test]:
    """Give what a file tests by name: functions, classes, and methods as `Class::method`."""
    if not (ROOT / path).exists():
        return {}
    found: dict[str, Test] = {}
    for each in ast.parse((ROOT / path).read_text()).body:
        if isinstance(each, ast.FunctionDef):
            found[each.name] = each
        if isinstance(each, ast.ClassDef):
            methods = [n for n in each.body if isinstance(n, ast.FunctionDef)]
            found[each.name] = each
            found |= {f"{each.name}::{method.name}": method for method in methods}
    return {name: n for name, n in found.items() if re.match("test_|Test", name)}


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED.findall(PAGE)
        if not (ROOT / path).exists() or (name and name not in kept_in(path))
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


def test_every_case_names_a_test_or_says_why_there_is_none() -> None:
    bare = [
        line.split("|")[1].strip()
        for line in PAGE.splitlines()
        if line.startswith("| RT-")
        and not any(name for _, name in NAMED.findall(line))
        and "none yet: " not in line
    ]

    assert bare == []


def test_a_test_tells_the_number_of_its_case() -> None:
    silent = []
    for line in PAGE.splitlines():
        if not line.startswith("| RT-"):
            continue
        numbers = re.findall(r"RT-(\d+)", line.split("|")[1])
        for path, name in NAMED.findall(line):
            found = kept_in(path).get(name)
            words = f"{name} {ast.get_docstring(found) if found else ''}"
            if found and not any(re.search(f"(rt_|RT-){n}", words) for n in numbers):
                silent.append(f"{path}::{name}")

    assert silent == []
