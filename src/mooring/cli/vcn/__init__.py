"""`mooring vcn`: the local VCN, the cloud's network API and its packets on one machine.

Each command has a module of its own; `words` holds what several of them say and read.
"""

import click

from mooring.cli.vcn.down import down
from mooring.cli.vcn.fault import fault
from mooring.cli.vcn.init import init
from mooring.cli.vcn.serve import serve
from mooring.cli.vcn.stats import stats
from mooring.cli.vcn.twin import bring_in, diff, export


@click.group()
def vcn() -> None:
    """Run the local VCN: OCI's network API, and packets that obey it."""


for _command in (serve, init, down, fault, stats, export, bring_in, diff):
    vcn.add_command(_command)
