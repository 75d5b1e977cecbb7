"""`mooring vcn down`: what a fabric has in the kernel, removed."""

import contextlib

import click

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.cli.vcn.words import fabric_name, said
from mooring.localvcn.fabric import Tools, remove


@click.command()
@click.option(
    "--fabric",
    required=True,
    metavar="NAME",
    callback=fabric_name,
    help="Name of the fabric to remove.",
)
def down(fabric: str) -> None:
    """Remove what a fabric has in the kernel; the state is kept. Stop the server first."""
    with said(OSError), contextlib.ExitStack() as open_:
        for space in remove(fabric, tools(open_)):
            click.echo(f"removed  {space}")


def tools(open_: contextlib.ExitStack) -> Tools:
    """Give what a fabric is made with."""
    kernel, nft = open_.enter_context(Kernel()), open_.enter_context(Nft())
    return Tools(kernel, nft, netns)
