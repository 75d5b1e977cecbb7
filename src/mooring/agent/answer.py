"""The border to the runtime: one call in, one answer out, errors in the runtime's words."""

from collections.abc import Mapping
from dataclasses import replace

from mooring.agent.attach import Attachments
from mooring.agent.collect import Collect
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


class Answers:
    """Answers calls."""

    def __init__(self, node: Node, attachments: Attachments, collect: Collect) -> None:
        self._node = node
        self._attachments = attachments
        self._collect = collect

    async def give(self, call: Call, netns: int | None) -> Answer:
        """Answer a call; `netns` is the descriptor that came with it."""
        try:
            request = parse(call.env, call.stdin)
            document = await self._serve(request, netns)
        except CniError as why:
            return refused(why, spoken(call.stdin))
        except (KernelError, NftError, DiskError) as why:
            return refused(_translated(why), spoken(call.stdin))
        return DONE if document is None else granted(document)

    async def _serve(
        self, request: Request, netns: int | None
    ) -> Mapping[str, object] | None:
        match request:
            case Add():
                return await self._add(request, netns)
            case Del():
                await self._attachments.delete(request.id)
            case Check():
                await self._attachments.check(request, netns)
            case Gc():
                await self._collect.turn(request)
            case Status():
                self._status()
            case Version():
                return spoken_versions(request.cni_version)
        return None

    async def _add(self, request: Add, netns: int | None) -> Mapping[str, object]:
        wishes.refuse(request)
        before = result.read(request.conf.prev_result or {})
        made = await self._attachments.add(request, netns)
        made = replace(made, dns=request.conf.dns)
        return result.document(result.joined(before, made), request.conf.cni_version)

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
