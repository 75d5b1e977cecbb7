"""The options that say which nodes are meant and what is at hand there."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import click

from mooring.cli.main import NamedPath
from mooring.inspect.state import USUAL_STATE, usual_state

F = TypeVar("F", bound=Callable[..., object])
PLACE = NamedPath(path_type=Path)


def _url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter(f"{value!r} is not http://HOST or https://HOST")
    return value.rstrip("/")


_OPTIONS = (
    click.option("--lab", metavar="LAB", help="Nodes of this lab, not the one here."),
    click.option(
        "--node", metavar="NODE", help="With --lab: only this node  [default: all]."
    ),
    click.option("--npn-dir", type=PLACE, help="NativePodNetwork objects."),
    click.option("--instance", metavar="OCID", help="OCID of this instance."),
    click.option(
        "--state",
        type=PLACE,
        default=usual_state,
        show_default=USUAL_STATE,
        help="The agent's state.",
    ),
    click.option(
        "--socket",
        type=PLACE,
        default=Path("/run/mooring/agent.sock"),
        show_default=True,
        help="The agent's socket.",
    ),
    click.option(
        "--spool",
        type=PLACE,
        default=Path("/run/mooring/spool"),
        show_default=True,
        help="The spool of DELs.",
    ),
    click.option(
        "--cri",
        metavar="SOCKET",
        help="The runtime's socket, or none  [default: containerd's or CRI-O's].",
    ),
    click.option(
        "--cloud/--no-cloud",
        default=None,
        help="Ask the cloud as well  [default: with --lab].",
    ),
    click.option(
        "--config",
        type=PLACE,
        default=Path("~/.oci/config"),
        show_default=True,
        help="With --cloud: OCI configuration file.",
    ),
    click.option(
        "--profile",
        default="DEFAULT",
        show_default=True,
        help="With --cloud: profile to use of it.",
    ),
    click.option(
        "--endpoint",
        callback=_url,
        metavar="URL",
        help="With --cloud: where the Core Services API is, if not the region's.",
    ),
    click.option(
        "--grace",
        type=click.FloatRange(0, 86400),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How old a lease without a pod must be to count as a leak.",
    ),
)


def options(command: F) -> F:
    """Add them to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
