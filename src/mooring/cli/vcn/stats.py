"""`mooring vcn stats`: what a running server has answered."""

import json
from pathlib import Path

import click

from mooring.adapters import adminsocket
from mooring.adapters.adminsocket import AdminError
from mooring.cli.main import EqualsCommand
from mooring.cli.vcn.fault import output_option, state_option, table
from mooring.cli.vcn.words import said


@click.command(cls=EqualsCommand)
@state_option
@output_option
def stats(state: Path, output: str) -> None:
    """Show how many requests of each operation were answered since the start, and how."""
    with said(AdminError):
        found = adminsocket.ask(state, "GET", "/stats")
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    statuses = tuple(found["statuses"])
    rows = [
        (name, *(str(counts.get(status, 0)) for status in statuses))
        for name, counts in found["operations"].items()
    ]
    table(("OPERATION", *statuses), rows)
