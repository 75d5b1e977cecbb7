"""Nodes and their pod network as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.core.npn.shown.entry import API_VERSION, Entry
from mooring.core.npn.shown.npns import count, served, state, told
from mooring.core.npn.shown.pools import policy
from mooring.core.npn.shown.table import UNKNOWN, columns, several
from mooring.core.npn.shown.things import NodeSeen, NpnSeen
from mooring.core.npn.shown.view import Source, View, vnics

COLUMNS = columns(
    "NAME STATUS STATE REASON VNICS PODS FREE COOLING",
    "MAX FAMILIES POLICY INTERNAL-IP NPN INSTANCE TAINTS",
)


def entries(view: View) -> Iterator[Entry]:
    """Give a line for each node."""
    for node in view.nodes:
        npn = view.npn_of.get(node.meta.name)
        also = {node.instance, npn.meta.name if npn else ""} - {""}
        yield Entry(
            name=node.meta.name,
            also=frozenset(also),
            node=node.meta.name,
            labels=node.meta.labels,
            cells=_cells(view, node, npn),
            created=node.meta.created,
            item=_item(view, node, npn),
        )


def _cells(view: View, node: NodeSeen, npn: NpnSeen | None) -> tuple[str, ...]:
    none = UNKNOWN if Source.NPNS in view.unknown else ""
    name, reason, _ = state(npn) if npn else (none, none, none)
    return (
        node.meta.name,
        node.ready,
        name,
        reason,
        str(len(vnics(npn))) if npn else none,
        count(_pods(view, node)),
        count(told(npn)["free"]) if npn else none,
        count(told(npn)["cooling"]) if npn else none,
        node.most_pods,
        served(npn) if npn else none,
        policy(npn) if npn else none,
        several(node.addresses),
        npn.meta.name if npn else none,
        node.instance,
        several(node.taints),
    )


def _pods(view: View, node: NodeSeen) -> int | None:
    """Count the pods that have an address of the node's pool; None when nobody tells."""
    if Source.PODS in view.unknown:
        return None
    return len(view.pods_on.get(node.meta.name, ()))


def _item(view: View, node: NodeSeen, npn: NpnSeen | None) -> Mapping[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "NodeNetwork",
        "metadata": {"name": node.meta.name, "labels": dict(node.meta.labels)},
        "status": node.ready,
        "instance": node.instance or None,
        "internalAddresses": list(node.addresses),
        "taints": list(node.taints),
        "maxPods": int(node.most_pods) if node.most_pods.isdigit() else None,
        "pods": _pods(view, node),
        "nativePodNetwork": _npn(npn) if npn else None,
        "unknown": view.unread,
    }


def _npn(npn: NpnSeen) -> Mapping[str, Any]:
    name, reason, message = state(npn)
    return {
        "name": npn.meta.name,
        "state": name,
        "reason": reason,
        "message": message,
        "vnics": len(vnics(npn)),
        "policy": policy(npn),
        **told(npn),
    }
