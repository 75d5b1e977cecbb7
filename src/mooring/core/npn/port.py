"""What the controller and the agent need of the outside: the objects' store."""

from collections.abc import Hashable, Mapping
from typing import Protocol

from mooring.core.npn.record import Npn, NpnStatus

Token = Mapping[str, Hashable]
"""What a store looked like: per object something that differs after any change."""


class Absent(LookupError):  # noqa: N818 - an expected answer, not a fault
    """No object of that name is in the store (any more)."""


class Objects(Protocol):
    """The store of NativePodNetwork objects; one out of reach raises OSError."""

    def names(self) -> list[str]:
        """Name every object, in order; one whose content is broken too."""

    def read(self, name: str) -> Npn:
        """Read spec and status; raise Absent or Unreadable."""

    def read_spec(self, name: str) -> Npn:
        """Read without the status, which stays empty; raise Absent or Unreadable."""

    def read_status(self, name: str) -> NpnStatus:
        """Read only the status, empty when there is none; raise Unreadable."""

    def write(self, npn: Npn) -> None:
        """Put an object's spec (a changed one: generation + 1); the status stays."""

    def write_status(self, name: str, status: NpnStatus) -> None:
        """Put an object's status; raise Absent when there is no such object."""

    def remove(self, name: str) -> None:
        """Take the object away, status included; fine when it is gone already."""

    def changes(self, since: Token) -> tuple[Token, frozenset[str]]:
        """Tell cheaply which names came, changed or went since; at first since {}."""
