"""`mooring describe node`: one node's pod network, from the API server and the node's agent."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mooring.adapters import disk
from mooring.core.cni.fields import nearest
from mooring.core.ipam.port import DiskError
from mooring.core.npn.shown import describe
from mooring.core.npn.shown.describe import Told, Way
from mooring.core.npn.shown.entry import Source
from mooring.core.npn.shown.things import NodeSeen, NpnSeen
from mooring.core.npn.shown.view import View, instance, vnics
from mooring.core.wiring import vnic
from mooring.inspect.get import Sights, Teller, Unshown

FILE = "status.json"


class Describer:
    """Describes nodes; where there are only objects, those."""

    def __init__(
        self,
        sights: Sights,
        now: Callable[[], datetime],
        state: Path,
    ) -> None:
        self._sights = sights
        self._teller = Teller(sights, now, str)
        self._state = state
        self._needs = Source.NODES if Source.NODES in sights.knows else Source.NPNS

    @property
    def blind(self) -> Mapping[Source, str]:
        """Say what could not be read, and why."""
        return self._teller.blind

    def node(self, name: str) -> Sequence[str]:
        """Describe a node: by its name, its instance's OCID, or its object's name; raise Unshown."""
        helps = frozenset({Source.NPNS, Source.PODS} - {self._needs})
        view = self._teller.look(frozenset({self._needs}), helps)
        node, npn = self._found(view, name)
        names = {node.meta.name if node else "", npn.meta.name if npn else ""} - {""}
        try:
            view = replace(view, events=tuple(self._sights.events(frozenset(names))))
        except Unshown as why:
            self._teller.blind[Source.EVENTS] = str(why)
        told = agent(self._state, npn) if npn else None
        return list(describe.lines(view, node, npn, told))

    def _found(self, view: View, name: str) -> tuple[NodeSeen | None, NpnSeen | None]:
        npn = next((n for n in view.npns if name in (n.meta.name, instance(n))), None)
        wanted = view.node_of.get(npn.meta.name, "") if npn else name
        node = next(
            (n for n in view.nodes if wanted in (n.meta.name, n.instance)), None
        )
        if node is not None:
            npn = view.npn_of.get(node.meta.name, npn)
        if node is None and npn is None:
            raise Unshown(self._unknown(view, name))
        return node, npn

    def _unknown(self, view: View, name: str) -> str:
        known = [n.meta.name for n in view.nodes] or [n.meta.name for n in view.npns]
        near = nearest(name, known)
        meant = f"; did you mean {near}?" if near else ""
        what = "nodes" if self._needs is Source.NODES else "npn"
        return f'{what} "{name}" not found{meant} (mooring get {what} lists them)'


def agent(state: Path, npn: NpnSeen) -> Told | None:
    """Read what the agent here tells; None when there is none, or it is another node's."""
    try:
        told = json.loads(disk.published(state, FILE) or b"{}")
        ways = {each["id"]: _way(each) for each in told.get("vnics", ())}
        repairs = tuple(f"{r['at']}  {r['what']}" for r in told.get("repairs", ()))
        trouble = str(told.get("trouble") or "")
    except (DiskError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not ways.keys() & {each.vnic_id for each in vnics(npn)}:
        return None
    return Told(ways=ways, trouble=trouble, repairs=repairs)


def _way(said: Mapping[str, Any]) -> Way:
    slot = int(said["slot"])
    number = vnic.table(slot)
    mark = f"fwmark {vnic.mark(slot):#x}/{vnic.MARK_MASK:#x}"
    return Way(
        link=str(said["link"]),
        table=str(number),
        rule=f"{vnic.RULE_PRIORITY}: from all {mark} lookup {number}",
    )
