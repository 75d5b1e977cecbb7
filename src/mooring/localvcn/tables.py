"""The routers' nft tables: each made by the difference to what is known to stand there.

Every transaction in a namespace has the next number: one that is not ours may have changed
anything. Each of ours leaves, beside the table, the table's fingerprint and its own number, so that
a later life recognises it.

Replacing is for when it must be: tracked flows do not notice, but a packet that is being
judged at that very moment may look into a set that is no longer, and is dropped.
"""

import logging
from dataclasses import dataclass

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Table
from mooring.core.linux.nftchange import Difference, difference, fingerprint
from mooring.core.linux.port import HeldNft, Nft, NftError
from mooring.core.vcn.packets.fabric_nft import FAMILY

log = logging.getLogger(__name__)

# The table in which each transaction leaves what it made, and its own number.
MEMO = "mooring_memo"
# Of so many namespaces nft is kept open: those that were changed last.
HELD = 8


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table that we made, and the number of the transaction that did."""

    table: Table
    fingerprint: int
    generation: int

    @property
    def memo(self) -> str:
        """Name the chain that says so."""
        return f"made_{self.fingerprint:024x}_{self.generation}"


class Tables:
    """What stands in each router's namespace. Changes are for one thread at a time."""

    def __init__(self, nft: Nft) -> None:
        self._nft = nft
        self._kept: dict[str, _Kept] = {}
        self._held: dict[str, HeldNft] = {}

    def is_known(self, space: str, table: Table) -> bool:
        """Tell whether the table is the one that was made last."""
        kept = self._kept.get(space)
        return kept is not None and kept.table == table

    def stands(self, space: str, fd: int, table: Table) -> bool:
        """Tell whether it was made last, and nobody has done anything there since."""
        kept = self._kept.get(space)
        if kept is None or kept.table != table:
            return False
        return kept.generation == self._generation(space, fd)

    def keep(self, space: str, fd: int, table: Table) -> None:
        """Make the table stand; raises NftError."""
        try:
            self._keep(space, fd, table)
        except NftError:
            self.forget(space)
            raise

    def forget(self, space: str) -> None:
        """Know nothing of a namespace, and let it go."""
        self._kept.pop(space, None)
        if held := self._held.pop(space, None):
            held.close()

    def _keep(self, space: str, fd: int, table: Table) -> None:
        found = self._generation(space, fd)
        kept = self._kept.get(space) or self._recalled(table, found, fd)
        if kept is not None and kept.generation != found:
            log.warning("rules changed by others space=%s", space)
            kept = None
        made: _Kept | None
        if kept is None:
            made = _Kept(table, fingerprint(table), _next(found))
            self._hold(space, fd).run(_whole(made))
        else:
            made = self._changed(space, fd, kept, difference(kept.table, table))
        if made.generation != self._generation(space, fd):
            # Somebody came between: the next look replaces.
            self._kept.pop(space, None)
        else:
            self._kept[space] = made

    def _changed(self, space: str, fd: int, kept: _Kept, what: Difference) -> _Kept:
        script, number = what.script(), what.fingerprint_after(kept.fingerprint)
        if not script:
            return _Kept(what.new, number, kept.generation)
        made = _Kept(what.new, number, _next(kept.generation))
        held = self._hold(space, fd)
        try:
            held.run(script + _renamed(kept, made))
        except NftError as error:
            log.warning("rules replaced whole why=%s", error)
            held.run(_whole(made))
        return made

    def _generation(self, space: str, fd: int) -> int:
        held = self._held.get(space)
        return self._nft.generation(fd) if held is None else held.generation()

    def _hold(self, space: str, fd: int) -> HeldNft:
        """Give what is kept open there, the last of all that will be closed."""
        held = self._held.pop(space, None) or self._nft.hold(fd)
        self._held[space] = held
        if len(self._held) > HELD:
            self._held.pop(next(iter(self._held))).close()
        return held

    def _recalled(self, table: Table, found: int, fd: int) -> _Kept | None:
        """Recognise a former life's table, if nothing happened in the namespace since."""
        listing = self._nft.listing(FAMILY, MEMO, fd)
        kept = _Kept(table, fingerprint(table), found) if listing else None
        return kept if kept is not None and kept.memo in listing else None


def _whole(made: _Kept) -> str:
    memo = Table(FAMILY, MEMO, (), (Chain(made.memo, ()),))
    return nft.replace(made.table) + nft.replace(memo)


def _renamed(old: _Kept, new: _Kept) -> str:
    place = f"chain {FAMILY} {MEMO}"
    return f"add {place} {new.memo}\ndelete {place} {old.memo}\n"


def _next(generation: int) -> int:
    return generation % 0xFFFFFFFF + 1
