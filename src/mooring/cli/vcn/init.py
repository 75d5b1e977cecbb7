"""`mooring vcn init`: a profile for SDK and CLI."""

import re
from pathlib import Path

import click

from mooring.adapters.credentials import CredentialsError
from mooring.cli.vcn.words import LISTEN, Directory, File, said
from mooring.core.vcn.limits import Settings
from mooring.localvcn.enrol import Enrolment, enrol

REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _region(_: click.Context, __: click.Parameter, value: str) -> str:
    if not REGION.fullmatch(value):
        raise click.BadParameter(f"{value!r} must match {REGION.pattern}")
    return value


@click.command()
@click.option(
    "--state", type=Directory, required=True, help="Directory of the server's state."
)
@click.option(
    "--config",
    type=File,
    required=True,
    help="OCI configuration file to extend; made if new.",
)
@click.option(
    "--profile", default="DEFAULT", show_default=True, help="Profile to write in it."
)
@click.option(
    "--endpoint",
    default=f"http://{LISTEN}",
    show_default=True,
    metavar="URL",
    help="Where the server listens; printed, not stored.",
)
@click.option(
    "--region",
    default=Settings().region,
    show_default=True,
    callback=_region,
    help="Region of a new state; one that exists keeps its own.",
)
def init(state: Path, config: Path, profile: str, endpoint: str, region: str) -> None:
    """Write a profile with a fresh key pair for SDK and CLI; again: keep what is there."""
    with said(CredentialsError, OSError):
        made = enrol(Enrolment(state, config, profile, region))
    click.echo(f"profile      {profile} in {config}")
    click.echo(f"user         {made.user}")
    click.echo(f"compartment  {made.tenancy}")
    click.echo(f"region       {made.region}")
    click.echo(f"endpoint     {endpoint}")
