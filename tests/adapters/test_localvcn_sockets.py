"""No socket is left open when serving fails halfway."""

import asyncio
import socket

import pytest
from builders_vcn import Cloud

from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.follow import Following
from mooring.localvcn.imds import Metadata
from mooring.localvcn.internet import Echoes, outside


class Spaces:
    """Namespaces that are all this one; the socket at `bad` cannot be served."""

    def __init__(self, bad: int) -> None:
        self.made: list[socket.socket] = []
        self._bad = bad

    def open_fd(self, _name: str, /) -> int:
        return 0

    def inode(self, _fd: int, /) -> int:
        return 1

    def close(self, _fd: int, /) -> None:
        """Nothing to give back."""

    def listen_tcp(self, _fd: int, _host: str, _port: int, /) -> socket.socket:
        # What is no TCP socket refuses the options of one.
        bad = len(self.made) == self._bad
        made = a_datagram_socket() if bad else socket.create_server(("127.0.0.1", 0))
        self.made.append(made)
        return made

    def udp_socket(self, _fd: int, _host: str, _port: int, /) -> socket.socket:
        made = a_datagram_socket()
        if len(self.made) == self._bad:
            made.close()
        self.made.append(made)
        return made


def a_datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_the_internet_closes_what_it_opened(bad: int) -> None:
    spaces = Spaces(bad)

    internet = Following(NoFabric(), spaces, Echoes(outside("x")))

    asyncio.run(internet.apply(Cloud().world))

    assert [each.fileno() for each in spaces.made] == [-1] * (bad + 1)


def test_metadata_closes_a_listener_that_it_cannot_serve() -> None:
    spaces = Spaces(0)

    metadata = Following(NoFabric(), spaces, Metadata("x"))

    asyncio.run(metadata.apply(Cloud().world))

    assert [each.fileno() for each in spaces.made] == [-1]
