"""`mooring controller`: NativePodNetwork objects to VNICs and addresses of the cloud."""

import contextlib
import logging
import random
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from mooring.adapters.objects import ObjectDirectory
from mooring.controller.gate import PacedGate
from mooring.controller.run import Controller, World
from mooring.core.npn import policy
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.policy import PoolPolicy

log = logging.getLogger("mooring.controller")
FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


def _pool(_: click.Context, __: click.Parameter, value: str) -> PoolPolicy | None:
    try:
        return policy.parse(value, "--pool")
    except Unreadable as error:
        raise click.BadParameter(str(error)) from None


def _url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter(f"{value!r} is not http://HOST or https://HOST")
    return value.rstrip("/")


@click.command()
@click.option(
    "--npn-dir",
    type=click.Path(
        exists=True, file_okay=False, readable=True, writable=True, path_type=Path
    ),
    required=True,
    help="Directory of the objects: <name>.json is read, <name>.status.json written.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("~/.oci/config"),
    show_default=True,
    help="OCI configuration file.",
)
@click.option(
    "--profile", default="DEFAULT", show_default=True, help="Profile to use of it."
)
@click.option(
    "--endpoint",
    callback=_url,
    metavar="URL",
    help="Where the Core Services API is; without it the region's address.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How often a settled object is compared with the cloud.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="How many objects are worked on at a time.",
)
@click.option(
    "--pool",
    default=policy.PREALLOCATE,
    show_default=True,
    callback=_pool,
    metavar="POLICY",
    help="Pool of objects that say nothing of theirs, as warmTarget=8,minimum=8.",
)
def controller(  # noqa: PLR0913, PLR0917 - one per flag
    npn_dir: Path,
    config: Path,
    profile: str,
    endpoint: str | None,
    interval: float,
    workers: int,
    pool: PoolPolicy | None,
) -> None:
    """Give every node its VNICs and pod addresses, and keep them.

    For each NativePodNetwork object it makes at most one change of the cloud per turn,
    looks again, and writes what was reached into the object's status. What disappears
    behind its back comes back. It ends at SIGTERM; killed at any moment it loses nothing.
    """
    # The SDK takes a second and 50 MB: --help and the other programs do without.
    from mooring.adapters.oci import (  # noqa: PLC0415 - the SDK is slow to load; --help must not be
        Access,
        MisconfiguredError,
        OciCloud,
    )

    _log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    access = Access(config=str(config.expanduser()), profile=profile, endpoint=endpoint)
    try:
        cloud = OciCloud(access, PacedGate(time.monotonic, stop.wait))
    except MisconfiguredError as error:
        raise click.ClickException(str(error)) from error
    log.info(
        "started npn-dir=%s endpoint=%s profile=%s", npn_dir, cloud.endpoint, profile
    )
    with contextlib.closing(cloud):
        world = World(
            objects=ObjectDirectory(npn_dir),
            cloud=cloud,
            now=time.monotonic,
            wait=stop.wait,
            chance=random.SystemRandom().random,
        )
        Controller(world, interval, workers, pool).run()


def _log_to_stderr() -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=FORMAT,
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
