"""What the kernel's objects on a node are called, so that they can be told again later.

The names are functions of the attachment: nobody has to remember them. The host end of a
pod's veth carries the whole lease in its alias; when the journal is lost, the aliases are
the record (`read_alias`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import paired
from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

PREFIX = "moor"
"""Begins the name of every pod's host end, and of nothing else."""

ALIAS_BYTES = 255
"""What the kernel keeps of an alias (IFALIASZ less one)."""

_HEAD = "mooring:"


class TooLong(ValueError):
    """The attachment's words do not fit into an alias; `over` is by how many bytes."""

    def __init__(self, attachment: AttachmentId, over: int) -> None:
        super().__init__(f"{words(attachment)!r} is too long for a link's alias")
        self.over = over


@dataclass(frozen=True, slots=True)
class Alias:
    """What a host end's alias says; `netns` is "" when it did not fit in.

    The address of the preferred family stands first in it.
    """

    attachment: AttachmentId
    addresses: Pair
    families: tuple[int, ...]
    slot: int
    inode: int
    netns: str


def words(attachment: AttachmentId) -> str:
    """Write an attachment as one word; a slash can stand in none of its parts."""
    return f"{attachment.network}/{attachment.container}/{attachment.ifname}"


def host_link(attachment: AttachmentId) -> str:
    """Name the host end of an attachment's veth."""
    return PREFIX + _digest(attachment)[:11]


@lru_cache(maxsize=1024)
def macs(attachment: AttachmentId) -> tuple[str, str]:
    """Give the MACs of the host end and the pod's end, both locally administered."""
    octets = [_digest(attachment)[i : i + 2] for i in (12, 14, 16, 18)]
    return ":".join(["02", "6d", *octets]), ":".join(["06", "6d", *octets])


def alias(lease: Lease) -> str:
    """Write a lease as an alias; TooLong when the attachment's words do not fit."""
    attachment = lease.attachment
    both = ",".join(map(str, lease.ordered))
    text = f"{_HEAD}{words(attachment)} {both} {lease.slot} {lease.netns.inode}"
    if (size := len(text.encode())) > ALIAS_BYTES:
        raise TooLong(attachment, size - ALIAS_BYTES)
    path = lease.netns.path
    whole = f"{text} {path}"
    fits = len(whole.encode()) <= ALIAS_BYTES and path and " " not in path
    return whole if fits else text


def read_alias(text: str) -> Alias | None:
    """Read a lease from an alias; None when it is none of ours."""
    if not text.startswith(_HEAD):
        return None
    said = text.removeprefix(_HEAD).split(" ")
    try:
        name, addresses, slot, inode = said[:4]
        network, container, ifname = name.split("/")
        held = [ip_address(address) for address in addresses.split(",")]
        return Alias(
            attachment=AttachmentId(network, container, ifname),
            addresses=_pair(held),
            families=tuple(address.version for address in held),
            slot=int(slot),
            inode=int(inode),
            netns=said[4] if len(said) == 5 else "",
        )
    except ValueError:
        return None


def _pair(addresses: Sequence[Ip]) -> Pair:
    if len({address.version for address in addresses}) < len(addresses):
        raise ValueError(addresses)
    return paired(addresses)


@lru_cache(maxsize=1024)
def _digest(attachment: AttachmentId) -> str:
    return hashlib.sha256(words(attachment).encode()).hexdigest()
