"""One pass over the kernel: what the fabric should be, what there is, only the difference.

After a start everything is looked at. A router's table that a former life made, and that
nobody has touched since, is left alone; any other is replaced in one transaction. After
that only what differs between two wanted fabrics is touched: no other namespace is so much as
opened, until a look finds that somebody changed something behind our back.

Most looks find nothing. `finds` is such a look, beside passes and without a hand on anything; only
what it finds needs a pass that looks.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from errno import EEXIST

from mooring.core.linux.plan import Neighbour, Plan, Route, Veth
from mooring.core.linux.port import Kernel, KernelError, Namespaces, Nft, NftError
from mooring.core.linux.seen import Link, Seen
from mooring.core.vcn.packets.fabric import Fabric
from mooring.core.vcn.packets.names import is_made_here, is_space_of
from mooring.core.vcn.packets.upkeep import Chores, alike, changes, chores
from mooring.localvcn.opened import Spaces, opened
from mooring.localvcn.tables import Tables

log = logging.getLogger(__name__)

# The group of the routers' ends whose births were carried out: "born".
BORN = 0x626F726E

Births = Mapping[str, Plan]


class FabricError(Exception):
    """Something of the fabric could not be made; the rest was."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a fabric is made with."""

    kernel: Kernel
    nft: Nft
    namespaces: Namespaces


class Weaver:
    """Makes the kernel agree with a wanted fabric. For one thread at a time, but for `finds`."""

    def __init__(self, name: str, tools: Tools) -> None:
        self._name = name
        self._kernel = tools.kernel
        self._namespaces = tools.namespaces
        self._rules = Tables(tools.nft)
        self._inodes: dict[str, int] = {}
        self._facts: dict[str, Plan] = {}
        self._calm: dict[str, tuple[Plan, Seen]] = {}
        # The namespaces of the last pass, if all went well: there, and none of ours beside them.
        self._spaces: tuple[str, ...] = ()

    def weave(self, fabric: Fabric, *, look: bool) -> None:
        """Carry out the difference; `look` at everything, or only at what changed.

        Raises FabricError when something could not be made, after all else was.
        """
        known = fabric.spaces == self._spaces and not look
        self._spaces = ()
        try:
            faults = self._touch(fabric) if known else self._whole(fabric, look=look)
        except _StrangeError as strange:
            log.warning("namespace gone or new name=%s", strange)
            faults = self._whole(fabric, look=False)
        if faults:
            raise FabricError("; ".join(faults))
        self._spaces = fabric.spaces

    def finds(self, fabric: Fabric) -> bool:
        """Look at everything and tell whether anything is not as it should be.

        Passes may go on meanwhile: then the answer may be yes for nothing.
        """
        shown = self._namespaces.names()
        ours = {space for space in shown if is_space_of(self._name, space)}
        if ours != set(fabric.spaces):
            return True
        try:
            with self._opened(fabric) as spaces:
                return any(self._found(fabric, spaces))
        except (KernelError, NftError, OSError) as error:
            log.info("look not ended why=%s", error)
            return True

    def remove(self) -> list[str]:
        """Take away everything that carries the fabric's name; give the namespaces."""
        return self._end_spaces(set())

    # -- passes

    def _whole(self, fabric: Fabric, *, look: bool) -> list[str]:
        fresh = self._make_spaces(fabric)
        with self._opened(fabric) as spaces:
            self._recognise(fabric, spaces)
            self._unplug(fabric, spaces, fresh)
            faults = [
                # The rules come first: some settings exist with connection tracking only.
                *self._tables(fabric, spaces, look=look),
                *self._settle(fabric, spaces, look=look),
                *self._cables(fabric, spaces, look=look),
            ]
        self._end_spaces(set(fabric.spaces))
        return faults

    def _touch(self, fabric: Fabric) -> list[str]:
        """Make what changed in namespaces that are all there; _StrangeError when they are not."""
        with self._opened(fabric) as spaces:
            for space in self._changed(fabric):
                try:
                    inode = self._namespaces.inode(spaces[space])
                except OSError as error:
                    raise _StrangeError(space) from error
                if self._inodes.get(space) != inode:
                    raise _StrangeError(space)
            return [
                *self._tables(fabric, spaces, look=False),
                *self._cables(fabric, spaces, look=False),
            ]

    def _changed(self, fabric: Fabric) -> Iterator[str]:
        for space, table in fabric.tables.items():
            if not self._rules.is_known(space, table):
                yield space
        for space, facts in fabric.facts.items():
            if self._facts.get(space) != facts:
                yield space

    def _found(self, fabric: Fabric, spaces: Spaces) -> Iterator[bool]:
        for space, settings in fabric.settings.items():
            inode = self._namespaces.inode(spaces[space])
            yield self._inodes.get(space) != inode
            self._kernel.carry_out(settings, spaces)
        for space, table in fabric.tables.items():
            yield not self._rules.stands(space, spaces[space], table)
        for space, facts in fabric.facts.items():
            births = fabric.births.get(space, {})
            yield self._is_stray(space, spaces[space], facts, births)

    def _is_stray(self, space: str, fd: int, facts: Plan, births: Births) -> bool:
        """Tell whether a namespace shows anything else; what was right before is compared quickly."""
        calm, last = self._calm.get(space, ((), None))
        seen = self._kernel.look(space, fd, last)
        if any(
            port in seen.links and seen.links[port].group != BORN for port in births
        ):
            return True
        if calm == facts and last is not None and alike(seen, last):
            return False
        if self._facts.get(space) != facts or chores(facts, seen) != Chores():
            return True
        self._calm[space] = facts, seen
        return False

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
        with opened(self._namespaces, doomed) as spaces:
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
        self._calm.pop(space, None)
        self._rules.forget(space)

    def _opened(self, fabric: Fabric) -> AbstractContextManager[Spaces]:
        return opened(self._namespaces, fabric.spaces)

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

    def _tables(self, fabric: Fabric, spaces: Spaces, *, look: bool) -> Iterator[str]:
        for space, table in fabric.tables.items():
            if self._rules.is_known(space, table) and not look:
                continue
            try:
                self._rules.keep(space, spaces[space], table)
            except NftError as error:
                yield f"{space}: {error}"

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
            births = fabric.births.get(space, {})
            known = not look and self._follow(space, facts, births, spaces)
            faults = [] if known else self._cable(space, facts, births, spaces)
            if not faults:
                self._facts[space] = facts
            yield from faults

    def _follow(self, space: str, facts: Plan, births: Births, spaces: Spaces) -> bool:
        """Carry out what changed since the last pass; False where that takes a look."""
        last = self._facts.pop(space, None)
        todo = None if last is None else changes(space, last, facts)
        if todo is None:
            return False
        try:
            faults = self._do(space, todo, spaces)
            if any(isinstance(fact, Veth) for fact in todo.make):
                faults += self._bear(spaces[space], births, spaces)
        except KernelError as error:
            faults = [str(error)]
        if faults:
            log.info("look needed space=%s why=%s", space, "; ".join(faults))
        return not faults

    def _cable(
        self, space: str, facts: Plan, births: Births, spaces: Spaces
    ) -> list[str]:
        """Compare with what is there, and make it so."""
        try:
            todo = chores(facts, self._kernel.look(space, spaces[space]))
            faults = self._do(space, todo, spaces)
            if todo.remove:
                # With a link's last address the kernel takes its routes and neighbours as well.
                todo = chores(facts, self._kernel.look(space, spaces[space]))
                faults += self._do(space, replace(todo, remove=()), spaces)
            return faults + self._bear(spaces[space], births, spaces)
        except KernelError as error:
            return [f"{space}: {error}"]

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

    def _bear(self, fd: int, births: Births, spaces: Spaces) -> list[str]:
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


class _StrangeError(Exception):
    """A namespace is not the one of the last pass."""
