"""`mooring vcn serve`: the local VCN in the foreground."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mooring.adapters import netns
from mooring.adapters.clock import Clock
from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.adapters.journal import Journal, JournalError
from mooring.cli.vcn.down import tools
from mooring.cli.vcn.words import LISTEN, Directory, each, fabric_name, one, said
from mooring.core.vcn.faults import settled
from mooring.core.vcn.faults.words import duration
from mooring.core.vcn.limits import Delays, Settings
from mooring.core.vcn.resolver import hosts
from mooring.localvcn import run
from mooring.localvcn.advertise import Advertising
from mooring.localvcn.authority import authority
from mooring.localvcn.desk import Chance, Desk
from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.fabric import FabricLoop
from mooring.localvcn.follow import Following
from mooring.localvcn.identities import Identities
from mooring.localvcn.imds import Metadata
from mooring.localvcn.inside import Inside
from mooring.localvcn.internet import Echoes, outside
from mooring.localvcn.resolver import Resolver

NONE = "none"

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


def _address(_: click.Context, __: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not ADDRESS:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _descriptor(_: click.Context, __: click.Parameter, value: int | None) -> int | None:
    if value is not None:
        try:
            os.fstat(value)
        except OSError as error:
            raise click.BadParameter(f"{value}: {error.strerror}") from error
    return value


def _fabric_or_none(
    context: click.Context, parameter: click.Parameter, value: str
) -> str:
    return value if value == NONE else fabric_name(context, parameter, value)


@click.command()
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
@click.option(
    "--delay",
    "delays",
    multiple=True,
    metavar="NAME=DURATION",
    callback=each(settled.delay),
    help="How long a passing state lasts, e.g. vnic-attach=2s; may be repeated.",
)
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="OPERATION=RATE[:BURST]",
    callback=each(settled.budget),
    help="Requests that a caller has, e.g. CreatePrivateIp=20/s:5; may be repeated.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    callback=each(settled.service_limit),
    help="How many there may be, e.g. vcn-count=5 (oci limits value list); may be repeated.",
)
@click.option(
    "--list-lag",
    default="0s",
    show_default=True,
    metavar="DURATION",
    callback=one(duration),
    help="How late lists show what has changed.",
)
def serve(**options: Any) -> None:  # noqa: ANN401 - click's values
    """Serve in the foreground until SIGTERM; the fabric stays when the server goes."""
    _log_to_stderr()
    state: Path = options["state"]
    host, port = options["listen"]
    door = run.Door(host, port, options["ready_fd"])
    settings = Settings(
        delays=replace(Delays(), **dict(options["delays"])),
        budgets=options["budgets"],
        list_lag=options["list_lag"],
        limits=options["limits"],
    )
    with (
        said(JournalError, CredentialsError, OSError),
        contextlib.ExitStack() as open_,
    ):
        journal = open_.enter_context(contextlib.closing(Journal(state)))
        listener = open_.enter_context(run.listen(door))
        parts = _parts(state, options["fabric"], settings, open_)
        asyncio.run(run.serve(journal, parts, door, listener))


def _parts(
    state: Path, fabric: str, settings: Settings, open_: contextlib.ExitStack
) -> run.Parts:
    chance = Chance(Clock().wall, os.urandom)
    desk, register = Desk(settings, chance), IdentityFile(state)
    if fabric == NONE:
        return run.Parts(register, NoFabric(), chance, settings, desk)
    ours = authority(state, chance.wall)
    region = run.settings_of(register, settings).region
    inside = Inside(fabric, ours.service(hosts(region), chance.wall()))
    identities = Identities(ours, register, chance.wall)
    metadata = Metadata(fabric, desk.metadata, identities)
    ground = Following(
        FabricLoop(fabric, tools(open_)),
        netns,
        metadata,
        metadata.over_ipv6,
        Resolver(fabric),
        Advertising(fabric),
        Echoes(outside(fabric)),
        inside,
    )
    within = run.Within(ours, inside)
    return run.Parts(register, ground, chance, settings, desk, within)


def _log_to_stderr() -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=FORMAT,
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
