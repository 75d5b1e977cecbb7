"""`mooring agent`: drives one node."""

import asyncio
import gc
import json
import math
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TypedDict, Unpack

import click

from mooring.adapters import cnifiles, netns
from mooring.adapters.bpf import FastPath
from mooring.adapters.clock import Clock
from mooring.adapters.conntrack import Conntrack
from mooring.adapters.disk import Occupied, StateDirectory
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.adapters.objects import ObjectDirectory
from mooring.adapters.spool import Spool
from mooring.adapters.unixsocket import AgentSocket, Arrival, Work
from mooring.adapters.unixsocket import Occupied as DoorOccupied
from mooring.agent.carry import Terms, Wish, opened
from mooring.agent.host import Host, Say
from mooring.agent.node import Tracking
from mooring.agent.run import Agent, Settings
from mooring.core.cni.conf import IDENTIFIER
from mooring.core.cni.conflist import conflist
from mooring.core.cni.frames import Answer
from mooring.core.ipam.journal import TooNew
from mooring.core.ipam.port import DiskError
from mooring.core.linux.plan import Network
from mooring.core.linux.port import FastPathError, KernelError
from mooring.core.wiring import carrying

SOCKET, SPOOL = "/run/mooring/agent.sock", "/run/mooring/spool"
THREADS = 2
PUBLISH_SECONDS = 5.0
PLACE = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)
INSTANCE = re.compile(
    r"ocid1\.instance\.[a-z0-9-]+\.[a-z0-9-]*\.(?:[a-z0-9-]+\.)?[a-z0-9]+"
)
SOCKET_BYTES = 107 - len(".4194304")
"""sun_path of unix(7), less what stands behind the name while the socket is made."""

REFUSALS = (
    DiskError,
    DoorOccupied,
    FastPathError,
    KernelError,
    Occupied,
    OSError,
    TooNew,
)


class Seconds(click.FloatRange):
    """A number of seconds within bounds; the word nan is none, though nothing bounds it."""

    name = "number of seconds"

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return number


def an_instance(_: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse what is no OCID of an instance: the object would be looked for in vain."""
    if not INSTANCE.fullmatch(value):
        rule = "must be ocid1.instance.REALM.REGION.ID, in lower case"
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_network(_: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse a name that the CNI specification has no room for."""
    if not IDENTIFIER.fullmatch(value):
        rule = f"must match {IDENTIFIER.pattern}"
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_socket(_: click.Context, param: click.Parameter, value: Path) -> Path:
    """Refuse a path that no socket can have."""
    size = len(os.fsencode(value))
    if size > SOCKET_BYTES:
        rule = f"must have {SOCKET_BYTES} bytes at most, has {size}"
        raise click.BadParameter(f"{str(value)!r}: {rule}.", param=param)
    return value


def networks(
    _: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Network, ...]:
    """Read prefixes; one with bits behind its length is a slip."""
    read: list[Network] = []
    for value in values:
        try:
            read.append(ip_network(value))
        except ValueError as why:
            rule = "must be a prefix such as 10.1.0.0/16 or fd00:1::/64"
            raise click.BadParameter(f"{value!r}: {rule}.", param=param) from why
    return tuple(read)


class Given(TypedDict):
    """The command line's options."""

    npn_dir: Path
    instance: str
    state: Path
    socket: Path
    spool: Path
    conf_dir: Path | None
    network: str
    cooldown: float
    mtu: int
    conntrack: str
    repair_interval: float
    fast_path: str
    fast_path_cidr: tuple[Network, ...]
    fast_path_after: float


@click.command()
@click.option("--npn-dir", type=FOLDER, required=True, help="NativePodNetwork objects.")
@click.option(
    "--instance", required=True, callback=an_instance, help="OCID of this instance."
)
@click.option("--state", type=FOLDER, required=True, help="Directory of the state.")
@click.option(
    "--socket", type=PLACE, default=SOCKET, show_default=True, callback=a_socket
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
    "--network",
    default="mooring",
    show_default=True,
    callback=a_network,
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
    callback=networks,
    help="Carry packets to these addresses too, beside the pods' subnets.",
)
@click.option(
    "--fast-path-after",
    type=Seconds(0, 3600),
    default=5.0,
    show_default=True,
    help="Seconds after its ADD before a pod's packets are carried.",
)
def agent(**given: Unpack[Given]) -> None:
    """Attach this node's pods to the VCN."""
    settings = Settings(
        npn=given["instance"].rpartition(".")[2],
        cooldown=given["cooldown"],
        mtu=given["mtu"],
        tracking=Tracking(given["conntrack"]),
        repair_every=given["repair_interval"],
        carried=Terms(given["fast_path_cidr"], given["fast_path_after"]),
    )
    directory = given["conf_dir"]
    doors = Doors(
        given["socket"],
        given["spool"],
        None if directory is None else Conflist(directory, given["network"]),
    )
    try:
        disk = StateDirectory(given["state"])
        objects = ObjectDirectory(given["npn_dir"])
        fast_path = Wish(given["fast_path"])
        asyncio.run(_run(disk, objects, settings, doors, fast_path))
    except REFUSALS as why:
        raise click.ClickException(str(why)) from why


@dataclass(frozen=True, slots=True)
class Conflist:
    """What tells the runtime that pods can be started, and where it looks for it."""

    directory: Path
    network: str

    def publish(self) -> None:
        """Write it."""
        cnifiles.publish(conflist(self.network), self.directory)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the agent meets the runtime."""

    socket: Path
    spool: Path
    conflist: Conflist | None


async def _run(
    disk: StateDirectory,
    objects: ObjectDirectory,
    settings: Settings,
    doors: Doors,
    wish: Wish,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    say = Log()
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    with Kernel() as kernel, Nft() as nft, FastPath(carrying.TABLES) as programs:
        fast, state = opened(programs, wish, say)
        host = Host(kernel, nft, netns, Clock(), say, Conntrack(), fast)
        program = Agent(host, disk, objects, settings)
        program.node.carrier.state = state
        program.book.open()

        def serve(arrival: Arrival) -> Answer | Work:
            return program.respond(arrival.call, arrival.netns)

        def complain(line: str) -> None:
            say("door", why=line)

        door = AgentSocket(doors.socket, serve, complain)
        spool = Spool(doors.spool, complain)
        announcing = asyncio.create_task(_announce(program, doors.conflist, say))
        say("started", socket=doors.socket, npn=settings.npn)
        # What is there now stays: the collector need not look at it again and again.
        gc.freeze()
        await program.run(door, spool, stop)
        announcing.cancel()
        say("stopped")
        say.flush()


async def _announce(program: Agent, publish: Conflist | None, say: Say) -> None:
    """Tell the runtime, last of all, that pods can be started."""
    await program.ready.wait()
    say("ready")
    while publish is not None:
        try:
            publish.publish()
        except OSError as why:
            say("conflist-refused", why=why)
            await asyncio.sleep(PUBLISH_SECONDS)
        else:
            return


class Log:
    """Writes events to standard error, one line each.

    A line is made and written in the loop's next turn: an answer goes first.
    """

    def __init__(self) -> None:
        self._events: list[tuple[datetime, str, dict[str, object]]] = []

    def __call__(self, verb: str, /, **keys: object) -> None:
        """Write one event."""
        if not self._events:
            asyncio.get_running_loop().call_soon(self.flush)
        self._events.append((datetime.now(UTC), verb, keys))

    def flush(self) -> None:
        """Write what waits."""
        events, self._events = self._events, []
        sys.stderr.write("".join(_line(*event) for event in events))
        sys.stderr.flush()


def _line(at: datetime, verb: str, keys: dict[str, object]) -> str:
    words = [f"{name}={_quoted(str(value))}" for name, value in keys.items()]
    time = at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return " ".join([f"{time}Z", verb, *words]) + "\n"


def _quoted(text: str) -> str:
    plain = text.isprintable() and not set(text) & set(' "=')
    return text if plain and text else json.dumps(text)
