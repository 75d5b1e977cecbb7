"""What can be done to the cloud in one turn, and what a turn can come to otherwise."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from typing import Any, TypeAlias, assert_never

from mooring.core.npn.capacity import prefix
from mooring.core.npn.record import Ipv6Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVnic:
    """A VNIC to be. `attachment_name` None leaves the attachment's name to the cloud."""

    subnet_id: str
    display_name: str
    attachment_name: str | None = None
    nsg_ids: tuple[str, ...] = ()
    skip_source_dest_check: bool = True
    assign_public_ip: bool = False
    assign_ipv6_ip: bool = False
    ipv6_choices: tuple[Ipv6Choice, ...] = ()
    nic_index: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    defined_tags: Mapping[str, Any] = field(default_factory=dict)
    security_attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVnic:
    """Make a VNIC and put it on the instance."""

    instance_id: str
    slot: str
    vnic: NewVnic
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVnic:
    """Give one of our VNICs the groups and the source/destination check it should have."""

    vnic_id: str
    slot: str
    nsg_ids: tuple[str, ...]
    skip_source_dest_check: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAddressBlock:
    """Take an aligned block of `size` addresses of a family as one object.

    `ipv6_prefix` is the subnet's out of which IPv6 addresses are to come.
    """

    vnic_id: str
    slot: str
    subnet_id: str
    size: int
    tags: Mapping[str, str]
    token: str
    family: str = "IPv4"
    ipv6_prefix: IPv6Network | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAddress:
    """Take one address of a family."""

    vnic_id: str
    slot: str
    subnet_id: str
    tags: Mapping[str, str]
    token: str
    family: str = "IPv4"
    ipv6_prefix: IPv6Network | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAddresses:
    """Take several single IPv4 addresses by one call."""

    vnic_id: str
    slot: str
    subnet_id: str
    count: int
    tags: Mapping[str, str]
    token: str
    family: str = "IPv4"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAddresses:
    """Give private-IP objects of a VNIC back; `blocks` are theirs, for people."""

    vnic_id: str
    slot: str
    ids: tuple[str, ...]
    blocks: tuple[str, ...]


Change: TypeAlias = (
    AttachVnic
    | UpdateVnic
    | CreateAddressBlock
    | CreateAddress
    | CreateAddresses
    | DeleteAddresses
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The cloud is at work; look again after `seconds`. `reason` is for giving up."""

    seconds: float
    message: str
    reason: str = "FailedToAttachVNIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """All that is wanted is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It cannot be reached now. `retry_after` None leaves the pause to the back-off."""

    reason: str
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The instance is gone and the object goes with it."""

    message: str


Decision: TypeAlias = Change | Wait | Settled | Failed | Remove

SEVERAL = "several"
"""The subject of taking single addresses by one call begins so."""
NOT_CREATED = {"IPv4": "FailedToCreatePrivateIP", "IPv6": "FailedToCreateIPv6"}
"""The status reason when addresses of a family cannot be had."""


def reason(change: Change) -> str:
    """Give the status reason for when this change does not succeed."""
    match change:
        case AttachVnic():
            return "FailedToAttachVNIC"
        case UpdateVnic():
            return "FailedToUpdateVNIC"
        case CreateAddressBlock() | CreateAddress() | CreateAddresses():
            return NOT_CREATED[change.family]
        case DeleteAddresses():
            return "FailedToDeletePrivateIP"
        case _:
            assert_never(change)


def describe(change: Change) -> str:
    """Say what the change does."""
    match change:
        case AttachVnic():
            return f"attaching VNIC {change.slot} in {change.vnic.subnet_id}"
        case UpdateVnic():
            return f"setting groups and source/destination check of VNIC {change.slot}"
        case CreateAddressBlock():
            length = prefix(change.size, change.family)
            return f"taking {_an(change.family)} /{length} for VNIC {change.slot}"
        case CreateAddress():
            return f"taking an {_word(change.family)}address for VNIC {change.slot}"
        case CreateAddresses():
            return f"taking {change.count} single addresses for VNIC {change.slot}"
        case DeleteAddresses():
            return f"giving back {', '.join(change.blocks)} of VNIC {change.slot}"
        case _:
            assert_never(change)


def subject(change: Change) -> str:
    """Name what the change is about: two of the same subject fail for the same cause."""
    match change:
        case AttachVnic():
            return f"attach {change.slot}"
        case UpdateVnic():
            return f"update {change.slot}"
        case CreateAddressBlock() | CreateAddress():
            return addressing(change.slot, change.family)
        case CreateAddresses():
            return f"{SEVERAL} {addressing(change.slot, change.family)}"
        case DeleteAddresses():
            return f"give back {change.slot}"
        case _:
            assert_never(change)


def addressing(slot: str, family: str) -> str:
    """Name the subject of giving a slot addresses of a family."""
    return f"{_word(family)}address {slot}"


def _word(family: str) -> str:
    """Say the family where it is not the usual one."""
    return "" if family == "IPv4" else f"{family} "


def _an(family: str) -> str:
    return "a" if family == "IPv4" else f"an {family}"


def token(*parts: object) -> str:
    """Make a retry token: the same intention gives the same token, in any process."""
    text = "\0".join(str(part) for part in parts)
    return "mooring-" + hashlib.sha256(text.encode()).hexdigest()[:48]
