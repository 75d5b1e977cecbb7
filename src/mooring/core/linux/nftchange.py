"""From one nft table to another: the script that carries only the difference.

Everything is one transaction: packets meet the table before it or the one after. What is
new comes first (sets, chains, their rules), then rules of chains that changed, then
elements, and at last what is no longer, so that nothing is ever in use when it goes.

Tables are large and changes small. Sets and chains that are the same object in both tables cost a
look-up of their name; only others are compared.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, NamedSet, SetPath, Table

Part = NamedSet | Chain
WEIGHTS = 1 << 96  # of a fingerprint: 24 hexadecimal digits


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes the one table (`old`) the other (`new`).

    `whole` when no transaction can change the one into the other: a set's type or a
    chain's hook differs. Else `rewritten` are the chains with other rules and `moved` the sets with
    other elements, each before and after.
    """

    old: Table
    new: Table
    added: Table
    removed: Table
    rewritten: tuple[tuple[Chain, Chain], ...]
    moved: tuple[tuple[NamedSet, NamedSet], ...]

    @property
    def whole(self) -> bool:
        """Tell whether the table has to be replaced."""
        return any(a.hook != b.hook for a, b in self.rewritten) or any(
            _shape(a) != _shape(b) for a, b in self.moved
        )

    def script(self) -> str:
        """Write it as nft reads it; "" when there is none."""
        return nft.replace(self.new) if self.whole else "".join(self._lines())

    def fingerprint_after(self, before: int) -> int:
        """Give the new table's fingerprint, given the old one's."""
        new, old = self.added, self.removed
        came: list[Part] = [*new.sets, *new.chains]
        went: list[Part] = [*old.sets, *old.chains]
        came += [*(chain for _, chain in self.rewritten), *(a for _, a in self.moved)]
        went += [*(chain for chain, _ in self.rewritten), *(a for a, _ in self.moved)]
        return (before + _weight(came) - _weight(went)) % WEIGHTS

    def _lines(self) -> Iterator[str]:
        if self.added.sets or self.added.chains:
            yield nft.render(self.added)
        for _, chain in self.rewritten:
            yield from _rewritten(self.new, chain)
        for old, new in self.moved:
            yield from _moved(_path(self.new, new.name), old, new)
        yield from _gone(self.removed)


def difference(before: Table, after: Table) -> Difference:
    """Compare two tables of one family and name."""
    sets = {each.name: each for each in before.sets}
    chains = {each.name: each for each in before.chains}
    added_sets, moved = [], []
    for a_set in after.sets:
        old_set = sets.pop(a_set.name, None)
        if old_set is None:
            added_sets.append(a_set)
        elif old_set is not a_set and old_set != a_set:
            moved.append((old_set, a_set))
    added_chains, rewritten = [], []
    for chain in after.chains:
        old_chain = chains.pop(chain.name, None)
        if old_chain is None:
            added_chains.append(chain)
        elif old_chain is not chain and old_chain != chain:
            rewritten.append((old_chain, chain))
    return Difference(
        before,
        after,
        added=replace(after, sets=tuple(added_sets), chains=tuple(added_chains)),
        removed=replace(before, sets=tuple(sets.values()), chains=(*chains.values(),)),
        rewritten=tuple(rewritten),
        moved=tuple(moved),
    )


def change(before: Table, after: Table) -> str:
    """Give the script that makes the one table the other; "" when they are equal."""
    return difference(before, after).script()


def fingerprint(table: Table) -> int:
    """Give a number that tells tables apart: whatever their order, by all that is in them.

    It is a sum over the parts, so that a changed part changes it by a difference.
    """
    return _weight((*table.sets, *table.chains))


def _weight(parts: Iterable[Part]) -> int:
    return sum(_weight_of(each) for each in parts) % WEIGHTS


def _weight_of(part: Part) -> int:
    if isinstance(part, NamedSet):
        part = replace(part, elements=tuple(sorted(part.elements)))
    raw = hashlib.sha256(nft.part(part).encode()).digest()
    return int.from_bytes(raw) % WEIGHTS


def _shape(each: NamedSet) -> NamedSet:
    return replace(each, elements=())


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
