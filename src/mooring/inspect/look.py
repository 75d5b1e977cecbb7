"""One look at a node: every side is asked by itself, and one that is silent keeps no other."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from mooring.adapters import agentcall, disk, spool
from mooring.core.cni.frames import Call
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.journal import Damaged, TooNew
from mooring.core.ipam.ledger import Contradiction, Lease, Ledger
from mooring.core.ipam.port import DiskError
from mooring.core.linux.plan import HOST, POD
from mooring.core.linux.port import KernelError, NftError
from mooring.core.npn.errors import CloudError
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.port import Absent
from mooring.core.wiring import ruleset
from mooring.core.wiring.audit import node
from mooring.core.wiring.audit.sides import (
    AgentTold,
    CloudTold,
    Gone,
    Inside,
    KernelTold,
    LedgerTold,
    NpnTold,
    Side,
    Sides,
    SpoolFile,
)
from mooring.inspect import cloud
from mooring.inspect.place import Eyes, Place, Unseen, Witnesses

STATUS_SECONDS = 3.0
STATUS = Call(
    {"CNI_COMMAND": "STATUS", "CNI_PATH": "/"},
    b'{"cniVersion": "1.1.0", "name": "mooring", "type": "mooring"}',
)
FAULTS = (KernelError, NftError, OSError, DiskError, CloudError, Unreadable, Unseen)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen, and which sides could not be looked at, each with its reason."""

    sides: Sides
    blind: Mapping[Side, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at one node."""

    place: Place
    eyes: Eyes
    witnesses: Witnesses
    grace: float

    def look(self) -> Sight:
        """Ask every side; leases before pods, so that a pod that comes is no leak."""
        blind: dict[Side, str] = {}

        def ask(side: Side, question: Callable[[], T]) -> T | None:
            try:
                return question()
            except FAULTS as why:
                blind[side] = str(why) or type(why).__name__
                return None

        now, asked = self.eyes.clock.now(), self.witnesses
        sides = Sides(
            now=now,
            grace=self.grace,
            agent=ask(Side.AGENT, self._agent),
            spool=ask(Side.SPOOL, self._spool),
            ledger=ask(Side.LEDGER, self._ledger),
            npn=ask(Side.NPN, self._npn),
        )
        sides = replace(sides, kernel=ask(Side.KERNEL, lambda: self._kernel(sides)))
        if asked.pods is not None:
            sides = replace(sides, pods=ask(Side.PODS, asked.pods))
        if asked.cloud is not None:
            sides = replace(sides, cloud=ask(Side.CLOUD, lambda: self._cloud(sides)))
        return Sight(sides=sides, blind=blind)

    def _agent(self) -> AgentTold:
        told = self._told()
        mtu, shut = told.get("mtu"), told.get("refused")
        known = mtu if isinstance(mtu, int) else None
        refused = frozenset(map(str, shut)) if isinstance(shut, list) else frozenset()
        try:
            answer = agentcall.ask(self.place.socket, STATUS, STATUS_SECONDS)
        except agentcall.AgentAway as why:
            return AgentTold(answers=False, trouble=str(why), mtu=known)
        trouble = refusal(answer.stdout) if answer.exit_code else ""
        return AgentTold(answers=True, trouble=trouble, mtu=known, refused=refused)

    def _told(self) -> Mapping[str, object]:
        """Read what the agent tells of itself; nothing when there is nothing to read."""
        try:
            told = json.loads(disk.published(self.place.state, "status.json") or b"{}")
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def _spool(self) -> tuple[SpoolFile, ...]:
        wall = self.eyes.clock.wall().timestamp()
        return tuple(
            SpoolFile(name=name, age=max(0.0, wall - written / 1e9))
            for name, written in spool.listing(self.place.spool)
        )

    def _ledger(self) -> LedgerTold:
        if not self.place.state.is_dir():
            raise Unseen(
                f"{self.place.state}: no such directory; say where the agent's --state is"
            )
        try:
            found = journal.read(disk.journal(self.place.state))
            if found is None:
                return LedgerTold(ledger=Ledger())
            ledger = Ledger().after(found.entries)
        except TooNew as why:
            raise Unseen(str(why)) from why
        except (Damaged, Contradiction) as why:
            return LedgerTold(ledger=Ledger(), trouble=str(why))
        same = found.boot == self.eyes.clock.boot()
        return LedgerTold(ledger=ledger, same_boot=same)

    def _npn(self) -> NpnTold:
        name = self.place.object
        try:
            return NpnTold(name=name, npn=self.witnesses.objects.read(name))
        except Absent:
            return NpnTold(name=name, npn=None)

    def _kernel(self, sides: Sides) -> KernelTold:
        with self._space() as fd:
            nft, proc = self.eyes.nft, self.eyes.proc
            told = KernelTold(
                seen=self.eyes.kernel.look(HOST, fd),
                table=nft.listing(ruleset.FAMILY, ruleset.NAME, fd),
                memo=nft.listing(ruleset.FAMILY, ruleset.MEMO, fd),
                insides=dict(self._insides(sides.wired)),
                inhabited=proc.inhabited(),
            )
            keys = node.settings(replace(sides, kernel=told))
            return replace(told, settings=proc.settings(fd, keys))

    @contextmanager
    def _space(self) -> Iterator[int | None]:
        """Open the node's network namespace; None for our own."""
        if self.place.space is None:
            yield None
            return
        fd = self.eyes.namespaces.open_fd(str(self.place.space))
        try:
            yield fd
        finally:
            self.eyes.namespaces.close(fd)

    def _insides(
        self, leases: tuple[Lease, ...]
    ) -> Iterator[tuple[AttachmentId, Inside]]:
        for lease in leases:
            if lease.netns.path:
                yield lease.attachment, self._inside(lease)

    def _inside(self, lease: Lease) -> Inside:
        namespaces = self.eyes.namespaces
        try:
            fd = namespaces.open_fd(str(self._reached(lease.netns.path)))
        except OSError:
            return Gone()
        try:
            if namespaces.inode(fd) != lease.netns.inode:
                return Gone()
            return self.eyes.kernel.look(POD, fd)
        finally:
            namespaces.close(fd)

    def _reached(self, path: str) -> Path:
        """Give a path of the node's mounts as we reach it."""
        return self.place.root / path.lstrip("/")

    def _cloud(self, sides: Sides) -> CloudTold:
        if self.witnesses.cloud is None or sides.npn is None:
            raise Unseen("the object could not be read, and it names what is ours")
        return cloud.look(self.witnesses.cloud(), self.place.instance, sides.npn)


def refusal(answer: bytes) -> str:
    """Say in one line what an answer refuses."""
    try:
        said = json.loads(answer)
        parts = (said["msg"], said.get("details", ""))
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip() or "no reason was given"
    return ": ".join(part for part in parts if part)
