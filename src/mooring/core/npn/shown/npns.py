"""NativePodNetwork objects as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from mooring.core.npn.record import Npn
from mooring.core.npn.shown.entry import Entry
from mooring.core.npn.shown.table import UNKNOWN, columns, several
from mooring.core.npn.shown.things import NpnSeen
from mooring.core.npn.shown.view import Source, View, instance, vnics

COLUMNS = columns("NAME STATE REASON", "NODE VNICS USED FREE FAMILIES SUBNETS MESSAGE")
READY = "Ready"


def entries(view: View) -> Iterator[Entry]:
    """Give a line for each object; its document is the object."""
    for npn in view.npns:
        node = view.node_of.get(npn.meta.name, "")
        yield Entry(
            name=npn.meta.name,
            also=frozenset({node, instance(npn)} - {""}),
            node=node,
            labels=npn.meta.labels,
            cells=(npn.meta.name, *state(npn)[:2], whose(view, npn), *_wide(npn)),
            created=npn.meta.created,
            item=stored(npn),
        )


def whose(view: View, npn: NpnSeen) -> str:
    """Name an object's node; nodes that could not be read make it unknown, not none."""
    known = Source.NODES not in view.unknown
    return view.node_of.get(npn.meta.name, "" if known else UNKNOWN)


def stored(npn: NpnSeen) -> Mapping[str, Any]:
    """Give the object as it is stored, without who wrote which field (as kubectl does)."""
    metadata = npn.document.get("metadata")
    if not isinstance(metadata, dict):
        return npn.document
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**npn.document, "metadata": kept}


def state(npn: NpnSeen) -> tuple[str, str, str]:
    """Say state, reason and message; of one that breaks a rule, which rule."""
    if npn.npn is None:
        return "Unreadable", "Unreadable", npn.trouble
    status = npn.npn.status
    return status.state, status.reason, status.message or troubles(npn.npn)


def troubles(npn: Npn) -> str:
    """Say what conditions name although the state does not: a family that is not served."""
    return "; ".join(
        f"{c.type}={c.status}: {c.message or c.reason}"
        for c in npn.status.conditions
        if (c.status == "False") is (c.type.endswith(READY) or c.type == "Synced")
        and c.type != "Pool"
    )


def served(npn: NpnSeen) -> str:
    """Name the families that are asked for; `!` before one that is not (all) there."""
    if npn.npn is None:
        return ""
    said = {c.type: c.status for c in npn.npn.status.conditions}
    return several(
        family if said.get(f"{family}{READY}") == "True" else f"!{family}"
        for family in npn.npn.spec.ip_families
    )


def told(npn: NpnSeen) -> Mapping[str, int | None]:
    """Give the agent's counts by name; None for what it has not told."""
    names = ("used", "free", "cooling")
    return {name: getattr(npn.counts, name, None) for name in names}


def count(number: int | None) -> str:
    """Write a number that may not be known."""
    return UNKNOWN if number is None else str(number)


def _wide(npn: NpnSeen) -> tuple[str, ...]:
    found = vnics(npn)
    return (
        str(len(found)),
        count(told(npn)["used"]),
        count(told(npn)["free"]),
        served(npn),
        several(dict.fromkeys(vnic.subnet_id for vnic in found)),
        state(npn)[2],
    )
