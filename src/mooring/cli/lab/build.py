"""`mooring lab build`: programs and images of a cluster ahead of time, and nothing else."""

import os

import click

from mooring.cli.lab.tools import adapters, said
from mooring.core.linux.upstream import CLUSTER, SUITE


@click.command()
@click.option("--suite", is_flag=True, help="Those of upstream's own tests too.")
def build(*, suite: bool) -> None:
    """Build what a Kubernetes cluster is made of, once; say where it lies."""
    from mooring.lab.images_built import Images  # noqa: PLC0415 - slow to load, for this command only
    from mooring.lab.programs_built import Builder  # noqa: PLC0415 - slow to load, for this command only

    with said():
        tools = adapters()
        wanted = [*CLUSTER, *SUITE] if suite else [*CLUSTER]
        programs = Builder.usual(os.environ, tools.say).build(wanted)
        images = Images.usual(tools.processes, tools.host, os.environ, tools.say)
        files = images.cluster(programs)
        if suite:
            files += images.suite(programs)
        click.echo(f"programs {programs}")
        for file in files:
            click.echo(f"image {file}")
