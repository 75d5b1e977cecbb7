"""The border to the runtime: one call in, one answer out, errors in the runtime's words."""

from collections.abc import Mapping
from typing import TypeGuard

from mooring.agent.attach import Attachments, Work
from mooring.agent.collect import Collect
from mooring.agent.guests import Guests
from mooring.agent.host import Say
from mooring.agent.node import Node
from mooring.core.cni import result
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.frames import DONE, Answer, Call, granted, refused
from mooring.core.cni.parse import parse, spoken
from mooring.core.cni.request import Add, Check, Del, Gc, Request, Status, Version
from mooring.core.cni.versions import spoken_versions
from mooring.core.ipam.port import DiskError
from mooring.core.linux.port import KernelError, NftError
from mooring.core.wiring import wishes, words

REFUSALS = (CniError, KernelError, NftError, DiskError)
Refusal = CniError | KernelError | NftError | DiskError


class Answers:
    """Answers calls."""

    def __init__(
        self,
        node: Node,
        attachments: Attachments,
        collect: Collect,
        guests: Guests,
        say: Say,
    ) -> None:
        self._node = node
        self._attachments = attachments
        self._collect = collect
        self._guests = guests
        self._say = say

    def give(self, call: Call, netns: int | None) -> Answer | Work:
        """Answer a call, or give what is to be awaited for its answer.

        `netns` is the descriptor that came with it. Whoever waits has the next turn of its
        container from now on, whenever it is awaited.
        """
        try:
            request = parse(call.env, call.stdin)
            if self._must_wait(request):
                work = self._later(request, call, netns)
                if isinstance(request, Gc):
                    return work
                return self._attachments.expect(request.id.container, work)
            document = self._serve(request, netns)
        except REFUSALS as why:
            return self._refused(why, call)
        return DONE if document is None else granted(document)

    async def _later(self, request: Request, call: Call, netns: int | None) -> Answer:
        try:
            document = await self._serve_in_turn(request, netns)
        except REFUSALS as why:
            return self._refused(why, call)
        return DONE if document is None else granted(document)

    def _must_wait(self, request: Request) -> TypeGuard[Add | Del | Check | Gc]:
        match request:
            case Add():
                return self._attachments.must_wait(request.id)
            case Del():
                return self._attachments.is_busy(request.id.container)
            case Check() | Gc():
                return True
            case Status() | Version():
                return False

    async def _serve_in_turn(
        self, request: Request, netns: int | None
    ) -> Mapping[str, object] | None:
        match request:
            case Add():
                before = _before(request)
                made = await self._attachments.add(request, netns)
                self._guests.note(request)
                return _document(request, before, made)
            case Del():
                await self._attachments.delete(request.id)
            case Check():
                await self._attachments.check(request, netns)
            case Gc():
                await self._collect.turn(request)
            case _:
                return self._serve(request, netns)
        return None

    def _serve(
        self, request: Request, netns: int | None
    ) -> Mapping[str, object] | None:
        match request:
            case Add():
                before = _before(request)
                made = self._attachments.add_now(request, netns)
                self._guests.note(request)
                return _document(request, before, made)
            case Del():
                self._attachments.detach(request.id)
            case Status():
                self._status()
            case Version():
                return spoken_versions(request.cni_version)
            case Check() | Gc():
                raise AssertionError(request)  # they wait
        return None

    def _refused(self, why: Refusal, call: Call) -> Answer:
        """Give the error, and say it: a runtime shows it only to who asks for the pod."""
        error = why if isinstance(why, CniError) else _translated(why)
        command = call.env.get("CNI_COMMAND", "")
        if command != "STATUS":
            self._say(
                "refused",
                command=command,
                container=call.env.get("CNI_CONTAINERID", ""),
                code=int(error.code),
                why=error,
            )
        return refused(error, spoken(call.stdin))

    def _status(self) -> None:
        """Answer from memory. An exhausted pool is no trouble of the node's.

        A node that says so becomes NotReady, and then even pods that need no address
        here are evicted; how many addresses are left is the scheduler's to know.
        """
        if not self._node.ready:
            raise CniError(
                Code.NOT_AVAILABLE,
                "this node cannot attach pods yet",
                self._node.standing.trouble,
            )


def _before(request: Add) -> result.Result | None:
    """Read what earlier plugins of the chain made; refuse what cannot be had here."""
    wishes.refuse(request)
    before = request.conf.prev_result
    return result.read(before) if before else None


def _document(
    request: Add, before: result.Result | None, made: result.Result
) -> Mapping[str, object]:
    if request.conf.dns is not made.dns:
        made = made._replace(dns=request.conf.dns)
    if before is not None:
        made = result.joined(before, made)
    return result.document(made, request.conf.cni_version)


def _translated(why: KernelError | NftError | DiskError) -> CniError:
    if isinstance(why, DiskError):
        return CniError(Code.IO_FAILURE, "the claim cannot be saved", str(why))
    if isinstance(why, NftError):
        return CniError(Code.KERNEL_REFUSED, "nftables refused", str(why))
    if why.fact is None:
        return CniError(Code.KERNEL_REFUSED, "the kernel refused", str(why))
    return CniError(
        Code.KERNEL_REFUSED,
        f"the kernel refused: {words.say(why.fact)}",
        f"{why.message} (errno {why.errno})",
    )
