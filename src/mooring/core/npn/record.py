"""The NativePodNetwork object as values (`oci.oraclecloud.com/v1beta1`).

Reading and writing the JSON form is `npn.codec`'s; here are only the shapes that the
controller fills and the agent reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.usage import Usage


@dataclass(frozen=True, slots=True)
class Ipv6Choice:
    """An IPv6 address asked for, or only the subnet block to take one from."""

    address: IPv6Address | None = None
    subnet_cidr: IPv6Network | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryVnic:
    """One VNIC profile of `spec.secondaryVnics`. `ip_count` is pod addresses.

    `display_name` is the VNIC's and tells the profiles of one object apart;
    `attachment_name` is the attachment's, None when the object names none.
    """

    display_name: str
    subnet_id: str
    ip_count: int
    nsg_ids: tuple[str, ...] = ()
    skip_source_dest_check: bool = True
    assign_ipv6_ip: bool = False
    assign_public_ip: bool = False
    ipv6_choices: tuple[Ipv6Choice, ...] = ()
    attachment_name: str | None = None
    application_resources: tuple[str, ...] = ()
    nic_index: int = 0
    freeform_tags: Mapping[str, str] = field(default_factory=dict)
    defined_tags: Mapping[str, Any] = field(default_factory=dict)
    security_attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NpnSpec:
    """What is wanted for one instance."""

    id: str
    max_pod_count: int = 31
    pod_subnet_ids: tuple[str, ...] = ()
    network_security_group_ids: tuple[str, ...] = ()
    ip_families: tuple[str, ...] = ("IPv4",)
    secondary_vnics: tuple[SecondaryVnic, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """An IPv4 and an IPv6 value that belong together; either may be None."""

    v4: IPv4Address | None = None
    v6: IPv6Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VnicStatus:
    """One secondary VNIC as the node needs it. `pod_addresses` excludes `host`."""

    vnic_id: str
    mac_address: str
    subnet_id: str
    nsg_ids: tuple[str, ...] = ()
    ip_count: int = 31
    ip_families: tuple[str, ...] = ("IPv4",)
    subnet_v4: IPv4Network | None = None
    subnet_v6: IPv6Network | None = None
    router: Pair = Pair()
    host: Pair = Pair()
    pod_addresses: tuple[Pair, ...] = ()
    application_resources: tuple[str, ...] = ()
    nic_index: int = 0
    vlan_tag: int | None = None


UNDER_WAY = "Incomplete"
"""The reason of a family's condition while it is being worked on; others say why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A Kubernetes condition, e.g. type IPv4Ready."""

    type: str
    status: str  # True | False | Unknown
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """The elastic pool as it is in force, for the agent and for people.

    `serial` grows whenever other addresses are listed; the agent says which one it follows.
    """

    policy: PoolPolicy
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NpnStatus:
    """State BACKOFF, IN_PROGRESS or SUCCESS ("" at first) and what was reached.

    `pool` is None where all addresses are taken at once. `compartment` is where the instance was
    seen last, `work` the work request of addresses that the cloud has accepted and nobody has seen
    end yet: both outlive the controller that learned them.
    """

    state: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    vnics: tuple[VnicStatus, ...] = ()
    conditions: tuple[Condition, ...] = ()
    pool: PoolStatus | None = None
    compartment: str = ""
    work: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Npn:
    """The whole object; `name` is the last segment of the instance OCID.

    `pool` is what its annotation says of the pool's size, None when it says nothing. The
    controller adds the policy that follows from it, what the agent told of its usage, and how
    many pods the node's kubelet allows; `unplaced` that the policy is its node's to say, and nobody
    knows the node yet; `alone` that nobody knows a node of it, nor anybody that owns it.
    """

    name: str
    spec: NpnSpec
    status: NpnStatus = NpnStatus()
    generation: int = 1
    deleting: bool = False
    pool: str | None = None
    policy: PoolPolicy | None = None
    usage: Usage | None = None
    kubelet_pods: int | None = None
    unplaced: bool = False
    alone: bool = False
