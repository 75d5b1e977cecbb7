"""nft text as values, and the bytes of set elements.

A `Table` is rendered whole (`replace` is the script that puts it in the place of whatever has its
name, in one transaction); between whole tables only the difference travels, as elements.
Rules are text: this module knows names, quoting and order, not what a rule means.
"""

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

IFNAME_BYTES = 16
COMMENT_BYTES = 128  # NFTNL_UDATA_COMMENT_MAXLEN; nft refuses longer ones
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_./-]{0,254}")
FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")

Element = tuple[bytes, bytes | None]
KeyPart = str | int | IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class SetPath:
    """Where a named set or map lives, e.g. SetPath("inet", "mooring", "pods4")."""

    family: str
    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Hook:
    """What makes a chain a base chain. `priority` as nft writes it: a number or "filter - 5"."""

    kind: str
    hook: str
    priority: int | str
    policy: str = "accept"
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain and its rules, each one line of nft."""

    name: str
    rules: tuple[str, ...] = ()
    hook: Hook | None = None


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A named set, or a map when it has a `value` type.

    `key` is the type as nft writes it ("ifname . ipv4_addr"), elements likewise ("1.2.3.4" or
    "1.2.3.4 : 0x10000"); `flags` e.g. ("interval",).
    """

    name: str
    key: str
    value: str | None = None
    flags: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with all that is in it."""

    family: str
    name: str
    sets: tuple[NamedSet, ...] = ()
    chains: tuple[Chain, ...] = ()


def quote(text: str) -> str:
    """Put a string in quotes; ValueError for what nft could not read back.

    nft knows no escapes, so a quote, a backslash or a control character cannot be said.
    """
    if any(c in '"\\' or ord(c) < ord(" ") or c == "\x7f" for c in text):
        raise ValueError(f"nft cannot quote {text!r}")
    return f'"{text}"'


def comment(text: str) -> str:
    """Write a comment clause for the end of a rule."""
    if len(text.encode()) > COMMENT_BYTES:
        raise ValueError(f"an nft comment has at most {COMMENT_BYTES} bytes: {text!r}")
    return f"comment {quote(text)}"


def identifier(text: str) -> str:
    """Check the name of a table, chain or set."""
    if NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no nft identifier")
    return text


def anonymous(elements: tuple[str, ...]) -> str:
    """Write an anonymous set: `{ a, b }`."""
    return "{ " + ", ".join(elements) + " }"


def render(table: Table) -> str:
    """Write the table as `nft -f` reads it; what exists already is added to."""
    body = [part(each) for each in table.sets]
    # Chains are declared before any has rules, so that rules may jump both ways.
    body += [part(Chain(each.name, (), each.hook)) for each in table.chains]
    body += [part(Chain(each.name, each.rules)) for each in table.chains if each.rules]
    return f"table {_place(table)} {{\n{''.join(body)}}}\n"


def part(each: NamedSet | Chain) -> str:
    """Write one set, map or chain as it stands in a table's block."""
    return _chain(each) if isinstance(each, Chain) else _set(each)


def replace(table: Table) -> str:
    """Write the script that puts the table in the place of any of its name, at once."""
    return remove(table) + render(table)


def remove(table: Table) -> str:
    """Write the script that removes the table, present or not.

    nft before 1.0.7 has no `destroy`: add, then delete.
    """
    return f"add table {_place(table)}\ndelete table {_place(table)}\n"


def add_elements(where: SetPath, elements: tuple[str, ...]) -> str:
    """Write the line that adds elements; nothing for none."""
    return _elements("add", where, elements)


def delete_elements(where: SetPath, elements: tuple[str, ...]) -> str:
    """Write the line that deletes elements that are there; nothing for none."""
    return _elements("delete", where, elements)


def refill(where: SetPath, elements: tuple[str, ...], kind: str = "set") -> str:
    """Write the lines that make exactly these the elements; `kind` is "set" or "map"."""
    return f"flush {kind} {_path(where)}\n" + add_elements(where, elements)


def key(*parts: KeyPart) -> bytes:
    """Pack an element's key: names (ifname), addresses, numbers (mark), concatenated."""
    packed = b""
    for each in parts:
        packed += _part(each)
    return packed


def mark(value: int) -> bytes:
    """Pack a mark, as data of a map or part of a key: in the machine's order."""
    return struct.pack("=I", value)


def _part(part: KeyPart) -> bytes:
    match part:
        case str():
            raw = part.encode()
            if len(raw) >= IFNAME_BYTES:
                raise ValueError(f"{part!r} is longer than an interface name")
            return raw.ljust(IFNAME_BYTES, b"\0")
        case int():
            return mark(part)
        case _:
            return part.packed


def _place(table: Table) -> str:
    return f"{_family(table.family)} {identifier(table.name)}"


def _path(where: SetPath) -> str:
    return f"{_family(where.family)} {identifier(where.table)} {identifier(where.name)}"


def _family(word: str) -> str:
    if word not in FAMILIES:
        raise ValueError(f"{word!r} is no nft family ({', '.join(FAMILIES)})")
    return word


def _elements(verb: str, where: SetPath, elements: tuple[str, ...]) -> str:
    if not elements:
        return ""
    return f"{verb} element {_path(where)} {anonymous(elements)}\n"


def _set(each: NamedSet) -> str:
    kind = "set" if each.value is None else "map"
    of = each.key if each.value is None else f"{each.key} : {each.value}"
    lines = [f"type {of}"]
    if each.flags:
        lines.append(f"flags {', '.join(each.flags)}")
    lines += each.extra
    if each.elements:
        lines.append(f"elements = {anonymous(each.elements)}")
    return _block(f"{kind} {identifier(each.name)}", lines)


def _chain(each: Chain) -> str:
    lines = [] if each.hook is None else [_hook(each.hook)]
    return _block(f"chain {identifier(each.name)}", [*lines, *each.rules])


def _hook(hook: Hook) -> str:
    device = "" if hook.device is None else f" device {quote(hook.device)}"
    return (
        f"type {hook.kind} hook {hook.hook}{device} priority {hook.priority};"
        f" policy {hook.policy};"
    )


def _block(head: str, lines: list[str]) -> str:
    inner = "".join(f"\t\t{line}\n" for line in lines)
    return f"\t{head} {{\n{inner}\t}}\n"
