"""`mooring agent`: drives one node."""

import asyncio
from pathlib import Path
from typing import Unpack

import click

from mooring.adapters.disk import Occupied
from mooring.adapters.unixsocket import Occupied as DoorOccupied
from mooring.agent.carry import Terms, Wish
from mooring.agent.node import Tracking
from mooring.cli.agent import options, work
from mooring.cli.agent.doors import Doors
from mooring.cli.agent.options import SOCKET_BYTES, Given, Seconds
from mooring.cli.main import NamedPath
from mooring.core.ipam.journal import TooNew
from mooring.core.ipam.port import DiskError
from mooring.core.linux.port import FastPathError, KernelError

__all__ = ["SOCKET_BYTES", "agent"]

SOCKET, SPOOL = "/run/mooring/agent.sock", "/run/mooring/spool"
METADATA = "http://169.254.169.254"
PLACE = NamedPath(path_type=Path)
FILE = NamedPath(path_type=Path, dir_okay=False)
FOLDER = NamedPath(path_type=Path, file_okay=False)
THERE = NamedPath(path_type=Path, file_okay=False, exists=True)

REFUSALS = (
    DiskError,
    DoorOccupied,
    FastPathError,
    KernelError,
    Occupied,
    OSError,
    TooNew,
)


@click.command()
@click.option("--npn-dir", type=FOLDER, help="Directory of NativePodNetwork objects.")
@click.option(
    "--kubernetes",
    is_flag=True,
    help="Find the object in the API server; as a pod, or by --kubeconfig.",
)
@click.option(
    "--kubeconfig", type=FILE, help="How the API server is reached from outside."
)
@click.option(
    "--node",
    envvar="NODE_NAME",
    show_envvar=True,
    callback=options.a_node,
    help="This node's name, with --kubernetes.",
)
@click.option(
    "--instance",
    callback=options.an_instance,
    help="OCID of this instance; with --kubernetes its metadata tells it.",
)
@click.option(
    "--metadata",
    default=METADATA,
    show_default=True,
    callback=options.a_base,
    help="Where instance metadata is, with --kubernetes.",
)
@click.option("--state", type=FOLDER, required=True, help="Directory of the state.")
@click.option(
    "--socket", type=PLACE, default=SOCKET, show_default=True, callback=options.a_socket
)
@click.option("--spool", type=FOLDER, default=SPOOL, show_default=True)
@click.option(
    "--conflist",
    "conf_dir",
    metavar="DIR",
    type=FOLDER,
    help="Runtime's directory for the CNI configuration, written when ready.",
)
@click.option(
    "--volatile",
    type=FOLDER,
    help="Write it here, where a reboot takes it away, and there a link to it.",
)
@click.option(
    "--install", type=FOLDER, help="Runtime's directory for CNI executables: put ours."
)
@click.option(
    "--plugins",
    type=THERE,
    help="Directory of portmap, bandwidth, tuning: installed too, and chained.",
)
@click.option(
    "--tuning",
    metavar="KEY=VALUE",
    multiple=True,
    callback=options.settings,
    help="Setting that every pod gets by the plugin tuning.",
)
@click.option(
    "--network",
    default="mooring",
    show_default=True,
    callback=options.a_network,
    help="CNI network.",
)
@click.option(
    "--cooldown",
    type=Seconds(0, 3600),
    default=30.0,
    show_default=True,
    help="Seconds before an address is used again.",
)
@click.option("--mtu", type=click.IntRange(1280, 9216), default=9000, show_default=True)
@click.option(
    "--conntrack",
    type=click.Choice([each.value for each in Tracking]),
    default=Tracking.AUTO.value,
    show_default=True,
    help="Track pods' connections; auto: once the node has other netfilter tables.",
)
@click.option(
    "--repair-interval",
    type=Seconds(0.1, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two looks at the node.",
)
@click.option(
    "--fast-path",
    type=click.Choice([each.value for each in Wish]),
    default=Wish.OFF.value,
    show_default=True,
    help="Carry packets between pods past the stack (eBPF); auto: where the kernel can.",
)
@click.option(
    "--fast-path-cidr",
    metavar="CIDR",
    multiple=True,
    callback=options.networks,
    help="Carry packets to these addresses too, beside the pods' subnets.",
)
@click.option(
    "--fast-path-after",
    type=Seconds(0, 3600),
    default=5.0,
    show_default=True,
    help="Seconds after its ADD before a pod's packets are carried.",
)
@click.option(
    "--sysctls",
    type=THERE,
    default="/proc/sys",
    show_default=True,
    help="Where the host's /proc/sys can be written to, in a container.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Serve /metrics, /healthz and /readyz on this port.",
)
def agent(**given: Unpack[Given]) -> None:
    """Attach this node's pods to the VCN."""
    options.check(given)
    place = _place(given)
    doors = Doors(
        socket=given["socket"],
        spool=given["spool"],
        network=given["network"],
        conflist=given["conf_dir"],
        volatile=given["volatile"],
        install=given["install"],
        plugins=given["plugins"],
        tuning=given["tuning"],
        metrics=given["metrics_port"],
    )
    choices = work.Choices(
        cooldown=given["cooldown"],
        mtu=given["mtu"],
        tracking=Tracking(given["conntrack"]),
        repair_every=given["repair_interval"],
        carried=Terms(given["fast_path_cidr"], given["fast_path_after"]),
        wish=Wish(given["fast_path"]),
        sysctls=given["sysctls"],
    )
    try:
        asyncio.run(work.run(given["state"], place, choices, doors))
    except REFUSALS as why:
        raise click.ClickException(str(why)) from why


def _place(given: Given) -> work.Place:
    instance = given["instance"] or ""
    if given["npn_dir"] is not None:
        return work.Directory(given["npn_dir"], instance)
    from mooring.cli.agent.cluster import ApiServer, connected  # noqa: PLC0415 - only a cluster needs its client

    return ApiServer(
        api=connected(given["kubeconfig"]),
        node=given["node"] or "",
        instance=instance,
        metadata=given["metadata"],
    )
