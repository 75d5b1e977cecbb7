"""`mooring controller`: NativePodNetwork objects to VNICs and addresses of the cloud."""

import contextlib
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from mooring.adapters import authorities
from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.connect import Misconfigured, connect, connect_inside
from mooring.adapters.objects import ObjectDirectory
from mooring.cli.main import NamedPath
from mooring.controller.gate import PacedGate
from mooring.controller.inside import Inside, Setting
from mooring.controller.nodes import Clock
from mooring.controller.run import Controller, World
from mooring.controller.term import Term
from mooring.core.net.fields import Unreadable
from mooring.core.npn import policy
from mooring.core.npn.authentication import AUTHS, AUTO, CONFIG
from mooring.core.npn.pace import allowed
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.port import Cloud

if TYPE_CHECKING:
    from mooring.adapters.oci import OciCloud

log = logging.getLogger("mooring.controller")
FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


def _pool(_: click.Context, __: click.Parameter, value: str) -> PoolPolicy | None:
    try:
        return policy.parse(value, "--pool")
    except Unreadable as error:
        raise click.BadParameter(str(error)) from None


def _pools(
    _: click.Context, __: click.Parameter, value: Path | None
) -> Callable[[], str]:
    """Give what reads the lines; of a file that cannot be read they are refused at once."""
    if value is None:
        return str

    def read() -> str:
        return value.read_text(errors="replace")

    try:
        read()
    except OSError as error:
        raise click.BadParameter(str(error)) from None
    return read


def _url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter(f"{value!r} is not http://HOST or https://HOST")
    return value.rstrip("/")


class Given(TypedDict):
    """The command line's options."""

    npn_dir: Path | None
    kubernetes: bool
    kubeconfig: Path | None
    namespace: str
    identity: str | None
    compartment: str | None
    node_pools: Callable[[], str]
    overcommit: bool
    metrics_port: int | None
    config: Path
    profile: str
    auth: str
    identity_endpoint: str | None
    endpoint: str | None
    authorities: Path | None
    interval: float
    workers: int
    qps: float
    burst: int
    pool: PoolPolicy | None


@click.command()
@click.option(
    "--npn-dir",
    type=NamedPath(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Directory of the objects: <name>.json is read, <name>.status.json written.",
)
@click.option(
    "--kubernetes",
    is_flag=True,
    help="The objects are on an API server: that of the cluster it runs in, or --kubeconfig's.",
)
@click.option(
    "--kubeconfig",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="With --kubernetes: where the API server is.",
)
@click.option(
    "--namespace",
    default="kube-system",
    show_default=True,
    help="With --kubernetes: namespace of the Lease and of the agents' pods.",
)
@click.option(
    "--identity",
    envvar="POD_NAME",
    help="With --kubernetes: this replica's name in the Lease.  [default: the host's]",
)
@click.option(
    "--compartment",
    metavar="OCID",
    help="With --kubernetes: where to look for the instances of nodes without a provider id.",
)
@click.option(
    "--node-pools",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    callback=_pools,
    metavar="FILE",
    help="With --kubernetes: lines of SELECTOR -> POLICY, which pool holds for which nodes.",
)
@click.option(
    "--overcommit",
    is_flag=True,
    help="With --kubernetes: pods may come to nodes whose kubelet allows more than there are addresses.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="With --kubernetes: serve /metrics, /healthz and /readyz there.",
)
@click.option(
    "--config",
    type=NamedPath(dir_okay=False, path_type=Path),
    default=Path("~/.oci/config"),
    show_default=True,
    help="OCI configuration file.",
)
@click.option(
    "--profile", default="DEFAULT", show_default=True, help="Profile to use of it."
)
@click.option(
    "--auth",
    type=click.Choice(AUTHS),
    default=AUTO,
    show_default=True,
    help="Who to be for the cloud; auto: the profile if there is one, else the pod or the instance.",
)
@click.option(
    "--identity-endpoint",
    callback=_url,
    metavar="URL",
    help="Where instances get their tokens; without it the region's address.",
)
@click.option(
    "--endpoint",
    callback=_url,
    metavar="URL",
    help="Where the Core Services API is; without it the region's address.",
)
@click.option(
    "--authorities",
    type=NamedPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Certificates to believe besides the system's, when there is such a file.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How often a settled object is compared with the cloud.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="How many objects are worked on at a time.",
)
@click.option(
    "--qps",
    type=click.FloatRange(0.1, 1000),
    default=20.0,
    show_default=True,
    metavar="CALLS",
    help="Calls of the cloud per second, reads too, for the whole cluster.",
)
@click.option(
    "--burst",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    metavar="CALLS",
    help="Calls that may be made at once after a rest.",
)
@click.option(
    "--pool",
    default=policy.PREALLOCATE,
    show_default=True,
    callback=_pool,
    metavar="POLICY",
    help="Pool of objects that say nothing of theirs, as warmTarget=8,minimum=8.",
)
def controller(**given: Unpack[Given]) -> None:
    """Give every node its VNICs and pod addresses, and keep them.

    For each NativePodNetwork object it makes at most one change of the cloud per turn,
    looks again, and writes what was reached into the object's status. What disappears
    behind its back comes back. It ends at SIGTERM; killed at any moment it loses nothing.

    On a cluster (--kubernetes) it makes the objects of nodes as well, owns them, labels and
    taints the nodes; of several replicas one works.
    """
    if (given["npn_dir"] is None) is not given["kubernetes"]:
        raise click.UsageError("needs --npn-dir or --kubernetes, and not both")
    _log_to_stderr()
    _believe(given["authorities"])
    api = _api(given["kubeconfig"]) if given["kubernetes"] else None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    term = Term(stop, time.monotonic)
    with contextlib.closing(_cloud(given, term)) as cloud:
        where = f"npn-dir={given['npn_dir']}" if api is None else f"api={api.server}"
        log.info(
            "started %s endpoint=%s auth=%s profile=%s",
            *(where, cloud.endpoint, cloud.auth, given["profile"]),
        )
        chance = random.SystemRandom().random
        clock = Clock(now=time.monotonic, wait=term.wait, chance=chance)
        if api is not None:
            with contextlib.closing(api):
                setting = replace(_setting(given), calls=cloud.counts)
                Inside(api, cloud, clock, setting).run(term)
        else:
            _work(given, cloud, clock)
    if term.lost:
        raise click.ClickException("lost the lease: start me again, I stand anew")


def _cloud(given: Given, term: Term) -> "OciCloud":
    # The SDK takes a second and 50 MB: --help and the other programs do without.
    from mooring.adapters.oci import (  # noqa: PLC0415 - the SDK is slow to load; --help must not be
        Access,
        MisconfiguredError,
        OciCloud,
        Pod,
    )

    said = click.get_current_context().get_parameter_source
    named = {said("config"), said("profile")} - {ParameterSource.DEFAULT}
    access = Access(
        config=str(given["config"].expanduser()),
        profile=given["profile"],
        endpoint=given["endpoint"],
        # A file or a profile that somebody names is meant.
        auth=CONFIG if named and given["auth"] == AUTO else given["auth"],
        identity=given["identity_endpoint"],
        pod=Pod.of(os.environ),
    )
    pace = allowed(given["qps"], given["burst"], time.monotonic())
    chance = random.SystemRandom().random
    try:
        return OciCloud(access, PacedGate(time.monotonic, term.wait, pace, chance))
    except MisconfiguredError as error:
        raise click.ClickException(str(error)) from error


def _believe(file: Path | None) -> None:
    """Believe more authorities, before anybody asks for a connection."""
    try:
        bundle = authorities.believe(file) if file else None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"--authorities {error}") from error
    if bundle:
        log.info("believing the authorities of %s", file)


def _api(kubeconfig: Path | None) -> Api:
    try:
        return connect(kubeconfig) if kubeconfig else connect_inside()
    except Misconfigured as error:
        raise click.ClickException(str(error)) from error


def _setting(given: Given) -> Setting:
    return Setting(
        me=f"{given['identity'] or socket.gethostname()}_{uuid.uuid4().hex[:8]}",
        namespace=given["namespace"],
        interval=given["interval"],
        workers=given["workers"],
        pool=given["pool"],
        pools=given["node_pools"],
        compartment=given["compartment"],
        overcommit=given["overcommit"],
        port=given["metrics_port"],
    )


def _work(given: Given, cloud: Cloud, clock: Clock) -> None:
    """Work on a directory of objects."""
    assert given["npn_dir"] is not None  # noqa: S101 - it was asked for
    world = World(
        objects=ObjectDirectory(given["npn_dir"]),
        cloud=cloud,
        now=clock.now,
        wait=clock.wait,
        chance=clock.chance,
    )
    Controller(world, given["interval"], given["workers"], given["pool"]).run()


def _log_to_stderr() -> None:
    logging.Formatter.converter = time.gmtime
    logging.getLogger("oci").setLevel(logging.WARNING)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=FORMAT,
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    # It tells of every call at INFO; the Lease alone is one a second.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
