"""nftables of a namespace: whole scripts by the nft program, set elements by hand.

A script costs a process (2 ms), a change of elements a system call (0.01 ms).
"""

import os
import socket
import struct

# The one adapter beside adapters.process that starts a program: nft has to be born inside a
# namespace, and adapters do not know each other.
import subprocess  # noqa: TID251 - nft is a program, and this is its adapter
from collections.abc import Iterable
from contextlib import suppress
from errno import ENOENT
from pathlib import Path
from typing import Self

from mooring import setns
from mooring.core.linux import nfnetlink, wire
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.port import NftError

NETLINK_NETFILTER, SOL_NETLINK = 12, 270
CAPPED_ACK, EXTENDED_ACK = 10, 11
SEND_BUFFER_FORCE, RECEIVE_BUFFER_FORCE = 32, 33
BUFFER = 16 << 20  # a transaction is one datagram, and its refusals come all at once
PATIENCE = struct.pack("=qq", 30, 0)
LARGEST = 1 << 16
SECONDS = 120
ABSENT = "No such file or directory"
OLD_TABLES = {
    "ip": "/proc/thread-self/net/ip_tables_names",
    "ip6": "/proc/thread-self/net/ip6_tables_names",
}


class Nft:
    """nftables. None as a namespace stands for `home`, by default the one it is made in.

    Elements cost 10 us at home, where a socket stays open, and several ms elsewhere: closing a
    socket of nftables waits for the garbage of past transactions. Who changes elements of some
    namespace often makes an object for it, and closes it to let the namespace go.

    Several threads may use one at the same time. `close`, or a with block, gives its descriptors
    back.
    """

    def __init__(self, home: int | None = None) -> None:
        self._home = setns.open_own() if home is None else os.dup(home)
        self._idle: list[_Wire] = []

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __del__(self) -> None:
        """Close, if nobody did."""
        with suppress(AttributeError):
            self.close()

    def close(self) -> None:
        """Give the descriptors back; the object is of no use after that."""
        while self._idle:
            self._idle.pop().close()
        if self._home >= 0:
            os.close(self._home)
            self._home = -1

    def run(self, script: str, fd: int | None = None) -> None:
        """Carry out a script as one transaction, or raise NftError and change nothing."""
        code, _, errors = self._nft(["-f", "-"], script, fd)
        if code != 0:
            raise NftError(errors.strip() or f"nft ended with {code}")

    def listing(self, family: str, table: str, fd: int | None = None) -> str:
        """List the table without counters; "" when there is no such table."""
        code, text, errors = self._nft(["-s", "list", "table", family, table], "", fd)
        if code == 0:
            return text
        if ABSENT in errors:
            return ""
        raise NftError(errors.strip() or f"nft ended with {code}")

    def tables(self, fd: int | None = None) -> frozenset[tuple[str, str]]:
        """Name every table, (family, name); those of the old iptables too."""
        code, text, errors = self._nft(["list", "tables"], "", fd)
        if code != 0:
            raise NftError(errors.strip() or f"nft ended with {code}")
        found = [line.split() for line in text.splitlines()]
        tables = {(words[1], words[2]) for words in found if len(words) == 3}
        with setns.inside(self._home if fd is None else fd):
            for family, place in OLD_TABLES.items():
                with suppress(OSError):  # a kernel without them
                    names = Path(place).read_text().split()
                    tables.update((family, name) for name in names)
        return frozenset(tables)

    def generation(self, fd: int | None = None) -> int:
        """Count the transactions carried out there, whoever sent them."""
        talk = self._open(fd)
        try:
            return talk.generation()
        except OSError as err:
            raise NftError(f"no generation: {err}", err.errno or 0) from err
        finally:
            self._end(talk, keep=fd is None)

    def set_elements(
        self,
        where: SetPath,
        *,
        add: Iterable[Element] = (),
        delete: Iterable[bytes] = (),
        fd: int | None = None,
    ) -> None:
        """Delete, then add elements in one transaction; see `core.linux.port.Nft`."""
        added, deleted = list(add), list(delete)
        talk = self._open(fd)
        try:
            while added or deleted:
                refusals = talk.transact(nfnetlink.transaction(where, added, deleted))
                absent = {_absent(each, len(deleted)) for each in refusals}
                if not refusals:
                    break
                if None in absent:
                    raise _error(where, refusals)
                deleted = [key for i, key in enumerate(deleted) if i not in absent]
        except OSError as err:
            raise NftError(f"{where}: {err}", err.errno or 0) from err
        finally:
            self._end(talk, keep=fd is None)

    def _nft(
        self, arguments: list[str], script: str, fd: int | None
    ) -> tuple[int, str, str]:
        # A process is born in its parent thread's namespace.
        try:
            with setns.inside(self._home if fd is None else fd):
                process = subprocess.Popen(
                    ["nft", *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={**os.environ, "LC_ALL": "C"},
                    text=True,
                )
        except OSError as err:
            raise NftError(f"nft could not be started: {err}", err.errno or 0) from err
        with process:
            try:
                text, errors = process.communicate(script, timeout=SECONDS)
            except subprocess.TimeoutExpired as err:
                process.kill()
                raise NftError(f"nft did not end within {SECONDS} s") from err
        return process.returncode, text, errors

    def _open(self, fd: int | None) -> "_Wire":
        if fd is None:
            with suppress(IndexError):
                return self._idle.pop()
        try:
            return _Wire(self._home if fd is None else fd)
        except OSError as err:
            raise NftError(f"no nftables socket: {err}", err.errno or 0) from err

    def _end(self, talk: "_Wire", *, keep: bool) -> None:
        if keep:
            self._idle.append(talk)
        else:
            talk.close()


class _Wire:
    """One nfnetlink socket in one namespace, for one thread at a time."""

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

    def close(self) -> None:
        self._socket.close()

    def generation(self) -> int:
        """Ask for the number of the last transaction."""
        self._sequence += 1
        self._socket.send(wire.frame(nfnetlink.ask_generation(), self._sequence))
        while True:
            for reply in wire.replies(self._socket.recv(LARGEST)):
                number = nfnetlink.generation(reply)
                if number is not None and reply.sequence == self._sequence:
                    return number

    def transact(self, messages: list[wire.Message]) -> list[nfnetlink.Refusal]:
        """Send a transaction; what was refused, nothing when it was carried out."""
        sequence = self._sequence
        self._sequence += len(messages) + 2
        self._socket.send(nfnetlink.datagram(messages, sequence))
        refusals: list[nfnetlink.Refusal] = []
        while True:
            for reply in wire.replies(self._socket.recv(LARGEST)):
                said = nfnetlink.refusal(reply, sequence)
                if said is None:
                    continue
                if said.verdict.errno:
                    refusals.append(said)
                if said.place in {None, len(messages) - 1}:
                    return refusals


def _absent(refusal: nfnetlink.Refusal, deletions: int) -> int | None:
    """Which deletion found nothing; None when the refusal is a real one."""
    place = refusal.place
    if place is None or place >= deletions or refusal.verdict.errno != ENOENT:
        return None
    return place


def _error(where: SetPath, refusals: list[nfnetlink.Refusal]) -> NftError:
    verdict = refusals[0].verdict
    words = verdict.message or os.strerror(verdict.errno)
    place = f"{where.family} {where.table} {where.name}"
    return NftError(f"{place}: {words}", verdict.errno)
