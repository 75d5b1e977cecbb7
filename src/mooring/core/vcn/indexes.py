"""Where a record stands in the World's indexes.

Every index is a `Space`. Its key says what it orders:

- ("list", word, id): the records of a kind that refer to an id, in order of creation;
  id "" is the kind's whole list. Private IPs and IPv6s are too many for a whole list;
  they are found by VNIC and by subnet.
- ("ipv4", subnet): which addresses are taken by which private IP. Those that the cloud
  keeps (first two and last of each block) are taken by nobody, whose name is "".
- ("ipv6", subnet): likewise; of each prefix only the first is kept, which stands for its routers
  (RFC 4291 2.6.1). ("public",): public addresses. ("oracle",): Oracle's prefixes, by VCN.
- ("agenda",): what settles when. ("tokens",): which retry token expires when.

Indexes are functions of the records alone: loading the rows gives the same ones. So is what instances
take of the room of their availability domain (`taken`, `tally`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network

from immutables import Map

from mooring.core.net.blocks import Entry
from mooring.core.vcn.limits import RESERVED_FIRST, RESERVED_LAST
from mooring.core.vcn.model import (
    Instance,
    IpSecTunnel,
    Ipv6,
    NatGateway,
    PrivateIp,
    PublicIp,
    Resource,
    RouteTable,
    Subnet,
    Vcn,
)
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.model.tokens import RetryToken

Key = tuple[str, ...]
Place = tuple[Key, Entry]
Sizes = Map[
    tuple[str, str], tuple[int, Fraction]
]  # by domain and shape: how many, how many OCPUs

PUBLIC: Key = ("public",)
ORACLE: Key = ("oracle",)
AGENDA: Key = ("agenda",)
TOKENS: Key = ("tokens",)
NOBODY = ""
ENDED = ("TERMINATING", "TERMINATED")  # of an instance: it takes no room

WIDEST = 128  # bits of an index's numbers
_WIDTHS = {"list": 128, "ipv4": 32, "ipv6": 128, "public": 32, "agenda": 128}
_WIDTHS |= {"tokens": 128, "oracle": 128}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def width(key: Key) -> int:
    """Give the bits of an index's numbers."""
    return _WIDTHS[key[0]]


def order(when: datetime, name: str) -> Entry:
    """Make the place of a name in an order by time; among equal times chance decides."""
    low = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    return Entry((when - _EPOCH) // _MICROSECOND << 64 | low, 0, name)


def listed(kind: type[Resource], id: str = "") -> Key:
    """Give the key of the list of a kind's records that refer to an id."""
    return ("list", KINDS[kind].word, id)


def addresses(subnet_id: str) -> Key:
    """Give the key of a subnet's IPv4 addresses."""
    return ("ipv4", subnet_id)


def addresses6(subnet_id: str) -> Key:
    """Give the key of a subnet's IPv6 addresses."""
    return ("ipv6", subnet_id)


def hostname(subnet_id: str, label: str) -> str:
    """Give the id-like name under which a host name is found; unique in its subnet."""
    return f"{subnet_id}/{label.lower()}"


def reserved(block: IPv4Network) -> Iterator[int]:
    """Give the addresses of a subnet's block that the cloud keeps for itself."""
    first, last = int(block.network_address), int(block.broadcast_address)
    yield from range(first, first + RESERVED_FIRST)
    yield from range(last + 1 - RESERVED_LAST, last + 1)


def places(record: Resource | RetryToken) -> set[Place]:
    """Give every place at which a record stands."""
    if isinstance(record, RetryToken):
        return {(TOKENS, order(record.expires, record.key))}
    mine = order(record.time_created, record.id)
    word = KINDS[type(record)].word
    found: set[Place] = {(("list", word, name), mine) for name in _found_by(record)}
    found.update(_numbers(record))
    if record.settles_at is not None:
        found.add((AGENDA, order(record.settles_at, record.id)))
    return found


def _found_by(record: Resource) -> Iterator[str]:
    if not isinstance(record, PrivateIp | Ipv6):
        yield ""
    for name in KINDS[type(record)].references:
        value = getattr(record, name)
        if isinstance(value, tuple):
            yield from value
        elif value is not None:
            yield value
    if isinstance(record, RouteTable):
        yield from (rule.network_entity_id for rule in record.route_rules)
    if isinstance(record, PrivateIp) and record.hostname_label is not None:
        yield hostname(record.subnet_id, record.hostname_label)
    if isinstance(record, Ipv6) and record.hostname is not None:
        yield hostname(record.subnet_id, record.hostname)


def _numbers(record: Resource) -> Iterator[Place]:
    if isinstance(record, PrivateIp):
        yield addresses(record.subnet_id), _block(record, 32)
    elif isinstance(record, Ipv6):
        yield addresses6(record.subnet_id), _block(record, 128)
    elif isinstance(record, Subnet):
        yield from _kept(record)
    elif isinstance(record, Vcn):
        for prefix in record.ipv6_cidr_blocks:
            bits = 128 - prefix.prefixlen
            yield ORACLE, Entry(int(prefix.network_address), bits, record.id)
    elif public := _public(record):
        yield PUBLIC, Entry(int(public), 0, record.id)


def _kept(subnet: Subnet) -> Iterator[Place]:
    for block in subnet.ipv4_cidr_blocks:
        for number in reserved(block):
            yield addresses(subnet.id), Entry(number, 0, NOBODY)
    for prefix in subnet.ipv6_cidr_blocks:
        number = int(prefix.network_address)
        yield addresses6(subnet.id), Entry(number, 0, NOBODY)


def _block(record: PrivateIp | Ipv6, bits: int) -> Entry:
    """Give an object's addresses as a block of numbers."""
    bits -= record.cidr_prefix_length or bits
    return Entry(int(record.ip_address), bits, record.id)


def _public(record: Resource) -> IPv4Address | None:
    """Give the public address that a record takes; a VNIC's is taken by its PublicIp."""
    if isinstance(record, IpSecTunnel):
        return record.vpn_ip
    if isinstance(record, NatGateway):
        return None if record.public_ip_id else record.nat_ip
    return record.ip_address if isinstance(record, PublicIp) else None


def taken(
    record: Resource | RetryToken | None,
) -> tuple[tuple[str, str], Fraction] | None:
    """Give what an instance takes, where and of which shape; nothing else takes anything."""
    if not isinstance(record, Instance) or record.lifecycle_state in ENDED:
        return None
    return (record.availability_domain, record.shape), Fraction(record.ocpus)


def tally(
    sizes: Sizes,
    before: Resource | RetryToken | None,
    after: Resource | RetryToken | None,
) -> Sizes:
    """Count what instances take, after one record came in the place of another."""
    old, new = taken(before), taken(after)
    if old == new:
        return sizes
    for found, sign in ((old, -1), (new, 1)):
        if found is not None:
            count, ocpus = sizes.get(found[0], (0, Fraction(0)))
            more = count + sign, ocpus + sign * found[1]
            sizes = sizes.set(found[0], more) if more[0] else sizes.delete(found[0])
    return sizes
