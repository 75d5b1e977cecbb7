"""One line of `mooring get`: what it is called, its cells, and its document for programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mooring.core.kube.selector import Selector
from mooring.core.npn.shown.table import Column
from mooring.core.npn.shown.view import Source, View

API_VERSION = "mooring/v1"
"""Of documents that are ours; a NativePodNetwork is shown as it is stored."""


EVERYTHING = Selector()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing of a kind. `also` are other names that mean it."""

    name: str
    namespace: str = ""
    also: frozenset[str] = frozenset()
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[str, ...]
    created: datetime | None
    item: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Tell it from the others of its kind."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of things: its columns without NAMESPACE and AGE, and how to find them in a view.

    Without what it `needs` it cannot be shown; without what `helps` some columns stay empty.
    """

    name: str
    aliases: tuple[str, ...]
    columns: Sequence[Column]
    entries: Callable[[View], Iterator[Entry]]
    needs: Source
    helps: frozenset[Source]
    namespaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which entries are wanted. `namespace` None means all of them."""

    names: tuple[str, ...] = ()
    selector: Selector = EVERYTHING
    node: str | None = None
    namespace: str | None = None


def chosen(entries: Iterable[Entry], wish: Wish) -> tuple[Entry, ...]:
    """Give the entries that are wanted: in the order of the names, else in their own."""
    fitting = [entry for entry in entries if _fits(entry, wish)]
    if not wish.names:
        return tuple(sorted(fitting, key=lambda e: (e.namespace, e.name)))
    found = (e for name in wish.names for e in fitting if name in {e.name, *e.also})
    return tuple({entry.key: entry for entry in found}.values())


def missing(entries: Sequence[Entry], wish: Wish) -> tuple[str, ...]:
    """Name those that were asked for by name and are not there."""
    known = {name for entry in entries for name in (entry.name, *entry.also)}
    return tuple(name for name in wish.names if name not in known)


def _fits(entry: Entry, wish: Wish) -> bool:
    return (
        wish.selector.met(entry.labels)
        and wish.node in {None, entry.node}
        and (not entry.namespace or wish.namespace in {None, entry.namespace})
    )
