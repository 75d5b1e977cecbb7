"""Pods and where their addresses are, as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.core.npn.shown.entry import API_VERSION, Entry
from mooring.core.npn.shown.table import columns, several, tail
from mooring.core.npn.shown.things import PodSeen
from mooring.core.npn.shown.view import View

COLUMNS = columns("NAME STATUS IP NODE VNIC", "IPS VNICS MACS SUBNETS NSGS")


def entries(view: View) -> Iterator[Entry]:
    """Give a line for each pod."""
    for pod in view.pods:
        yield Entry(
            name=pod.meta.name,
            namespace=pod.meta.namespace,
            node=pod.node,
            labels=pod.meta.labels,
            cells=_cells(view, pod),
            created=pod.meta.created,
            item=_item(view, pod),
        )


def status(pod: PodSeen) -> str:
    """Say how a pod is."""
    return "Terminating" if pod.meta.deleting else pod.phase


def where(view: View, pod: PodSeen) -> str:
    """Say which VNIC a pod's addresses are on, shortly."""
    if pod.on_host:
        return "<host>"
    found = view.vnics_of(pod)
    if pod.addresses and not found:
        return "<unknown>"
    return several(tail(vnic.vnic_id) for vnic in found)


def _cells(view: View, pod: PodSeen) -> tuple[str, ...]:
    found = view.vnics_of(pod)
    return (
        pod.meta.name,
        status(pod),
        pod.addresses[0] if pod.addresses else "",
        pod.node,
        where(view, pod),
        several(pod.addresses),
        several(vnic.vnic_id for vnic in found),
        several(vnic.mac_address for vnic in found),
        several(vnic.subnet_id for vnic in found),
        several(dict.fromkeys(nsg for vnic in found for nsg in vnic.nsg_ids)),
    )


def _item(view: View, pod: PodSeen) -> Mapping[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PodAddresses",
        "metadata": {
            "namespace": pod.meta.namespace,
            "name": pod.meta.name,
            "labels": dict(pod.meta.labels),
        },
        "status": status(pod),
        "node": pod.node or None,
        "hostNetwork": pod.on_host,
        "addresses": list(pod.addresses),
        "vnics": [
            {
                "id": vnic.vnic_id,
                "mac": vnic.mac_address,
                "subnet": vnic.subnet_id,
                "networkSecurityGroups": list(vnic.nsg_ids),
            }
            for vnic in view.vnics_of(pod)
        ],
    }
