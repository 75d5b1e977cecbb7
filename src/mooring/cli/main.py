"""The `mooring` command: one group, each program in a module of its own, loaded when asked for.

Loading late keeps `mooring agent` small: it never imports what the lab or the controller need.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    _Path = click.Path[Path]
else:
    _Path = click.Path

PROGRAMS = {
    "agent": "mooring.cli.agent",
    "audit": "mooring.cli.audit",
    "controller": "mooring.cli.controller",
    "describe": "mooring.cli.describe",
    "get": "mooring.cli.get",
    "lab": "mooring.cli.lab",
    "permissions": "mooring.cli.permissions",
    "vcn": "mooring.cli.vcn",
}


class NamedPath(_Path):
    """A path that is named: click's own reads "" (a variable not set) as the working directory."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Read it."""
        if not os.fspath(value):
            self.fail("'': must not be empty.", param, ctx)
        return super().convert(value, param, ctx)


class EqualsCommand(click.Command):
    """A command whose short options take `-o=json` as kubectl's do: one `=` is no part of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words apart where that `=` stands, then parse them."""
        return super().parse_args(ctx, _without_equals(args, self.get_params(ctx)))


class EqualsGroup(click.Group):
    """A group of such commands."""

    command_class = EqualsCommand
    group_class = type


def _without_equals(words: list[str], params: Sequence[click.Parameter]) -> list[str]:
    """Give `-o=x` as `-o` and `x`; what is another option's value, or after `--`, stays."""
    valued = {
        name
        for each in params
        if isinstance(each, click.Option) and not (each.is_flag or each.count)
        for name in each.opts
    }
    found: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*found, word, *rest]
        short, value = _short(word, valued)
        if short and value.startswith("="):
            found += [short, value[1:]]
            continue
        found.append(word)
        if rest and (word in valued or (short and not value)):
            found.append(rest.pop(0))
    return found


def _short(word: str, valued: set[str]) -> tuple[str, str]:
    """Take a word of short options apart before the value of its last one; "" if it has none."""
    if word.startswith("-") and not word.startswith("--"):
        for place in range(1, len(word)):
            if f"-{word[place]}" in valued:
                return word[: place + 1], word[place + 1 :]
            if not word[place].isalpha():
                break
    return "", ""


class LazyGroup(click.Group):
    """A group whose members, each an attribute of a module, are imported at their first use."""

    def __init__(
        self, *words: object, members: Mapping[str, tuple[str, str]], **more: object
    ) -> None:
        super().__init__(*words, **more)  # type: ignore[arg-type]  # - click's own, as they came
        self._members = members

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every member, without importing one."""
        return sorted(self._members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a member's module and give its command."""
        if cmd_name not in self._members:
            return None
        module, name = self._members[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(
    cls=LazyGroup,
    members={name: (module, name) for name, module in PROGRAMS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="mooring")
def main() -> None:
    """VCN-native pod networking: every pod an address from the cloud's own network.

    Shell completion: eval "$(_MOORING_COMPLETE=bash_source mooring)" (or zsh, fish).
    """
