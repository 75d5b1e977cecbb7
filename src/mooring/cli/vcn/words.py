"""What several commands of `mooring vcn` have in common: kinds of values, words for errors."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from mooring.cli.main import NamedPath
from mooring.core.vcn.faults.words import Unread
from mooring.core.vcn.packets.names import fabric_fault

LISTEN = "127.0.0.1:9180"

Directory = NamedPath(file_okay=False, path_type=Path)
File = NamedPath(dir_okay=False, path_type=Path)


def fabric_name(_: click.Context, __: click.Parameter, value: str) -> str:
    """Check a fabric's name, and that we may touch it."""
    if fault := fabric_fault(value):
        raise click.BadParameter(fault)
    if os.geteuid() != 0:
        raise click.BadParameter("namespaces and links need root")
    return value


Callback = Callable[[click.Context, click.Parameter, Any], Any]


def one(read: Callable[[str], Any]) -> Callback:
    """Make the callback of an option that `read` reads."""

    def callback(_: click.Context, __: click.Parameter, value: str | None) -> Any:  # noqa: ANN401 - what `read` gives
        try:
            return None if value is None else read(value)
        except Unread as why:
            raise click.BadParameter(str(why)) from None

    return callback


def each(read: Callable[[str], Any]) -> Callback:
    """Make the callback of an option that may be repeated."""
    first = one(read)

    def callback(
        context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
    ) -> tuple[Any, ...]:
        return tuple(first(context, parameter, value) for value in values)

    return callback


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
