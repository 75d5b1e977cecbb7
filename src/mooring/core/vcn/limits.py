"""How much the cloud lets one have, and how long it takes.

Numbers are the cloud's (oci-facts 8.3 and 10; API 20160918). `Settings` are what an
operator of a local VCN may choose; they are given at start and never stored.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network

SECONDARY_IPS_PER_VNIC = 64
NSGS_PER_VNIC = 5
SECURITY_LISTS_PER_SUBNET = 5
RULES_PER_NSG = 120
RULES_PER_CALL = 25
RULES_PER_LIST = 200  # each direction of a security list
ROUTES_PER_TABLE = 200
BLOCKS_PER_VCN = 16
BLOCKS_PER_SUBNET = 16
WIDEST_NETWORK = 16
NARROWEST_NETWORK = 30
WIDEST_CIDR_ADDRESS = 18
NARROWEST_CIDR_ADDRESS = 31
PAGE = 100
LARGEST_PAGE = 1000
TOKEN_LIFE = timedelta(hours=24)
LONGEST_TOKEN = 64
RESERVED_FIRST = 2  # the network's own address and the virtual router's
RESERVED_LAST = 1

# What is public here is meant for measuring (RFC 2544) and routed nowhere else.
PUBLIC_ADDRESSES = IPv4Network("198.18.0.0/16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long a passing state lasts.

    `kept` is how long what is TERMINATED or DETACHED is still shown; `subnet_update` how
    long a subnet stays UPDATING after the first CIDR address out of its first block;
    `bulk_work` how long a bulk IP action takes before its addresses are there.
    """

    instance_launch: timedelta = timedelta(milliseconds=400)
    instance_terminate: timedelta = timedelta(milliseconds=300)
    instance_power: timedelta = timedelta(milliseconds=300)
    vnic_attach: timedelta = timedelta(milliseconds=300)
    vnic_detach: timedelta = timedelta(milliseconds=200)
    subnet_update: timedelta = timedelta(milliseconds=500)
    bulk_work: timedelta = timedelta(milliseconds=200)
    kept: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests a second are answered in the long run, and how many at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where this cloud is, how fast, and how patient.

    `budgets` go by operation or pattern (`CreatePrivateIp`, `List*`); `list_lag` is how
    late a list shows what has changed.
    """

    region: str = "local-1"
    availability_domains: tuple[str, ...] = ("moor:LOCAL-1-AD-1", "moor:LOCAL-1-AD-2")
    delays: Delays = field(default_factory=Delays)
    budgets: tuple[tuple[str, Budget], ...] = ()
    list_lag: timedelta = timedelta(0)
