"""What every command of `mooring lab` begins with: the adapters, the lab by its name, its faults."""

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from mooring.adapters.cgroup import Cgroups
from mooring.adapters.clock import Clock
from mooring.adapters.cri import Cri
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import CommandError, Processes
from mooring.core.linux import node as nodes
from mooring.core.vcn.estateport import Door, Estate
from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import parse
from mooring.lab.errors import LabError
from mooring.lab.lifecycle import Lab
from mooring.lab.tools import Tools

LABS = Path("/var/lib/mooring/labs")
DEFAULT = "lab"
FORMATS = ["table", "json", "yaml"]

name_option = click.option(
    "--name",
    default=DEFAULT,
    show_default=True,
    metavar="LAB",
    help="Which lab; several live side by side.",
)
output_option = click.option(
    "-o",
    "output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Form.",
)


def _name(given: str) -> str:
    return parse({"name": given}).name


def adapters(*, quiet: bool = False) -> Tools:
    """Build the adapters."""
    environment = nodes.environment(os.environ)
    shim = f"mooring-{platform.machine()}"
    return Tools(
        processes=Processes(environment),
        cgroups=Cgroups(),
        host=Host(environment["PATH"]),
        clock=Clock(),
        estate=_estate,
        cri=Cri,
        files=lambda name: LabFiles(LABS / name),
        executable=Path(__file__).parents[2] / "_native" / shim,
        say=_silent if quiet else _progress(),
    )


def _estate(door: Door) -> Estate:
    # The SDK is slow to load, and most commands do without.
    from mooring.adapters.estate import SdkEstate  # noqa: PLC0415 - the SDK is slow to load; most commands need none

    return SdkEstate(door)


def _progress() -> Callable[[str], None]:
    begun = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - begun:6.1f} s  {line}", err=True)

    return say


def _silent(line: str) -> None:
    """Tell nothing."""


def draw() -> str:
    """Give random text."""
    return secrets.token_hex(32)


def named(name: str, *, quiet: bool = True) -> Lab:
    """Give the lab of this name."""
    return Lab(adapters(quiet=quiet), _name(name), draw)


def opened(name: str) -> Lab:
    """Give a lab to other programs; Unreadable for what is no lab's name."""
    return named(name)


@contextlib.contextmanager
def said() -> Iterator[None]:
    """Turn what was to be expected into its words and exit code 1."""
    try:
        yield
    except LabError as error:
        raise click.ClickException("\n".join(error.lines())) from None
    except (Unreadable, CommandError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from None
