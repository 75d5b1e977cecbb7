"""Journey 1: a pod is attached, checked, detached.

    ADD    claim -> save -> cables -> let it send -> save -> result
    DEL    save -> cut -> (answer) -> reap -> let the address rest
    CHECK  the cables of the lease against what is seen

One plan (`wiring.pod`) serves all three. ADD unwinds what it did when a step is refused.
DEL goes on past every refusal, because a runtime calls it until it succeeds and a pod that
is gone must not hold an address. What DEL could not do is done later by the reaper, the
repair and the collection, so it answers success.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from errno import EEXIST
from typing import Any

from mooring.agent.book import Book
from mooring.agent.flows import forget_all
from mooring.agent.host import Host, Stopwatch
from mooring.agent.node import Node
from mooring.agent.reap import Doomed, Reaper
from mooring.agent.source import SLOW_SECONDS
from mooring.agent.turns import Expected, Line, Start, Turns
from mooring.core.cni import result
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import show
from mooring.core.cni.frames import Answer
from mooring.core.cni.request import Add, AttachmentId, Check
from mooring.core.ipam.ledger import (
    Claimed,
    Empty,
    Known,
    Lease,
    Left,
    Netns,
    Phase,
    Wired,
)
from mooring.core.ipam.pool import parts
from mooring.core.linux.mould import Alike
from mooring.core.linux.plan import HOST, POD, Ip, Veth
from mooring.core.linux.port import KernelError, NftError
from mooring.core.wiring import names, pod, words
from mooring.core.wiring.names import host_link

GROWING = (
    "the pool is elastic, and the controller knows: try again; the condition Pool of the"
    " NativePodNetwork says what becomes of it"
)
Work = Coroutine[Any, Any, Answer] | Expected[Answer]
REAP_SECONDS = 5.0
"""How long an ADD waits for the end of the container's former attachment."""
START_SECONDS = SLOW_SECONDS + 2.0
"""How long an ADD waits for the store's first word after the agent's start, or for its memory's."""


class Attachments:
    """The pods' attachments of this node."""

    def __init__(self, host: Host, book: Book, node: Node, reaper: Reaper) -> None:
        self._host = host
        self._book = book
        self._node = node
        self._reaper = reaper
        self._turns = Turns()
        self._line = Line(self._look_back)
        self._added: list[tuple[Add, Lease, Stopwatch]] = []
        self._own = host.namespaces.own_inode()
        self.busy_at = float("-inf")
        self.patience = REAP_SECONDS
        self.start = Start(START_SECONDS)

    def end(self) -> None:
        """Let no ADD wait for the store any more: it is refused, and tried again with the next agent."""
        self.start.end()

    def is_busy(self, container: str) -> bool:
        """Tell whether something is being done for the container."""
        return self._turns.taken(container)

    def expect(self, container: str, work: Coroutine[Any, Any, Answer]) -> Work:
        """Let the container have no other turn before the work, which is awaited soon."""
        return self._turns.expect(container, work)

    def must_wait(self, attachment: AttachmentId) -> bool:
        """Tell whether others come first, something of the container's ends, or we begin."""
        return (
            self._line.used
            or not (self._node.ready or self.start.over)
            or self.is_busy(attachment.container)
            or attachment in self._book.ledger.leases
            or self._reaper.has(host_link(attachment))
        )

    async def add(self, request: Add, netns: int | None) -> result.Result:
        """Wire a container when its past is over; else as `add_now`."""
        async with self._turns.of(request.id.container):
            if not self._node.ready:
                await self.start.wait()
            await self._line.wait()
            where = self._admitted(request, netns)
            await self._clear_the_way(request.id, where)
            return self.add_now(request, netns)

    def add_now(self, request: Add, netns: int | None) -> result.Result:
        """Wire a container, or change nothing and raise what the runtime shall see."""
        self._line.use()
        watch = Stopwatch(self._host.clock)
        where = self._admitted(request, netns)
        watch.lap("look")
        lease = self._wired(request.id, where, netns or 0, watch)
        self.busy_at = watch.last
        self._added.append((request, lease, watch))
        return pod.outcome(lease, request.netns, self._node.mtu_of(lease))

    def _look_back(self) -> None:
        """Do what an ADD's answer need not wait for."""
        added, self._added = self._added, []
        for request, lease, watch in added:
            lacking = ",".join(lease.lacking)
            self._host.say(
                "added",
                pod=request.args.get("K8S_POD_NAME", ""),
                attachment=names.words(request.id),
                address=",".join(map(str, lease.ordered)),
                **({"lacks": lacking} if lacking else {}),
                **watch.times(),
            )
        if added:
            self._book.look_ahead()

    async def delete(self, attachment: AttachmentId) -> None:
        """Unwire a container; what is not there is unwired already."""
        async with self._turns.of(attachment.container):
            self.detach(attachment)

    def detach(self, attachment: AttachmentId) -> None:
        """Cut an attachment off at once, and leave its link to the reaper."""
        watch = Stopwatch(self._host.clock)
        lease = self._book.ledger.leases.get(attachment)
        link = host_link(attachment)
        if lease is None:
            if self._host.kernel.link(None, link) is not None:
                self._reaper.take(Doomed(link))
            return
        if self._reaper.has(link):
            return
        if lease.phase is not Phase.LEAVING:
            self._book.note(Left(attachment))
        self.finish(lease, self._book.cooldown)
        watch.lap("cut")
        self._host.say(
            "deleted",
            attachment=names.words(attachment),
            address=",".join(map(str, parts(lease.addresses))),
            **watch.times(),
        )

    def finish(self, lease: Lease, rest: float) -> None:
        """Do what is left of the end of a lease, past every refusal."""
        refused: list[object] = []
        try:
            self._node.stop_sending(lease)
        except NftError as why:
            refused.append(why)
        refused += self._host.kernel.take_back(pod.way_in(lease), {HOST: None})
        if refused:
            self._host.say(
                "cut-refused",
                attachment=names.words(lease.attachment),
                why="; ".join(map(str, refused)),
                next="the link is deleted all the same",
            )
        self._reaper.take(Doomed(host_link(lease.attachment), lease.attachment, rest))

    async def check(self, request: Check, netns: int | None) -> None:
        """Raise what is not as ADD left it."""
        async with self._turns.of(request.id.container):
            netns = _need_descriptor(request.netns, netns)
            where = self._namespace(request.netns, netns)
            lease = self._book.ledger.leases.get(request.id)
            if lease is None or lease.phase is not Phase.WIRED:
                raise CniError(
                    Code.UNKNOWN_CONTAINER,
                    f"{names.words(request.id)} was not attached here",
                )
            if lease.netns.inode != where.inode:
                raise _changed(f"CNI_NETNS={request.netns} is another namespace")
            _compare_result(request, lease)
            seen = {
                HOST: self._host.kernel.look(HOST, None),
                POD: self._host.kernel.look(POD, netns),
            }
            lacking = pod.lacking(self._node.cables(lease), seen)
            if lacking:
                raise _changed("missing: " + ", ".join(words.say(f) for f in lacking))
            # nft lists in a process of its own; STATUS must not wait for that.
            if not await asyncio.to_thread(self._node.may_send, lease):
                raise _changed("the node's nft table does not let the pod send")

    def _admitted(self, request: Add, netns: int | None) -> Netns:
        where = self._namespace(request.netns, _need_descriptor(request.netns, netns))
        self._need_readiness()
        return where

    def _need_readiness(self) -> None:
        if not self._node.ready:
            raise CniError(
                Code.TRY_AGAIN_LATER,
                "this node cannot attach pods yet",
                self._node.standing.trouble,
            )

    def _namespace(self, path: str, netns: int) -> Netns:
        """Judge the descriptor that came with the request, and the path."""
        namespaces = self._host.namespaces
        if not namespaces.is_network(netns):
            raise CniError(Code.INVALID_NETNS, f"CNI_NETNS={path}: is none")
        inode = namespaces.inode(netns)
        if inode == self._own:
            raise CniError(
                Code.INVALID_NETNS, f"CNI_NETNS={path}: is the node's own namespace"
            )
        # The runtime's path may lead elsewhere in the agent's mount namespace, or nowhere.
        try:
            is_there = namespaces.inode_at(path) == inode
        except OSError:
            is_there = False
        return Netns(path if is_there else "", inode)

    async def _clear_the_way(self, attachment: AttachmentId, where: Netns) -> None:
        """End what an earlier life of the container has left."""
        lease = self._book.ledger.leases.get(attachment)
        if lease is not None and lease.netns.inode != where.inode:
            self.detach(attachment)
        try:
            async with asyncio.timeout(self.patience):
                await self._reaper.gone(host_link(attachment))
        except TimeoutError:
            raise CniError(
                Code.TRY_AGAIN_LATER,
                f"the former cables of {names.words(attachment)} are still being removed",
                "the agent's log says what the kernel refuses",
            ) from None

    def _wired(
        self, attachment: AttachmentId, where: Netns, netns: int, watch: Stopwatch
    ) -> Lease:
        """Claim an address and lay its cables; on the way back undo what was done."""
        lease, early = self._claimed(attachment, where, netns)
        watch.lap("save")
        try:
            self._node.stop_former(attachment)
            self._lay(self._node.alike(lease), netns)
            watch.lap("cables")
            self._node.let_send(lease, self._book.ledger.leases.values())
            watch.lap("send")
            self._book.record(Wired(attachment))
        except BaseException:
            if early is not None:
                self._undo(lease, max(early.values(), default=0.0))
            raise
        watch.lap("done")
        return lease

    def _claimed(
        self, attachment: AttachmentId, where: Netns, netns: int
    ) -> tuple[Lease, Mapping[Ip, float] | None]:
        """Give the lease, and which addresses should have rested longer; None: it is an old one."""
        self._book.reclaim()
        now = self._host.clock.now()
        held_back = self._book.held_back
        match self._book.ledger.claim(attachment, where, now, held_back):
            case Known(lease):
                # The kernel would take the pair that lies for the one asked for.
                if self._host.kernel.link(netns, attachment.ifname) is not None:
                    raise _exists(attachment.ifname)
                return lease, None
            case Empty() as empty:
                standing = self._node.standing
                advice = GROWING if standing.npn.pool is not None else empty.advice
                if standing.refused:
                    advice = standing.trouble
                raise CniError(Code.TRY_AGAIN_LATER, empty.cause, advice)
            case Claimed(lease, early) as claimed:
                self._need_room_for_alias(lease)
                self._book.record(*claimed.entries)
                self._begin_early(lease, early)
                return lease, early

    def _begin_early(self, lease: Lease, early: Mapping[Ip, float]) -> None:
        """Say that nothing was left but addresses that should have rested longer.

        Their flows are those of others; what is tracked from now on is the new pod's.
        """
        for address, rest in early.items():
            self._book.early += 1
            forget_all(self._host, address)
            self._host.say(
                "reused-early",
                attachment=names.words(lease.attachment),
                address=address,
                rest=f"{rest:.1f}",
                because="every other address is held by a pod or was released later",
            )

    def _need_room_for_alias(self, lease: Lease) -> None:
        try:
            self._node.alike(lease)
        except names.TooLong as why:
            container = lease.attachment.container
            room = len(container) - why.over
            raise CniError(
                Code.INVALID_ENVIRONMENT,
                f"CNI_CONTAINERID={show(container)}: must have {room} characters at most,"
                f" has {len(container)}: too long for a link's alias ({names.ALIAS_BYTES}"
                " bytes) beside network, interface and addresses",
            ) from why

    def _undo(self, lease: Lease, rest: float) -> None:
        """Take an attachment back that the runtime never heard of.

        The pod was never let send, or nobody has heard from it: its address need not rest
        longer than it should have without this pod.
        """
        self._book.note(Left(lease.attachment))
        self.finish(lease, rest)

    def _lay(self, cables: Alike, netns: int) -> None:
        """Lay cables; a host end of a former life that has the name gives way.

        The veth comes first and alone, so a container's own interface of that name stays
        as it is.
        """
        kernel, spaces = self._host.kernel, {HOST: None, POD: netns}
        while True:
            try:
                kernel.carry_out(cables, spaces)
            except KernelError as why:
                if not (isinstance(why.fact, Veth) and why.errno == EEXIST):
                    raise
                near, far = why.fact.near.name, why.fact.far.name
                if kernel.link(None, near) is None:
                    raise _exists(far) from why
                kernel.delete_links(None, [near])
            else:
                return


def _need_descriptor(path: str, netns: int | None) -> int:
    if netns is None:
        raise CniError(
            Code.INVALID_NETNS, f"CNI_NETNS={path}: no such network namespace"
        )
    return netns


def _exists(ifname: str) -> CniError:
    return CniError(
        Code.INTERFACE_EXISTS, f"CNI_IFNAME={ifname}: the container has one already"
    )


def _compare_result(request: Check, lease: Lease) -> None:
    """Refuse a prevResult that does not hold what ADD answered; it may hold more."""
    said = result.read(request.conf.prev_result or {})
    made = pod.outcome(lease, request.netns, 0)
    links = {(i.name, bool(i.sandbox)) for i in said.interfaces}
    for interface in made.interfaces:
        if (interface.name, bool(interface.sandbox)) not in links:
            raise _changed(f"prevResult has no interface {interface.name}")
    said_addresses = {(ip.address, ip.length) for ip in said.ips}
    for ip in made.ips:
        if (ip.address, ip.length) not in said_addresses:
            raise _changed(f"prevResult has not {ip.address}/{ip.length}")


def _changed(what: str) -> CniError:
    return CniError(Code.NOT_AS_ADDED, what)
