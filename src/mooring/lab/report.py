"""A lab as it is now: programs, nodes with their VNICs, pods. Plain data, to be shown."""

from collections.abc import Iterator, Sequence
from typing import Any

from mooring.core.linux.node import Program
from mooring.core.npn.record import NpnStatus, VnicStatus
from mooring.core.vcn.topology import document
from mooring.lab import cloud, clusterreport, control
from mooring.lab.errors import LabError
from mooring.lab.lifecycle import Lab
from mooring.lab.nodes import LabNode
from mooring.lab.podrecord import PodSight
from mooring.lab.record import PROFILE, Standing, config_file

Json = dict[str, Any]
MEND = "mooring lab up mends it"


def report(lab: Lab, standing: Standing) -> Json:
    """Tell all of it."""
    if standing.topology.is_cluster:
        return _cluster(lab, standing)
    sights = pods(lab, standing)
    members = lab.nodes(standing).values()
    lives = _lives(lab, standing)
    nodes = [_node(at, sights, lives.get(at.name, "")) for at in members]
    return {**_head(lab, standing), "nodes": nodes, "pods": sights}


def _cluster(lab: Lab, standing: Standing) -> Json:
    """Tell of Kubernetes what its API server says."""
    seen = clusterreport.Seen(lab, standing)
    lives = _lives(lab, standing)
    nodes = [
        _worker(at, seen, lives.get(at.name, "")) for at in lab.nodes(standing).values()
    ]
    control_plane = f"https://127.0.0.1:{standing.door}"
    return {
        **_head(lab, standing),
        "kubernetes": control_plane,
        "nodes": nodes,
        "pods": seen.pods,
    }


def _worker(at: LabNode, seen: clusterreport.Seen, life: str) -> Json:
    status = seen.status(at.instance)
    faults = (*_absences(at, life), *seen.faults(at.name))
    return _row(at, status, next(iter(faults), ("ready", status.message)), seen.pods)


def _head(lab: Lab, standing: Standing) -> Json:
    return {
        "name": standing.name,
        "runtime": standing.topology.runtime,
        "endpoint": standing.endpoint,
        "config": str(config_file(lab.files.path)),
        "profile": PROFILE,
        "topology": document(standing.topology),
        "programs": list(_programs(lab, standing)),
    }


def pods(lab: Lab, standing: Standing) -> list[Json]:
    """Tell of every pod: where it is, its address, whose VNIC has that address."""
    return [_pod(lab, standing, sight) for sight in lab.pods(standing).sights()]


def _pod(lab: Lab, standing: Standing, sight: PodSight) -> Json:
    status = cloud.status(lab.files, standing.instances[sight.node])
    vnic = next((v for v in status.vnics if sight.address in _addresses(v)), None)
    return {
        "name": sight.name,
        "node": sight.node,
        "address": sight.address,
        "addresses": list(sight.addresses),
        "vnic": vnic.vnic_id if vnic else "",
        "state": "running" if sight.running else "down",
    }


def _programs(lab: Lab, standing: Standing) -> Iterator[Json]:
    supervised = control.programs(lab.tools, lab.files)
    for program in _wanted(lab, standing):
        found = supervised.find(program)
        yield {
            "name": program.name,
            "state": "running" if found else "down",
            "pid": found.pid if found else None,
            "log": program.log,
        }


def _wanted(lab: Lab, standing: Standing) -> list[Program]:
    if standing.topology.is_cluster:
        return clusterreport.programs(lab, standing)
    wanted: list[Program] = [
        control.vcn(lab.files, standing),
        control.controller(lab.files, standing),
    ]
    for at in lab.nodes(standing).values():
        wanted += [at.init, at.agent]
        if standing.topology.runtime == "containerd":
            wanted.append(at.containerd)
    return wanted


def _lives(lab: Lab, standing: Standing) -> dict[str, str]:
    """Ask how the instances are; nothing while the cloud is not there to say it."""
    served = control.vcn(lab.files, standing)
    if control.programs(lab.tools, lab.files).find(served) is None:
        return {}
    try:
        with cloud.opened(lab.tools, lab.files, standing) as opened:
            return cloud.lives(opened, standing)
    except LabError:
        return {}


def _node(at: LabNode, pods_of_lab: Sequence[Json], life: str) -> Json:
    status = cloud.status(at.files, at.instance)
    told = at.told()
    state = next(
        _faults(at, status, life, told), ("ready", str(told.get("trouble", "")))
    )
    return _row(at, status, state, pods_of_lab)


def _row(
    at: LabNode,
    status: NpnStatus,
    how: tuple[str, str],
    pods_of_lab: Sequence[Json],
) -> Json:
    state, trouble = how
    pods = (pod for pod in pods_of_lab if pod["node"] == at.name)
    held = {address for pod in pods for address in pod["addresses"]}
    return {
        "name": at.name,
        "instance": at.instance,
        "namespace": at.space.name,
        "pid": at.holder(),
        "state": state,
        "reason": status.reason,
        "trouble": trouble,
        "vnics": [_vnic(vnic, held) for vnic in status.vnics],
    }


def _faults(
    at: LabNode, status: NpnStatus, life: str, told: Json
) -> Iterator[tuple[str, str]]:
    """Give what keeps a node from being ready, the gravest first: a state, and why."""
    yield from _absences(at, life)
    if at.programs.find(at.agent) is None:
        yield "agent down", f"its agent does not run: {MEND}"
    trouble = str(told.get("trouble", "")) or status.message
    if status.state != cloud.SETTLED:
        yield status.state or "new", trouble
    if not told.get("ready"):
        yield "not ready", trouble or "its agent has not said so yet"


def _absences(at: LabNode, life: str) -> Iterator[tuple[str, str]]:
    """Give what is not there of a node."""
    holder = at.holder()
    if life in cloud.NEXT_STEPS:
        yield life.lower(), f"its instance is {life}: {cloud.NEXT_STEPS[life]}"
    if holder is None:
        yield "down", f"nothing holds its namespaces: {MEND}"
    elif not at.in_right_space(holder):
        yield "cut off", f"{at.space.name} was removed or made anew: {MEND}"


def _vnic(vnic: VnicStatus, held: set[str]) -> Json:
    # Pods are counted by the family that each of them has.
    version = 6 if vnic.ip_families[0] == "IPv6" else 4
    addresses = {a for a in _addresses(vnic) if (":" in a) == (version == 6)}
    return {
        "id": vnic.vnic_id,
        "mac": vnic.mac_address,
        "subnet": vnic.subnet_id,
        "families": list(vnic.ip_families),
        "addresses": len(addresses),
        "used": len(addresses & held),
    }


def _addresses(vnic: VnicStatus) -> set[str]:
    pairs = vnic.pod_addresses
    return {str(a) for pair in pairs for a in (pair.v4, pair.v6) if a is not None}
