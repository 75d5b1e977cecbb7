"""What the command line may say, and what is refused of it."""

import math
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from mooring.agent.carry import Wish
from mooring.core.cni.conf import IDENTIFIER, fault_of_length
from mooring.core.cni.conflist import TUNING
from mooring.core.linux.plan import Network

INSTANCE = re.compile(
    r"ocid1\.instance\.[a-z0-9-]+\.[a-z0-9-]*\.(?:[a-z0-9-]+\.)?[a-z0-9]+"
)
SYSCTL = re.compile(r"net(?:\.[A-Za-z0-9_-]+)+=.+")
NODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
SOCKET_BYTES = 107 - len(".4194304")
"""sun_path of unix(7), less what stands behind the name while the socket is made."""


NEEDED = (
    ("kubeconfig", "kubernetes", "--kubernetes"),
    ("node", "kubernetes", "--kubernetes"),
    ("metadata", "kubernetes", "--kubernetes"),
    ("volatile", "conf_dir", "--conflist DIR"),
    ("network", "conf_dir", "--conflist DIR"),
    ("plugins", "install", "--install DIR"),
    ("tuning", "conf_dir", "--conflist DIR"),
    ("tuning", "plugins", "--plugins DIR"),
    ("fast_path_cidr", "fast_path", "--fast-path on or auto"),
    ("fast_path_after", "fast_path", "--fast-path on or auto"),
)
"""Options that nothing reads without another one: which, without which, how that is given."""


class Given(TypedDict):
    """The command line's options."""

    npn_dir: Path | None
    kubernetes: bool
    kubeconfig: Path | None
    node: str | None
    metadata: str
    instance: str | None
    state: Path
    socket: Path
    spool: Path
    conf_dir: Path | None
    volatile: Path | None
    install: Path | None
    plugins: Path | None
    tuning: Mapping[str, str]
    network: str
    cooldown: float
    mtu: int
    conntrack: str
    repair_interval: float
    fast_path: str
    fast_path_cidr: tuple[Network, ...]
    fast_path_after: float
    sysctls: Path
    metrics_port: int | None


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


def is_instance(value: str) -> bool:
    """Tell whether this is the OCID of an instance."""
    return INSTANCE.fullmatch(value) is not None


def an_instance(
    _: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse what is no OCID of an instance: the object would be looked for in vain."""
    if value is not None and not is_instance(value):
        rule = "must be ocid1.instance.REALM.REGION.ID, in lower case"
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_node(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse what cannot be a node's name: no pod would ever be of it."""
    if value is not None and not NODE.fullmatch(value):
        rule = "must be a node's name, as `kubectl get nodes` shows it"
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_base(_: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse what is no address of an HTTP server."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or value != f"http://{parts.netloc}":
        rule = "must be http://HOST or http://HOST:PORT"
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_network(_: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse a name that no call of a runtime may have."""
    rule = fault_of_length(value)
    if not IDENTIFIER.fullmatch(value):
        rule = f"must match {IDENTIFIER.pattern}"
    if rule:
        raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return value


def a_socket(_: click.Context, param: click.Parameter, value: Path) -> Path:
    """Refuse a path that no socket can have, or that something else has."""
    size = len(os.fsencode(value))
    rule = ""
    if size > SOCKET_BYTES:
        rule = f"must have {SOCKET_BYTES} bytes at most, has {size}"
    elif value.exists() and not value.is_socket():
        rule = "must be a socket, or not there yet"
    if rule:
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


def settings(
    _: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> Mapping[str, str]:
    """Read settings of a pod's network namespace."""
    for value in values:
        if not SYSCTL.fullmatch(value):
            rule = "must be net.KEY=VALUE, as net.core.somaxconn=1024"
            raise click.BadParameter(f"{value!r}: {rule}.", param=param)
    return dict(value.split("=", 1) for value in values)


def check(given: Given) -> None:
    """Refuse options that do not go together, or that nothing would read."""
    if (given["npn_dir"] is None) is not given["kubernetes"]:
        raise click.UsageError(
            "give either --npn-dir or --kubernetes: one place for the objects"
        )
    if given["kubernetes"]:
        if given["node"] is None:
            raise click.UsageError(
                "--kubernetes needs --node NAME, or the variable NODE_NAME"
            )
    elif given["instance"] is None:
        raise click.UsageError("--npn-dir needs --instance OCID")
    context = click.get_current_context()
    for option, needed, words in NEEDED:
        source = context.get_parameter_source(option)
        if source is ParameterSource.COMMANDLINE and not _is_set(given, needed):
            raise click.UsageError(f"--{option.replace('_', '-')} needs {words}")
    if (
        given["tuning"]
        and given["plugins"]
        and not (given["plugins"] / TUNING).is_file()
    ):
        raise click.UsageError(
            f"--tuning needs the plugin {TUNING}: --plugins {given['plugins']} has none"
        )


def _is_set(given: Given, name: str) -> bool:
    values: Mapping[str, object] = dict(given)
    return values[name] not in (None, False, Wish.OFF.value)
