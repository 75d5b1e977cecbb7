"""What a service may ask of the kernel, the namespaces and nft, as protocols.

Services are written against these; `adapters.netlink.Kernel`, the module `adapters.netns` and
`adapters.nft.Nft` are the real things, `tests/fakes` has the others. A namespace is an open file
descriptor, or None for the namespace in which the adapter was made.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.plan import Fact, Ip, Plan
from mooring.core.linux.seen import Link, Seen

Spaces = Mapping[str, int | None]


class KernelError(Exception):
    """The kernel refused: which fact (None for a look), its errno, its own words."""

    def __init__(self, fact: Fact | None, errno: int, message: str) -> None:
        super().__init__(fact, errno, message)
        self.fact = fact
        self.errno = errno
        self.message = message

    def __str__(self) -> str:
        """Say it for people: words, number, fact."""
        what = "" if self.fact is None else f": {self.fact}"
        return f"{self.message} (errno {self.errno}){what}"


class NftError(Exception):
    """nft refused the whole transaction; the text is its own words.

    `errno` is the kernel's number where it is known (the fast path), else 0.
    """

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno


class FastPathError(Exception):
    """The kernel has no fast path for us, or refused a step of it; the text says which."""


class FastPath(Protocol):
    """Programs at links' ingress, and the maps that tell them what to carry.

    Links are those of the namespace in which it was made. The kernel keeps programs and maps
    as long as one program stands at a link, whoever put it there.
    """

    def begin(self) -> bool:
        """Have the programs: True if a former life left them; raise FastPathError if that cannot be.

        What an older version left is taken away from all links first.
        """

    def entries(self, table: str) -> dict[bytes, bytes]:
        """Give a map's entries; of an array those that are not zero."""

    def put(self, table: str, entries: Mapping[bytes, bytes]) -> None:
        """Put entries in a map, in the place of those with their keys."""

    def drop(self, table: str, keys: Iterable[bytes]) -> None:
        """Take entries out of a map; what is absent is out already."""

    def guard(self, link: str, program: str) -> int | None:
        """Put a program at a link's ingress; give the link's index, None when it is absent."""

    def guarded(self, index: int) -> bool:
        """Tell whether one of these programs is at the link's ingress."""

    def disciplines(self) -> Mapping[int, frozenset[str]]:
        """Name the kinds of disciplines that links have, by the links' indices."""

    def unasked(self) -> str:
        """Name who judges packets here and is not asked about those that are carried; "": nobody.

        That is IPsec: connection tracking tells nothing of its policies.
        """

    def end(self) -> int:
        """Take all programs away from links, other versions' too; tell how many there were."""


class Kernel(Protocol):
    """Makes plans true, takes them back, looks."""

    def carry_out(self, plan: Iterable[Fact], spaces: Spaces) -> None:
        """Make every fact true, in order; facts that hold already are fine.

        Raises KernelError for the first fact refused. Facts after it may have been made true as
        well (they travel in batches): whoever undoes takes the whole plan back.
        """

    def take_back(self, plan: Plan, spaces: Spaces) -> tuple[KernelError, ...]:
        """Remove the facts in reverse order, go on past errors, return them.

        What is gone already is no error. A namespace that `spaces` does not know is gone, with
        all its facts. A veth goes only if its near end has the fact's MAC. LinkUp and Sysctl
        are left as they are: the link and the setting are shared with others.
        """

    def look(self, space: str, fd: int | None, last: Seen | None = None) -> Seen:
        """See everything a namespace shows, its facts said of `space`.

        Against an earlier look at it only what changed is read anew.
        """

    def link(self, fd: int | None, name: str) -> Link | None:
        """See one link with its counters; None when it is absent."""

    def links(self, fd: int | None) -> Mapping[str, Link]:
        """See all links by name: the cheap look."""

    def delete_links(self, fd: int | None, names: Iterable[str]) -> None:
        """Delete these links; the absent are deleted already. Waits for the kernel (RCU)."""

    def delete_group(self, fd: int | None, group: int) -> None:
        """Delete every link of this group at once; none is fine. Waits for the kernel."""

    def set_group(self, fd: int | None, name: str, group: int) -> bool:
        """Put a link in a group; False when it is gone."""


class Namespaces(Protocol):
    """Named network namespaces (`ip netns` sees the same ones)."""

    def create(self, name: str) -> None:
        """Make the namespace exist."""

    def delete(self, name: str) -> None:
        """Make the name not exist; the namespace ends with its last user."""

    def exists(self, name: str) -> bool:
        """Tell whether the name stands for a namespace."""

    def names(self) -> list[str]:
        """List all names, sorted."""

    def open_fd(self, path_or_name: str) -> int:
        """Open a namespace; the caller closes the descriptor."""

    def close(self, fd: int) -> None:
        """Give a descriptor back."""

    def is_network(self, fd: int) -> bool:
        """Tell whether a descriptor is one of a network namespace."""

    def inode(self, fd: int) -> int:
        """Tell what identifies the namespace behind a descriptor."""

    def inode_at(self, path: str) -> int:
        """Tell the same of what a path leads to; OSError when that is no namespace."""

    def own_inode(self) -> int:
        """Tell the same of the namespace that this thread is in."""

    def inside(self, fd: int) -> AbstractContextManager[None]:
        """Put this thread inside the namespace for the with block."""


class Nft(Protocol):
    """nftables of a namespace."""

    def hold(self, fd: int) -> "HeldNft":
        """Give what works at home in a namespace, quickly because it stays open there."""

    def run(self, script: str, fd: int | None = None) -> None:
        """Carry out a script as one transaction, or raise NftError and change nothing."""

    def listing(self, family: str, table: str, fd: int | None = None) -> str:
        """List the table without counters; "" when there is no such table."""

    def tables(self, fd: int | None = None) -> frozenset[tuple[str, str]]:
        """Every table there, (family, name); those of the old iptables too."""

    def generation(self, fd: int | None = None) -> int:
        """Count transactions: each that changes something, whoever sends it, adds one.

        The number is of 32 bits and begins again at 1.
        """

    def set_elements(
        self,
        where: SetPath,
        *,
        add: Iterable[Element] = (),
        delete: Iterable[bytes] = (),
        fd: int | None = None,
    ) -> None:
        """Delete, then add elements of a set or map in one transaction.

        Deleting an absent element and adding a present one are fine; adding a key of a map that
        is present with other data raises NftError (EBUSY): delete it in the same call.
        """


class Conntrack(Protocol):
    """The flows that a namespace's connection tracking knows, in all its zones."""

    def flows(
        self, addresses: Collection[Ip], fd: int | None = None
    ) -> tuple[Flow, ...]:
        """Give the flows of which one of the addresses is an end. Raises KernelError.

        A namespace that tracks nothing has none. The kernel walks its whole table for it: ask
        once for all addresses, and beside the loop.
        """

    def forget(self, flows: Iterable[Flow], fd: int | None = None) -> int:
        """Have flows forgotten, tell how many were still there. Raises KernelError."""


class HeldNft(Nft, Protocol):
    """nftables of one namespace, which is where None leads to, kept open until closed."""

    def close(self) -> None:
        """Let the namespace go; of no use after that."""
