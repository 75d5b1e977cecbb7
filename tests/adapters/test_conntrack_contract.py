"""One set of claims about connection tracking, for the kernel's and for the fake."""

import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from errno import ENOBUFS, EPERM
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from descriptors import open_descriptors
from fakes.conntrack import FakeConntrack

from mooring import setns
from mooring.adapters.conntrack import NETLINK_NETFILTER, TRIES, Conntrack
from mooring.core.linux import ctnetlink, wire
from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.port import KernelError

HERE = {4: ip_address("127.0.0.1"), 6: ip_address("::1")}
A, B, C = (IPv4Address(f"127.1.0.{n}") for n in (5, 6, 7))
SIX = IPv6Address("fd00:8::5")
TRACKING = (
    "add table inet t; add chain inet t o { type filter hook output priority 0; };"
    " add rule inet t o ct state new accept"
)


class Real:
    """A namespace whose kernel tracks what is sent in it."""

    def __init__(self) -> None:
        self.name = f"moor-ct-{os.getpid()}"
        self.does("ip", "netns", "add", self.name)
        self.fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        self.conntrack = Conntrack()
        self.sockets: list[socket.socket] = []

    def does(self, *argv: str) -> None:
        subprocess.run(argv, check=True, capture_output=True)

    def track(self) -> None:
        inside = ("ip", "netns", "exec", self.name)
        self.does(*inside, "nft", TRACKING)
        self.does("ip", "-n", self.name, "link", "set", "lo", "up")
        self.does("ip", "-n", self.name, "addr", "add", f"{SIX}/128", "dev", "lo")
        # The kernel takes packets to it in by and by.
        local = f"until ip -6 route get {SIX} | grep -q ^local; do sleep 0.01; done"
        self.does(*inside, "sh", "-c", local)

    def send(self, address: IPv4Address | IPv6Address) -> None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with setns.inside(self.fd):
            talk = socket.socket(family, socket.SOCK_DGRAM)
        self.sockets.append(talk)
        talk.sendto(b"?", (str(address), 9999))

    def close(self) -> None:
        for each in self.sockets:
            each.close()
        os.close(self.fd)
        self.does("ip", "netns", "del", self.name)


class Pretended(Real):
    """The fake, to which a packet is another entry."""

    def __init__(self) -> None:
        self.conntrack = FakeConntrack()
        self.fd = -1

    def track(self) -> None:
        pass

    def send(self, address: IPv4Address | IPv6Address) -> None:
        ends = frozenset({address, HERE[address.version]})
        name = bytes([len(self.conntrack.known)])
        self.conntrack.known.append(Flow(ends, 17, 30, name))

    def close(self) -> None:
        pass


@pytest.fixture(params=[Real, Pretended])
def space(request: pytest.FixtureRequest) -> Iterator[Real]:
    made = request.param()
    yield made
    made.close()


def ends(space: Real, *addresses: IPv4Address | IPv6Address) -> list[frozenset[object]]:
    return [flow.ends for flow in space.conntrack.flows(addresses, space.fd)]


def test_a_namespace_that_tracks_nothing_has_no_flow(space: Real) -> None:
    assert ends(space, A, SIX) == []


def test_only_flows_of_the_addresses_are_given(space: Real) -> None:
    space.track()
    for address in (A, B, C, SIX):
        space.send(address)

    found = ends(space, A, B, SIX)
    assert {A, B, SIX} <= frozenset().union(*found)
    assert not any(C in each for each in found)
    assert len(found) == 3
    assert ends(space) == []
    # One end of every flow of this family is the sender's.
    assert len(ends(space, HERE[4])) == 3


def test_a_flow_is_told_with_its_time_and_protocol(space: Real) -> None:
    space.track()
    space.send(A)

    (flow,) = space.conntrack.flows([A], space.fd)
    assert flow.protocol == 17
    assert 0 < flow.timeout <= 30


def test_what_is_forgotten_is_gone_and_the_others_stay(space: Real) -> None:
    space.track()
    for address in (A, B, SIX):
        space.send(address)
    doomed = space.conntrack.flows([A, SIX], space.fd)

    assert space.conntrack.forget(doomed, space.fd) == 2
    assert ends(space, A, SIX) == []
    assert len(ends(space, B)) == 1
    assert space.conntrack.forget(doomed, space.fd) == 0
    assert space.conntrack.forget([], space.fd) == 0


def test_a_look_finds_few_among_thousands() -> None:
    """A dump comes in many pieces; its end may come with the last of them."""
    space = Real()
    try:
        space.track()
        with setns.inside(space.fd):
            talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        space.sockets.append(talk)
        for n in range(2000):
            talk.sendto(b"?", (f"127.2.{n >> 8}.{n & 255}", 9999))
        for n in range(0, 2000, 97):
            wanted = IPv4Address(f"127.2.{n >> 8}.{n & 255}")
            assert len(ends(space, wanted)) == 1
    finally:
        space.close()


def test_a_kernel_that_refuses_says_so() -> None:
    fake = FakeConntrack()
    fake.refusal = EPERM
    with pytest.raises(KernelError):
        fake.flows([A])
    with pytest.raises(KernelError):
        Conntrack().flows([A], os.open(os.devnull, os.O_RDONLY))


def test_one_flow_that_stays_keeps_no_other(space: Real) -> None:
    space.track()
    for address in (A, B):
        space.send(address)
    one, other = space.conntrack.flows([A, B], space.fd)
    nobody = other.name[:4] + wire.attribute(ctnetlink.FIRST | wire.NESTED, b"")
    spoilt = Flow(one.ends, one.protocol, one.timeout, nobody)
    if isinstance(space.conntrack, FakeConntrack):
        space.conntrack.stays.add(spoilt.name)

    with pytest.raises(KernelError):
        space.conntrack.forget((one, spoilt, other), space.fd)
    assert ends(space, A, B) == []


class Lossy(socket.socket):
    """A socket on which the kernel drops what `drops` says, as long as it says so."""

    drops: Callable[[bytes], bool]

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if self.drops(data):
            raise OSError(ENOBUFS, os.strerror(ENOBUFS))
        return data


class Lost:
    """Drops what holds a message of a kind (any: None), so many times; counts."""

    def __init__(self, kind: int | None, times: int) -> None:
        self.kind, self.left, self.opened = kind, times, 0

    def dial(self, fd: int | None) -> socket.socket:
        self.opened += 1
        with setns.inside(fd):
            talk = Lossy(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        talk.drops = self.strikes
        return talk

    def strikes(self, data: bytes) -> bool:
        kinds = {reply.kind for reply in wire.replies(data)}
        middle = wire.DONE not in kinds and wire.ERROR not in kinds
        if not self.left or not (middle if self.kind is None else self.kind in kinds):
            return False
        self.left -= 1
        return True


@pytest.mark.parametrize("kind", [None, wire.DONE], ids=["middle", "end"])
def test_a_look_that_lost_something_is_made_again(kind: int | None) -> None:
    space = Real()
    lost = Lost(kind, 2)
    try:
        space.track()
        for address in (A, B):
            space.send(address)
        before = open_descriptors()
        found = Conntrack(lost.dial).flows([A, B], space.fd)

        assert {A, B} <= frozenset().union(*(flow.ends for flow in found))
        assert (len(found), lost.left, lost.opened) == (2, 0, 3)
        assert open_descriptors() == before
    finally:
        space.close()


def test_a_look_that_always_loses_something_is_refused_by_name() -> None:
    space = Real()
    lost = Lost(wire.DONE, 1000)
    try:
        before = open_descriptors()
        with pytest.raises(KernelError, match="connection tracking") as refused:
            Conntrack(lost.dial).flows([A], space.fd)

        assert (refused.value.errno, lost.opened) == (ENOBUFS, TRIES)
        assert open_descriptors() == before
    finally:
        space.close()


def test_a_lost_verdict_keeps_no_flow_and_is_told() -> None:
    space = Real()
    lost = Lost(wire.ERROR, 1)
    try:
        space.track()
        for address in (A, B, C):
            space.send(address)
        doomed = space.conntrack.flows([A, B, C], space.fd)
        before = open_descriptors()
        with pytest.raises(KernelError, match="connection tracking") as refused:
            Conntrack(lost.dial).forget(doomed, space.fd)

        assert (refused.value.errno, lost.left, lost.opened) == (ENOBUFS, 0, 2)
        assert ends(space, A, B, C) == []
        assert open_descriptors() == before
    finally:
        space.close()


def test_what_cannot_be_read_is_a_refusal() -> None:
    def garbage(_fd: int | None) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs.send(struct.pack("=IHHII", 16, wire.ERROR, 0, 1, 0))  # of what errno?
        peers.append(theirs)
        return ours

    peers: list[socket.socket] = []
    conntrack = Conntrack(garbage)
    with pytest.raises(KernelError, match="connection tracking"):
        conntrack.flows([A])
    with pytest.raises(KernelError, match="connection tracking"):
        conntrack.forget([Flow(frozenset({A}), 17, 30, b"name")])
    for peer in peers:
        peer.close()
