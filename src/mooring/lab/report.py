"""A lab as it is now: programs, nodes with their VNICs, pods. Plain data, to be shown."""

from collections.abc import Iterator, Sequence
from typing import Any

from mooring.core.linux.node import Program
from mooring.core.npn.record import NpnStatus, VnicStatus
from mooring.core.vcn.topology import document
from mooring.lab import cloud, control
from mooring.lab.lifecycle import Lab
from mooring.lab.nodes import LabNode
from mooring.lab.podrecord import PodSight
from mooring.lab.record import PROFILE, Standing, config_file

Json = dict[str, Any]


def report(lab: Lab, standing: Standing) -> Json:
    """Tell all of it."""
    sights = pods(lab, standing)
    members = lab.nodes(standing).values()
    return {
        "name": standing.name,
        "runtime": standing.topology.runtime,
        "endpoint": standing.endpoint,
        "config": str(config_file(lab.files.path)),
        "profile": PROFILE,
        "topology": document(standing.topology),
        "programs": list(_programs(lab, standing)),
        "nodes": [_node(lab, at, sights) for at in members],
        "pods": sights,
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
        "vnic": vnic.vnic_id if vnic else "",
        "state": "running" if sight.running else "down",
    }


def _programs(lab: Lab, standing: Standing) -> Iterator[Json]:
    supervised = control.programs(lab.tools, lab.files)
    wanted: list[Program] = [
        control.vcn(lab.files, standing),
        control.controller(lab.files, standing),
    ]
    for at in lab.nodes(standing).values():
        wanted += [at.init, at.agent]
        if standing.topology.runtime == "containerd":
            wanted.append(at.containerd)
    for program in wanted:
        found = supervised.find(program)
        yield {
            "name": program.name,
            "state": "running" if found else "down",
            "pid": found.pid if found else None,
            "log": program.log,
        }


def _node(lab: Lab, at: LabNode, pods_of_lab: Sequence[Json]) -> Json:
    status = cloud.status(lab.files, at.instance)
    held = {pod["address"] for pod in pods_of_lab if pod["node"] == at.name}
    return {
        "name": at.name,
        "instance": at.instance,
        "namespace": at.space.name,
        "pid": at.holder(),
        "state": _state(at, status),
        "reason": status.reason,
        "vnics": [_vnic(vnic, held) for vnic in status.vnics],
    }


def _state(at: LabNode, status: NpnStatus) -> str:
    if at.holder() is None:
        return "down"
    if at.programs.find(at.agent) is None:
        return "agent down"
    return "ready" if status.state == cloud.SETTLED else status.state or "new"


def _vnic(vnic: VnicStatus, held: set[str]) -> Json:
    addresses = _addresses(vnic)
    return {
        "id": vnic.vnic_id,
        "mac": vnic.mac_address,
        "subnet": vnic.subnet_id,
        "addresses": len(addresses),
        "used": len(addresses & held),
    }


def _addresses(vnic: VnicStatus) -> set[str]:
    pairs = vnic.pod_addresses
    return {str(a) for pair in pairs for a in (pair.v4, pair.v6) if a is not None}
