"""Answers of the kernel that get lost (ENOBUFS), or were interrupted: asked again, or refused by name.

A socket drops what the kernel sends, or spoils it, where a test says so; the last ones do it by
themselves.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from errno import EAGAIN, EINTR, ENOBUFS, EPERM
from ipaddress import ip_network

import pytest
from descriptors import open_descriptors

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.netlink.conversation import TRIES, dialled
from mooring.core.linux import wire
from mooring.core.linux.drift import missing
from mooring.core.linux.plan import HOST, Plan, Route
from mooring.core.linux.port import KernelError

MANY = 2000
"""Routes: a look at them comes in several pieces."""

Drops = Callable[[bytes], bool]


def routes(first: str, count: int) -> Plan:
    start = int(ip_network(first).network_address)
    return tuple(
        Route(HOST, ip_network((start + n, 32)), kind="blackhole", table=1000)
        for n in range(count)
    )


class Lossy(socket.socket):
    """A netlink socket on which the kernel drops what it is told to, and says so, or nothing."""

    drops: Drops
    errno: int

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if self.drops(data):
            raise OSError(self.errno, os.strerror(self.errno))
        return data


class Line:
    """What the sockets of one kernel drop: what `drops` says, so often; counts both."""

    def __init__(self, drops: Drops, times: int, errno: int = ENOBUFS) -> None:
        self.drops = drops
        self.left = times
        self.errno = errno
        self.struck = self.opened = 0

    def dial(self) -> socket.socket:
        self.opened += 1
        talk = Lossy(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        talk.drops, talk.errno = self._drops, self.errno
        return talk

    def _drops(self, data: bytes) -> bool:
        if self.struck == self.left or not self.drops(data):
            return False
        self.struck += 1
        return True


def a_piece(data: bytes) -> bool:
    """The middle of a long dump."""
    kinds = [reply.kind for reply in wire.replies(data)]
    return len(kinds) > 20 and wire.DONE not in kinds


def the_end(data: bytes) -> bool:
    """The end of a dump, after which nothing comes."""
    return any(reply.kind == wire.DONE for reply in wire.replies(data))


def a_verdict(data: bytes) -> bool:
    """What the kernel says to a change."""
    return any(reply.kind == wire.ERROR for reply in wire.replies(data))


@pytest.fixture
def inside() -> Iterator[None]:
    """A namespace with many routes, in which the test is at home; no descriptor may be left."""
    name = f"nl{os.getpid()}-lost"
    netns.create(name)
    fd = netns.open_fd(name)
    try:
        with netns.inside(fd):
            with Kernel() as kernel:
                kernel.carry_out(routes("10.0.0.0/8", MANY), {HOST: None})
            before = open_descriptors()
            yield
            assert open_descriptors() == before
    finally:
        netns.close(fd)
        netns.delete(name)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("where", [a_piece, the_end])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("errno", [ENOBUFS, EAGAIN])
def test_a_look_that_lost_something_is_made_again(
    where: Drops, times: int, errno: int
) -> None:
    """EAGAIN is what comes when an answer was dropped and nothing is there any more."""
    line = Line(where, times, errno)
    with Kernel() as sound, Kernel(dial=line.dial) as kernel:
        seen = kernel.look(HOST, None)

        assert line.struck == times
        assert line.opened == 1 + times
        assert seen == sound.look(HOST, None)
        assert len(seen.routes) == MANY
        # The one that is kept for the next who asks is a sound one.
        assert set(kernel.links(None)) == {"lo"}
        assert line.opened == 1 + times


@pytest.mark.usefixtures("inside")
def test_a_look_that_always_loses_something_is_refused_by_name() -> None:
    line = Line(the_end, 10_000)
    with Kernel(dial=line.dial) as kernel:
        with pytest.raises(KernelError, match="the kernel's answer got lost") as lost:
            kernel.look(HOST, None)

        assert lost.value.errno == ENOBUFS
        assert line.struck == TRIES
        line.left = line.struck
        assert len(kernel.look(HOST, None).routes) == MANY


@pytest.mark.usefixtures("inside")
def test_another_refusal_of_the_socket_is_not_asked_away() -> None:
    line = Line(the_end, 1, EPERM)
    with Kernel(dial=line.dial) as kernel:
        with pytest.raises(KernelError, match="receiving") as refused:
            kernel.look(HOST, None)

        assert refused.value.errno == EPERM
        assert len(kernel.look(HOST, None).routes) == MANY


@pytest.mark.usefixtures("inside")
def test_a_change_whose_verdict_got_lost_is_refused_by_name() -> None:
    """It may have been made: who is told of no success takes it back."""
    plan = routes("11.0.0.0/8", 3)
    line = Line(a_verdict, 1)
    with Kernel(dial=line.dial) as kernel:
        with pytest.raises(KernelError, match="the kernel's answer got lost") as lost:
            kernel.carry_out(plan, {HOST: None})
        assert (lost.value.errno, line.struck) == (ENOBUFS, 1)

        assert kernel.take_back(plan, {HOST: None}) == ()
        assert len(kernel.look(HOST, None).routes) == MANY
        kernel.carry_out(plan, {HOST: None})
        assert missing(plan, {HOST: kernel.look(HOST, None)}) == ()


@pytest.mark.usefixtures("inside")
def test_what_is_taken_back_goes_on_past_a_lost_verdict() -> None:
    plan = routes("11.0.0.0/8", 3)
    line = Line(a_verdict, 0)
    with Kernel(dial=line.dial) as kernel:
        kernel.carry_out(plan, {HOST: None})
        line.left = 1
        (lost,) = kernel.take_back(plan, {HOST: None})

        assert (lost.errno, line.struck) == (ENOBUFS, 1)
        assert kernel.take_back(plan, {HOST: None}) == ()
        assert len(kernel.look(HOST, None).routes) == MANY


class Spoilt(socket.socket):
    """A netlink socket from which every piece comes as `spoil` gives it on."""

    spoil: Callable[[bytes], bytes]

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        return self.spoil(super().recv(size, flags))


class Unrest:
    """What is looked at changes: so many dumps are interrupted, each in one piece of its own.

    `dumps` counts those that ended, whatever became of them.
    """

    def __init__(self, where: Drops, times: int) -> None:
        self.where = where
        self.left = times
        self.dumps = 0
        self._last = -1

    def dial(self) -> socket.socket:
        talk = Spoilt(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        talk.spoil = self._spoil
        return talk

    def _spoil(self, data: bytes) -> bytes:
        self.dumps += the_end(data)
        (number,) = {reply.sequence for reply in wire.replies(data)}
        if not self.left or number == self._last or not self.where(data):
            return data
        self.left -= 1
        self._last = number
        return interrupted(data)


def interrupted(data: bytes) -> bytes:
    """Leave out the first of several messages, and have the last one alone say NLM_F_DUMP_INTR."""
    messages = []
    while data:
        length = (int.from_bytes(data[:4], sys.byteorder) + 3) & ~3
        messages.append(data[:length])
        data = data[length:]
    *some, last = messages[1:] or messages
    flags = int.from_bytes(last[6:8], sys.byteorder) | wire.DUMP_INTERRUPTED
    return b"".join(some) + last[:6] + flags.to_bytes(2, sys.byteorder) + last[8:]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("where", [a_piece, the_end])
@pytest.mark.parametrize("times", [1, 3])
def test_rt_35_a_dump_that_was_interrupted_is_taken_again(
    where: Drops, times: int
) -> None:
    unrest = Unrest(where, 0)
    with Kernel() as sound, Kernel(dial=unrest.dial) as kernel:
        assert len(kernel.look(HOST, None).routes) == MANY
        once, unrest.dumps = unrest.dumps, 0
        unrest.left = times
        seen = kernel.look(HOST, None)

        assert unrest.left == 0
        assert unrest.dumps == once + times
        assert seen == sound.look(HOST, None)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("where", [a_piece, the_end])
def test_rt_35_a_dump_that_is_always_interrupted_is_refused_by_name(
    where: Drops,
) -> None:
    unrest = Unrest(where, 10_000)
    words = "what was looked at changed all the time"
    with Kernel(dial=unrest.dial) as kernel:
        with pytest.raises(KernelError, match=words) as never:
            kernel.look(HOST, None)

        assert never.value.errno == EINTR
        assert unrest.left == 10_000 - TRIES
        unrest.left = 0
        assert len(kernel.look(HOST, None).routes) == MANY


def narrow() -> socket.socket:
    """A socket with the least room that the kernel gives."""
    talk = dialled()
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    return talk


@pytest.mark.usefixtures("inside")
def test_the_kernel_itself_drops_what_finds_no_room() -> None:
    """More refusals at once than there is room for: the last verdict is among the dropped."""
    absent = routes("12.0.0.0/8", 100)
    with Kernel(dial=narrow) as kernel:
        assert len(kernel.look(HOST, None).routes) == MANY
        for _ in range(3):
            (lost,) = kernel.take_back(absent, {HOST: None})
            assert lost.errno == ENOBUFS
            # Nothing of it is left to whoever comes next.
            assert set(kernel.links(None)) == {"lo"}
            kernel.carry_out(routes("13.0.0.0/8", 1), {HOST: None})
            assert len(kernel.look(HOST, None).routes) == MANY + 1
            assert kernel.take_back(routes("13.0.0.0/8", 1), {HOST: None}) == ()
