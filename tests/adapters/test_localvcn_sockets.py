"""Servers in namespaces: opened and closed as the world wants; no socket is left open when serving fails halfway."""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from builders_vcn import Cloud

from mooring.core.vcn.world import World
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

    def router_socket(self, _fd: int, /) -> socket.socket:
        return a_datagram_socket()


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


# -- following


@dataclass(frozen=True)
class Notes:
    """A service that writes down when it is opened and closed."""

    name: str
    told: list[str] = field(compare=False)

    async def open(self, _spaces: object, _fd: int, doors: AsyncExitStack) -> None:
        self.told.append(f"open {self.name}")
        doors.callback(self.told.append, f"close {self.name}")
        if self.name == "bad":
            raise OSError(99, "no such address")


class Anew(Spaces):
    """Namespaces of which each look finds another one, as long as `restless`."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.restless = False
        self.looks = 0

    def inode(self, _fd: int, /) -> int:
        self.looks += self.restless
        return self.looks


def follow(*wanted: dict[str, str], restless: bool = False) -> list[str]:
    """What happens when these names are wanted, by namespace, one after the other."""
    told: list[str] = []
    spaces, turns = Anew(), iter(wanted)

    def guide(_world: World) -> dict[str, Notes]:
        return {space: Notes(name, told) for space, name in next(turns).items()}

    async def scene() -> None:
        following = Following(NoFabric(), spaces, guide)
        await following.follow()  # nothing is wanted before the first world
        for _ in wanted:
            await following.apply(Cloud().world)
            spaces.restless = restless

    asyncio.run(scene())
    return told


def test_what_is_served_is_left_alone() -> None:
    assert follow({"x": "one"}, {"x": "one"}) == ["open one"]


def test_what_is_wanted_no_more_is_closed() -> None:
    assert follow({"x": "one", "y": "two"}, {"y": "two"}) == [
        *("open one", "open two"),
        "close one",
    ]


def test_another_service_takes_the_place_of_the_first() -> None:
    assert follow({"x": "one"}, {"x": "two"}) == ["open one", "close one", "open two"]


def test_a_namespace_made_anew_is_served_anew() -> None:
    told = follow({"x": "one"}, {"x": "one"}, restless=True)

    assert told == ["open one", "close one", "open one"]


def test_what_cannot_be_served_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = follow({"x": "bad"}, {"x": "bad"}, {"x": "one"})

    assert told == [*["open bad", "close bad"] * 2, "open one"]
    assert [each.getMessage() for each in caplog.records] == [
        "not served space=x why=Notes: [Errno 99] no such address"
    ]
