"""`FastPath`: a compiled object in the kernel, and its programs at links."""

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from mooring.adapters.bpf import syscall
from mooring.adapters.bpf.links import Links, waken_tracking
from mooring.adapters.bpf.policies import Policies
from mooring.core.linux import wire
from mooring.core.linux.bpf import call, filters, program, types
from mooring.core.linux.bpf.call import Map
from mooring.core.linux.bpf.program import Meanings, Program
from mooring.core.linux.port import FastPathError

OBJECT = Path(__file__).resolve().parents[2] / "_native/fastpath.bpf"
TYPES = Path("/sys/kernel/btf")
HEAD = "mooring/"
FUNCTIONS = ("bpf_skb_ct_lookup", "bpf_ct_release")
FIELDS = tuple(("nf_conn", member) for member in ("status", "timeout", "mark"))


class FastPath:
    """The programs of one object; see `core.linux.port.FastPath`.

    It is at home in the namespace in which it is made. `close`, or a with block, gives its
    descriptors back; what stands at links stays.
    """

    def __init__(self, tables: Sequence[Map], place: Path = OBJECT) -> None:
        self._tables = {table.name: table for table in tables}
        self._place = place
        self._maps: dict[str, int] = {}
        self._programs: dict[str, int] = {}
        self._version = ""
        self._links = Links()
        self._policies: Policies | None = None

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give the descriptors back."""
        self._let_go()
        self._links.close()
        if self._policies is not None:
            self._policies.close()

    def begin(self) -> bool:
        """Have the programs; see `core.linux.port.FastPath`."""
        self._let_go()
        try:
            with _speaking_of("the fast path"):
                return self._begin()
        except FastPathError:
            # What stands at links would go on carrying, and nobody could tell it to stop.
            self.end()
            raise

    def _begin(self) -> bool:
        data = self._place.read_bytes()
        layout = repr(sorted(self._tables.values(), key=str)).encode()
        self._version = hashlib.sha256(data + layout).hexdigest()[:16]
        adopted = self._adopt()
        if not adopted:
            self._take_away()
        for name, table in self._tables.items():
            if name not in self._maps:
                self._maps[name] = syscall.make_map(table)
        wanted = program.read(data)
        if wanted.keys() - self._programs.keys():
            self._load(wanted)
        return adopted

    def entries(self, table: str) -> dict[bytes, bytes]:
        """Give a map's entries; see `core.linux.port.FastPath`."""
        about = self._tables[table]
        with _speaking_of(f"map {table}"):
            found = dict(syscall.items(self._maps[table], about))
        if about.kind != call.ARRAY:
            return found
        return {key: value for key, value in found.items() if any(value)}

    def put(self, table: str, entries: Mapping[bytes, bytes]) -> None:
        """Put entries in a map."""
        with _speaking_of(f"map {table}"):
            for key, value in entries.items():
                syscall.update(self._maps[table], key, value)

    def drop(self, table: str, keys: Iterable[bytes]) -> None:
        """Take entries out of a map; see `core.linux.port.FastPath`."""
        about = self._tables[table]
        with _speaking_of(f"map {table}"):
            for key in keys:
                if about.kind == call.ARRAY:
                    syscall.update(self._maps[table], key, bytes(about.value))
                else:
                    syscall.delete(self._maps[table], key)

    def guard(self, link: str, program: str) -> int | None:
        """Put a program at a link's ingress; see `core.linux.port.FastPath`."""
        try:
            index = socket.if_nametoindex(link)
        except OSError:
            return None
        with _speaking_of(f"{program} at {link}"):
            name = f"{HEAD}{program}/{self._version}"
            self._links.put(index, self._programs[program], name)
        return index

    def guarded(self, index: int) -> bool:
        """Tell whether one of these programs is at the link's ingress."""
        with _speaking_of(f"link {index}"):
            found = self._links.get(index)
        return found is not None and found.name.split("/")[-1] == self._version

    def disciplines(self) -> dict[int, frozenset[str]]:
        """Name the kinds of disciplines that links have, by the links' indices."""
        with _speaking_of("disciplines"):
            return self._links.disciplines()

    def unasked(self) -> str:
        """Name who is not asked about packets that are carried; see `core.linux.port.FastPath`."""
        with _speaking_of("IPsec's policies"):
            # Opened when it is needed: the kernel loads its module for that.
            self._policies = self._policies or Policies()
            return self._policies.words()

    def end(self) -> int:
        """Take all programs away from links; see `core.linux.port.FastPath`."""
        with _speaking_of("the end of the fast path"):
            return self._take_away()

    def _take_away(self) -> int:
        ours = [index for index, _, _ in self._ours()]
        for index in ours:
            self._links.remove(index)
        return len(ours)

    def _ours(self) -> Iterator[tuple[int, str, int]]:
        """Find our programs at links: index, name and the program's number."""
        for index, kinds in self._links.disciplines().items():
            found = self._links.get(index) if filters.ROOM in kinds else None
            if found is not None and found.name.startswith(HEAD):
                yield index, found.name, found.program

    def _adopt(self) -> bool:
        """Take over maps and programs that stand at links, if they are this very version."""
        for _, name, number in self._ours():
            which, _, version = name.removeprefix(HEAD).partition("/")
            if version != self._version:
                continue
            if which not in self._programs:
                self._programs[which] = fd = syscall.program(number)
                for table, opened in syscall.maps_of(fd).items():
                    if table in self._maps:
                        os.close(opened)
                    else:
                        self._maps[table] = opened
        return bool(self._programs)

    def _load(self, wanted: Mapping[str, Program]) -> None:
        found = {name: _function(name) for name in FUNCTIONS}
        modules = sorted({fd for _, fd in found.values() if fd})
        functions = {
            name: (number, modules.index(fd) + 1 if fd else 0)
            for name, (number, fd) in found.items()
        }
        meanings = Meanings(self._maps, dict(_fields()), functions)
        try:
            for name, each in wanted.items():
                if name not in self._programs:
                    code = program.linked(each, meanings)
                    self._programs[name] = syscall.load(
                        call.CLASSIFIER, name, code, modules
                    )
        finally:
            for fd in modules:
                os.close(fd)

    def _let_go(self) -> None:
        for fd in (*self._maps.values(), *self._programs.values()):
            os.close(fd)
        self._maps.clear()
        self._programs.clear()


def _function(name: str) -> tuple[int, int]:
    """Find a function of the kernel, if need be in a module that nobody has needed yet."""
    try:
        return syscall.function(name)
    except OSError:
        waken_tracking()
        return syscall.function(name)


def _fields() -> Iterator[tuple[str, int]]:
    """Find where the kernel, or its module for connections, keeps fields."""
    kernel = (TYPES / "vmlinux").read_bytes()
    for structure, member in FIELDS:
        try:
            found = types.offset(kernel, structure, member)
        except program.Unreadable:
            module = (TYPES / "nf_conntrack").read_bytes()
            found = types.offset(module, structure, member, kernel)
        yield f"{structure}__{member}", found


@contextmanager
def _speaking_of(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, program.Unreadable, wire.Unreadable) as why:
        words = why.strerror if isinstance(why, OSError) and why.strerror else why
        named = getattr(why, "filename", None)
        raise FastPathError(f"{what}: {f'{named}: ' if named else ''}{words}") from why
