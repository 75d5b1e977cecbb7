"""`mooring get`: looks, chooses, prints; with a watch, again whenever something changed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from mooring.core.npn.shown.entry import Entry, Kind, Wish, chosen, missing
from mooring.core.npn.shown.kinds import table
from mooring.core.npn.shown.table import chosen as cells
from mooring.core.npn.shown.table import grid, widths
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen
from mooring.core.npn.shown.view import Source, View

Shown = tuple[Kind, View]
DOCUMENTS = frozenset({"json", "yaml"})
ALL: frozenset[str] = frozenset()


class Unshown(Exception):
    """What was asked for cannot be shown; the text names cause and next step."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Why what is shown may no longer be so; `final` when waiting longer does not help."""

    why: str
    final: bool = False


class Sights(Protocol):
    """Where what is shown comes from: an API server, or a directory of objects."""

    @property
    def knows(self) -> frozenset[Source]:
        """Name what there is at all; to ask for the rest is refused."""

    def npns(self, of: frozenset[str] = ALL) -> Sequence[NpnSeen]:
        """Give all objects, or those that one of these names means; raise Unshown."""

    def nodes(self) -> Sequence[NodeSeen]:
        """Give all nodes; raise Unshown."""

    def pods(self, node: str = "") -> Sequence[PodSeen]:
        """Give all pods, or a node's; raise Unshown."""

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:
        """Give the events about things of these names; raise Unshown."""

    def wait(self) -> Mapping[Source, Stale]:
        """Return when something of what was given may have changed, or cannot be followed.

        Of what cannot be followed it says why, as long as that is so; raise Unshown.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How it is to be shown."""

    output: str = "table"
    head: bool = True
    namespaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a watch has to say: lines, names that are not there, what cannot be followed."""

    lines: Sequence[str] = ()
    missing: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Teller:
    """Shows things of one kind."""

    def __init__(
        self,
        sights: Sights,
        now: Callable[[], datetime],
        write: Callable[[object], str],
    ) -> None:
        self._sights = sights
        self._now = now
        self._yaml = write
        self.blind: dict[Source, str] = {}
        self._widths: Sequence[int] = ()
        self._stale: frozenset[Source] = frozenset()

    def look(self, needs: frozenset[Source], helps: frozenset[Source]) -> View:
        """Read what is needed, and what helps as far as it can be had; raise Unshown.

        `blind` says of what helps why it could not be had.
        """
        sights = self._sights
        read: Mapping[Source, Callable[[], Sequence[Any]]] = {
            Source.NPNS: sights.npns,
            Source.NODES: sights.nodes,
            Source.PODS: sights.pods,
        }
        found: dict[Source, Sequence[Any]] = {each: read[each]() for each in needs}
        self.blind = {}
        for each in sorted(helps & sights.knows, key=lambda s: s.value):
            try:
                found[each] = read[each]()
            except Unshown as why:
                self.blind[each] = str(why)
        return View(
            now=self._now(),
            has=sights.knows,
            unknown=frozenset(self.blind),
            npns=tuple(found.get(Source.NPNS, ())),
            nodes=tuple(found.get(Source.NODES, ())),
            pods=tuple(found.get(Source.PODS, ())),
        )

    def get(
        self, kind: Kind, wish: Wish, form: Form
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Give the lines to print, and the names that were asked for and are not there."""
        view = self.look(frozenset({kind.needs}), kind.helps)
        entries = chosen(kind.entries(view), wish)
        lines = self._lines((kind, view), entries, form, single=len(wish.names) == 1)
        return list(lines), missing(entries, wish)

    def watch(self, kind: Kind, wish: Wish, form: Form) -> Iterator[Turn]:
        """Give the lines of what is there, then of what came, changed or went; raise Unshown.

        Only the first turn says which names are missing, and it comes in any case.
        """
        before: dict[str, Entry] | None = None
        while True:
            view = self.look(frozenset({kind.needs}), kind.helps)
            entries = chosen(kind.entries(view), wish)
            now = {e.key: e for e in entries}
            known = before or {}
            came = [e for key, e in now.items() if not _same(known.get(key), e)]
            went = [e for key, e in known.items() if key not in now]
            lines = list(self._each((kind, view), [*came, *went], form))
            if before is None:
                blind = tuple(self.blind.values())
                gone = missing(entries, wish)
                yield Turn(lines=lines, missing=gone, warnings=blind)
            elif lines:
                yield Turn(lines=lines)
            form = replace(form, head=form.head and not lines)
            before = now
            yield from self._waited(kind)

    def _waited(self, kind: Kind) -> Iterator[Turn]:
        """Wait; say once of each what cannot be followed now, unless that ends the watch."""
        stale = self._sights.wait()
        needed = stale.get(kind.needs)
        if needed and needed.final:
            raise Unshown(needed.why)
        news = [each.why for s, each in stale.items() if s not in self._stale]
        self._stale = frozenset(stale)
        if news:
            yield Turn(warnings=news)

    def _lines(
        self, of: Shown, entries: Sequence[Entry], form: Form, *, single: bool
    ) -> Iterator[str]:
        if form.output not in DOCUMENTS:
            yield from self._table(of, entries, form)
        elif single and not entries[1:]:  # a name may be in several namespaces
            yield from (self._document(entry.item, form.output) for entry in entries)
        else:
            items = [entry.item for entry in entries]
            whole = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}
            yield self._document(whole, form.output)

    def _each(self, of: Shown, entries: Sequence[Entry], form: Form) -> Iterator[str]:
        """Give documents one by one, as a watch prints them."""
        if form.output not in DOCUMENTS:
            yield from self._table(of, entries, form)
            return
        for entry in entries:
            if form.output == "yaml":
                yield "---"
            yield self._document(entry.item, form.output)

    def _table(self, of: Shown, entries: Sequence[Entry], form: Form) -> Sequence[str]:
        if not entries:
            return ()
        heads, rows = table(*of, entries, namespaces=form.namespaces)
        shown = cells(heads, rows, wide=form.output == "wide", head=form.head)
        self._widths = widths(shown, self._widths)
        return grid(shown, self._widths)

    def _document(self, document: object, output: str) -> str:
        if output == "json":
            return json.dumps(document, indent=4, ensure_ascii=False)
        return self._yaml(document).rstrip("\n")


def _same(before: Entry | None, now: Entry) -> bool:
    """Tell whether a line says what it said; its age is not said again."""
    return before is not None and (before.cells, before.item) == (now.cells, now.item)
