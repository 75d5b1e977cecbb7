"""The `mooring` command: one group, each program in a module of its own, loaded when asked for.

Loading late keeps `mooring agent` small: it never imports what the lab or the controller need.
"""

import importlib

import click

PROGRAMS = {
    "agent": "mooring.cli.agent",
    "audit": "mooring.cli.audit",
    "controller": "mooring.cli.controller",
    "lab": "mooring.cli.lab",
    "vcn": "mooring.cli.vcn",
}


class LazyGroup(click.Group):
    """A group whose members are imported at their first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every program, without importing one."""
        return sorted(PROGRAMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the program's module and give its command."""
        if cmd_name not in PROGRAMS:
            return None
        command: click.Command = getattr(
            importlib.import_module(PROGRAMS[cmd_name]), cmd_name
        )
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mooring")
def main() -> None:
    """VCN-native pod networking: every pod an address from the cloud's own network.

    Shell completion: eval "$(_MOORING_COMPLETE=bash_source mooring)" (or zsh, fish).
    """
