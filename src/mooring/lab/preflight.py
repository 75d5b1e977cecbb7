"""Ask, before anything is touched, whether this machine can carry the lab."""

from mooring.adapters.process import CommandError
from mooring.core.linux.machine import (
    CLUSTER_PROGRAMS,
    CONTAINER_PROGRAMS,
    IPTABLES,
    PROGRAMS,
    Machine,
    refusals,
)
from mooring.core.vcn.topology import Topology
from mooring.lab.errors import LabError
from mooring.lab.tools import Tools

SPACES = ("unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "true")
OVERLAY = """\
mount -t tmpfs tmpfs /tmp && cd /tmp && mkdir up work &&
mount -t overlay overlay -o lowerdir=/etc,upperdir=/tmp/up,workdir=/tmp/work /etc
"""
"""Tried in a mount namespace of its own, which ends with it."""


def check(tools: Tools, wanted: Topology) -> None:
    """Refuse with every reason at once."""
    found = refusals(look(tools), wanted.runtime, wanted.proxy)
    if not found:
        return
    first, *others = found
    raise LabError(
        first.fault,
        first.next_step,
        [f"also: {r.fault} ({r.next_step})" for r in others],
    )


def need_root(tools: Tools) -> None:
    """Refuse who may not touch a lab at all."""
    if tools.host.system().uid != 0:
        raise LabError("not root; a lab is made of what root makes", "use sudo")


def look(tools: Tools) -> Machine:
    """Look at the machine; what only root may try is tried only by root."""
    system = tools.host.system()
    root = system.name == "Linux" and system.uid == 0
    return Machine(
        system=system.name,
        release=system.release,
        uid=system.uid,
        namespaces=root and _works(tools, *SPACES),
        overlay=root and _works(tools, "unshare", "--mount", "sh", "-c", OVERLAY),
        cgroups=root and tools.cgroups.fit_for_containers(),
        programs=tools.host.programs(
            {*PROGRAMS, *CONTAINER_PROGRAMS, *CLUSTER_PROGRAMS, *IPTABLES}
        ),
    )


def _works(tools: Tools, *argv: str) -> bool:
    try:
        return tools.processes.run(argv).code == 0
    except CommandError:
        return False
