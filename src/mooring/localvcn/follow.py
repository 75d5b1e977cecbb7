"""Servers inside of namespaces: there while the world wants them, whatever happens to the namespace.

A guide tells for a world what is to be served where: a service by the namespace's name.
`Following` opens each in its namespace, closes those that are wanted no more, and opens
anew what stood in a namespace that was made anew behind our back. Who serves something in a
fabric's namespaces writes a guide and a service; nothing else needs to know of it.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import Fabric

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between looks for namespaces that were made anew


class Spaces(Protocol):
    """What is needed of network namespaces."""

    def open_fd(self, path_or_name: str, /) -> int:
        """Open a namespace; OSError when there is none."""

    def inode(self, fd: int, /) -> int:
        """Tell namespaces apart."""

    def close(self, fd: int, /) -> None:
        """Give the descriptor back."""

    def listen_tcp(self, fd: int, host: str, port: int, /) -> socket.socket:
        """Listen inside the namespace; OSError when the address is not there yet."""

    def udp_socket(self, fd: int, host: str, port: int, /) -> socket.socket:
        """Take a UDP port inside the namespace; OSError likewise."""

    def router_socket(self, fd: int, /) -> socket.socket:
        """Hear who asks for a router inside the namespace."""


class Service(Protocol):
    """What is served in one namespace; a value, equal to what serves the same."""

    async def open(self, spaces: Spaces, fd: int, doors: AsyncExitStack) -> None:
        """Serve inside the namespace; `doors` closes what was opened, however far it came."""


Guide = Callable[[World], Mapping[str, Service]]
"""What a world wants served: a service by the namespace's name."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What is being served, to be closed, and the namespace in which it is."""

    inode: int
    service: Service
    doors: AsyncExitStack


class Following:
    """The servers of one fabric; itself a fabric that follows another.

    As a step of enforcement it runs right after the fabric: an instance that is said to run
    can ask about itself.
    """

    def __init__(self, inner: Fabric, spaces: Spaces, *guides: Guide) -> None:
        self._inner = inner
        self._spaces = spaces
        self._guides = guides
        self._sites: dict[tuple[int, str], _Site] = {}
        self._said: dict[tuple[int, str], str] = {}
        self._world: World | None = None
        self._one = asyncio.Lock()

    async def apply(self, world: World) -> None:
        """Enforce the world, then serve in it, as far as the first went well."""
        try:
            await self._inner.apply(world)
        finally:
            self._world = world
            await self.follow()

    async def run(self) -> None:
        """Keep fabric and servers as they should be; ends by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inner.run())
                group.create_task(self._watch())
        finally:
            for key in tuple(self._sites):
                await self._close(key)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self.follow()

    async def follow(self) -> None:
        """Open and close until what is served is what the world wants."""
        async with self._one:
            if self._world is None:
                return
            wanted = {
                (number, space): service
                for number, guide in enumerate(self._guides)
                for space, service in guide(self._world).items()
            }
            for key in self._sites.keys() - wanted.keys():
                await self._close(key)
            for key in self._said.keys() - wanted.keys():
                del self._said[key]
            for key, service in wanted.items():
                await self._try(key, service)

    async def _try(self, key: tuple[int, str], service: Service) -> None:
        """Serve, or say once why not: the next look tries again."""
        try:
            await self._serve(key, service)
        except OSError as error:
            why = f"{type(service).__name__}: {error}"
            if self._said.get(key) != why:
                log.warning("not served space=%s why=%s", key[1], why)
            self._said[key] = why
        else:
            self._said.pop(key, None)

    async def _serve(self, key: tuple[int, str], service: Service) -> None:
        fd = self._spaces.open_fd(key[1])
        try:
            inode = self._spaces.inode(fd)
            site = self._sites.get(key)
            if site and (site.inode, site.service) == (inode, service):
                return
            await self._close(key)
            async with AsyncExitStack() as doors:
                await service.open(self._spaces, fd, doors)
                self._sites[key] = _Site(inode, service, doors.pop_all())
        finally:
            self._spaces.close(fd)

    async def _close(self, key: tuple[int, str]) -> None:
        site = self._sites.pop(key, None)
        if site is not None:
            await site.doors.aclose()
