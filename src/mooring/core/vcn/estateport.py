"""What a lab needs of the cloud: objects by kind and name, and a group's rules.

The adapter speaks the API through the SDK, which is slow to load; commands that do not call
the cloud know it only by this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class EstateError(Exception):
    """The cloud refused, or was not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How to get in: the profile of a configuration file, and where the cloud listens.

    Instances go to availability domain `domain`; `token` tells one caller's retry tokens
    from another's.
    """

    config: str
    profile: str
    endpoint: str
    domain: str
    token: str


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule of a network security group: its id, and what it is for."""

    id: str
    description: str


class Estate(Protocol):
    """The cloud. Every call may raise EstateError."""

    def close(self) -> None:
        """Close the connections."""

    def find(self, kind: str, name: str) -> str | None:
        """Give the id of the object of this kind and name; None when there is none."""

    def is_ending(self, kind: str, name: str) -> bool:
        """Tell whether an object of this kind and name is about to end."""

    def ensure(self, kind: str, name: str, body: Mapping[str, Any]) -> str:
        """Find the object or make it as its create call's body says; give its id."""

    def state(self, kind: str, ident: str) -> str:
        """Give an object's lifecycle state."""

    def rules(self, group: str) -> tuple[GroupRule, ...]:
        """List the rules of a network security group."""

    def add_rules(self, group: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules to a network security group."""

    def remove_rules(self, group: str, ids: Sequence[str]) -> None:
        """Take rules away from a network security group."""

    def destinations(self, table: str) -> tuple[str, ...]:
        """List the destinations of a route table's rules."""

    def add_routes(self, table: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules to a route table; those that it has stay."""

    @property
    def compartment(self) -> str:
        """Tell in which compartment the objects are."""

    def addresses(self, instance: str) -> tuple[str, ...]:
        """List the addresses of an instance's first VNIC, the IPv4 one first."""

    def nat_address(self, name: str) -> str:
        """Give the public address of the NAT gateway of this name."""
