"""Real nftables: what nft reads back, and what packets meet."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from errno import EBADF, EINVAL, ENOBUFS
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from descriptors import open_descriptors

from mooring.adapters import netns
from mooring.adapters.nft import Nft
from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Hook, NamedSet, SetPath, Table
from mooring.core.linux.port import NftError

NAME = f"nf{os.getpid()}"
PODS4 = SetPath("inet", "mooring", "pods4")
PODS6 = SetPath("inet", "mooring", "pods6")
TABLE = Table(
    "inet",
    "mooring",
    sets=(
        NamedSet("pods4", "ifname . ipv4_addr", "mark"),
        NamedSet("pods6", "ifname . ipv6_addr", "mark"),
        NamedSet("ports", "inet_service", flags=("interval",), elements=("8000-8080",)),
    ),
    chains=(
        Chain(
            "output",
            (
                "meta mark set oifname . ip daddr map @pods4",
                "meta mark 0x10000 counter drop",
            ),
            Hook("filter", "output", "filter"),
        ),
    ),
)


@pytest.fixture
def fd() -> Iterator[int]:
    netns.create(NAME)
    opened = netns.open_fd(NAME)
    yield opened
    netns.close(opened)
    netns.delete(NAME)


@pytest.fixture
def tool(fd: int) -> Iterator[Nft]:
    with Nft(fd) as made:
        made.run(nft.replace(TABLE))
        yield made


def elements(name: str) -> list[Any]:
    """What nft says is in a set, as JSON."""
    command = ["nft", "-j", "list", "set", "inet", "mooring", name]
    done = subprocess.run(
        ["ip", "netns", "exec", NAME, *command],
        check=True,
        capture_output=True,
        text=True,
    )
    found: list[Any] = json.loads(done.stdout)["nftables"][1]["set"].get("elem", [])
    return found


def maps(name: str) -> dict[tuple[str, ...], int]:
    """The same for a map, from its text."""
    command = ["nft", "-j", "list", "map", "inet", "mooring", name]
    done = subprocess.run(
        ["ip", "netns", "exec", NAME, *command],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)["nftables"][1]["map"].get("elem", [])
    return {tuple(key["concat"]): data for key, data in found}


def test_hand_packed_elements_are_what_nft_reads(tool: Nft) -> None:
    add4 = [
        (nft.key("moor0", IPv4Address("10.0.0.5")), nft.mark(0x10000)),
        (nft.key("moor0123456789a", IPv4Address("10.0.0.6")), nft.mark(0x7F0000)),
    ]
    add6 = [(nft.key("moor0", IPv6Address("fd00::5")), nft.mark(1))]
    tool.set_elements(PODS4, add=add4)
    tool.set_elements(PODS6, add=add6)

    assert maps("pods4") == {
        ("moor0", "10.0.0.5"): 0x10000,
        ("moor0123456789a", "10.0.0.6"): 0x7F0000,
    }
    assert maps("pods6") == {("moor0", "fd00::5"): 1}
    tool.set_elements(PODS4, delete=[key for key, _ in add4])
    assert maps("pods4") == {}


def test_elements_of_a_plain_set(tool: Nft) -> None:
    tool.run(
        "add set inet mooring peers { type ipv4_addr; }\n"
        "add set inet mooring marks { type mark; }\n"
    )
    peers = SetPath("inet", "mooring", "peers")
    tool.set_elements(peers, add=[(nft.key(IPv4Address("10.0.0.5")), None)])
    tool.set_elements(SetPath("inet", "mooring", "marks"), add=[(nft.key(7), None)])

    assert elements("peers") == ["10.0.0.5"]
    assert elements("marks") == [7]


def test_packets_meet_the_elements(tool: Nft, fd: int) -> None:
    for command in ("link set lo up", "addr add 10.0.0.5/32 dev lo"):
        subprocess.run(f"ip -n {NAME} {command}", shell=True, check=True)
    key = nft.key("lo", IPv4Address("10.0.0.5"))
    with (
        netns.udp_socket(fd, "10.0.0.5", 0) as server,
        netns.udp_socket(fd, "127.0.0.1", 0) as client,
    ):
        server.settimeout(120)
        client.sendto(b"before", server.getsockname())
        assert server.recv(100) == b"before"
        tool.set_elements(PODS4, add=[(key, nft.mark(0x10000))])
        # An output hook's drop is told to the sender.
        with pytest.raises(PermissionError):
            client.sendto(b"dropped", server.getsockname())
        tool.set_elements(PODS4, delete=[key])
        client.sendto(b"after", server.getsockname())

        assert server.recv(100) == b"after"


def test_a_change_is_whole_or_not_at_all(tool: Nft) -> None:
    one = nft.key("moor0", IPv4Address("10.0.0.1"))
    two = nft.key("moor0", IPv4Address("10.0.0.2"))
    tool.set_elements(PODS4, add=[(one, nft.mark(1))])
    with pytest.raises(NftError) as refused:
        tool.set_elements(PODS4, add=[(two, nft.mark(2)), (one, nft.mark(9))])
    with pytest.raises(NftError):
        tool.set_elements(PODS4, add=[(two, nft.mark(2))], delete=[one, b"short"])

    assert maps("pods4") == {("moor0", "10.0.0.1"): 1}
    assert "inet mooring pods4" in str(refused.value)


def test_absent_elements_do_not_keep_the_present_from_going(tool: Nft) -> None:
    add = [
        (nft.key("moor0", IPv4Address(0x0A000000 + i)), nft.mark(i)) for i in range(600)
    ]
    more = [
        (nft.key("moor1", IPv4Address(0x0A000000 + i)), nft.mark(i)) for i in range(600)
    ]
    tool.set_elements(PODS4, add=add)
    tool.set_elements(PODS4, delete=[key for key, _ in [*more, *add]], add=more[:5])

    assert maps("pods4") == {("moor1", f"10.0.0.{i}"): i for i in range(5)}


def test_a_listing_has_no_counters(tool: Nft, fd: int) -> None:
    text = tool.listing("inet", "mooring")

    assert "packets" not in text
    assert "counter drop" in text
    assert text == tool.listing("inet", "mooring", fd)


def test_what_was_listed_can_be_run(tool: Nft) -> None:
    text = tool.listing("inet", "mooring")
    tool.run(nft.remove(TABLE) + text)

    assert tool.listing("inet", "mooring") == text


def test_a_listing_of_nonsense_is_an_error(tool: Nft) -> None:
    with pytest.raises(NftError, match="syntax error"):
        tool.listing("inet8", "mooring")


def test_our_own_namespace_stays_clean(tool: Nft) -> None:
    with Nft() as here:
        assert "10.255.0.5" not in here.listing("inet", "mooring")
        tool.set_elements(
            PODS4, add=[(nft.key("moor0", IPv4Address("10.255.0.5")), nft.mark(1))]
        )
        assert "10.255.0.5" not in here.listing("inet", "mooring")
    assert "10.255.0.5" in tool.listing("inet", "mooring")


def test_a_descriptor_that_is_no_namespace_is_refused() -> None:
    with Nft() as tool, Path(os.devnull).open() as nothing:
        for use in (
            lambda: tool.run("", nothing.fileno()),
            lambda: tool.set_elements(PODS4, delete=[b"1234"], fd=nothing.fileno()),
        ):
            with pytest.raises(NftError) as refused:
                use()
            assert refused.value.errno == EINVAL
        with pytest.raises(NftError) as closed:
            tool.listing("inet", "mooring", 10_000)

    assert closed.value.errno == EBADF


def test_threads_share_one(tool: Nft, fd: int) -> None:
    failures: list[BaseException] = []

    def work(name: str, where: int | None) -> None:
        key = nft.key(name, IPv4Address("10.0.0.1"))
        try:
            for _ in range(20):
                tool.set_elements(PODS4, add=[(key, nft.mark(1))], fd=where)
                tool.set_elements(PODS4, delete=[key], fd=where)
        except BaseException as err:  # noqa: BLE001 - reported by the test below
            failures.append(err)

    threads = [
        threading.Thread(target=work, args=(f"moor{n}", fd if n == 0 else None))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert maps("pods4") == {}


def test_a_closed_one_lets_its_namespace_go(fd: int) -> None:
    before = open_descriptors()
    with Nft(fd) as tool:
        tool.run(nft.replace(TABLE))
        tool.set_elements(PODS4, delete=[nft.key("a", IPv4Address("10.0.0.1"))])
    forgotten = Nft()
    del forgotten

    assert open_descriptors() == before


class Lossy(socket.socket):
    """A socket on which the kernel drops the next verdict, and says so."""

    lost = False

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if self.lost:
            return data
        self.lost = True
        raise OSError(ENOBUFS, os.strerror(ENOBUFS))


def test_a_lost_verdict_is_refused_by_name_and_its_socket_not_used_again(
    tool: Nft,
) -> None:
    before = tool.generation(), set(open_descriptors())
    (first,) = tool._idle
    first._socket = Lossy(fileno=first._socket.detach())
    key, mark = nft.key("moor0", IPv4Address("10.0.0.5")), nft.mark(1)
    with pytest.raises(NftError, match="No buffer space") as refused:
        tool.set_elements(PODS4, add=[(key, mark)])

    assert refused.value.errno == ENOBUFS
    assert first not in tool._idle
    # It was carried out, and who is told of no success may say it again, or take it back.
    assert tool.generation() > before[0]
    tool.set_elements(PODS4, delete=[key])
    tool.set_elements(PODS4, delete=[key])
    assert set(open_descriptors()) == before[1]
