"""`mooring vcn`: the local VCN, the cloud's network API and its packets on one machine."""

import asyncio
import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from mooring.adapters import netns
from mooring.adapters.clock import Clock
from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.adapters.journal import Journal, JournalError
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.packets.names import fabric_fault
from mooring.localvcn import run
from mooring.localvcn.enforcement import Fabric, NoFabric
from mooring.localvcn.enrol import Enrolment, enrol
from mooring.localvcn.fabric import FabricLoop, Tools, remove
from mooring.localvcn.follow import Following
from mooring.localvcn.imds import Metadata
from mooring.localvcn.internet import Echoes, outside

LISTEN = "127.0.0.1:9180"
NONE = "none"
REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Directory = click.Path(file_okay=False, path_type=Path)
File = click.Path(dir_okay=False, path_type=Path)


FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


@click.group()
def vcn() -> None:
    """Run the local VCN: OCI's network API, and packets that obey it."""


def _address(_: click.Context, __: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not ADDRESS:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _region(_: click.Context, __: click.Parameter, value: str) -> str:
    if not REGION.fullmatch(value):
        raise click.BadParameter(f"{value!r} must match {REGION.pattern}")
    return value


def _descriptor(_: click.Context, __: click.Parameter, value: int | None) -> int | None:
    if value is not None:
        try:
            os.fstat(value)
        except OSError as error:
            raise click.BadParameter(f"{value}: {error.strerror}") from error
    return value


def _fabric(_: click.Context, __: click.Parameter, value: str) -> str:
    if fault := fabric_fault(value):
        raise click.BadParameter(fault)
    if os.geteuid() != 0:
        raise click.BadParameter("namespaces and links need root")
    return value


def _fabric_or_none(
    context: click.Context, parameter: click.Parameter, value: str
) -> str:
    return value if value == NONE else _fabric(context, parameter, value)


@vcn.command()
@click.option(
    "--state",
    type=Directory,
    required=True,
    help="Directory of the state; made if new.",
)
@click.option(
    "--listen",
    default=LISTEN,
    show_default=True,
    callback=_address,
    metavar="ADDRESS:PORT",
    help="Where clients connect; port 0 takes a free one.",
)
@click.option(
    "--fabric",
    default=NONE,
    show_default=True,
    metavar="NAME",
    callback=_fabric_or_none,
    help="Name of the fabric whose packets obey; 'none' is an API without packets.",
)
@click.option(
    "--ready-fd",
    type=click.IntRange(min=3),
    callback=_descriptor,
    help="Descriptor that gets a byte when clients can connect.",
)
def serve(
    state: Path, listen: tuple[str, int], fabric: str, ready_fd: int | None
) -> None:
    """Serve in the foreground until SIGTERM; the fabric stays when the server goes."""
    _log_to_stderr()
    door = run.Door(*listen, ready_fd)
    with (
        _said(JournalError, CredentialsError, OSError),
        contextlib.ExitStack() as open_,
    ):
        journal = open_.enter_context(contextlib.closing(Journal(state)))
        listener = open_.enter_context(run.listen(door))
        parts = _parts(state, fabric, open_)
        asyncio.run(run.serve(journal, parts, door, listener))


@vcn.command()
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
    with _said(CredentialsError, OSError):
        made = enrol(Enrolment(state, config, profile, region))
    click.echo(f"profile      {profile} in {config}")
    click.echo(f"user         {made.user}")
    click.echo(f"compartment  {made.tenancy}")
    click.echo(f"region       {made.region}")
    click.echo(f"endpoint     {endpoint}")


@vcn.command()
@click.option(
    "--fabric",
    required=True,
    metavar="NAME",
    callback=_fabric,
    help="Name of the fabric to remove.",
)
def down(fabric: str) -> None:
    """Remove what a fabric has in the kernel; the state is kept. Stop the server first."""
    with _said(OSError), contextlib.ExitStack() as open_:
        for space in remove(fabric, _tools(open_)):
            click.echo(f"removed  {space}")


def _parts(state: Path, fabric: str, open_: contextlib.ExitStack) -> run.Parts:
    clock = Clock()
    ground: Fabric = NoFabric()
    if fabric != NONE:
        loop = FabricLoop(fabric, _tools(open_))
        guides = (Metadata(fabric), Echoes(outside(fabric)))
        ground = Following(loop, netns, *guides)
    return run.Parts(IdentityFile(state), ground, clock.wall, os.urandom)


def _tools(open_: contextlib.ExitStack) -> Tools:
    kernel, nft = open_.enter_context(Kernel()), open_.enter_context(Nft())
    return Tools(kernel, nft, netns)


def _log_to_stderr() -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=FORMAT,
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


@contextlib.contextmanager
def _said(*expected: type[Exception]) -> Iterator[None]:
    """Turn what was to be expected into one line and exit code 1."""
    try:
        yield
    except expected as error:
        raise click.ClickException(_words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
