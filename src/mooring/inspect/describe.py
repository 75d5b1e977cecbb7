"""`mooring describe node`: one node's pod network, from the API server and the node's agent."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mooring.adapters import disk
from mooring.core.cni.fields import nearest
from mooring.core.ipam.port import DiskError
from mooring.core.npn.shown import describe
from mooring.core.npn.shown.describe import Own, Told, Way
from mooring.core.npn.shown.things import NodeSeen, NpnSeen
from mooring.core.npn.shown.view import Source, View, vnics
from mooring.core.wiring import vnic
from mooring.inspect.get import Sights, Unshown

FILE = "status.json"
T = TypeVar("T")


class Describer:
    """Describes nodes; where nodes may not be read, by the objects that they own.

    So it serves in the agent's pod, whose account reads objects and pods only, and on a
    directory. `blind` says what could not be read, and why.
    """

    def __init__(
        self,
        sights: Sights,
        now: Callable[[], datetime],
        state: Path,
    ) -> None:
        self._sights = sights
        self._now = now
        self._state = state
        self.blind: dict[Source, str] = {}

    def node(self, name: str) -> Sequence[str]:
        """Describe a node: by its name, its instance's OCID, or its object's name; raise Unshown."""
        self.blind = {}
        view, node, npn = self._found(name)
        own = npn.meta.name if npn else ""
        known = node.meta.name if node else view.node_of.get(own, "")
        pods = self._read(Source.PODS, lambda: self._pods(known))
        names = frozenset({known, own} - {""})
        events = self._read(Source.EVENTS, lambda: self._sights.events(names))
        view = replace(
            view,
            pods=tuple(pods),
            events=tuple(events),
            has=self._sights.knows,
            unknown=frozenset(self.blind),
        )
        told = agent(self._state, npn) if npn else Told()
        return list(describe.lines(view, node, npn, told))

    def _found(self, name: str) -> tuple[View, NodeSeen | None, NpnSeen | None]:
        nodes = self._read(Source.NODES, self._sights.nodes)
        node = next((n for n in nodes if name in (n.meta.name, n.instance)), None)
        also = {node.meta.name, node.instance} if node else set()
        wanted = frozenset({name, *also} - {""})
        npns = self._read(Source.NPNS, lambda: self._sights.npns(wanted))
        view = View(now=self._now(), npns=tuple(npns), nodes=tuple(nodes))
        npn: NpnSeen | None
        if node is not None:
            npn = view.npn_of.get(node.meta.name)
        else:
            npn = next((n for n in npns if n.meta.name == name), None)
            npn = npn or next(iter(npns), None)
            owner = view.node_of.get(npn.meta.name, "") if npn else ""
            node = next((n for n in nodes if n.meta.name == owner), None)
        if node is None and npn is None:
            raise Unshown(self._unknown(name, view))
        return view, node, npn

    def _pods(self, node: str) -> Sequence[Any]:
        if node:
            return self._sights.pods(node)
        if Source.NODES in self.blind:
            raise Unshown("pods cannot be told: no node is known to be this object's")
        return ()

    def _read(self, source: Source, read: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Read what there is; keep why what there is cannot be had."""
        if source not in self._sights.knows:
            return ()
        try:
            return read()
        except Unshown as why:
            self.blind[source] = str(why)
            return ()

    def _unknown(self, name: str, view: View) -> str:
        """Say that there is no such node, or that nobody can tell."""
        wanted = {Source.NODES, Source.NPNS} & self._sights.knows
        refused = [why for source, why in self.blind.items() if source in wanted]
        if len(refused) == len(wanted):
            return refused[0]
        what = "nodes" if Source.NODES in wanted - self.blind.keys() else "npn"
        known: Sequence[NodeSeen | NpnSeen] = view.nodes
        if Source.NODES not in wanted:
            known = self._sights.npns()
        near = nearest(name, [each.meta.name for each in known])
        meant = f"; did you mean {near}?" if near else ""
        found = f'{what} "{name}" not found{meant} (mooring get {what} lists them)'
        return "; ".join([found, *refused])


def agent(state: Path, npn: NpnSeen) -> Told:
    """Read what the node's agent tells: in its state, which is newer, if that is here."""
    ways = {e.vnic_id: _way(e.link, vnic.slot(e.table)) for e in npn.links}
    return _here(state, npn) or Told(ways=ways)


def _here(state: Path, npn: NpnSeen) -> Told | None:
    """Read what the agent here tells; None when there is none, or it is another node's."""
    try:
        told = json.loads(disk.published(state, FILE) or b"{}")
        ways = {
            each["id"]: _way(str(each["link"]), int(each["slot"]))
            for each in told.get("vnics", ())
        }
        repairs = tuple(f"{r['at']}  {r['what']}" for r in told.get("repairs", ()))
        trouble = str(told.get("trouble") or "")
    except (DiskError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not ways.keys() & {each.vnic_id for each in vnics(npn)}:
        return None
    return Told(ways=ways, own=Own(trouble=trouble, repairs=repairs))


def _way(link: str, slot: int) -> Way:
    number = vnic.table(slot)
    mark = f"fwmark {vnic.mark(slot):#x}/{vnic.MARK_MASK:#x}"
    return Way(
        link=link,
        table=str(number),
        rule=f"{vnic.RULE_PRIORITY}: from all {mark} lookup {number}",
    )
