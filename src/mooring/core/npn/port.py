"""What the controller and the agent need of the outside: the objects' store, the cloud."""

from collections.abc import Hashable, Mapping
from typing import Protocol

from mooring.core.npn.changes import Change
from mooring.core.npn.record import Npn, NpnStatus
from mooring.core.npn.seen import (
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Made,
    SubnetSeen,
    VnicSeen,
)
from mooring.core.npn.usage import Usage

Token = Mapping[str, Hashable]
"""What a store looked like: per object something that differs after any change."""


class Absent(LookupError):
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

    def read_usage(self, name: str) -> Usage | None:
        """Read what the agent told of its pool; None when it told nothing that can be read."""

    def write_usage(self, name: str, usage: Usage) -> None:
        """Put what the agent tells of its pool; a power cut may take it."""

    def remove(self, name: str) -> None:
        """Take the object away, with all that is told of it; fine when it is gone already."""

    def changes(
        self, since: Token, *, usage: bool = False
    ) -> tuple[Token, frozenset[str]]:
        """Tell cheaply which names came, changed or went since; at first since {}.

        A changed usage counts where it is asked for.
        """


class Cloud(Protocol):
    """The cloud. Every call raises `CloudError`s, no other; NotFound for an unknown id."""

    def ping(self) -> None:
        """Ask something harmless, to know that somebody answers and knows us."""

    def instance(self, instance_id: str) -> InstanceSeen:
        """Show an instance."""

    def instances_in(self, compartment_id: str) -> tuple[InstanceSeen, ...]:
        """List the instances of a compartment; one that is gone may be among them."""

    def attachments(self, instance: InstanceSeen) -> tuple[AttachmentSeen, ...]:
        """List what is attached to an instance, or was a moment ago."""

    def attachments_in(
        self, compartment_id: str
    ) -> Mapping[str, tuple[AttachmentSeen, ...]]:
        """List what is attached in a compartment, by instance."""

    def addresses_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        """List the private-IP objects of a subnet, by VNIC."""

    def ipv6s_in(self, subnet_id: str) -> Mapping[str, tuple[AddressSeen, ...]]:
        """List the IPv6 objects of a subnet, by VNIC."""

    def attachment(self, attachment_id: str) -> AttachmentSeen:
        """Show an attachment."""

    def vnic(self, vnic_id: str) -> VnicSeen:
        """Show a VNIC."""

    def addresses(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's private-IP objects, the primary one too."""

    def address(self, address_id: str) -> AddressSeen:
        """Show a private-IP object."""

    def ipv6s(self, vnic_id: str) -> tuple[AddressSeen, ...]:
        """List a VNIC's IPv6 objects."""

    def ipv6(self, ipv6_id: str) -> AddressSeen:
        """Show an IPv6 object."""

    def subnet(self, subnet_id: str) -> SubnetSeen:
        """Show a subnet."""

    def work(self, work_id: str) -> str:
        """Show how far a work request is: its state."""

    def carry_out(self, change: Change) -> Made | None:
        """Make one change and tell what it made; an update makes nothing."""


class Gate(Protocol):
    """Where every call to the cloud passes, so that all together keep its pace."""

    def enter(self) -> None:
        """Return when it is this call's turn."""

    def throttled(self, retry_after: float | None) -> None:
        """Hear that there were too many calls."""

    def answered(self) -> None:
        """Hear that a call was answered."""
