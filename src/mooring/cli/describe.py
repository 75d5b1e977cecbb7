"""`mooring describe`: all that is known of one node's pod network."""

from pathlib import Path
from typing import Unpack

import click

from mooring.adapters.clock import Clock
from mooring.cli.get.completion import nodes
from mooring.cli.get.places import FOLDER, Given, Refusal, opened, place_options
from mooring.cli.main import EqualsGroup
from mooring.core.npn.shown.kinds import UnknownKind, kind
from mooring.inspect.describe import Describer
from mooring.inspect.get import Unshown
from mooring.inspect.state import USUAL_STATE, usual_state


class Kinds(EqualsGroup):
    """A group whose members are known by all names that `mooring get` takes for their kinds."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a kind's command by any of the kind's names."""
        try:
            meant = kind(cmd_name).name.removesuffix("s")
        except UnknownKind:
            meant = cmd_name
        return super().get_command(ctx, meant)


@click.group(cls=Kinds)
def describe() -> None:
    """Describe one thing: VNICs, tables, pool, conditions, pods and events of a node."""


@describe.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NODE...", shell_complete=nodes
)
@click.option(
    "--state",
    type=FOLDER,
    default=usual_state,
    show_default=USUAL_STATE,
    help="State of the node's agent: what it has repaired, and newer than all else.",
)
@place_options
def node(names: tuple[str, ...], state: Path, **given: Unpack[Given]) -> None:
    """Describe nodes, each by its name, its instance's OCID or its object's name."""
    with opened(given) as (sights, _):
        describer = Describer(sights, Clock().wall, state)
        for number, name in enumerate(names):
            try:
                lines = describer.node(name)
            except Unshown as why:
                raise Refusal(str(why)) from why
            click.echo("\n".join(([""] if number else []) + list(lines)))
            for why_not in describer.blind.values():
                click.echo(f"Warning: {why_not}", err=True)
