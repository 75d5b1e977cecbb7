"""`mooring lab`: a whole cluster on the local VCN, one command up, one command down."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from mooring.adapters.cri import Output
from mooring.cli.lab.build import build
from mooring.cli.lab.show import console, put, show_lab, show_programs, table
from mooring.cli.lab.tools import (
    DEFAULT,
    adapters,
    draw,
    name_option,
    named,
    opened,
    output_option,
    said,
)
from mooring.cli.main import EqualsGroup, NamedPath
from mooring.core.linux.ping import command, pinged
from mooring.core.vcn.labcluster import KUBERNETES, PROXIES
from mooring.core.vcn.labfamilies import FAMILIES
from mooring.core.vcn.topology import RUNTIMES, Topology, document, parse
from mooring.lab import report
from mooring.lab.errors import LabError
from mooring.lab.lifecycle import Lab
from mooring.lab.wish import read

__all__ = ["lab", "opened"]

PINGS = 5

File = NamedPath(dir_okay=False, exists=True, path_type=Path)
Directory = NamedPath(file_okay=False, exists=True, path_type=Path)


@click.group(cls=EqualsGroup)
def lab() -> None:
    """Run a cluster on this machine: a local VCN, nodes, pods."""


lab.add_command(build)


@lab.command()
@click.option("-f", "file", type=File, help="lab.yaml (docs/programs/lab.md).")
@click.option("--name", metavar="LAB", help=f"Name of the lab  [default: {DEFAULT}].")
@click.option("--nodes", type=int, help="How many nodes  [default: 2].")
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="What runs the pods  [default: netns].",
)
@click.option("--kubernetes", is_flag=True, help="The same as --runtime kubernetes.")
@click.option(
    "--proxy",
    type=click.Choice(PROXIES),
    help="kube-proxy's mode  [default: nftables].",
)
@click.option(
    "--programs",
    type=Directory,
    help="The programs of a cluster, built elsewhere  [default: built once].",
)
def up(file: Path | None, programs: Path | None, **given: object) -> None:
    """Bring a lab up, or mend one; what runs goes on running."""
    with said():
        wish = {**_wish(file), **_chosen(given)}
        wished = parse(wish)
        here = Lab(adapters(), wished.name, draw)

        def topology(standing: Topology | None) -> Topology:
            # A standing lab is what it is, but for what this call says of it.
            base = document(standing) if standing and file is None else {}
            return parse({**base, **wish})

        standing = here.up(topology, programs)
        show_lab(report.report(here, standing))


def _chosen(given: dict[str, Any]) -> dict[str, Any]:
    """Give what the flags say of the lab."""
    kubernetes = given.pop("kubernetes")
    if kubernetes and given["runtime"] not in {None, KUBERNETES}:
        raise click.UsageError(f"--kubernetes is not --runtime {given['runtime']}")
    if kubernetes:
        given["runtime"] = KUBERNETES
    return {key: value for key, value in given.items() if value is not None}


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
    with said():
        here = named(name)
        found = report.report(here, here.needed())
        if output != "table":
            put(found, output)
            return
        show_lab(found)
        show_programs(found)


@lab.command()
@name_option
def down(name: str) -> None:
    """Take a lab away: processes, namespaces, rules, files."""
    with said():
        here = named(name, quiet=False)
        here.tools.say("nothing is left" if here.down() else f"lab {name} was not up")


@lab.command()
@name_option
def kubeconfig(name: str) -> None:
    """Print a kubeconfig of the administrator; it works on this machine."""
    with said():
        here = named(name)
        click.echo(here.kubeconfig(here.needed()), nl=False)


@lab.command()
@click.argument("archives", nargs=-1, required=True, metavar="ARCHIVE", type=File)
@name_option
def load(archives: tuple[Path, ...], name: str) -> None:
    """Give every node of a cluster images out of OCI or Docker archives."""
    with said():
        here = named(name, quiet=False)
        here.load(here.needed(), archives)


@lab.command(hidden=True)
@click.option("--port", type=int, required=True)
@click.option("--space", type=NamedPath(path_type=Path), required=True)
@click.option("--target", type=int, required=True)
def passage(port: int, space: Path, target: int) -> None:
    """Carry connections from a loopback port into a namespace."""
    from mooring.lab import passage as passages  # noqa: PLC0415 - slow to load, for this command only

    with said():
        passages.serve(port, space, target)


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
    with said():
        here = named(name)
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
            put(made, output)
            return
        line = "  ".join((sight.name, sight.node, *sight.addresses))
        click.echo(f"{line}  ({made['milliseconds']} ms)")


@pod.command()
@name_option
@output_option
def ls(name: str, output: str) -> None:
    """List the pods of a lab."""
    with said():
        here = named(name)
        found = report.pods(here, here.needed())
        if output != "table":
            put(found, output)
            return
        rows = table("pod", "node", "address", "VNIC", "state")
        for each in found:
            vnic = each["vnic"][-8:]
            rows.add_row(
                each["name"],
                each["node"],
                ", ".join(each["addresses"]),
                vnic,
                each["state"],
            )
        console().print(rows)


@pod.command()
@click.argument("pod_name", metavar="NAME")
@name_option
def rm(pod_name: str, name: str) -> None:
    """Take a pod away."""
    with said():
        here = named(name)
        standing = here.needed()
        with here.files.locked(here.waiting, shared=True):
            here.pods(standing).remove(pod_name)


@lab.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("pod_name", metavar="POD")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@name_option
def execute(pod_name: str, argv: tuple[str, ...], name: str) -> None:
    """Run a command in a pod: lab exec POD -- COMMAND ARGUMENTS."""
    with said():
        here = named(name)
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
    with said():
        here = named(name)
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
            put(seen, output)
        else:
            rtt = f", {found.average:.3f} ms" if found.average is not None else ""
            count = f"{found.received} of {found.sent} answered"
            click.echo(f"{source} -> {target} ({address}): {count}{rtt}")
    sys.exit(0 if found.received else 1)


@lab.command(hidden=True)
@click.option("--name", default="demo", show_default=True, metavar="LAB")
def demo(name: str) -> None:
    """Show the main job step by step, and tidy up."""
    from mooring.lab import demo as demonstration  # noqa: PLC0415 - slow to load, for this command only

    with said():
        code = demonstration.run(named(name), click.echo)
    sys.exit(code)
