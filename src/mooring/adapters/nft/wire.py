"""One nfnetlink socket in one namespace: generations, and transactions of set elements."""

import socket
import struct

from mooring import setns
from mooring.core.linux import nfnetlink, wire
from mooring.core.linux.mould import Mould

NETLINK_NETFILTER, SOL_NETLINK = 12, 270
CAPPED_ACK, EXTENDED_ACK = 10, 11
SEND_BUFFER_FORCE, RECEIVE_BUFFER_FORCE = 32, 33
BUFFER = 16 << 20  # a transaction is one datagram, and its refusals come all at once
PATIENCE = struct.pack("=qq", 30, 0)
LARGEST = 1 << 16


class Wire:
    """One nfnetlink socket in one namespace, for one thread at a time.

    `broken`: something got lost on it. What may still come belongs to nobody, so it is not used again.
    """

    def __init__(self, fd: int) -> None:
        with setns.inside(fd):
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER
            )
        self._socket.setsockopt(SOL_NETLINK, CAPPED_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, EXTENDED_ACK, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, SEND_BUFFER_FORCE, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        self._sequence = 0
        self.broken = False

    def close(self) -> None:
        """End it; waits for the garbage of past transactions."""
        self._socket.close()

    def generation(self) -> int:
        """Ask for the number of the last transaction."""
        self._sequence += 1
        self._send(wire.frame(nfnetlink.ask_generation(), self._sequence))
        while True:
            for reply in wire.replies(self._receive()):
                number = nfnetlink.generation(reply)
                if number is not None and reply.sequence == self._sequence:
                    return number

    def transact(self, messages: list[wire.Message]) -> list[nfnetlink.Refusal]:
        """Send a transaction; what was refused, nothing when it was carried out."""
        sequence = self._sequence
        framed = nfnetlink.framed(messages, sequence)
        return self._carried(b"".join(framed), sequence, len(framed))

    def say(self, mould: Mould, values: tuple[bytes, ...]) -> list[nfnetlink.Refusal]:
        """Send the transaction that a mould gives; as `transact`."""
        sequence = self._sequence
        return self._carried(mould.cast(sequence, values), sequence, mould.count)

    def _carried(
        self, data: bytes, sequence: int, count: int
    ) -> list[nfnetlink.Refusal]:
        """Send a transaction of so many messages, its begin and its end among them."""
        self._sequence += count
        self._send(data)
        answer = self._receive()
        last = count - 3
        if wire.is_granted(answer, sequence + 1 + last):
            return []
        refusals: list[nfnetlink.Refusal] = []
        while True:
            for reply in wire.replies(answer):
                said = nfnetlink.refusal(reply, sequence)
                if said is None:
                    continue
                if said.verdict.errno:
                    refusals.append(said)
                if said.place in {None, last}:
                    return refusals
            answer = self._receive()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError:
            self.broken = True
            raise

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(LARGEST)
        except OSError:
            self.broken = True
            raise
