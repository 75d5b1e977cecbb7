"""Short options take their value as kubectl's do: `-ojson`, `-o json`, `-o=json`."""

import importlib
from collections.abc import Iterator

import click
import pytest

from mooring.cli.main import PROGRAMS, EqualsCommand


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, with the words that call them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")


def short(command: click.Command) -> list[str]:
    """The short options of a command that take a value."""
    return [
        word
        for each in command.params
        if isinstance(each, click.Option) and not each.is_flag
        for word in each.opts
        if not word.startswith("--")
    ]


ALL = [
    found
    for name, module in PROGRAMS.items()
    for found in commands(getattr(importlib.import_module(module), name), name)
]


def parsed(command: click.Command, *words: str) -> click.Context:
    return command.make_context("x", list(words), resilient_parsing=True)


@pytest.mark.parametrize(("path", "command"), [each for each in ALL if short(each[1])])
def test_every_command_with_short_options_takes_them(
    path: str, command: click.Command
) -> None:
    assert isinstance(command, EqualsCommand), path


def test_some_commands_have_short_options() -> None:
    assert {"get", "audit", "lab status", "vcn diff"} <= {
        path for path, command in ALL if short(command)
    }


GET = dict(ALL)["get"]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("-o=json", "output", "json"),
        ("-ojson", "output", "json"),
        ("-o json", "output", "json"),
        ("--output=json", "output", "json"),
        ("-wo=yaml", "output", "yaml"),
        ("-n=kube-system", "namespace", "kube-system"),
        ("-n==a", "namespace", "=a"),
        ("-n=", "namespace", ""),
        ("-n =a", "namespace", "=a"),
        ("--node -n=a -n b", "node", "-n=a"),
        ("--node=a -n=b", "namespace", "b"),
        ("-n -o=json", "namespace", "-o=json"),
        ("-- -n=a", "names", ("-n=a",)),
    ],
)
def test_one_equals_sign_is_no_part_of_the_value(
    words: str, name: str, value: object
) -> None:
    assert parsed(GET, "npn", *words.split()).params[name] == value


def test_a_selector_keeps_its_own_equals_signs() -> None:
    found = parsed(GET, "npn", "-l=app=web,tier!=x").params["selector"]

    assert found.met({"app": "web"})
    assert not found.met({"app": "db"})


@pytest.mark.parametrize("word", ["-w=true", "-x=1", "-=", "-"])
def test_what_has_no_value_is_left_as_it_is(word: str) -> None:
    with pytest.raises(click.UsageError):
        GET.make_context("get", ["npn", word, "--nothing"])
