"""`mooring vcn`: the local VCN, the cloud's network API and its packets on one machine.

Each command has a module of its own, loaded when asked for: the server needs nothing of the SDK that
copies a VCN. `words` holds what several of them say and read.
"""

import click

from mooring.cli.main import LazyGroup

HERE = "mooring.cli.vcn"
COMMANDS = {
    "serve": (f"{HERE}.serve", "serve"),
    "init": (f"{HERE}.init", "init"),
    "down": (f"{HERE}.down", "down"),
    "fault": (f"{HERE}.fault", "fault"),
    "stats": (f"{HERE}.stats", "stats"),
    "export": (f"{HERE}.twin", "export"),
    "import": (f"{HERE}.twin", "bring_in"),
    "diff": (f"{HERE}.twin", "diff"),
}


@click.group(cls=LazyGroup, members=COMMANDS)
def vcn() -> None:
    """Run the local VCN: OCI's network API, and packets that obey it."""
