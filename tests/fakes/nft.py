"""nftables in memory: tables, sets, chains and the transactions that change them.

It reads the part of the language that `core.linux.nft` writes, and commands of one line that add,
delete or flush. What a rule means it does not know; it keeps the words.
"""

import copy
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from errno import EEXIST, ENOENT
from ipaddress import ip_address
from typing import TypeVar

from fakes.netns import HOME, FakeNamespaces

from mooring.core.linux import nft
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.port import NftError

K = TypeVar("K")
V = TypeVar("V")
Place = tuple[str, str]
LENGTHS = {"ifname": 16, "ipv4_addr": 4, "ipv6_addr": 16, "mark": 4}
HEAD = re.compile(r"(table|set|map|chain) (.+) \{$")


@dataclass
class Shelf:
    """One table."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)
    elements: dict[str, dict[bytes, bytes | None]] = field(default_factory=dict)


class FakeNft:
    """`adapters.nft.Nft` without nft. `scripts` is all that was run, in order."""

    def __init__(self, namespaces: FakeNamespaces | None = None) -> None:
        self.scripts: list[str] = []
        self._namespaces = namespaces
        self._tables: dict[int, dict[Place, Shelf]] = {}
        self._refusals: list[str] = []
        self._generations: dict[int, int] = {}
        self._home = HOME
        # What whoever lists has to go through: a tool that takes its time.
        self.gate: AbstractContextManager[object] = nullcontext()
        # The namespaces in which nft is kept open, by inode.
        self.held: list[int] = []
        if namespaces is not None:
            namespaces.when_ended(self._end_space)

    def refuse_next(self, words: str) -> None:
        """The next change is refused with these words."""
        self._refusals[:] = [words]

    def hold(self, fd: int) -> "FakeNft":
        held = copy.copy(self)
        held._home = self._inode(fd)
        self.held.append(held._home)
        return held

    def close(self) -> None:
        self.held.remove(self._home)

    def elements(
        self, where: SetPath, fd: int | None = None
    ) -> dict[bytes, bytes | None]:
        """What is in a set."""
        return dict(self._set(self._tables_of(fd), where))

    def rules(self, family: str, table: str, chain: str, fd: int | None = None) -> str:
        """The lines of a chain, its hook first if it has one."""
        return "\n".join(self._tables_of(fd)[family, table].chains[chain])

    def run(self, script: str, fd: int | None = None) -> None:
        self._refuse_if_told()
        draft = copy.deepcopy(self._tables_of(fd))
        lines = iter(line.strip() for line in script.splitlines())
        for line in lines:
            if line and not line.startswith("#"):
                _statement(draft, line, lines)
        if draft != self._tables_of(fd):
            self._count(fd)
        self._tables[self._inode(fd)] = draft
        self.scripts.append(script)

    def listing(self, family: str, table: str, fd: int | None = None) -> str:
        with self.gate:
            return self._listing(family, table, fd)

    def _listing(self, family: str, table: str, fd: int | None) -> str:
        shelf = self._tables_of(fd).get((family, table))
        if shelf is None:
            return ""
        blocks = [
            *(_listed(n, shelf.kinds[n], shelf.elements[n]) for n in shelf.kinds),
            *(
                "\n".join([f"chain {n} {{", *rules, "}"])
                for n, rules in shelf.chains.items()
            ),
        ]
        return f"table {family} {table} {{\n" + "\n".join(blocks) + "\n}\n"

    def tables(self, fd: int | None = None) -> frozenset[tuple[str, str]]:
        return frozenset(self._tables_of(fd))

    def set_elements(
        self,
        where: SetPath,
        *,
        add: Iterable[Element] = (),
        delete: Iterable[bytes] = (),
        fd: int | None = None,
    ) -> None:
        added, deleted = list(add), list(delete)
        if not added and not deleted:
            return
        self._refuse_if_told()
        found = self._set(self._tables_of(fd), where)
        draft = {key: data for key, data in found.items() if key not in deleted}
        for key, data in added:
            if draft.setdefault(key, data) != data:
                raise NftError("File exists", EEXIST)
        if draft != found:
            self._count(fd)
        found.clear()
        found.update(draft)

    def generation(self, fd: int | None = None) -> int:
        return self._generations.get(self._inode(fd), 1)

    def _count(self, fd: int | None) -> None:
        self._generations[self._inode(fd)] = self.generation(fd) + 1

    def _inode(self, fd: int | None) -> int:
        if fd is None:
            return self._home
        return fd if self._namespaces is None else self._namespaces.inode(fd)

    def _tables_of(self, fd: int | None) -> dict[Place, Shelf]:
        return self._tables.setdefault(self._inode(fd), {})

    def _set(
        self, tables: dict[Place, Shelf], where: SetPath
    ) -> dict[bytes, bytes | None]:
        shelf = tables.get((where.family, where.table))
        if shelf is None or where.name not in shelf.elements:
            raise NftError("No such file or directory", ENOENT)
        return shelf.elements[where.name]

    def _refuse_if_told(self) -> None:
        if self._refusals:
            raise NftError(self._refusals.pop())

    def _end_space(self, inode: int) -> None:
        self._tables.pop(inode, None)
        self._generations.pop(inode, None)


def _listed(name: str, about: list[str], found: dict[bytes, bytes | None]) -> str:
    """A set as nft lists it; elements of types whose bytes are not known stay as they are."""
    lines = [f"\t{about[0]} {name} {{", *(f"\t\t{each}" for each in about[1:])]
    types = next((x.removeprefix("type ") for x in about if "type " in x), "")
    key, _, value = types.partition(" : ")
    known = LENGTHS.keys() >= {each for each in types.split() if each not in {".", ":"}}
    if found and not (known and "flags interval" not in about):
        lines += sorted(f"\t\telement {k!r} : {v!r}" for k, v in found.items())
    elif found:
        words = ", ".join(
            _word(key, k) + ("" if v is None else f" : {_word(value, v)}")
            for k, v in found.items()
        )
        lines.append(f"\t\telements = {{ {words} }}")
    return "\n".join([*lines, "\t}"])


def _word(types: str, data: bytes) -> str:
    words = []
    for kind in types.split(" . "):
        part, data = data[: LENGTHS[kind]], data[LENGTHS[kind] :]
        if kind == "ifname":
            words.append(nft.quote(part.rstrip(b"\0").decode()))
        elif kind == "mark":
            words.append(f"0x{int.from_bytes(part, sys.byteorder):08x}")
        else:
            words.append(str(ip_address(part)))
    return " . ".join(words)


def _statement(tables: dict[Place, Shelf], line: str, lines: Iterator[str]) -> None:
    head = HEAD.match(line)
    if head is not None and head[1] == "table":
        family, name = head[2].split()
        _table(tables.setdefault((family, name), Shelf()), lines)
        return
    words = line.split(maxsplit=4)
    if len(words) < 4 or words[0] not in {"add", "delete", "flush", "insert"}:
        raise NftError(f"Error: syntax error: {line}")
    verb, what, place = words[0], words[1], (words[2], words[3])
    if (verb, what) == ("add", "table"):
        tables.setdefault(place, Shelf())
        return
    if place not in tables:
        raise NftError(f"Error: No such file or directory\n{line}")
    if (verb, what) == ("delete", "table"):
        del tables[place]
        return
    _inside(tables[place], verb, what, words[4] if len(words) > 4 else "")


def _inside(shelf: Shelf, verb: str, what: str, rest: str) -> None:
    name, _, more = rest.partition(" ")
    order = ORDERS.get((verb, "set" if what == "map" else what))
    if order is None:
        raise NftError(f"Error: the fake does not know: {verb} {what} {rest}")
    order(shelf, name, more)


def _add_elements(shelf: Shelf, name: str, more: str) -> None:
    _fill(_known(shelf.elements, name), more)


def _delete_elements(shelf: Shelf, name: str, more: str) -> None:
    for key in _parse(more):
        _known(_known(shelf.elements, name), key)
        del shelf.elements[name][key]


def _flush_set(shelf: Shelf, name: str, _more: str) -> None:
    _known(shelf.elements, name).clear()


def _add_set(shelf: Shelf, name: str, more: str) -> None:
    shelf.kinds.setdefault(name, ["set", more.strip("{} ")])
    shelf.elements.setdefault(name, {})


def _delete_set(shelf: Shelf, name: str, _more: str) -> None:
    _known(shelf.elements, name)
    del shelf.elements[name], shelf.kinds[name]


def _add_chain(shelf: Shelf, name: str, more: str) -> None:
    shelf.chains.setdefault(name, [more.strip("{} ")] if more else [])


def _flush_chain(shelf: Shelf, name: str, _more: str) -> None:
    chain = _known(shelf.chains, name)
    chain[:] = [each for each in chain if each.startswith("type ")]


def _delete_chain(shelf: Shelf, name: str, _more: str) -> None:
    _known(shelf.chains, name)
    del shelf.chains[name]


def _add_rule(shelf: Shelf, name: str, more: str) -> None:
    _known(shelf.chains, name).append(more)


def _flush_table(shelf: Shelf, _name: str, _more: str) -> None:
    for name in shelf.chains:
        _flush_chain(shelf, name, "")


ORDERS = {
    ("add", "element"): _add_elements,
    ("delete", "element"): _delete_elements,
    ("flush", "set"): _flush_set,
    ("add", "set"): _add_set,
    ("delete", "set"): _delete_set,
    ("add", "chain"): _add_chain,
    ("flush", "chain"): _flush_chain,
    ("delete", "chain"): _delete_chain,
    ("add", "rule"): _add_rule,
    ("flush", "table"): _flush_table,
}


def _table(shelf: Shelf, lines: Iterator[str]) -> None:
    for line in lines:
        if line == "}":
            return
        head = HEAD.match(line)
        if head is not None and head[1] == "chain":
            _chain(shelf.chains.setdefault(head[2], []), lines)
        elif head is not None:
            _set_of(shelf, head[1], head[2], lines)
        elif line:
            raise NftError(f"Error: syntax error: {line}")
    raise NftError("Error: syntax error, unexpected end of file")


def _chain(chain: list[str], lines: Iterator[str]) -> None:
    for line in lines:
        if line == "}":
            return
        if line:
            chain.append(line)
    raise NftError("Error: syntax error, unexpected end of file")


def _set_of(shelf: Shelf, kind: str, name: str, lines: Iterator[str]) -> None:
    about = shelf.kinds.setdefault(name, [kind])
    elements = shelf.elements.setdefault(name, {})
    for line in lines:
        if line == "}":
            return
        if line.startswith("elements = "):
            _fill(elements, line.removeprefix("elements = "))
        elif line:
            about.append(line)
    raise NftError("Error: syntax error, unexpected end of file")


def _fill(elements: dict[bytes, bytes | None], text: str) -> None:
    for key, data in _parse(text).items():
        if elements.setdefault(key, data) != data:
            raise NftError("Error: Could not process rule: File exists")


def _parse(text: str) -> dict[bytes, bytes | None]:
    """`{ "eth0" . 10.0.0.5 : 0x1, ... }` as bytes; words it cannot read stay words."""
    found: dict[bytes, bytes | None] = {}
    for each in filter(None, (e.strip() for e in text.strip("{} ").split(","))):
        left, separator, right = each.partition(" : ")
        found[_bytes(left)] = _bytes(right) if separator else None
    return found


def _bytes(text: str) -> bytes:
    return b"".join(_part(each.strip()) for each in text.split(" . "))


def _part(word: str) -> bytes:
    if word.startswith('"'):
        return nft.key(word.strip('"'))
    try:
        return nft.key(ip_address(word))
    except ValueError:
        pass
    try:
        return nft.key(int(word, 0))
    except ValueError:
        return word.encode()


def _known(found: dict[K, V], name: K) -> V:
    if name not in found:
        raise NftError(f"Error: No such file or directory: {name!r}")
    return found[name]
