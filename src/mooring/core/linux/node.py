"""A node of the lab as shell: how its namespaces come to be, and how programs start in it.

A node is a process that holds namespaces: init of its own PID namespace, with mounts, host
name, IPC and control groups of its own, in the network namespace that the fabric made for
the instance. When it ends, the kernel ends all that runs in the node and drops its mounts.

Programs are not children of whoever started the lab; each leaves a record at its start, as
its last act before it becomes the program (`core.linux.process.identity` reads it). The
record is created exclusively (set -C), so that of two starters that do not know of each
other one wins. The record holds the pid as the machine sees it, which a process in a PID
namespace can tell only by the machine's own /proc: that comes in as standard input.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MARK = "/run/mooring/ready"
"""Where a node says that its mounts are in place."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_ID = "/proc/sys/kernel/random/boot_id"

MOVE = """\
while [ "$1" != -- ]; do echo 0 >"$1"; shift; done
shift; exec "$@"
"""
"""Go into the groups whose cgroup.procs are given, then become the command behind --."""

START = """\
record=$1 log=$2; shift 2
exec 3<&0
(
  read -r stat </proc/self/fd/3/self/stat
  read -r boot </proc/sys/kernel/random/boot_id
  set -C; printf '%s\\n%s\\n' "$stat" "$boot" >"$record" || exit 1
  set +C; exec setsid "$@" >>"$log" 2>&1 </dev/null 3<&-
) &
"""
"""Leave a record, then become the command, in the background."""

HOLD = """\
log=$1 script=$2; shift 2
for group; do echo 0 >"$group"; done
( exec setsid unshare --mount --uts --ipc --pid --fork --kill-child \\
    sh "$script" >>"$log" 2>&1 </dev/null ) &
"""
"""Go on into the node's inner groups, then make the namespaces, in the background.

The cgroup namespace is made before that, so that its root is the node's own group; no
process may stay there, or version 2 would not let it hand controllers to pods.
"""

INIT = """\
set -eu
record=$1 name=$2 lab=$3 own=$4 npn=$5 bin=$6; shift 6
read -r stat </proc/self/stat
read -r boot </proc/sys/kernel/random/boot_id
set -C; printf '%s\\n%s\\n' "$stat" "$boot" >"$record"; set +C
mkdir -p "$npn/usage"
# Copies of the machine's namespace mounts would outlive their removal there.
while umount -R -l /run/netns 2>/dev/null; do :; done
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
cd /run; mkdir -p netns lock mooring node/own node/npn node/usage node/bin
mount --bind "$own" node/own; mount --bind "$npn" node/npn; mount --bind "$bin" node/bin
mount --bind "$npn/usage" node/usage
# What the node writes to its configuration and state stays its own.
for at in etc var/lib; do
  mkdir -p "node/$at.up" "node/$at.work"
  mount -t overlay overlay -o "lowerdir=/$at,upperdir=/run/node/$at.up,workdir=/run/node/$at.work" "/$at"
done
mkdir -p /etc/cni/net.d /var/lib/cni
# Of the lab's files a node sees its own, the objects and the plugins: no credential. Of the
# objects it may write only what it tells of its pool.
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$lab"
mkdir -p "$own" "$npn" "$bin"
mount --move node/own "$own"; mount --move node/npn "$npn"; mount --move node/bin "$bin"
mount -o remount,bind,ro "$npn"; mount -o remount,bind,ro "$bin"
mount --move node/usage "$npn/usage"
# What the agent of a cluster's node keeps outlives the node's processes, as on a disk.
mkdir -p "$own/agent" /var/lib/mooring/agent
mount --bind "$own/agent" /var/lib/mooring/agent
mount -t proc proc /proc
mount -t sysfs sysfs /sys
while [ $# -gt 0 ]; do
  mkdir -p "$3"; mount -t "$1" ${2:+-o "$2"} "$1" "$3"; shift 3
done
"""
"""Become the node: record, mounts; what its kind needs besides comes after."""

HELD = """\
hostname "$name"
ip link set lo up
mount --make-rshared /
: >/run/mooring/ready
# init reaps whatever is left to it.
exec sh -c 'while :; do sleep 2147483647 & wait; done' "mooring node $name"
"""
"""Take the host name; then hold all of it."""

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TRUST = {"REQUESTS_CA_BUNDLE": BUNDLE, "SSL_CERT_FILE": BUNDLE}
"""Where clients of TLS find whom to believe: the SDK's own bundle does not know the lab's cloud."""

FURNISH = """\
set -eu
domains=$1; shift
cat >/run/mooring/authority.pem
{ if [ "$domains" ]; then echo "search $domains"; fi; echo "nameserver 169.254.169.254"; } >/run/mooring/resolv.conf
# It may be a link to a file outside of /etc, which is the machine's.
rm -f /etc/resolv.conf; cp /run/mooring/resolv.conf /etc/resolv.conf
mark=$(sed -n 2p /run/mooring/authority.pem)
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
  [ -d "${bundle%/*}" ] || continue
  [ -e "$bundle" ] || : >"$bundle"
  grep -qF -- "$mark" "$bundle" && continue
  cat "$bundle" /run/mooring/authority.pem >/run/mooring/bundle.pem
  rm -f "$bundle"; cp /run/mooring/bundle.pem "$bundle"; rm /run/mooring/bundle.pem
done
mkdir -p /etc/profile.d
for pair; do echo "export $pair"; done >/etc/profile.d/mooring.sh
"""
"""Give a node what a cloud's image and DHCP give an instance: resolver, domains, the authority.

All of it is in the node's own /etc; the authority's certificate comes as standard input.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a node is made of; all paths as the machine sees them.

    `groups` are the directories of its control groups, one per tree; `remounts` what to
    mount anew inside, as (type, options, place); `steps` commands that it does last of all.
    """

    name: str
    space: str
    lab: str
    own: str
    npn: str
    bin: str
    record: str
    log: str
    groups: tuple[str, ...] = ()
    remounts: tuple[tuple[str, str, str], ...] = ()
    steps: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that runs until it is stopped."""

    name: str
    argv: tuple[str, ...]
    record: str
    log: str
    groups: tuple[str, ...] = ()


def init_script(node: Node) -> str:
    """Write the script of a node's init, its arguments in it."""
    mounts = [word for mount in node.remounts for word in mount]
    places = (node.record, node.name, node.lab, node.own, node.npn, node.bin)
    steps = "".join(f"{shlex.join(step)}\n" for step in node.steps)
    return f"set -- {shlex.join([*places, *mounts])}\n{INIT}{steps}{HELD}"


def hold(node: Node, script: str) -> list[str]:
    """Give the command that makes a node of its script; its init leaves the record."""
    inside = [f"{group}/{INSIDE}/cgroup.procs" for group in node.groups]
    return [
        *moved(node.groups),
        *("nsenter", f"--net={node.space}", "unshare", "--cgroup"),
        *("sh", "-c", HOLD, "hold", node.log, script, *inside),
    ]


INSIDE = "init"
"""The group of a node's own programs, beside that of its pods."""
PODS = "pods"
"""The group of a node's pods; a path inside its cgroup namespace."""


def start(program: Program, holder: int | None = None) -> list[str]:
    """Give the command that starts a program, in a node when its init's pid is given."""
    door = [] if holder is None else enter(holder)
    words = ["sh", "-c", START, "start", program.record, program.log]
    return [*moved(program.groups), *door, *words, *program.argv]


def moved(groups: Sequence[str]) -> list[str]:
    """Give the words before a command that put it into control groups."""
    if not groups:
        return []
    return ["sh", "-c", MOVE, "move", *(f"{g}/cgroup.procs" for g in groups), "--"]


def enter(holder: int, netns: str | None = None) -> list[str]:
    """Give the words before a command that make it run in a node, or in a pod of it."""
    trust = [f"{key}={value}" for key, value in TRUST.items()]
    door = ["nsenter", "-t", str(holder), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
    door += ["env", *trust]
    return door if netns is None else [*door, "nsenter", f"--net={netns}", "--"]


def furnish(domains: Sequence[str]) -> list[str]:
    """Give the command that a node is furnished with, to run in it."""
    trust = [f"{key}={value}" for key, value in TRUST.items()]
    return ["sh", "-c", FURNISH, "furnish", " ".join(domains), *trust]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Give what programs of the lab see of the caller's environment."""
    kept = {key: given[key] for key in ("LANG", "TZ", "TERM") if key in given}
    return {"HOME": "/root", "PYTHONUNBUFFERED": "1", **kept, "PATH": PATH}
