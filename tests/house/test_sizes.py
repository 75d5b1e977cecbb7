"""The house measures itself: rooms stay small (style guide, "Measures that keep us honest")."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/mooring").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

ATTIC = {"util", "utils", "common", "helper", "helpers", "manager", "base", "misc"}
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 300, 40, 5


def docstring_lines(tree: ast.AST) -> set[int]:
    """The lines that docstrings fill."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines.update(range(first.lineno, (first.end_lineno or 0) + 1))
    return lines


def tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(text).readline)


@cache
def code_lines(text: str) -> frozenset[int]:
    """Lines with code on them: no blanks, comments or docstrings."""
    nothing = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokens(text):
        if token.type not in nothing:
            lines.update(range(token.start[0], token.end[0] + 1))
    return frozenset(lines - docstring_lines(ast.parse(text)))


@cache
def functions(path: Path) -> list[tuple[str, Function, int]]:
    text = path.read_text()
    code = code_lines(text)
    return [
        (
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
            node,
            len(code.intersection(range(node.lineno, (node.end_lineno or 0) + 1))),
        )
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Function)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_fits_in_the_head(path: Path) -> None:
    assert len(code_lines(path.read_text())) <= MODULE_LINES


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{where}: {n}"
        for p in SOURCES
        for where, _, n in functions(p)
        if n > FUNCTION_LINES
    ]

    assert long == []


def test_no_function_takes_more_than_five_parameters() -> None:
    many = []
    for path in SOURCES:
        for where, node, _ in functions(path):
            arguments = node.args
            names = [
                a.arg
                for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs
            ]
            count = len([n for n in names if n not in {"self", "cls"}])
            is_click = any(
                "click" in ast.unparse(d) or ".command" in ast.unparse(d)
                for d in node.decorator_list
            )
            if count > PARAMETERS and not is_click:
                many.append(f"{where}: {count}")

    assert many == []


def test_no_room_is_an_attic() -> None:
    assert [p for p in SOURCES if p.stem in ATTIC or p.parent.name in ATTIC] == []


def test_core_is_the_larger_part_of_deciding() -> None:
    size = {p: len(code_lines(p.read_text())) for p in SOURCES}
    core = sum(n for p, n in size.items() if "core" in p.parts)

    assert core >= 0.45 * sum(size.values())


def test_every_module_says_what_it_is() -> None:
    mute = [
        p
        for p in SOURCES
        if p.name != "__init__.py"
        and ast.get_docstring(ast.parse(p.read_text())) is None
    ]

    assert mute == []


def test_tests_use_fakes_not_patches() -> None:
    words = (
        "unittest" + ".mock",
        "monkey" + "patch",
        "pytest" + ".skip",
        "mark" + ".skip",
        "@" + "patch",
    )
    found = [
        f"{p.relative_to(ROOT)}: {w}"
        for p in TESTS
        for w in words
        if w in p.read_text()
    ]

    assert found == []


WAIVED = re.compile(r"noqa|type: ignore|pragma: no|fmt: (off|skip)")
REASON = re.compile(r"(noqa: |type: ignore\[)[\w, -]+?\]?( +#)? - \w")
ELSEWHERE = re.compile(r" - (likewise|(as|see) (above|below|before|said)|ditto)\b")


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=str)
def test_what_is_waived_has_its_reason_on_the_line(path: Path) -> None:
    text = path.read_text()
    comments = [
        token.string
        for token in (tokens(text) if WAIVED.search(text) else ())
        if token.type == tokenize.COMMENT and WAIVED.search(token.string)
    ]

    assert [each for each in comments if not REASON.search(each)] == []
    assert [each for each in comments if ELSEWHERE.search(each)] == []
