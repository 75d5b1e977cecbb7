"""Connection tracking: which flows touch some addresses, and having flows forgotten."""

import os
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from errno import EAGAIN, EBADMSG, EINTR, ENOBUFS, ENOENT

from mooring import setns
from mooring.core.linux import ctnetlink, wire
from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import Ip
from mooring.core.linux.port import KernelError

NETLINK_NETFILTER, RECEIVE_BUFFER_FORCE = 12, 33
BUFFER = 4 << 20
PATIENCE = struct.pack("=qq", 10, 0)
LARGEST = 1 << 16
TRIES = 5
PASSING = frozenset({EAGAIN, EINTR, ENOBUFS})


class Conntrack:
    """Flows of the namespace of the thread that asks; threads may share it.

    For a look the kernel walks its whole table, so one look is made for many addresses. `dial`
    gives a socket to the kernel of a namespace.
    """

    def __init__(
        self, dial: Callable[[int | None], socket.socket] | None = None
    ) -> None:
        self._dial = dial or _open

    def flows(
        self, addresses: Collection[Ip], fd: int | None = None
    ) -> tuple[Flow, ...]:
        """Give the flows of which one of the addresses is an end. Raises KernelError."""
        wanted = frozenset(addresses)
        found: dict[bytes, Flow] = {}
        for version in sorted({address.version for address in wanted}):
            few = frozenset(a for a in wanted if a.version == version)
            for flow in self._whole(version, few, fd):
                found[flow.name] = flow
        return tuple(found.values())

    def forget(self, flows: Iterable[Flow], fd: int | None = None) -> int:
        """Have flows forgotten, tell how many were there.

        Raises KernelError when one is refused, after all others.
        """
        gone, refused = 0, []
        talk = self._dial(fd)
        try:
            for flow in flows:
                try:
                    gone += _is_forgotten(talk, flow)
                except KernelError as why:
                    refused.append(why)
                    # What may still come here is not the next one's verdict.
                    talk.close()
                    talk = self._dial(fd)
        finally:
            talk.close()
        for first in refused:
            raise first
        return gone

    def _whole(self, version: int, wanted: frozenset[Ip], fd: int | None) -> list[Flow]:
        """Look until nothing of a look is lost: the kernel sends faster than we read."""
        for _ in range(TRIES):
            try:
                with self._dial(fd) as talk:
                    return _dump(talk, version, wanted)
            except wire.Unreadable as why:
                raise _misread(why) from why
            except OSError as err:
                if err.errno not in PASSING:
                    raise _refused(err) from err
                last = err
        raise _refused(last)


def _dump(talk: socket.socket, version: int, wanted: frozenset[Ip]) -> list[Flow]:
    sieve = ctnetlink.sieve(wanted)
    talk.send(wire.frame(ctnetlink.ask(version), 1))
    found: list[Flow] = []
    while True:
        data = talk.recv(LARGEST)
        some = sieve.search(data) is not None
        if not some and not ctnetlink.may_end(data):
            continue
        for reply in wire.replies(data):
            if reply.kind in {wire.DONE, wire.ERROR}:
                errno = wire.verdict(reply).errno
                if errno:
                    raise OSError(errno, os.strerror(errno))
                return found
            if some and sieve.search(reply.body):
                flow = ctnetlink.flow(reply)
                if flow is not None and not wanted.isdisjoint(flow.ends):
                    found.append(flow)


def _is_forgotten(talk: socket.socket, flow: Flow) -> bool:
    """Have a flow forgotten; False when it was not there."""
    try:
        talk.send(wire.frame(ctnetlink.forget(flow), 1, wire.ACK))
        verdict = wire.verdict(next(wire.replies(talk.recv(LARGEST))))
    except OSError as err:
        raise _refused(err) from err
    except wire.Unreadable as why:
        raise _misread(why) from why
    if verdict.errno not in {0, ENOENT}:
        raise KernelError(None, verdict.errno, verdict.message or "a flow stays")
    return verdict.errno == 0


def _open(fd: int | None) -> socket.socket:
    try:
        with setns.inside(fd):
            talk = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        talk.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, BUFFER)
        talk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
    except OSError as err:
        raise _refused(err) from err
    return talk


def _refused(err: OSError) -> KernelError:
    return KernelError(None, err.errno or 0, f"connection tracking: {err.strerror}")


def _misread(why: wire.Unreadable) -> KernelError:
    return KernelError(None, EBADMSG, f"connection tracking: {why}")
