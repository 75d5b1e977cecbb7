"""The kinds that can be shown, and the words that mean them."""

from collections.abc import Sequence

from mooring.core.cni.fields import nearest
from mooring.core.npn.shown import nodes, npns, pods, pools
from mooring.core.npn.shown.age import since
from mooring.core.npn.shown.entry import Entry, Kind
from mooring.core.npn.shown.table import Column
from mooring.core.npn.shown.view import Source, View

KINDS = (
    Kind(
        name="npn",
        aliases=(
            "npns",
            "nativepodnetwork",
            "nativepodnetworks",
            "nativepodnetworks.oci.oraclecloud.com",
        ),
        columns=npns.COLUMNS,
        entries=npns.entries,
        needs=Source.NPNS,
        helps=frozenset({Source.NODES}),
    ),
    Kind(
        name="pools",
        aliases=("pool",),
        columns=pools.COLUMNS,
        entries=pools.entries,
        needs=Source.NPNS,
        helps=frozenset({Source.NODES}),
    ),
    Kind(
        name="pods",
        aliases=("pod", "po"),
        columns=pods.COLUMNS,
        entries=pods.entries,
        needs=Source.PODS,
        helps=frozenset({Source.NPNS}),
        namespaced=True,
    ),
    Kind(
        name="nodes",
        aliases=("node", "no"),
        columns=nodes.COLUMNS,
        entries=nodes.entries,
        needs=Source.NODES,
        helps=frozenset({Source.NPNS, Source.PODS}),
    ),
)
WORDS = {word: kind for kind in KINDS for word in (kind.name, *kind.aliases)}


class UnknownKind(LookupError):
    """Nothing is called that; the text names what is."""


def kind(word: str) -> Kind:
    """Give the kind that a word means; raise UnknownKind."""
    found = WORDS.get(word.lower())
    if found is None:
        near = nearest(word, WORDS)
        meant = f"; did you mean {WORDS[near].name}?" if near else ""
        known = ", ".join(each.name for each in KINDS)
        raise UnknownKind(f"unknown kind {word!r}{meant} (kinds: {known})")
    return found


def table(
    of: Kind, view: View, entries: Sequence[Entry], *, namespaces: bool
) -> tuple[Sequence[Column], Sequence[Sequence[str]]]:
    """Give columns and cells, with NAMESPACE where it is wanted and AGE where kubectl has it."""
    front = [Column("NAMESPACE")] if namespaces else []
    usual = [c for c in of.columns if not c.wide]
    wide = [c for c in of.columns if c.wide]
    rows = [
        (
            *((entry.namespace,) if namespaces else ()),
            *entry.cells[: len(usual)],
            since(entry.created, view.now),
            *entry.cells[len(usual) :],
        )
        for entry in entries
    ]
    return (*front, *usual, Column("AGE"), *wide), rows
