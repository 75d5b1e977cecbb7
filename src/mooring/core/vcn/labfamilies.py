"""What a lab.yaml says of IP families: which ones pods have, and the VCN's IPv6 prefix.

The prefix is a private one (RFC 4193), as a laptop's networks are, so that it can be said before
the VCN exists. Each of the four subnets takes a /64 of it.
"""

from ipaddress import IPv6Network

from mooring.core.vcn.limits import IPV6_SUBNET, KEPT_BY_ORACLE_IPV6

IPV4, IPV6 = "IPv4", "IPv6"
FAMILIES = (IPV4, IPV6)
DEFAULT = (IPV4,)
PREFIX = IPv6Network("fd00:6d6f:6f72::/48")
PRIVATE = IPv6Network("fc00::/7")
LENGTHS = range(48, 63)


def families(value: object) -> tuple[str, ...]:
    """Read the families, or raise ValueError with the rule."""
    given = tuple(value) if isinstance(value, list) else ()
    known = bool(given) and all(each in FAMILIES for each in given)
    if not known or len(set(given)) < len(given):
        raise ValueError(
            "must be a list of IPv4, IPv6 or both, the preferred one first"
        )
    return given


def prefix(value: object) -> IPv6Network:
    """Read the prefix, or raise ValueError with the rule."""
    rule = f"must be a prefix of {PRIVATE}, from /{LENGTHS[0]} to /{LENGTHS[-1]}"
    try:
        block = IPv6Network(value) if isinstance(value, str) else None
    except ValueError:
        block = None
    if block is None or not block.subnet_of(PRIVATE) or block.prefixlen not in LENGTHS:
        raise ValueError(rule)
    if block.overlaps(KEPT_BY_ORACLE_IPV6):
        raise ValueError(f"must not overlap {KEPT_BY_ORACLE_IPV6}, the cloud's own")
    return block


def subnet(whole: IPv6Network, number: int) -> IPv6Network:
    """Give the /64 of a subnet."""
    first = int(whole.network_address) + (number << (128 - IPV6_SUBNET))
    return IPv6Network((first, IPV6_SUBNET))
