"""Filters at links, by a netlink socket of their own in the namespace where it was opened."""

import os
import socket
import struct
from errno import EEXIST, EINVAL, ENODEV, ENOENT

from mooring.core.linux import wire
from mooring.core.linux.bpf import filters
from mooring.core.linux.bpf.filters import Filter

SOL_NETLINK, CAPPED_ACK, EXTENDED_ACK = 270, 10, 11
PATIENCE = struct.pack("=qq", 10, 0)
LARGEST = 1 << 16
NETLINK_NETFILTER = 12
COUNTERS = 1 << 8 | 5  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS
ABSENT = {ENODEV, ENOENT, EINVAL}
"""No link, no filter, no discipline: the kernel says all of these where nothing is."""


def waken_tracking() -> None:
    """Ask connection tracking for its counters: if it is a module, it is loaded for that."""
    question = wire.Message(COUNTERS, wire.DUMP, bytes(4))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        asking.send(wire.frame(question, 1))
        asking.recv(LARGEST)


class Links:
    """Programs at links' ingress.

    While the kernel gives a link a discipline, or takes one away, it throws away all that the
    link should send, for milliseconds. Packets to known neighbours wait that long instead.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
        )
        self._socket.setsockopt(SOL_NETLINK, CAPPED_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, EXTENDED_ACK, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        self._sequence = 0

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def disciplines(self) -> dict[int, frozenset[str]]:
        """Name the kinds of disciplines that links have, by index."""
        found: dict[int, frozenset[str]] = {}
        for body in self._dump(filters.dump_disciplines()):
            link, kind = filters.discipline(body)
            found[link] = found.get(link, frozenset()) | {kind}
        return found

    def put(self, index: int, program: int, name: str) -> None:
        """Put a program at a link's ingress, in the place of an older one of ours."""
        self._quietly(index, filters.new_discipline(index), {EEXIST})
        for verdict in self._tell([filters.put_filter(index, program, name)]).values():
            raise _error(verdict)

    def get(self, index: int) -> Filter | None:
        """See our program at a link."""
        self._sequence += 1
        self._socket.send(wire.frame(filters.get_filter(index), self._sequence))
        while True:
            for reply in wire.replies(self._socket.recv(LARGEST)):
                if reply.sequence != self._sequence:
                    continue
                if reply.kind == wire.ERROR:
                    verdict = wire.verdict(reply)
                    if verdict.errno in ABSENT:
                        return None
                    raise _error(verdict)
                return filters.read(reply.body)

    def remove(self, index: int) -> None:
        """Take our program away, and the room as well if nobody else is in it."""
        self._order(filters.delete_filter(index))
        both = filters.INGRESS, filters.EGRESS
        if not any(self._dump(filters.dump_filters(index, end)) for end in both):
            self._quietly(index, filters.delete_discipline(index), ABSENT)

    def _quietly(self, index: int, message: wire.Message, fine: set[int]) -> None:
        """Change a link's disciplines while what it should send waits.

        All is one call: the kernel ends it even when this process is killed in between.
        """
        answers = self._dump(filters.dump_neighbours(index))
        pauses = [p for body in answers if (p := filters.pause(index, body))]
        waits, goes = [wait for wait, _ in pauses], [go for _, go in pauses]
        refused = self._tell([*waits, message, *goes])
        for place, verdict in refused.items():
            if place > len(waits) or (
                place == len(waits) and verdict.errno not in fine
            ):
                raise _error(verdict)

    def _order(self, message: wire.Message) -> None:
        for verdict in self._tell([message]).values():
            if verdict.errno not in ABSENT:
                raise _error(verdict)

    def _tell(self, messages: list[wire.Message]) -> dict[int, wire.Verdict]:
        first = self._sequence + 1
        self._sequence = last = self._sequence + len(messages)
        framed = [wire.frame(m, first + i) for i, m in enumerate(messages[:-1])]
        self._socket.send(b"".join([*framed, wire.frame(messages[-1], last, wire.ACK)]))
        refused: dict[int, wire.Verdict] = {}
        while True:
            for reply in wire.replies(self._socket.recv(LARGEST)):
                if reply.kind != wire.ERROR or reply.sequence < first:
                    continue
                verdict = wire.verdict(reply)
                if verdict.errno:
                    refused[reply.sequence - first] = verdict
                if reply.sequence == last:
                    return refused

    def _dump(self, message: wire.Message) -> list[bytes]:
        self._sequence += 1
        self._socket.send(wire.frame(message, self._sequence))
        bodies: list[bytes] = []
        while True:
            for reply in wire.replies(self._socket.recv(LARGEST)):
                if reply.sequence != self._sequence:
                    continue
                if reply.kind in {wire.DONE, wire.ERROR}:
                    verdict = wire.verdict(reply)
                    if verdict.errno not in {0, *ABSENT}:
                        raise _error(verdict)
                    return bodies
                bodies.append(reply.body)


def _error(verdict: wire.Verdict) -> OSError:
    words = verdict.message or os.strerror(verdict.errno)
    return OSError(verdict.errno, words)
