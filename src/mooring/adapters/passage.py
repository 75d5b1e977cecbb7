"""A passage from this machine's loopback address into a network namespace, for TCP.

Connections are taken here and made there; no route leads in. The namespace is opened anew for
each connection, so that one that was made again under its name is found.
"""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mooring import setns

LOOPBACK = "127.0.0.1"
CHUNK = 256 * 1024
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Passage:
    """From port `port` here to port `target` of the loopback address in `space`."""

    port: int
    space: Path
    target: int

    async def serve(self) -> None:
        """Serve until cancelled."""
        carried: set[asyncio.Task[None]] = set()

        def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # One that is cancelled before it begins closes nothing by itself.
            task = asyncio.create_task(self._carry(reader, writer))
            task.add_done_callback(lambda _: writer.close())
            task.add_done_callback(carried.discard)
            carried.add(task)

        server = await asyncio.start_server(carry, LOOPBACK, self.port)
        async with server:
            await server.serve_forever()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ends = [writer]
        try:
            there = await self._connected()
            far_reader, far_writer = await asyncio.open_connection(sock=there)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer))
                both.create_task(_pump(far_reader, writer))
        except* OSError:
            pass  # Whoever is gone in one direction is gone in both.
        finally:
            for end in ends:
                end.close()
            for end in ends:
                with suppress(OSError):
                    await end.wait_closed()

    async def _connected(self) -> socket.socket:
        made = self._made()
        try:
            async with asyncio.timeout(PATIENCE):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(made, (LOOPBACK, self.target))
        except BaseException:
            made.close()
            raise
        return made

    def _made(self) -> socket.socket:
        """Make a socket inside; it stays in the namespace in which it was made."""
        fd = os.open(self.space, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with setns.inside(fd):
                made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        finally:
            os.close(fd)
        made.setblocking(False)  # noqa: FBT003 - the library's
        return made


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way; the end of them is carried too."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    with suppress(RuntimeError):
        writer.write_eof()
