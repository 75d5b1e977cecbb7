"""How `mooring lab` shows what it found: tables for people, JSON and YAML for programs."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console() -> "Console":
    """Give what tables are printed on; a file or a pipe gets them in full width."""
    from rich.console import Console  # noqa: PLC0415 - slow to load; documents need none

    return Console(width=None if sys.stdout.isatty() else 200)


def table(*columns: str) -> "Table":
    """Give a table with these columns."""
    from rich.table import Table  # noqa: PLC0415 - slow to load; documents need none

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=True)
    return made


def show_lab(found: dict[str, Any]) -> None:
    """Print node, VNIC, pool, pod, address."""
    rows = table("node", "state", "VNIC", "pool", "pod", "address")
    for each in found["nodes"]:
        held = [pod for pod in found["pods"] if pod["node"] == each["name"]]
        rows.add_row(each["name"], each["state"], *_pool(each, ""), "", "")
        for vnic in each["vnics"][1:]:
            rows.add_row("", "", *_pool({"vnics": [vnic]}, ""), "", "")
        for pod_seen in held:
            down = "" if pod_seen["state"] == "running" else " (down)"
            label = f"{pod_seen['name']}{down}"
            addresses = ", ".join(pod_seen["addresses"])
            rows.add_row("", "", "", "", label, addresses)
    console().print(rows)
    for each in found["nodes"]:
        if each["trouble"]:
            click.echo(f"{each['name']}: {each['trouble']}")


def _pool(each: dict[str, Any], nothing: str) -> tuple[str, str]:
    if not each["vnics"]:
        return nothing, nothing
    vnic = each["vnics"][0]
    return vnic["id"][-8:], f"{vnic['used']} of {vnic['addresses']} used"


def show_programs(found: dict[str, Any]) -> None:
    """Print the programs."""
    rows = table("program", "state", "pid", "log")
    for each in found["programs"]:
        rows.add_row(each["name"], each["state"], str(each["pid"] or ""), each["log"])
    console().print("", rows, f"\nAPI {found['endpoint']}, config {found['config']}")


def put(found: object, output: str) -> None:
    """Print JSON or YAML."""
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        import yaml  # noqa: PLC0415 - needed for this form only

        click.echo(yaml.safe_dump(found, sort_keys=False).rstrip())
