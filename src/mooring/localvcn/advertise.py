"""The VCNs' routers advertise themselves over IPv6, as a guest's kernel wants to learn of them.

A guest that asks for a router is answered on its own link; everybody is told again every ten minutes,
long before what was told is over.
"""

import asyncio
import contextlib
import fcntl
import logging
import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from mooring.core.vcn.advertisement import (
    EVERYBODY,
    PERIOD,
    Answers,
    advertised,
    links,
)
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.world import World
from mooring.localvcn.follow import Spaces

log = logging.getLogger(__name__)

SIOCGIFNAME, SIOCGIFINDEX = 0x8910, 0x8933
IFREQ = struct.Struct("@16si20x")
IN6_PKTINFO = struct.Struct("@16sI")
LONGEST = 1500
AT_ONCE = 64  # questions that are read before others get their turn


class Advertising:
    """The guide (see `follow`) to the advertisements of all VCNs of one fabric."""

    def __init__(self, fabric: str) -> None:
        self._fabric = fabric
        self._world = World.empty()
        self._links: dict[str, Mapping[str, str]] = {}

    def __call__(self, world: World) -> Mapping[str, "Site"]:
        """Take the world whose routers are told of, and give each VCN that has IPv6."""
        self._world = world
        for gone in [id for id in self._links if world.find(Vcn, id) is None]:
            del self._links[gone]
        return {
            vcn_space(self._fabric, vcn.id): Site(self, vcn.id)
            for vcn in world.of(Vcn)
            if vcn.ipv6_cidr_blocks or vcn.ipv6_private_cidr_blocks
        }

    def links(self, vcn_id: str) -> Iterable[str]:
        """Name the links of a VCN's router."""
        self._links[vcn_id] = links(self._world, vcn_id)
        return self._links[vcn_id]

    def message(self, vcn_id: str, link: str) -> bytes | None:
        """Give what is said on a link of a VCN's router; the others' are not looked at."""
        if link not in self._links.get(vcn_id, ()):
            self.links(vcn_id)
        return advertised(self._world, self._links[vcn_id].get(link, ""))


@dataclass(frozen=True, slots=True)
class Site:
    """One VCN's router."""

    advertising: Advertising
    vcn_id: str

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Answer and tell inside the router's namespace."""
        ear = spaces.router_socket(fd)
        doors.callback(ear.close)
        loop = asyncio.get_running_loop()
        loop.add_reader(ear, self._heard, ear, Answers())
        doors.callback(loop.remove_reader, ear)
        telling = loop.create_task(self._tell(ear))
        doors.push_async_callback(_ended, telling)

    async def _tell(self, mouth: socket.socket) -> None:
        while True:
            for link in self.advertising.links(self.vcn_id):
                self._say(mouth, link)
            await asyncio.sleep(PERIOD)

    def _heard(self, ear: socket.socket, answers: Answers) -> None:
        """Answer who asked for a router, on the link where it was asked."""
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            try:
                _, more, _, _ = ear.recvmsg(
                    LONGEST, socket.CMSG_SPACE(IN6_PKTINFO.size)
                )
            except OSError:
                return  # nobody asks
            for index in _indexes(more):
                wait = answers.wait(index, loop.time())
                if wait is not None:
                    loop.call_later(wait, self._answer, ear, index)

    def _answer(self, ear: socket.socket, index: int) -> None:
        if ear.fileno() < 0:
            return  # closed meanwhile
        try:
            link = _name(ear, index)
        except OSError:
            return  # the link is gone
        self._say(ear, link)

    def _say(self, mouth: socket.socket, link: str) -> None:
        message = self.advertising.message(self.vcn_id, link)
        if message is None:
            return
        try:
            mouth.sendto(message, (EVERYBODY, 0, 0, _index(mouth, link)))
        except OSError as error:
            log.debug("not advertised link=%s why=%s", link, error)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _indexes(more: Iterable[tuple[int, int, bytes]]) -> list[int]:
    wanted = socket.IPPROTO_IPV6, socket.IPV6_PKTINFO
    found = [data for level, kind, data in more if (level, kind) == wanted]
    return [IN6_PKTINFO.unpack(data)[1] for data in found]


def _name(there: socket.socket, index: int) -> str:
    """Name a link of the socket's namespace; OSError when it is gone."""
    request = fcntl.ioctl(there, SIOCGIFNAME, IFREQ.pack(b"", index))
    return str(IFREQ.unpack(request)[0].rstrip(b"\0").decode())


def _index(there: socket.socket, name: str) -> int:
    """Give the number of a link of the socket's namespace; OSError when there is none."""
    request = fcntl.ioctl(there, SIOCGIFINDEX, IFREQ.pack(name.encode(), 0))
    return int(IFREQ.unpack(request)[1])
