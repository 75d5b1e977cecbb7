"""The nodes' pools of pod addresses as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.core.npn.policy import NAMES, PREALLOCATE, say
from mooring.core.npn.record import Condition
from mooring.core.npn.shown.entry import API_VERSION, Entry
from mooring.core.npn.shown.npns import count, told, whose
from mooring.core.npn.shown.table import columns, several
from mooring.core.npn.shown.things import NpnSeen
from mooring.core.npn.shown.view import View, families, instance, offered, vnics

COLUMNS = columns(
    "NAME NODE POLICY OFFERED USED FREE COOLING", "MAX FAMILIES VNICS SUBNETS WHY"
)
POOL = "Pool"


def entries(view: View) -> Iterator[Entry]:
    """Give a line for each object's pool."""
    for npn in view.npns:
        node = view.node_of.get(npn.meta.name, "")
        yield Entry(
            name=npn.meta.name,
            also=frozenset({node, instance(npn)} - {""}),
            node=node,
            labels=npn.meta.labels,
            cells=_cells(npn, whose(view, npn)),
            created=npn.meta.created,
            item={**_item(npn, node), "unknown": view.unread},
        )


def policy(npn: NpnSeen) -> str:
    """Say how large the pool is to be: as in force, else as the object asks."""
    if npn.npn is not None and npn.npn.status.pool is not None:
        return say(npn.npn.status.pool.policy)
    return npn.policy or PREALLOCATE


def most(npn: NpnSeen) -> int | None:
    """Give the number of pods that the pool is for."""
    if npn.npn is None:
        return None
    spec = npn.npn.spec
    return sum(v.ip_count for v in spec.secondary_vnics) or spec.max_pod_count


def why(npn: NpnSeen) -> Condition | None:
    """Give the condition that says why the pool changed last."""
    found = npn.npn.status.conditions if npn.npn else ()
    return next((c for c in found if c.type == POOL), None)


def _cells(npn: NpnSeen, node: str) -> tuple[str, ...]:
    found, reason = vnics(npn), why(npn)
    return (
        npn.meta.name,
        node,
        policy(npn),
        str(max(offered(found).values(), default=0)),
        *map(count, told(npn).values()),
        count(most(npn)),
        several(families(found)),
        str(len(found)),
        several(dict.fromkeys(vnic.subnet_id for vnic in found)),
        (reason.message or reason.reason) if reason else "",
    )


def _item(npn: NpnSeen, node: str) -> Mapping[str, Any]:
    found, reason = vnics(npn), why(npn)
    return {
        "apiVersion": API_VERSION,
        "kind": "Pool",
        "metadata": {"name": npn.meta.name, "labels": dict(npn.meta.labels)},
        "node": node or None,
        "instance": instance(npn) or None,
        "policy": _policy(npn),
        "maxPods": most(npn),
        "offered": dict(offered(found)),
        **told(npn),
        "vnics": [
            {
                "id": vnic.vnic_id,
                "subnet": vnic.subnet_id,
                "offered": dict(offered([vnic])),
            }
            for vnic in found
        ],
        "why": {"reason": reason.reason, "message": reason.message} if reason else None,
    }


def _policy(npn: NpnSeen) -> Mapping[str, Any]:
    """Give the policy in force as plain data; what the object asks for where none is."""
    if npn.npn is not None and npn.npn.status.pool is not None:
        said = {
            name: getattr(npn.npn.status.pool.policy, own)
            for name, (own, _, _) in NAMES.items()
        }
        return {name: value for name, value in said.items() if value is not None}
    return {"text": npn.policy or PREALLOCATE}
