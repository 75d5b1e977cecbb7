"""`mooring vcn export|import|diff`: a VCN of a cloud, copied, brought here, compared."""

import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict, Unpack

import click

from mooring.adapters.credentials import CredentialsError
from mooring.adapters.journal import JournalError
from mooring.adapters.vcnreader import Origin, ReadError, VcnReader
from mooring.cli.main import EqualsCommand
from mooring.cli.vcn.words import Directory, File, said
from mooring.core.vcn.twin.difference import Difference, differences
from mooring.core.vcn.twin.snapshot import Snapshot, UnreadableError, read, write
from mooring.localvcn.twin import TwinError, bring, world_of

Command = Callable[..., None]
EXPECTED = (
    *(ReadError, UnreadableError, TwinError),
    *(JournalError, CredentialsError, OSError),
)
DEFAULT_CONFIG = "~/.oci/config"


class _Source(TypedDict):
    """Which VCN of which cloud, as the options say."""

    profile: str | None
    config: Path
    endpoint: str | None
    vcns: tuple[str, ...]


def _source(command: Command) -> Command:
    """Give a command the options that say which VCN of which cloud."""
    for option in (
        click.option(
            "--vcn",
            "vcns",
            multiple=True,
            metavar="OCID",
            help="VCN to read; repeat it for VCNs that are peered.",
        ),
        click.option(
            "--endpoint",
            metavar="URL",
            help="Where its API is, when not where the profile's region says.",
        ),
        click.option(
            "--config",
            type=File,
            default=DEFAULT_CONFIG,
            show_default=True,
            help="OCI configuration file of the profile.",
        ),
        click.option("--profile", metavar="NAME", help="Profile that reads."),
    ):
        command = option(command)
    return command


def _read(
    profile: str | None, config: Path, endpoint: str | None, vcns: tuple[str, ...]
) -> Snapshot:
    """Read VCNs as the options say; tells on stderr how far it is."""
    if not profile or not vcns:
        raise click.UsageError("--profile and --vcn: say which VCN of which cloud")
    origin = Origin(str(config.expanduser()), profile, endpoint)
    reader = VcnReader(origin, lambda words: click.echo(words, err=True))
    with contextlib.closing(reader):
        return reader.read(vcns)


def _file(path: Path) -> Snapshot:
    try:
        return read(path.read_text())
    except (UnreadableError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path}: {error}") from None


@click.command("export")
@_source
@click.option("--output", type=File, help="File to write; without it, standard output.")
def export(
    profile: str | None,
    config: Path,
    endpoint: str | None,
    vcns: tuple[str, ...],
    output: Path | None,
) -> None:
    """Write a VCN with everything in it to a file that `import` and `diff` take. Reads only."""
    with said(*EXPECTED):
        text = write(_read(profile, config, endpoint, vcns))
        if output is None:
            click.echo(text, nl=False)
        else:
            output.write_text(text)


@click.command("import")
@click.argument("file", type=File, required=False)
@_source
@click.option("--state", type=Directory, required=True, help="State directory to fill.")
@click.option("--replace", is_flag=True, help="Put it in the place of an earlier copy.")
def bring_in(
    file: Path | None, state: Path, *, replace: bool, **source: Unpack[_Source]
) -> None:
    """Bring a copy of a VCN into a state directory, from FILE or straight from a cloud.

    Identifiers, addresses and rules stay what they are; the next `mooring vcn serve` has it. Stop a
    server on this directory first.
    """
    with said(*EXPECTED):
        snapshot = _file(file) if file is not None else _read(**source)
        counts = bring(state, snapshot, replace=replace)
    for title, count in counts.items():
        click.echo(f"{title:<24}{count:>7}")


@click.command("diff", cls=EqualsCommand)
@click.argument("left", type=File)
@click.argument("right", type=File, required=False)
@_source
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of what is printed.",
)
def diff(
    left: Path, right: Path | None, output: str, **source: Unpack[_Source]
) -> None:
    """Compare a copy (LEFT) with another (RIGHT), or with the VCN as it is now.

    Exit code 0 when they are alike, 1 when not. To compare the twin that runs here with the original,
    export one of them.
    """
    with said(*EXPECTED):
        one = world_of(_file(left))
        two = world_of(_file(right) if right is not None else _read(**source))
        found = differences(one, two)
    if output == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
    else:
        for each in found:
            _say(each)
    sys.exit(1 if found else 0)


def _say(each: Difference) -> None:
    mark = {"left": "-", "right": "+"}.get(each.side, "~")
    click.echo(f"{mark} {each.kind} {each.name} {each.id}")
    for one in each.fields:
        click.echo(f"    {one.name}: {_short(one.left)} -> {_short(one.right)}")


def _short(value: object) -> str:
    return json.dumps(value, default=str)
