"""What one look at the cloud shows of an instance, as far as deciding needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

MINE = "mooring-npn"
"""Freeform tag of what we made; its value is the object's name."""
SLOT = "mooring-slot"
"""Freeform tag of our VNICs; its value is the key of the slot they fill."""

DEAD = frozenset({"DETACHING", "DETACHED"})
GOING = frozenset({"TERMINATING", "TERMINATED"})
SUCCEEDED = "SUCCEEDED"
ENDED = frozenset({SUCCEEDED, "FAILED", "CANCELED"})
"""States of a work request that stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSeen:
    """The compute instance. `most_vnics` is None when the cloud does not tell."""

    id: str
    compartment_id: str
    state: str
    most_vnics: int | None = None
    display_name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSeen:
    """A VNIC's place on the instance; `vnic_id` appears once it is attached."""

    id: str
    state: str
    vnic_id: str | None = None
    nic_index: int = 0
    vlan_tag: int | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicSeen:
    """A VNIC of the instance. `ipv6_addresses` are told of a primary one alone."""

    id: str
    state: str
    mac_address: str
    subnet_id: str
    is_primary: bool
    display_name: str = ""
    nsg_ids: tuple[str, ...] = ()
    skip_source_dest_check: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    private_ip: IPv4Address | None = None
    ipv6_addresses: tuple[IPv6Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSeen:
    """A private-IP or IPv6 object on a VNIC: one address or an aligned block."""

    id: str
    vnic_id: str
    block: IPv4Network | IPv6Network
    is_primary: bool = False

    @property
    def kind(self) -> str:
        """Name what a call made when it made this."""
        return "address" if self.block.version == 4 else "ipv6"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetSeen:
    """A subnet that one of the instance's VNICs is in."""

    id: str
    state: str
    v4: tuple[IPv4Network, ...] = ()
    v6: tuple[IPv6Network, ...] = ()
    router_v4: IPv4Address | None = None
    router_v6: IPv6Address | None = None

    def has(self, family: str) -> bool:
        """Tell whether there are addresses of a family in it."""
        return bool(self.v4 if family == "IPv4" else self.v6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a successful call said it made: an "attachment", an "address" or an "ipv6".

    `seen` is what the answer showed of it.
    """

    kind: str
    id: str
    seen: "AttachmentSeen | AddressSeen | None" = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look.

    `addresses` holds the objects of every VNIC with our tag, by VNIC, IPv6 ones only where
    they may be wanted; a VNIC of somebody else's is seen, its addresses are not asked for.
    Of the things made before, `gone` are those that the cloud says are not there,
    `unlisted` those that it shows when asked for by their id while its lists lag behind.
    """

    instance: InstanceSeen
    attachments: tuple[AttachmentSeen, ...] = ()
    vnics: Mapping[str, VnicSeen] = field(default_factory=dict)
    addresses: Mapping[str, tuple[AddressSeen, ...]] = field(default_factory=dict)
    subnets: Mapping[str, SubnetSeen] = field(default_factory=dict)
    gone: frozenset[Made] = frozenset()
    unlisted: frozenset[Made] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A look that what follows may build on: taken whole at moment `at`, and added to since."""

    at: float
    seen: Sighting
