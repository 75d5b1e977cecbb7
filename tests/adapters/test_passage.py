"""Connections are carried from the machine's loopback address into a namespace of the test's own."""

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from patience import PATIENCE
from ports import a_port

from mooring.adapters import netns
from mooring.adapters.host import Host
from mooring.adapters.passage import LOOPBACK, Passage

TARGET = 7
SIZE = 1_000_000


@pytest.fixture
def space() -> Iterator[str]:
    name = f"mooring-passage-{os.getpid()}"
    netns.create(name)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    netns.delete(name)


@contextmanager
def listening(name: str) -> Iterator[socket.socket]:
    """A server's socket inside."""
    fd = netns.open_fd(name)
    try:
        with closing(netns.listen_tcp(fd, LOOPBACK, TARGET)) as server:
            server.settimeout(PATIENCE)
            yield server
    finally:
        netns.close(fd)


@contextmanager
def carried(name: str) -> Iterator[int]:
    """A passage into the namespace; the port where it begins."""
    end = threading.Event()

    async def serve(passage: Passage) -> None:
        serving = asyncio.create_task(passage.serve())
        await asyncio.to_thread(end.wait)
        serving.cancel()

    with a_port() as port:
        passage = Passage(port, netns.DIRECTORY / name, TARGET)
        # What is carried still is cancelled, and closed, by asyncio.run.
        thread = threading.Thread(target=lambda: asyncio.run(serve(passage)))
        thread.start()
        try:
            while not Host("").answers(port):
                assert thread.is_alive()
            yield port
        finally:
            end.set()
            thread.join()


def everything(end: socket.socket) -> bytes:
    return b"".join(iter(lambda: end.recv(65536), b""))


def test_bytes_go_both_ways_and_their_end_too(space: str) -> None:
    with listening(space) as server:

        def answer() -> None:
            # The first is who looked whether the passage is there.
            for _ in range(2):
                with server.accept()[0] as inside:
                    inside.sendall(everything(inside)[::-1])

        answering = threading.Thread(target=answer)
        answering.start()
        with carried(space) as port:
            sent = os.urandom(SIZE)
            with socket.create_connection((LOOPBACK, port), PATIENCE) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                heard = everything(client)
        answering.join()

    assert heard == sent[::-1]


def test_where_nobody_listens_the_connection_ends(space: str) -> None:
    with (
        carried(space) as port,
        socket.create_connection((LOOPBACK, port), PATIENCE) as client,
    ):
        assert client.recv(1) == b""


def test_a_namespace_made_again_is_found(space: str) -> None:
    with carried(space) as port:
        netns.delete(space)
        with socket.create_connection((LOOPBACK, port), PATIENCE) as client:
            gone = client.recv(1)
        netns.create(space)
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)
        with (
            listening(space) as server,
            socket.create_connection((LOOPBACK, port), PATIENCE) as client,
        ):
            inside, _ = server.accept()
            with inside:
                inside.sendall(b"here")
                heard = client.recv(4)

    assert (gone, heard) == (b"", b"here")
