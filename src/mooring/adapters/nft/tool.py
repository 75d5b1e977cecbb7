"""`Nft`: scripts and looks by nft, elements and generations by a socket of our own."""

import os

# The one adapter beside adapters.process that starts a program: nft has to be born inside a
# namespace, and adapters do not know each other.
import subprocess  # noqa: TID251 - nft is a program, and this is its adapter
from collections.abc import Iterable
from contextlib import suppress
from errno import ENOENT
from pathlib import Path

from mooring import setns
from mooring.adapters.nft import library
from mooring.adapters.nft.wire import Wire
from mooring.closing import Closing
from mooring.core.linux import nfnetlink
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.port import NftError

SECONDS = 120
ABSENT = "No such file or directory"
OLD_TABLES = {
    "ip": "/proc/thread-self/net/ip_tables_names",
    "ip6": "/proc/thread-self/net/ip6_tables_names",
}


class Nft(Closing):
    """nftables. None as a namespace stands for `home`, by default the one it is made in.

    Elements cost 10 us at home, where a socket stays open, and several ms elsewhere: closing a
    socket of nftables waits for the garbage of past transactions. Who changes elements of some
    namespace often makes an object for it, and closes it to let the namespace go; who changes its
    rules often makes it with `hold`.

    Several threads may use one at the same time. `close`, or a with block, gives its descriptors
    back.
    """

    def __init__(self, home: int | None = None) -> None:
        self._home = setns.open_own() if home is None else os.dup(home)
        self._idle: list[Wire] = []

    def hold(self, fd: int) -> "Held":
        """Make an object that is at home in a namespace and keeps nft itself open there."""
        try:
            return Held(fd)
        except OSError as err:
            words = f"nft is not to be kept open: {err}"
            raise NftError(words, err.errno or 0) from err

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
                refusals = _transacted(talk, where, added, deleted)
                if not refusals:
                    break
                absent = {_absent(each, len(deleted)) for each in refusals}
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

    def _open(self, fd: int | None) -> Wire:
        if fd is None and self._idle:
            try:
                return self._idle.pop()
            except IndexError:  # another thread took it
                pass
        try:
            return Wire(self._home if fd is None else fd)
        except OSError as err:
            raise NftError(f"no nftables socket: {err}", err.errno or 0) from err

    def _end(self, talk: Wire, *, keep: bool) -> None:
        if keep and not talk.broken:
            self._idle.append(talk)
        else:
            talk.close()


class Held(Nft):
    """nftables of one namespace, with nft's library kept open where the machine has it."""

    def __init__(self, home: int) -> None:
        self._library: library.Library | None = None
        super().__init__(home)
        # What the library could not have, a socket, would end the program.
        self._end(self._open(None), keep=True)
        self._library = library.opened(home)

    def close(self) -> None:
        """Let the namespace go; waits for the garbage of past transactions."""
        if self._library is not None:
            self._library.close()
            self._library = None
        super().close()

    def run(self, script: str, fd: int | None = None) -> None:
        """Carry out a script as one transaction, or raise NftError and change nothing."""
        if fd is not None or self._library is None:
            super().run(script, fd)
        elif refusal := self._library.run(script):
            raise NftError(refusal)


def _transacted(
    talk: Wire, where: SetPath, added: list[Element], deleted: list[bytes]
) -> list[nfnetlink.Refusal]:
    """Carry out a transaction; one element, as a pod has, by a mould."""
    if len(added) + len(deleted) == 1:
        key, data = added[0] if added else (deleted[0], None)
        if key and data:
            return talk.say(nfnetlink.of_one(where, len(key), len(data)), (key, data))
        if key and not added:
            return talk.say(nfnetlink.of_one(where, len(key), None), (key,))
    return talk.transact(nfnetlink.transaction(where, added, deleted))


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
