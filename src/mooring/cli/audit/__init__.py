"""`mooring audit`: pods, ledger, kernel, object and cloud side by side."""

import json
import time
from typing import Unpack

import click

from mooring.cli.audit.nodes import Given, Unlookable, lookers
from mooring.cli.audit.options import options
from mooring.cli.main import EqualsCommand
from mooring.inspect.audit import Audit, Wishes
from mooring.inspect.words import document, exit_code, lines

__all__ = ["audit"]


@click.command(cls=EqualsCommand)
@options
@click.option("--repair", is_flag=True, help="Have repaired what is safe to repair.")
@click.option(
    "--dry-run", is_flag=True, help="With --repair: only say what would be done."
)
@click.option(
    "--wait",
    "patience",
    type=click.FloatRange(0, 3600),
    default=45.0,
    show_default=True,
    metavar="SECONDS",
    help="With --repair: how long to wait for the controller's next look.",
)
@click.option(
    "-o",
    "output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form.",
)
@click.pass_context
def audit(
    ctx: click.Context,
    *,
    repair: bool,
    dry_run: bool,
    patience: float,
    output: str,
    **given: Unpack[Given],
) -> None:
    """Compare what pods, ledger, kernel, object and cloud say of a node.

    Each difference is named with its code, what each side says, the probable cause and the
    remedy. Exit code 0: all agree; 1: something differs; 2: a side could not be looked at.
    Without --repair nothing is written.
    """
    if dry_run and not repair:
        raise click.UsageError("--dry-run says what --repair would do: give both")
    wishes = Wishes(repair=repair, dry_run=dry_run, patience=patience)
    try:
        with lookers(given) as found:
            outcomes = Audit(found, time.monotonic, time.sleep).run(wishes)
    except Unlookable as why:
        raise Refusal(str(why)) from why
    if output == "text":
        click.echo("\n".join(lines(outcomes)))
    elif output == "json":
        click.echo(json.dumps(document(outcomes), indent=2))
    else:
        import yaml  # noqa: PLC0415 - needed for this form only, and not on every node

        click.echo(yaml.safe_dump(document(outcomes), sort_keys=False).rstrip())
    ctx.exit(exit_code(outcomes))


class Refusal(click.ClickException):
    """Nothing could be looked at."""

    exit_code = 2
