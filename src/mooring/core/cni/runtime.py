"""The runtime's half of CNI: what it hands to plugins, and what it keeps (CNI 1.1.0, section 3).

A runtime reads a configuration list, chooses the version that both sides know, and calls each
plugin with the list's name and version put into its own part. It keeps the result of ADD,
because CHECK and DEL must show it again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.core.cni import conflist as listing

KNOWN = ("0.4.0", "1.0.0", "1.1.0")
"""Versions that this runtime speaks, oldest first."""

FILE = listing.FILE
conflist = listing.conflist
"""The list that this runtime reads, as every other one does."""

IFNAME = "eth0"
SHOWN_TO = frozenset({"ADD", "DEL", "CHECK"})
"""Calls about one container: they carry its variables, and all but ADD its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The container that a call is about. `args` become CNI_ARGS."""

    container: str
    netns: str
    args: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of one plugin."""

    plugin: str
    env: Mapping[str, str]
    stdin: bytes


def version(listed: Mapping[str, Any]) -> str:
    """Choose the highest version that the list offers and this runtime knows."""
    offered = {listed.get("cniVersion", ""), *listed.get("cniVersions", ())}
    known = [v for v in KNOWN if v in offered]
    if not known:
        raise ValueError(f"cniVersions: {sorted(offered)}: none of {', '.join(KNOWN)}")
    return known[-1]


def calls(
    listed: Mapping[str, Any],
    command: str,
    sandbox: Sandbox | None,
    previous: Mapping[str, Any] | None = None,
) -> tuple[Call, ...]:
    """Lay out the executions of a command: DEL walks the chain backwards.

    `previous` is the result of the whole ADD; within an ADD each plugin after the first
    gets its forerunner's instead, which `chained` puts in.
    """
    plugins = [dict(p) for p in listed["plugins"]]
    if command == "DEL":
        plugins.reverse()
    env = environment(command, sandbox)
    head = {"name": listed["name"], "cniVersion": version(listed)}
    shown = previous if command in SHOWN_TO else None
    return tuple(Call(p["type"], env, _stdin({**p, **head}, shown)) for p in plugins)


def chained(call: Call, previous: Mapping[str, Any]) -> Call:
    """Give the call with its forerunner's result in it."""
    return Call(call.plugin, call.env, _stdin(json.loads(call.stdin), previous))


def environment(command: str, sandbox: Sandbox | None) -> dict[str, str]:
    """Give the CNI variables of a call, but for CNI_PATH."""
    env = {"CNI_COMMAND": command}
    if sandbox is not None:
        env["CNI_CONTAINERID"] = sandbox.container
        env["CNI_NETNS"] = sandbox.netns
        env["CNI_IFNAME"] = IFNAME
        env["CNI_ARGS"] = ";".join(f"{key}={value}" for key, value in sandbox.args)
    return env


def pod_args(pod: str, container: str, uid: str) -> tuple[tuple[str, str], ...]:
    """Give what a CRI runtime puts into CNI_ARGS for a pod."""
    return (
        ("IgnoreUnknown", "1"),
        ("K8S_POD_NAMESPACE", "default"),
        ("K8S_POD_NAME", pod),
        ("K8S_POD_INFRA_CONTAINER_ID", container),
        ("K8S_POD_UID", uid),
    )


def refusal(code: int, out: bytes, err: bytes) -> str:
    """Say in one line why a plugin failed: its error object, else what it printed."""
    try:
        said = json.loads(out)
        number, message = said["code"], said["msg"]
    except (ValueError, KeyError, TypeError):
        text = (out or err).decode(errors="replace").strip()
        return f"exit status {code}: {text[-300:]}" if text else f"exit status {code}"
    details = said.get("details")
    return f"{message} (code {number})" + (f": {details}" if details else "")


def addresses(result: Mapping[str, Any]) -> tuple[str, ...]:
    """List the addresses of a result, without their prefix lengths."""
    ips: Sequence[Mapping[str, Any]] = result.get("ips", ())
    return tuple(str(ip["address"]).partition("/")[0] for ip in ips)


def _stdin(conf: Mapping[str, Any], previous: Mapping[str, Any] | None) -> bytes:
    if previous is not None:
        conf = {**conf, "prevResult": previous}
    return json.dumps(conf).encode()
