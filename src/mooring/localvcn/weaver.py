"""One pass over the kernel: what the fabric should be, what there is, only the difference.

After a start everything is looked at. A router's table that a former life made, and that
nobody has touched since, is left alone; any other is replaced in one transaction. After
that only what differs between two wanted fabrics is touched, so that a changed rule costs
one nft transaction, until the next look finds that somebody changed something behind our
back.

Replacing is for when it must be: tracked flows do not notice, but a packet that is being
judged at that very moment may look into a set that is no longer, and is dropped.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import EEXIST

from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Table
from mooring.core.linux.nftchange import change
from mooring.core.linux.plan import Neighbour, Plan, Route, Veth
from mooring.core.linux.port import Kernel, KernelError, Namespaces, Nft, NftError
from mooring.core.linux.seen import Link
from mooring.core.vcn.packets.fabric import Fabric
from mooring.core.vcn.packets.fabric_nft import FAMILY
from mooring.core.vcn.packets.names import is_made_here, is_space_of
from mooring.core.vcn.packets.upkeep import Chores, chores

log = logging.getLogger(__name__)

# The group of the routers' ends whose births were carried out: "born".
BORN = 0x626F726E

# The table in which each transaction leaves what it made, and its own number.
MEMO = "mooring_memo"

Spaces = Mapping[str, int]


class FabricError(Exception):
    """Something of the fabric could not be made; the rest was."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a fabric is made with."""

    kernel: Kernel
    nft: Nft
    namespaces: Namespaces


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table that we made, and the number of the transaction that did."""

    table: Table
    generation: int


class Weaver:
    """Makes the kernel agree with a wanted fabric. For one thread at a time."""

    def __init__(self, name: str, tools: Tools) -> None:
        self._name = name
        self._kernel = tools.kernel
        self._nft = tools.nft
        self._namespaces = tools.namespaces
        self._inodes: dict[str, int] = {}
        self._facts: dict[str, Plan] = {}
        self._tables: dict[str, _Kept] = {}

    def weave(self, fabric: Fabric, *, look: bool) -> None:
        """Carry out the difference; `look` at everything, or only at what changed.

        Raises FabricError when something could not be made, after all else was.
        """
        fresh = self._make_spaces(fabric)
        with self._opened(fabric.spaces) as spaces:
            self._recognise(fabric, spaces)
            self._unplug(fabric, spaces, fresh)
            faults = [
                # The rules come first: some settings exist with connection tracking only.
                *self._rules(fabric, spaces, look=look),
                *self._settle(fabric, spaces, look=look),
                *self._cables(fabric, spaces, look=look),
            ]
        self._end_spaces(set(fabric.spaces))
        if faults:
            raise FabricError("; ".join(faults))

    def remove(self) -> list[str]:
        """Take away everything that carries the fabric's name; give the namespaces."""
        return self._end_spaces(set())

    # -- namespaces

    def _make_spaces(self, fabric: Fabric) -> set[str]:
        missing = set(fabric.spaces) - set(self._namespaces.names())
        for space in sorted(missing):
            self._namespaces.create(space)
            log.info("space made name=%s", space)
        return missing

    def _end_spaces(self, wanted: set[str]) -> list[str]:
        """End the fabric's namespaces that nobody wants; give their names."""
        doomed = [
            space
            for space in self._namespaces.names()
            if is_space_of(self._name, space) and space not in wanted
        ]
        with self._opened(doomed) as spaces:
            # A namespace lives as long as a process in it; its links go now.
            for fd in spaces.values():
                links = self._kernel.links(fd)
                self._kernel.delete_links(fd, filter(is_made_here, links))
        for space in doomed:
            self._namespaces.delete(space)
            self._forget(space)
            log.info("space ended name=%s", space)
        return doomed

    def _forget(self, space: str) -> None:
        self._inodes.pop(space, None)
        self._facts.pop(space, None)
        self._tables.pop(space, None)

    @contextmanager
    def _opened(self, names: Iterable[str]) -> Iterator[Spaces]:
        fds: dict[str, int] = {}
        try:
            for name in names:
                fds[name] = self._namespaces.open_fd(name)
            yield fds
        finally:
            for fd in fds.values():
                self._namespaces.close(fd)

    def _recognise(self, fabric: Fabric, spaces: Spaces) -> None:
        """Forget what we know of namespaces that are not the ones of the last pass."""
        for space in fabric.settings:
            inode = self._namespaces.inode(spaces[space])
            if self._inodes.get(space) != inode:
                self._forget(space)
                self._inodes[space] = inode

    def _settle(self, fabric: Fabric, spaces: Spaces, *, look: bool) -> Iterator[str]:
        for space, settings in fabric.settings.items():
            # Facts are unknown until they were carried out once in this namespace.
            if look or space not in self._facts:
                yield from self._carry_out(settings, spaces)

    # -- rules

    def _rules(self, fabric: Fabric, spaces: Spaces, *, look: bool) -> Iterator[str]:
        for space, table in fabric.tables.items():
            kept = self._tables.get(space)
            if kept is not None and kept.table == table and not look:
                continue
            try:
                self._keep(space, spaces[space], table)
            except NftError as error:
                self._tables.pop(space, None)
                yield f"{space}: {error}"

    def _keep(self, space: str, fd: int, table: Table) -> None:
        """Make the table stand, by the difference to the one that we know stands there.

        Every transaction of the namespace has the next number: one that is not ours may have
        changed anything.
        """
        found = self._nft.generation(fd)
        kept = self._tables.get(space) or self._recalled(table, found, fd)
        if kept is not None and kept.generation != found:
            log.warning("rules changed by others space=%s", space)
            kept = None
        if kept is None:
            self._nft.run(nft.replace(table) + _memo(table, _next(found)), fd)
        elif script := change(kept.table, table):
            self._change(script, table, _memo(table, _next(found)), fd)
        else:
            self._tables[space] = kept
            return
        generation = self._nft.generation(fd)
        if generation == _next(found):
            self._tables[space] = _Kept(table, generation)
        else:
            self._tables.pop(
                space, None
            )  # somebody came between: the next look replaces

    def _change(self, script: str, after: Table, memo: str, fd: int) -> None:
        try:
            self._nft.run(script + memo, fd)
        except NftError as error:
            log.warning("rules replaced whole why=%s", error)
            self._nft.run(nft.replace(after) + memo, fd)

    def _recalled(self, table: Table, found: int, fd: int) -> _Kept | None:
        """Recognise a former life's table, if nothing happened in the namespace since."""
        listing = self._nft.listing(FAMILY, MEMO, fd)
        same = _memo_name(table, found) in listing
        return _Kept(table, found) if same else None

    # -- links, addresses, routes

    def _unplug(self, fabric: Fabric, spaces: Spaces, fresh: set[str]) -> None:
        """Cut links to namespaces that lost their name: such a one lives on with its processes."""
        if not fresh:
            return
        pairs = [v for f in fabric.facts.values() for v in f if isinstance(v, Veth)]
        ends = [(p.near, p.far) for p in pairs] + [(p.far, p.near) for p in pairs]
        for end, twin in ends:
            if twin.space in fresh and end.space not in fresh:
                self._kernel.delete_links(spaces[end.space], [end.name])
                self._facts.pop(end.space, None)

    def _cables(self, fabric: Fabric, spaces: Spaces, *, look: bool) -> Iterator[str]:
        for space, facts in fabric.facts.items():
            if self._facts.get(space) == facts and not look:
                continue
            try:
                faults = self._cable(space, facts, spaces)
                births = fabric.births.get(space, {})
                faults += self._bear(spaces[space], births, spaces)
            except KernelError as error:
                faults = [f"{space}: {error}"]
            if not faults:
                self._facts[space] = facts
            yield from faults

    def _cable(self, space: str, facts: Plan, spaces: Spaces) -> list[str]:
        todo = chores(facts, self._kernel.look(space, spaces[space]))
        faults = self._do(space, todo, spaces)
        if todo.remove:
            # With a link's last address the kernel takes its routes and neighbours as well.
            todo = chores(facts, self._kernel.look(space, spaces[space]))
            faults += self._do(space, replace(todo, remove=()), spaces)
        return faults

    def _do(self, space: str, todo: Chores, spaces: Spaces) -> list[str]:
        if todo.unplug:
            self._kernel.delete_links(spaces[space], todo.unplug)
        faults = self._carry_out(todo.make, spaces)
        faults += map(str, self._kernel.take_back(todo.remove, spaces))
        count = len(todo.unplug), len(todo.make), len(todo.remove)
        if any(count):
            log.info("cables space=%s unplugged=%d made=%d removed=%d", space, *count)
        return faults

    def _carry_out(self, plan: Plan, spaces: Spaces) -> list[str]:
        """Make all facts; when one is refused, all others none the less."""
        if not plan:
            return []
        try:
            self._kernel.carry_out(plan, spaces)
        except KernelError:
            return list(self._one_by_one(plan, spaces))
        return []

    def _one_by_one(self, plan: Plan, spaces: Spaces) -> Iterator[str]:
        barred: set[str] = set()
        for fact in plan:
            if isinstance(fact, Route | Neighbour) and fact.link in barred:
                continue
            try:
                self._kernel.carry_out((fact,), spaces)
            except KernelError as error:
                if not isinstance(fact, Veth) or error.errno != EEXIST:
                    yield str(error)
                    continue
                # The guest has a link of the interface's name: its own harm, no one else's.
                far = fact.far
                log.warning(
                    "nic barred by its guest space=%s nic=%s", far.space, far.name
                )
                barred.add(fact.near.name)

    def _bear(self, fd: int, births: Mapping[str, Plan], spaces: Spaces) -> list[str]:
        """Do what is done once for a new port; its group says that it was."""
        links: Mapping[str, Link] = self._kernel.links(fd) if births else {}
        faults: list[str] = []
        for port, plan in births.items():
            if port not in links or links[port].group == BORN:
                continue
            refused = self._carry_out(plan, spaces)
            if not refused:
                self._kernel.set_group(fd, port, BORN)
            faults += refused
        return faults


def _memo(table: Table, generation: int) -> str:
    chain = Chain(_memo_name(table, generation), ())
    return nft.replace(Table(FAMILY, MEMO, (), (chain,)))


def _memo_name(table: Table, generation: int) -> str:
    raw = hashlib.sha256(nft.render(table).encode()).hexdigest()
    return f"made_{raw[:24]}_{generation}"


def _next(generation: int) -> int:
    return generation % 0xFFFFFFFF + 1
