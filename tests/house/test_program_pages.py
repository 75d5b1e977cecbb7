"""A program's page and its parser agree: every flag has a row, every row a flag."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mooring.cli.main import PROGRAMS

PAGES = Path(__file__).parents[2] / "docs/programs"
ROW = re.compile(r"^\| `(--[a-z][a-z0-9-]*)[^`]*`", re.MULTILINE)


def program(name: str) -> click.Command:
    command: click.Command = getattr(importlib.import_module(PROGRAMS[name]), name)
    return command


def commands(
    command: click.Command, path: str = ""
) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, with the words that call them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}".strip())


def flags(command: click.Command) -> set[str]:
    return {
        word
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for word in parameter.opts
        if word.startswith("--") and word not in {"--help", "--version"}
    }


def section(page: str, words: str) -> str:
    """The part of the page under the heading of this subcommand; else the page."""
    parts = re.split(r"^## +`?([^`\n]+?)`?\s*$", page, flags=re.MULTILINE)
    named = dict(zip(parts[1::2], parts[2::2], strict=True))
    return named.get(words, page)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_every_flag_has_a_row_under_its_command(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()

    missing = {
        f"{words} {flag}".strip()
        for words, command in commands(program(name))
        for flag in flags(command) - set(ROW.findall(section(page, words)))
    }

    assert missing == set()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_every_row_has_a_flag(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    known = {flag for _, command in commands(program(name)) for flag in flags(command)}

    assert set(ROW.findall(page)) - known == set()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_every_command_is_on_the_page(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()

    missing = [w for w, _ in commands(program(name)) if w and w not in page]

    assert missing == []


def test_every_page_is_of_a_program() -> None:
    pages = {page.stem for page in PAGES.glob("*.md")}

    assert pages - set(PROGRAMS) - {"cni"} == set()
