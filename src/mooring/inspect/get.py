"""`mooring get`: looks, chooses, prints; with a watch, again whenever something changed."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from mooring.core.npn.shown.entry import Entry, Kind, Source, Wish, chosen, missing
from mooring.core.npn.shown.kinds import table
from mooring.core.npn.shown.table import chosen as cells
from mooring.core.npn.shown.table import grid, widths
from mooring.core.npn.shown.things import EventSeen, NodeSeen, NpnSeen, PodSeen
from mooring.core.npn.shown.view import View

Shown = tuple[Kind, View]
DOCUMENTS = frozenset({"json", "yaml"})


class Unshown(Exception):  # noqa: N818 - says what came of it
    """What was asked for cannot be shown; the text names cause and next step."""


class Sights(Protocol):
    """Where what is shown comes from: an API server, or a directory of objects."""

    @property
    def knows(self) -> frozenset[Source]:
        """Name what there is at all; to ask for the rest is refused."""

    def npns(self) -> Sequence[NpnSeen]:
        """Give all objects; raise Unshown."""

    def nodes(self) -> Sequence[NodeSeen]:
        """Give all nodes; raise Unshown."""

    def pods(self) -> Sequence[PodSeen]:
        """Give all pods; raise Unshown."""

    def events(self, names: frozenset[str]) -> Sequence[EventSeen]:
        """Give the events about things of these names; raise Unshown."""

    def wait(self) -> None:
        """Return when something may have changed of what was given; raise Unshown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How it is to be shown."""

    output: str = "table"
    head: bool = True
    namespaces: bool = False


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

    def watch(self, kind: Kind, wish: Wish, form: Form) -> Iterator[Sequence[str]]:
        """Give the lines of what is there, then of what came, changed or went."""
        before: dict[str, Entry] = {}
        while True:
            view = self.look(frozenset({kind.needs}), kind.helps)
            now = {e.key: e for e in chosen(kind.entries(view), wish)}
            came = [e for key, e in now.items() if not _same(before.get(key), e)]
            went = [e for key, e in before.items() if key not in now]
            if came or went:
                yield list(self._each((kind, view), [*came, *went], form))
                form = replace(form, head=False)
            before = now
            self._sights.wait()

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
