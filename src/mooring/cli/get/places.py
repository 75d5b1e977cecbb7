"""Where `mooring get` and `mooring describe` look: a cluster, or a directory of objects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from mooring.adapters.objects import ObjectDirectory
from mooring.cli.get.completion import contexts
from mooring.cli.main import NamedPath
from mooring.inspect.get import Sights
from mooring.inspect.get_directory import Directory

Found = tuple[Sights, str]
"""What is looked at, and the namespace that is meant when none is said."""
F = TypeVar("F", bound=Callable[..., Any])
FILE = NamedPath(dir_okay=False, path_type=Path)
FOLDER = NamedPath(file_okay=False, path_type=Path)


class Given(TypedDict):
    """The options that say where to look."""

    kubeconfig: Path | None
    context: str | None
    npn_dir: Path | None


class Refusal(click.ClickException):
    """Nothing can be shown."""


_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=FILE,
        help="Access to the cluster  [default: $KUBECONFIG, else ~/.kube/config,"
        " else the pod's own].",
    ),
    click.option(
        "--context",
        metavar="NAME",
        shell_complete=contexts,
        help="Context of the kubeconfig.",
    ),
    click.option(
        "--npn-dir",
        type=FOLDER,
        help="Read objects from this directory, not from a cluster.",
    ),
)


def place_options(command: F) -> F:
    """Put the options on a command, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def opened(given: Given) -> Iterator[Found]:
    """Give what is looked at; what it opened is closed after the block."""
    directory = given["npn_dir"]
    if directory is None:
        with _cluster(given["kubeconfig"], given["context"]) as found:
            yield found
        return
    if given["kubeconfig"] is not None or given["context"] is not None:
        raise click.UsageError("--npn-dir needs no cluster: leave --kubeconfig out")
    yield Directory(ObjectDirectory(directory)), ""


@contextmanager
def _cluster(kubeconfig: Path | None, context: str | None) -> Iterator[Found]:
    """Follow a cluster; what it needs is loaded only now."""
    from mooring.cli.get.cluster import cluster  # noqa: PLC0415 - a directory needs none of it

    with cluster(kubeconfig, context) as found:
        yield found
