"""The fast path of a node: its maps and programs follow pods, VNICs and tracking.

It only ever shortens a way that is open already. ADD lets a pod send (`agent.node`); some
seconds later, when the plugins behind ours have done their work, it is put in the maps. DEL
takes it out of the maps first, which cuts what would pass by the normal way's checks. What
fails here costs speed, not packets, and is tried again with the next look.

While somebody judges packets who would not be asked (IPsec), or what must not be carried cannot
be said, nothing is carried.
"""

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from enum import StrEnum

from mooring.agent.host import Host, Say
from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.linux.bpf import filters
from mooring.core.linux.plan import HOST, Ip, Network
from mooring.core.linux.port import FastPath, FastPathError, KernelError
from mooring.core.linux.seen import Seen
from mooring.core.wiring import carrying
from mooring.core.wiring.carrying import FROM_POD, TO_POD, Cargo
from mooring.core.wiring.names import host_link
from mooring.core.wiring.node import Primary
from mooring.core.wiring.vnic import Uplink

GUARDS_PER_TURN = 16


class Wish(StrEnum):
    """Whether the fast path is wanted; AUTO: where the kernel has it."""

    OFF = "off"
    ON = "on"
    AUTO = "auto"


def opened(fast: FastPath, wish: Wish, say: Say) -> tuple[FastPath | None, str]:
    """Begin with the fast path if it is wanted and can be had; say for the status what it is.

    FastPathError when it must be had. What is not wanted any more is taken away.
    """
    if wish is Wish.OFF:
        try:
            count = fast.end()
        except FastPathError as why:
            say("fast-path-refused", why=why)
        else:
            if count:
                say("fast-path-removed", links=count)
        return None, "off"
    try:
        adopted = fast.begin()
    except FastPathError as why:
        if wish is Wish.ON:
            raise
        say("fast-path-absent", why=why, next="all packets take the normal way")
        return None, f"off: {why}"
    say("fast-path", programs="found" if adopted else "loaded")
    return fast, "on"


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be carried beside the pods' subnets, and how long after its ADD a pod is."""

    more: tuple[Network, ...] = ()
    after: float = 5.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be followed: `pods` that may send are leases and MTUs by host end.

    `held` are the addresses of all pods here, those that come or go as well.
    """

    primary: Primary
    uplinks: Sequence[Uplink]
    pods: Mapping[str, tuple[Lease, int]]
    held: frozenset[Ip]


class Carrier:
    """Keeps the fast path as the node stands. `state` is for the status file."""

    def __init__(self, host: Host, terms: Terms) -> None:
        self.state = "off" if host.fast_path is None else "on"
        self._host = host
        self._tracked = True
        self._terms = terms
        self._guarded: dict[str, int] = {}
        self._rounds: Iterator[str] = iter(())
        self._refusals: tuple[set[str], set[str]] = set(), set()
        self._ready = False
        self._withheld = ""
        self._spared: frozenset[Ip] = frozenset()

    def track(self, *, tracked: bool) -> None:
        """Say whether connections are tracked, ahead of the table that needs it."""
        self._tracked = tracked
        if self._host.fast_path is not None:
            self._try(self._choose, self._host.fast_path)

    def admit(self, lease: Lease, mtu: int) -> None:
        """Carry the packets of a pod that may send, if nobody has to be waited for.

        As long as it is not carried, what others here send to it must not leave by a VNIC.
        """
        fast = self._host.fast_path
        if fast is None or not self._ready:
            return
        if not self._try(self._spare, fast, lease):
            self._withhold(fast)
        elif self._terms.after == 0:
            self._try(self._admit, fast, lease, mtu)

    def cut(self, lease: Lease) -> None:
        """Carry nothing from or to a pod any more."""
        fast = self._host.fast_path
        if fast is None:
            return
        self._guarded.pop(host_link(lease.attachment), None)
        for table, key in carrying.keys(lease).items():
            self._try(fast.drop, table, [key])

    def keep(self, addresses: Iterable[Ip]) -> None:
        """Carry nothing of pods but these: the others may send no more in a moment."""
        fast = self._host.fast_path
        if fast is not None:
            self._try(self._keep, fast, {address.packed for address in addresses})

    def watch(self) -> bool:
        """Carry nothing from now on if somebody judges packets who is not asked; tell whether not."""
        fast = self._host.fast_path
        if fast is None:
            return False
        try:
            reason = fast.unasked()
        except FastPathError as why:
            reason = str(why)
        if reason != self._withheld:
            keys = {"withheld": reason} if reason else {"resumed": "yes"}
            self._host.say("fast-path", **keys)
        self._withheld = reason
        if reason:
            self.state = f"withheld: {reason}"
            self._withhold(fast)
        return not reason

    def turn(self, scene: Scene, seen: Seen) -> None:
        """Compare maps and programs with what should be."""
        fast = self._host.fast_path
        if fast is None or not self.watch():
            return
        # What was not refused in the last turn any more may be told again.
        self._refusals = self._refusals[1], set()
        here = {name: link.index for name, link in seen.links.items()}
        spared = scene.held | carrying.offered(scene.uplinks)
        own = spared | carrying.exact(scene.primary, seen)
        ground = carrying.together(
            carrying.ways(self._terms.more), carrying.ground(scene.uplinks, here, own)
        )
        ways = {table: ground[table] for table in carrying.WAYS.values()}
        if self._try(self._choose, fast) and self._try(self._settle, fast, ways):
            self._ready, self._spared = True, spared
            self._try(self._follow, fast, scene, ground, here)
        else:
            self._withhold(fast)
        head = "on" if self._ready else "withheld"
        self.state = "; ".join([head, *sorted(self._refusals[1])])

    def _follow(
        self,
        fast: FastPath,
        scene: Scene,
        ground: Cargo,
        here: Mapping[str, int],
    ) -> None:
        carried = self._carried(fast, scene.pods, here)
        told = [carrying.pod(lease, here[n], mtu) for n, (lease, mtu) in carried]
        self._settle(fast, carrying.together(ground, *told))
        programs = {u.link: TO_POD for u in scene.uplinks if u.link in here}
        programs |= dict.fromkeys((name for name, _ in carried), FROM_POD)
        self._guard(fast, programs, here)

    def _withhold(self, fast: FastPath) -> None:
        """Take all pods out of the maps, and with that everything off the fast path."""
        self._ready = False
        self._try(self._settle, fast, {table: {} for table in carrying.PODS.values()})

    def _keep(self, fast: FastPath, known: Collection[bytes]) -> None:
        for table in carrying.PODS.values():
            fast.drop(table, [key for key in fast.entries(table) if key not in known])

    def _spare(self, fast: FastPath, lease: Lease) -> None:
        missing = frozenset(parts(lease.addresses)) - self._spared
        if missing:
            for table, entries in carrying.spared(missing).items():
                fast.put(table, entries)
            self._spared |= missing

    def _carried(
        self,
        fast: FastPath,
        pods: Mapping[str, tuple[Lease, int]],
        here: Mapping[str, int],
    ) -> list[tuple[str, tuple[Lease, int]]]:
        """Choose the pods that nobody is busy with, and whose links nobody else has shaped.

        A plugin behind ours may limit a pod's rate by disciplines at its link, which packets
        must not pass by; and it may not find our room for filters there before it comes.
        """
        kinds = fast.disciplines()
        latest = self._host.clock.now() - self._terms.after
        return [
            (name, (lease, mtu))
            for name, (lease, mtu) in pods.items()
            if name in here
            and lease.since <= latest
            and not self._is_shaped(fast, name, here[name], kinds)
        ]

    def _is_shaped(
        self,
        fast: FastPath,
        name: str,
        index: int,
        kinds: Mapping[int, frozenset[str]],
    ) -> bool:
        found = kinds.get(index, frozenset()) - {"noqueue"}
        if found == {filters.ROOM}:
            return self._guarded.get(name) != index and not fast.guarded(index)
        return bool(found)

    def _admit(self, fast: FastPath, lease: Lease, mtu: int) -> None:
        link = host_link(lease.attachment)
        index = fast.guard(link, FROM_POD)
        if index is not None:
            self._guarded[link] = index
            for table, entries in carrying.pod(lease, index, mtu).items():
                fast.put(table, entries)

    def _choose(self, fast: FastPath) -> None:
        self._settle(fast, carrying.choices(tracked=self._tracked))
        if self._tracked:
            self._host.kernel.carry_out(carrying.LIBERAL, {HOST: None})

    def _settle(self, fast: FastPath, wanted: Cargo) -> None:
        for table, entries in wanted.items():
            change = carrying.difference(table, entries, fast.entries(table))
            if change is not None:
                fast.drop(table, change.drop)
                fast.put(table, change.put)

    def _guard(
        self, fast: FastPath, programs: Mapping[str, str], here: Mapping[str, int]
    ) -> None:
        """Put programs where they are missing; of those that were there look at a few."""
        self._guarded = {n: i for n, i in self._guarded.items() if n in programs}
        doubtful = [n for n, p in programs.items() if p == TO_POD]
        doubtful += [n for n in programs if self._guarded.get(n) != here[n]]
        doubtful += self._some(list(programs))
        for name in dict.fromkeys(doubtful):
            if name in programs:
                self._try(self._guard_one, fast, name, programs[name], here[name])

    def _guard_one(self, fast: FastPath, name: str, program: str, index: int) -> None:
        if not fast.guarded(index):
            found = fast.guard(name, program)
            if name in self._guarded:
                self._host.say("fast-path", restored=program, link=name)
            if found is None:
                return
        self._guarded[name] = index

    def _some(self, names: Sequence[str]) -> Iterable[str]:
        for _ in range(min(GUARDS_PER_TURN, len(names))):
            name = next(self._rounds, None)
            if name is None:
                self._rounds = iter(names)
                name = next(self._rounds)
            yield name

    def _try(self, act: Callable[..., None], *what: object) -> bool:
        try:
            act(*what)
        except (FastPathError, KernelError) as why:
            if str(why) not in self._refusals[0] | self._refusals[1]:
                self._host.say("fast-path-refused", why=why)
            self._refusals[1].add(str(why))
            return False
        return True
