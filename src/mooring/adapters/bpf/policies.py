"""IPsec's policies of a namespace, by a netlink socket opened where it was made."""

import os
import socket
import struct
from errno import EAFNOSUPPORT, EPROTONOSUPPORT

from mooring.core.linux import wire, xfrm

NETLINK_XFRM = 6
PATIENCE = struct.pack("=qq", 10, 0)
LARGEST = 1 << 16
WITHOUT = {EAFNOSUPPORT, EPROTONOSUPPORT}
"""What a kernel without IPsec says."""


class Policies:
    """Tells whether packets have to be shown to IPsec."""

    def __init__(self) -> None:
        self._sequence = 0
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM
            )
        except OSError as why:
            if why.errno not in WITHOUT:
                raise
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()

    def words(self) -> str:
        """Name the policies that there are; "" when there are none."""
        if self._socket is None:
            return ""
        found = xfrm.count(self._ask(self._socket, xfrm.ask_counts()))
        if found:
            return f"IPsec policies are in force (ip xfrm policy): {found}"
        if xfrm.blocks(self._ask(self._socket, xfrm.ask_defaults())):
            return "IPsec blocks by default (ip xfrm policy getdefault)"
        return ""

    def _ask(self, talk: socket.socket, question: wire.Message) -> bytes:
        self._sequence += 1
        talk.send(wire.frame(question, self._sequence))
        while True:
            for reply in wire.replies(talk.recv(LARGEST)):
                if reply.sequence != self._sequence:
                    continue
                if reply.kind != wire.ERROR:
                    return reply.body
                errno = wire.verdict(reply).errno
                raise OSError(errno, os.strerror(errno))
