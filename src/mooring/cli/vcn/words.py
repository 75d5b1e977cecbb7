"""What several commands of `mooring vcn` have in common: kinds of values, words for errors."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click

from mooring.core.vcn.packets.names import fabric_fault

LISTEN = "127.0.0.1:9180"

Directory = click.Path(file_okay=False, path_type=Path)
File = click.Path(dir_okay=False, path_type=Path)


def fabric_name(_: click.Context, __: click.Parameter, value: str) -> str:
    """Check a fabric's name, and that we may touch it."""
    if fault := fabric_fault(value):
        raise click.BadParameter(fault)
    if os.geteuid() != 0:
        raise click.BadParameter("namespaces and links need root")
    return value


@contextlib.contextmanager
def said(*expected: type[Exception]) -> Iterator[None]:
    """Turn what was to be expected into one line and exit code 1."""
    try:
        yield
    except expected as error:
        raise click.ClickException(_words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
