"""`mooring lab`: a whole cluster on the local VCN, one command up, one command down."""

import contextlib
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from mooring.adapters.cgroup import Cgroups
from mooring.adapters.clock import Clock
from mooring.adapters.cri import Cri, Output
from mooring.adapters.host import Host
from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import CommandError, Processes
from mooring.core.linux import node as nodes
from mooring.core.linux.ping import command, pinged
from mooring.core.vcn.estateport import Door, Estate
from mooring.core.vcn.labfamilies import FAMILIES
from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import RUNTIMES, Topology, document, parse
from mooring.lab import demo as demonstration
from mooring.lab import report
from mooring.lab.errors import LabError
from mooring.lab.lifecycle import Lab
from mooring.lab.tools import Tools
from mooring.lab.wish import read

LABS = Path("/var/lib/mooring/labs")
DEFAULT = "lab"
PINGS = 5

File = click.Path(dir_okay=False, exists=True, path_type=Path)
Format = click.Choice(["table", "json", "yaml"])


def _name(given: str) -> str:
    return parse({"name": given}).name


def _tools(*, quiet: bool = False) -> Tools:
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
        executable=Path(__file__).parents[1] / "_native" / shim,
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


def _draw() -> str:
    return secrets.token_hex(32)


def _lab(name: str, *, quiet: bool = True) -> Lab:
    return Lab(_tools(quiet=quiet), _name(name), _draw)


def opened(name: str) -> Lab:
    """Give a lab to other programs; Unreadable for what is no lab's name."""
    return _lab(name)


@contextlib.contextmanager
def _said() -> Iterator[None]:
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


name_option = click.option(
    "--name",
    default=DEFAULT,
    show_default=True,
    metavar="LAB",
    help="Which lab; several live side by side.",
)
output_option = click.option(
    "-o", "output", type=Format, default="table", show_default=True, help="Form."
)


@click.group()
def lab() -> None:
    """Run a cluster on this machine: a local VCN, nodes, pods."""


@lab.command()
@click.option("-f", "file", type=File, help="lab.yaml (docs/programs/lab.md).")
@click.option("--name", metavar="LAB", help=f"Name of the lab  [default: {DEFAULT}].")
@click.option("--nodes", "count", type=int, help="How many nodes  [default: 2].")
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="Pods as plain namespaces or as containers  [default: netns].",
)
def up(
    file: Path | None, name: str | None, count: int | None, runtime: str | None
) -> None:
    """Bring a lab up, or mend one; what runs goes on running."""
    with _said():
        given = _wish(file)
        chosen = {"name": name, "nodes": count, "runtime": runtime}
        said = {key: value for key, value in chosen.items() if value is not None}
        wish = {**given, **said}
        wished = parse(wish)
        here = Lab(_tools(), wished.name, _draw)

        def topology(standing: Topology | None) -> Topology:
            # A standing lab is what it is, but for what this call says of it.
            base = document(standing) if standing and file is None else {}
            return parse({**base, **wish})

        standing = here.up(topology)
        _show(report.report(here, standing))


def _wish(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    content = read(file)
    if not isinstance(content, dict):
        parse(content)  # tells what is wrong with it
        return {}
    return content


@lab.command()
@name_option
@output_option
def status(name: str, output: str) -> None:
    """Show a lab: its programs, nodes and pods."""
    with _said():
        here = _lab(name)
        found = report.report(here, here.needed())
        if output != "table":
            _print(found, output)
            return
        _show(found)
        _show_programs(found)


@lab.command()
@name_option
def down(name: str) -> None:
    """Take a lab away: processes, namespaces, rules, files."""
    with _said():
        here = _lab(name, quiet=False)
        here.tools.say("nothing is left" if here.down() else f"lab {name} was not up")


@lab.group()
def pod() -> None:
    """Run, list and remove pods."""


@pod.command()
@click.argument("pod_name", metavar="NAME")
@click.option("--node", metavar="NODE", help="Where  [default: fewest pods].")
@name_option
@output_option
def run(pod_name: str, node: str | None, name: str, output: str) -> None:
    """Run a pod; one that runs already stays as it is."""
    with _said():
        here = _lab(name)
        standing = here.needed()
        begun = time.monotonic()
        with here.files.locked(here.waiting, shared=True):
            sight = here.pods(standing).run(pod_name, node)
        took = time.monotonic() - begun
        made = {
            "name": sight.name,
            "node": sight.node,
            "address": sight.address,
            "addresses": list(sight.addresses),
            "milliseconds": round(took * 1000),
        }
        if output != "table":
            _print(made, output)
            return
        said = "  ".join((sight.name, sight.node, *sight.addresses))
        click.echo(f"{said}  ({made['milliseconds']} ms)")


@pod.command()
@name_option
@output_option
def ls(name: str, output: str) -> None:
    """List the pods of a lab."""
    with _said():
        here = _lab(name)
        found = report.pods(here, here.needed())
        if output != "table":
            _print(found, output)
            return
        table = _table("pod", "node", "address", "VNIC", "state")
        for each in found:
            vnic = each["vnic"][-8:]
            table.add_row(
                each["name"],
                each["node"],
                ", ".join(each["addresses"]),
                vnic,
                each["state"],
            )
        _console().print(table)


@pod.command()
@click.argument("pod_name", metavar="NAME")
@name_option
def rm(pod_name: str, name: str) -> None:
    """Take a pod away."""
    with _said():
        here = _lab(name)
        standing = here.needed()
        with here.files.locked(here.waiting, shared=True):
            here.pods(standing).remove(pod_name)


@lab.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("pod_name", metavar="POD")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@name_option
def execute(pod_name: str, argv: tuple[str, ...], name: str) -> None:
    """Run a command in a pod: lab exec POD -- COMMAND ARGUMENTS."""
    with _said():
        here = _lab(name)
        ended = here.pods(here.needed()).show(pod_name, argv)
        if isinstance(ended, Output):
            sys.stdout.buffer.write(ended.out)
            sys.stdout.flush()
            sys.stderr.buffer.write(ended.err)
            ended = ended.code
    sys.exit(ended)


@lab.command()
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@click.option(
    "--family",
    type=click.Choice(FAMILIES),
    help="By its address of this family  [default: the pod's preferred one].",
)
@name_option
@output_option
def ping(source: str, target: str, family: str | None, name: str, output: str) -> None:
    """Ping pod B from pod A by its VCN address."""
    with _said():
        here = _lab(name)
        pods = here.pods(here.needed())
        address = pods.address(target, family)
        ended = pods.execute(source, command(address, PINGS), 30)
        found = pinged(ended.out.decode(errors="replace"))
        if found is None:
            raise LabError(f"ping: {ended.err.decode(errors='replace').strip()}")
        seen = {
            "from": source,
            "to": target,
            "address": address,
            "sent": found.sent,
            "received": found.received,
            "rtt_ms": found.average,
        }
        if output != "table":
            _print(seen, output)
        else:
            rtt = f", {found.average:.3f} ms" if found.average is not None else ""
            count = f"{found.received} of {found.sent} answered"
            click.echo(f"{source} -> {target} ({address}): {count}{rtt}")
    sys.exit(0 if found.received else 1)


@lab.command(hidden=True)
@click.option("--name", default="demo", show_default=True, metavar="LAB")
def demo(name: str) -> None:
    """Show the main job step by step, and tidy up."""
    with _said():
        code = demonstration.run(_lab(name), click.echo)
    sys.exit(code)


def _console() -> Console:
    """Give what tables are printed on; a file or a pipe gets them in full width."""
    return Console(width=None if sys.stdout.isatty() else 120)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _show(found: dict[str, Any]) -> None:
    """Print node, VNIC, pool, pod, address."""
    table = _table("node", "state", "VNIC", "pool", "pod", "address")
    for each in found["nodes"]:
        held = [pod for pod in found["pods"] if pod["node"] == each["name"]]
        table.add_row(each["name"], each["state"], *_pool(each, ""), "", "")
        for vnic in each["vnics"][1:]:
            table.add_row("", "", *_pool({"vnics": [vnic]}, ""), "", "")
        for pod_seen in held:
            down = "" if pod_seen["state"] == "running" else " (down)"
            label = f"{pod_seen['name']}{down}"
            addresses = ", ".join(pod_seen["addresses"])
            table.add_row("", "", "", "", label, addresses)
    _console().print(table)
    for each in found["nodes"]:
        if each["trouble"]:
            click.echo(f"{each['name']}: {each['trouble']}")


def _pool(each: dict[str, Any], nothing: str) -> tuple[str, str]:
    if not each["vnics"]:
        return nothing, nothing
    vnic = each["vnics"][0]
    return vnic["id"][-8:], f"{vnic['used']} of {vnic['addresses']} used"


def _show_programs(found: dict[str, Any]) -> None:
    table = _table("program", "state", "pid", "log")
    for each in found["programs"]:
        table.add_row(each["name"], each["state"], str(each["pid"] or ""), each["log"])
    _console().print("", table, f"\nAPI {found['endpoint']}, config {found['config']}")


def _print(found: object, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(yaml.safe_dump(found, sort_keys=False).rstrip())
