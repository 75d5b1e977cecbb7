"""How much the cloud lets one have, and how long it takes.

Numbers are the cloud's (oci-facts 8.3 and 10; API 20160918). `Settings` are what an
operator of a local VCN may choose; they are given at start and never stored.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

SECONDARY_IPS_PER_VNIC = 64
SECONDARY_IPV6S_PER_VNIC = 32
NSGS_PER_VNIC = 5
SECURITY_LISTS_PER_SUBNET = 5
RULES_PER_NSG = 120
RULES_PER_CALL = 25
RULES_PER_LIST = 200  # each direction of a security list
ROUTES_PER_TABLE = 200
PEERINGS_PER_VCN = 10
ROUTES_PER_DRG_TABLE = 200  # static ones
STATEMENTS_PER_DISTRIBUTION = 100
STATIC_ROUTES_PER_CONNECTION = 10
TUNNELS_PER_CONNECTION = 2
SERVICES_PER_GATEWAY = 10
BLOCKS_PER_VCN = 16
BLOCKS_PER_SUBNET = 16
PREFIXES_PER_VCN = 16  # of IPv6
PREFIXES_PER_SUBNET = 16
WIDEST_NETWORK = 16
NARROWEST_NETWORK = 30
WIDEST_CIDR_ADDRESS = 18
NARROWEST_CIDR_ADDRESS = 31
WIDEST_PRIVATE_PREFIX = 48
IPV6_SUBNET = 64
SINGLE_IPV6S = 80  # single ones come out of a subnet's first /80, blocks not
NARROWEST_IPV6_BLOCK = 124
NIBBLE = 4  # lengths of IPv6 blocks are multiples of it
BULK_ITEMS = 64  # in one bulk action on addresses
METADATA = 32_000  # bytes, of an instance's two kinds together
API_KEYS_PER_USER = 3
STATEMENTS_PER_POLICY = 50
LONGEST_STATEMENT = 4096
COMPARTMENT_LEVELS = 6  # below the tenancy
PAGE = 100
LARGEST_PAGE = 1000
TOKEN_LIFE = timedelta(hours=24)
LONGEST_TOKEN = 64
RESERVED_FIRST = 2  # the network's own address and the virtual router's
RESERVED_LAST = 1

# What is public here is meant for measuring (RFC 2544) and routed nowhere else.
PUBLIC_ADDRESSES = IPv4Network("198.18.0.0/16")
# The Oracle services network is the other half of it; Object Storage is a part of that.
ORACLE_SERVICES = IPv4Network("198.19.0.0/16")
OBJECT_STORAGE = IPv4Network("198.19.16.0/20")
# What the cloud gives to VCNs is meant for documentation (RFC 3849) and routed nowhere else.
ORACLE_PREFIXES = IPv6Network("2001:db8:4000::/34")
ORACLE_PREFIX = 56
# Oracle keeps link-local addresses and those of the metadata service; no host is reached at those
# of "this network", of itself (RFC 1122 3.2.1.3) and of groups.
KEPT_BY_ORACLE = tuple(
    map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
)
KEPT_BY_ORACLE_IPV6 = IPv6Network("fd00:c1::/32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long a passing state lasts.

    `kept` is how long what is TERMINATED or DETACHED is still shown; `subnet_update` how
    long a subnet stays UPDATING after the first CIDR address out of its first block, or a
    change of its blocks, `vcn_update` a VCN after a change of its blocks;
    `public_ip` how long a public IP is on its way to or from its owner;
    `bulk_work` how long a bulk IP action takes before its addresses are there; `peering` how
    long two gateways that were connected are PENDING.
    """

    instance_launch: timedelta = timedelta(milliseconds=400)
    instance_terminate: timedelta = timedelta(milliseconds=300)
    instance_power: timedelta = timedelta(milliseconds=300)
    vnic_attach: timedelta = timedelta(milliseconds=300)
    vnic_detach: timedelta = timedelta(milliseconds=200)
    subnet_update: timedelta = timedelta(milliseconds=500)
    vcn_update: timedelta = timedelta(milliseconds=500)
    bulk_work: timedelta = timedelta(milliseconds=200)
    public_ip: timedelta = timedelta(milliseconds=200)
    drg_attach: timedelta = timedelta(milliseconds=300)
    drg_detach: timedelta = timedelta(milliseconds=200)
    peering: timedelta = timedelta(milliseconds=200)
    kept: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests a second are answered in the long run, and how many at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where this cloud is, how fast, and how patient.

    `administrators` are the users of the register, which a server follows while it runs.
    `budgets` go by operation or pattern (`CreatePrivateIp`, `List*`); `list_lag` is how
    late a list shows what has changed; `limits` are service limits of another number than usual.
    """

    region: str = "local-1"
    availability_domains: tuple[str, ...] = ("moor:LOCAL-1-AD-1", "moor:LOCAL-1-AD-2")
    delays: Delays = field(default_factory=Delays)
    budgets: tuple[tuple[str, Budget], ...] = ()
    list_lag: timedelta = timedelta(0)
    administrators: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
