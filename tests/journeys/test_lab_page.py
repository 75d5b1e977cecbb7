"""docs/programs/lab.md names every command and flag that there is, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from mooring.cli.lab import lab

PAGE = (Path(__file__).parents[2] / "docs/programs/lab.md").read_text()
HIDDEN = {"lab demo"}


def commands(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def test_every_command_stands_in_the_table() -> None:
    told = re.findall(
        r"^\| `(lab [a-z ]+?)(?: [A-Z].*?)?(?: -- .*?)?` \|", PAGE, re.MULTILINE
    )

    assert set(told) == {name for name, _ in commands(lab, "lab")} - HIDDEN


def test_every_flag_stands_in_the_table() -> None:
    told = set(re.findall(r"^\| `(--?[a-z]+)` \|", PAGE, re.MULTILINE))
    there = {
        option
        for name, command in commands(lab, "lab")
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }

    assert told == there
