"""`mooring vcn fault`: faults begun, looked at and ended on a running server."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from mooring.adapters import adminsocket
from mooring.adapters.adminsocket import AdminError
from mooring.cli.main import EqualsGroup
from mooring.cli.vcn.words import Directory, said
from mooring.core.vcn.faults.kinds import KINDS
from mooring.core.vcn.faults.names import OPERATION_NAMES
from mooring.core.vcn.faults.wish import options

F = TypeVar("F", bound=Callable[..., Any])
UNSAID = {"id", "kind", "operation", "since", "rate", "count", "until"}
UNSAID |= {"met", "fired", "ended", "seed"}

state_option = click.option(
    "--state",
    type=Directory,
    required=True,
    help="Directory of the running server's state.",
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of what is printed.",
)

# Option, metavar and help of what a fault may be told, in the order of the help.
WISHES = (
    (
        "operation",
        "NAME",
        "Operation or pattern that it strikes, e.g. 'Create*'; without it every one.",
    ),
    ("rate", "CHANCE", "Chance to strike, above 0, up to 1.  [default: 1]"),
    ("count", "N", "Go away after striking so often."),
    ("for", "DURATION", "Go away after this time, e.g. 30s."),
    ("seed", "N", "Let chance depend on this number and the order of requests only."),
    ("delay", "DURATION", "How late: latency, slow-attach, stale-metadata."),
    ("status", "STATUS", "Status of an error, 400 to 599."),
    ("code", "CODE", "Code of an error, e.g. IncorrectState."),
    ("message", "TEXT", "Message of an error."),
    ("budget", "RATE[:BURST]", "Requests that throttle lets pass, e.g. 5/s:1."),
    ("subnet", "OCID", "Subnet that is fragmented."),
    (
        "prefix",
        "LENGTH",
        "Prefix length of the blocks of which none is left free, 18 to 30.",
    ),
)


def _begins_with(words: Iterable[str]) -> Callable[..., list[str]]:
    """Make a shell complete what has been typed of some words."""

    def complete(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
        return [word for word in words if word.startswith(typed)]

    return complete


def _wishes(command: F) -> F:
    for name, metavar, text in reversed(WISHES):
        command = click.option(
            f"--{name}",
            f"wish_{name}",
            metavar=metavar,
            help=text,
            shell_complete=_begins_with(OPERATION_NAMES)
            if name == "operation"
            else None,
        )(command)
    return command


@click.group(cls=EqualsGroup)
def fault() -> None:
    """Let the running server fail on demand: begin faults, count them, end them."""


@fault.command()
@state_option
@_wishes
@output_option
@click.argument("kind", shell_complete=_begins_with(KINDS))
def add(state: Path, kind: str, output: str, **wishes: str | None) -> None:
    """Begin a fault; `mooring vcn fault kinds` tells which KINDs there are."""
    words = {"kind": kind}
    for name, value in wishes.items():
        if value is not None:
            words[name.removeprefix("wish_")] = value
    with said(AdminError):
        made = adminsocket.ask(state, "POST", "/faults", words)
    click.echo(json.dumps(made, indent=2) if output == "json" else made["id"])


@fault.command()
@state_option
@click.option("--ended", is_flag=True, help="Show those that have ended, too.")
@output_option
def ls(state: Path, *, ended: bool, output: str) -> None:
    """Show the faults, and how often each has struck."""
    with said(AdminError):
        found = adminsocket.ask(state, "GET", "/faults")
    shown = [*found["faults"], *(found["ended"] if ended else ())]
    if output == "json":
        click.echo(json.dumps(shown, indent=2))
        return
    head = ("ID", "KIND", "OPERATION", "WITH", "MET", "FIRED", "ENDS")
    table(head, (_row(one) for one in shown))


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    extra = {name: value for name, value in one.items() if name not in UNSAID}
    if one["rate"] != 1:
        extra["rate"] = one["rate"]
    if "seed" in one:
        extra["seed"] = one["seed"]
    words = " ".join(f"{name}={value}" for name, value in extra.items()) or "-"
    place = one.get("operation", "-")
    counts = (str(one["met"]), str(one["fired"]))
    return one["id"], one["kind"], place, words, *counts, _end(one)


def _end(one: Mapping[str, Any]) -> str:
    if "ended" in one:
        return f"ended ({one['ended']})"
    ends = []
    if "count" in one:
        ends.append(f"after {one['count'] - one['fired']} more")
    if "until" in one:
        ends.append(f"at {one['until'][:19]}Z")
    return ", ".join(ends) or "by rm"


@fault.command()
@state_option
@click.argument("names", nargs=-1, required=True, metavar="ID...")
def rm(state: Path, names: Sequence[str]) -> None:
    """End faults by their ids."""
    for name in names:
        with said(AdminError):
            adminsocket.ask(state, "DELETE", f"/faults/{quote(name)}")
        click.echo(name)


@fault.command()
@state_option
def clear(state: Path) -> None:
    """End all faults."""
    with said(AdminError):
        ended = adminsocket.ask(state, "DELETE", "/faults")["ended"]
    for name in ended:
        click.echo(name)


@fault.command()
@output_option
def kinds(output: str) -> None:
    """Show which kinds of faults there are, and their options. Needs no server."""
    rows = [(name, sorted(options(kind)), kind.says) for name, kind in KINDS.items()]
    if output == "json":
        named = [dict(zip(("kind", "options", "does"), r, strict=True)) for r in rows]
        click.echo(json.dumps(named, indent=2))
        return
    for name, allowed, says in rows:
        needs = KINDS[name].needs
        words = (f"--{o}" + (" (needed)" if o in needs else "") for o in allowed)
        click.echo(f"{name}\n    {says}\n    {', '.join(words)}")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows under a head, in columns."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
