"""Can this machine carry a lab? Decided before anything is touched.

What the machine is comes in as a value; out come the reasons against, each with the step
that would mend it.
"""

import re
from dataclasses import dataclass

OLDEST_KERNEL = (5, 15)

PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "ip": "iproute2",
    "nft": "nftables",
    "ping": "iputils-ping",
    "busybox": "busybox-static",
}
"""What every lab runs, and Debian's package that has it."""

CONTAINER_PROGRAMS = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "loopback": "containernetworking-plugins",
}
"""What `--runtime containerd` runs besides."""

CLUSTER_PROGRAMS = {"runc": "runc"}
"""What `--kubernetes` runs besides, of the distribution."""
IPTABLES = {"iptables": "iptables", "ip6tables": "iptables"}
"""What kube-proxy runs in its mode of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found: `cgroups` that containers can use, `programs` by name."""

    system: str
    release: str
    uid: int
    namespaces: bool
    overlay: bool
    cgroups: bool
    programs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and what to do about it."""

    fault: str
    next_step: str


def refusals(machine: Machine, runtime: str, proxy: str = "") -> tuple[Refusal, ...]:
    """Give the reasons against a lab of this runtime; none when it can be.

    `proxy` is kube-proxy's mode, of which only a cluster asks.
    """
    if machine.system != "Linux":
        return (
            Refusal(
                f"this is {machine.system}; the lab moves packets with the Linux kernel",
                "use a Linux machine or virtual machine",
            ),
        )
    if machine.uid != 0:
        fault = "not root; network namespaces and nftables need it"
        step = "run it again with sudo, or as root in a virtual machine"
        return (Refusal(fault, step),)
    found = [r for check in CHECKS if (r := check(machine)) is not None]
    if runtime in NEEDS and not machine.cgroups:
        fault = "no control groups here with cpu and memory; containers need them"
        found.append(Refusal(fault, "use --runtime netns, or the machine itself"))
    missing = _missing(machine, runtime, proxy)
    return tuple(found) + ((missing,) if missing else ())


def _kernel(machine: Machine) -> Refusal | None:
    numbers = re.match(r"(\d+)\.(\d+)", machine.release)
    version = tuple(int(n) for n in numbers.groups()) if numbers else (0, 0)
    if version >= OLDEST_KERNEL:
        return None
    oldest = ".".join(str(n) for n in OLDEST_KERNEL)
    return Refusal(
        f"kernel {machine.release} is older than {oldest}",
        "use a newer kernel (Debian 12 and Ubuntu 24.04 have one)",
    )


def _namespaces(machine: Machine) -> Refusal | None:
    if machine.namespaces:
        return None
    return Refusal(
        "root may not make namespaces or mounts here",
        "run it on the machine itself, not in an unprivileged container",
    )


def _overlay(machine: Machine) -> Refusal | None:
    if machine.overlay or not machine.namespaces:
        return None
    return Refusal(
        "the kernel has no overlay file system; nodes keep their own /etc on one",
        "modprobe overlay, or use a kernel that has it",
    )


CHECKS = (_kernel, _namespaces, _overlay)


NEEDS = {"containerd": CONTAINER_PROGRAMS, "kubernetes": CLUSTER_PROGRAMS}


def _missing(machine: Machine, runtime: str, proxy: str) -> Refusal | None:
    needed = PROGRAMS | NEEDS.get(runtime, {})
    if runtime == "kubernetes" and proxy == "iptables":
        needed |= IPTABLES
    absent = sorted(needed.keys() - machine.programs)
    if not absent:
        return None
    packages = sorted({needed[name] for name in absent})
    return Refusal(
        f"missing: {', '.join(absent)}",
        f"make setup, or apt-get install {' '.join(packages)}",
    )
