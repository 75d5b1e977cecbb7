"""The `mooring` command: one group, each program in a module of its own, loaded when asked for.

Loading late keeps `mooring agent` small: it never imports what the lab or the controller need.
"""

import importlib
from collections.abc import Mapping

import click

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
