"""Pods and where their addresses are, as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.core.npn.shown.entry import API_VERSION, Entry
from mooring.core.npn.shown.podstatus import status
from mooring.core.npn.shown.table import UNKNOWN, columns, several, tail
from mooring.core.npn.shown.things import PodSeen
from mooring.core.npn.shown.view import Source, View

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


def where(view: View, pod: PodSeen) -> str:
    """Say which VNIC a pod's addresses are on, shortly."""
    if pod.on_host:
        return "<host>"
    if _lost(view, pod):
        return UNKNOWN
    return several(tail(vnic.vnic_id) for vnic in view.vnics_of(pod))


def _lost(view: View, pod: PodSeen) -> bool:
    """Tell whether a pod has addresses and nobody says on which VNIC."""
    return not pod.on_host and bool(pod.addresses) and not view.vnics_of(pod)


def _cells(view: View, pod: PodSeen) -> tuple[str, ...]:
    found = view.vnics_of(pod)
    wide = (
        several(vnic.vnic_id for vnic in found),
        several(vnic.mac_address for vnic in found),
        several(vnic.subnet_id for vnic in found),
        several(dict.fromkeys(nsg for vnic in found for nsg in vnic.nsg_ids)),
    )
    return (
        pod.meta.name,
        status(pod.document),
        pod.addresses[0] if pod.addresses else "",
        pod.node,
        where(view, pod),
        several(pod.addresses),
        *([UNKNOWN] * len(wide) if _lost(view, pod) else wide),
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
        "status": status(pod.document),
        "phase": pod.phase,
        "node": pod.node or None,
        "hostNetwork": pod.on_host,
        "addresses": list(pod.addresses),
        "vnics": _vnics(view, pod),
        "unknown": view.unread,
    }


def _vnics(view: View, pod: PodSeen) -> list[Mapping[str, Any]] | None:
    if _lost(view, pod) and Source.NPNS in view.unknown:
        return None
    return [
        {
            "id": vnic.vnic_id,
            "mac": vnic.mac_address,
            "subnet": vnic.subnet_id,
            "networkSecurityGroups": list(vnic.nsg_ids),
        }
        for vnic in view.vnics_of(pod)
    ]
