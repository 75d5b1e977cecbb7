"""From one nft table to another: the script that carries only the difference.

Everything is one transaction: packets meet the table before it or the one after. What is
new comes first (sets, chains, their rules), then rules of chains that changed, then
elements, and at last what is no longer, so that nothing is ever in use when it goes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, NamedSet, SetPath, Table


def change(before: Table, after: Table) -> str:
    """Give the script that makes the one table the other; "" when they are equal.

    Both have one family and name. Where a set's type or a chain's hook differs, which no
    transaction can change, the whole table is replaced.
    """
    if before == after:
        return ""
    old, new = _Contents(before), _Contents(after)
    if not old.can_become(new):
        return nft.replace(after)
    return "".join(_difference(old, new))


class _Contents:
    """A table's sets and chains by name."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.sets = {each.name: each for each in table.sets}
        self.chains = {each.name: each for each in table.chains}

    def can_become(self, other: "_Contents") -> bool:
        shared_sets = self.sets.keys() & other.sets.keys()
        shared_chains = self.chains.keys() & other.chains.keys()
        return all(
            _shape(self.sets[name]) == _shape(other.sets[name]) for name in shared_sets
        ) and all(
            self.chains[name].hook == other.chains[name].hook for name in shared_chains
        )

    def less(self, other: "_Contents") -> Table:
        """Give what the other table does not have."""
        return replace(
            self.table,
            sets=tuple(s for s in self.table.sets if s.name not in other.sets),
            chains=tuple(c for c in self.table.chains if c.name not in other.chains),
        )


def _shape(each: NamedSet) -> NamedSet:
    return replace(each, elements=())


def _difference(old: _Contents, new: _Contents) -> Iterator[str]:
    added, removed = new.less(old), old.less(new)
    if added.sets or added.chains:
        yield nft.render(added)
    for name, chain in new.chains.items():
        if name in old.chains and old.chains[name] != chain:
            yield from _rewritten(new.table, chain)
    for name, each in new.sets.items():
        if name in old.sets and old.sets[name] != each:
            yield from _moved(_path(new.table, name), old.sets[name], each)
    yield from _gone(removed)


def _rewritten(table: Table, chain: Chain) -> Iterator[str]:
    place = _place(table, chain.name)
    yield f"flush chain {place}\n"
    for rule in chain.rules:
        yield f"add rule {place} {rule}\n"


def _moved(path: SetPath, old: NamedSet, new: NamedSet) -> Iterator[str]:
    before, after = set(old.elements), set(new.elements)
    yield nft.delete_elements(path, _only(old.elements, after))
    yield nft.add_elements(path, _only(new.elements, before))


def _only(elements: Iterable[str], others: set[str]) -> tuple[str, ...]:
    return tuple(each for each in elements if each not in others)


def _gone(removed: Table) -> Iterator[str]:
    for chain in removed.chains:
        yield f"flush chain {_place(removed, chain.name)}\n"
    for each in removed.sets:
        kind = "set" if each.value is None else "map"
        yield f"delete {kind} {_place(removed, each.name)}\n"
    for chain in removed.chains:
        yield f"delete chain {_place(removed, chain.name)}\n"


def _path(table: Table, name: str) -> SetPath:
    return SetPath(table.family, table.name, name)


def _place(table: Table, name: str) -> str:
    return f"{table.family} {table.name} {nft.identifier(name)}"
