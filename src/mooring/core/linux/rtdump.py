"""What rtnetlink shows, as values: the reading half of the codec.

Each function takes the body of one message and gives a value, or None for what is none of ours
to speak about; together they make a `Seen`:

- routes: the kernel's own entries of table local (255) and everything broadcast, anycast or
  multicast are left out, as are clones, multipath routes and kinds a `Route` cannot say. Connected
  routes that the kernel made are there, with their preferred source.
- rules: only those a `Rule` can say; one with a selector by address, interface, port or user is
  left out rather than shown as matching everything.
- neighbours: only permanent ones.
"""

import struct
from collections.abc import Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from mooring.core.linux import rtnetlink as rt
from mooring.core.linux.plan import (
    Address,
    Interface,
    Ip,
    Neighbour,
    Network,
    Route,
    Rule,
)
from mooring.core.linux.seen import Link
from mooring.core.linux.wire import Unreadable, attributes, find, string, u32

LINK, OPERATIONAL, STATISTICS, LINK_NAMESPACE = 5, 16, 23, 37
OPERATIONAL_UP = 6
LOOPBACK = 772  # ARPHRD_LOOPBACK
COUNTERS = struct.Struct("=QQ")

KERNEL, LOCAL_TABLE, CLONED = 2, 255, 0x200
MULTIPATH = 9
KIND_NAMES = {number: name for name, number in rt.ROUTE_KINDS.items()}

# Destination, source, interfaces, tunnel, suppressed group, l3mdev, users, protocol, ports, …:
# a rule with any of these says more than a Rule can.
PLAIN = {rt.PRIORITY, rt.MARK, rt.MASK, rt.SUPPRESS, rt.RULE_TABLE, 18, 21}
NO_SUPPRESS_GROUP = 13
NOTHING_SUPPRESSED = 0xFFFFFFFF
INVERTED = 2

Names = Mapping[int, str]


def link(body: bytes) -> Link:
    """Read one interface, from RTM_NEWLINK."""
    found = attributes(body, rt.LINK_HEADER.size)
    _, hardware, index, flags, _ = rt.LINK_HEADER.unpack_from(body)
    info = attributes(found.get(rt.LINK_INFO, b""))
    kind = string(info.get(rt.INFO_KIND, b""))
    received, sent = _counters(found.get(STATISTICS))
    return Link(
        name=string(found.get(rt.NAME, b"")),
        index=index,
        mac=found.get(rt.MAC, b"").hex(":"),
        mtu=_number(found, rt.MTU, 0),
        up=bool(flags & rt.UP),
        operational=found.get(OPERATIONAL) == bytes([OPERATIONAL_UP]),
        kind=kind or ("loopback" if hardware == LOOPBACK else ""),
        peer_index=_number(found, LINK, 0) or None if kind == "veth" else None,
        alias=string(found.get(rt.ALIAS, b"")),
        group=_number(found, rt.GROUP, 0),
        rx_packets=received,
        tx_packets=sent,
        peer_space=_signed(found.get(LINK_NAMESPACE)) if kind == "veth" else None,
    )


def link_index(body: bytes) -> int:
    """Read the index alone, from RTM_NEWLINK."""
    if len(body) < rt.LINK_HEADER.size:
        raise Unreadable(f"{len(body)} bytes are no link")
    return int(rt.LINK_HEADER.unpack_from(body)[2])


def is_operational(body: bytes) -> bool:
    """Tell whether a link has carrier and lets packets out, from RTM_NEWLINK."""
    state = find(body, OPERATIONAL, rt.LINK_HEADER.size)
    return state == bytes([OPERATIONAL_UP])


def has_carrier(body: bytes) -> bool:
    """Tell whether a link has carrier, its deferred work done or not, from RTM_NEWLINK."""
    if len(body) < rt.LINK_HEADER.size:
        raise Unreadable(f"{len(body)} bytes are no link")
    return bool(rt.LINK_HEADER.unpack_from(body)[3] & rt.LOWER_UP)


def is_delivered_here(body: bytes) -> bool:
    """Tell whether what goes to an address is taken in, from RTM_NEWROUTE."""
    if len(body) < rt.ROUTE_HEADER.size:
        raise Unreadable(f"{len(body)} bytes are no route")
    kind = rt.ROUTE_HEADER.unpack_from(body)[7]
    return bool(kind == rt.ROUTE_KINDS["local"])


def address(space: str, names: Names, body: bytes) -> Address | None:
    """Read one address, from RTM_NEWADDR; None on a link that is not among `names`."""
    found = attributes(body, rt.ADDRESS_HEADER.size)
    family, prefix, _, _, index = rt.ADDRESS_HEADER.unpack_from(body)
    packed = found.get(rt.ADDRESS_LOCAL) or found.get(rt.ADDRESS_ALL)
    if index not in names or packed is None:
        return None
    ip = _ip(family, packed)
    if ip is None:
        return None
    return Address(space, names[index], _interface(ip, prefix))


def route(space: str, names: Names, body: bytes) -> Route | None:
    """Read one route, from RTM_NEWROUTE."""
    found = attributes(body, rt.ROUTE_HEADER.size)
    family, length, _, _, table, protocol, _, kind, flags = rt.ROUTE_HEADER.unpack_from(
        body
    )
    table = _number(found, rt.TABLE, table)
    word = KIND_NAMES.get(kind)
    if word is None or flags & CLONED or MULTIPATH in found:
        return None
    if protocol == KERNEL and table == LOCAL_TABLE:
        return None
    destination = _network(family, length, found.get(rt.DESTINATION))
    index = _number(found, rt.OUT_LINK, 0)
    # The kernel shows an IPv6 blackhole on "lo"; it is on no link.
    name = None if word in rt.ON_NO_LINK else names.get(index)
    if destination is None or (index and name is None and word not in rt.ON_NO_LINK):
        return None
    return Route(
        space,
        destination,
        link=name,
        gateway=_gateway(family, found),
        table=table,
        onlink=bool(flags & rt.ONLINK),
        kind=word,
        source=_maybe_ip(family, found.get(rt.PREFERRED)),
    )


def rule(space: str, body: bytes) -> Rule | None:
    """Read one policy rule, from RTM_NEWRULE."""
    found = attributes(body, rt.RULE_HEADER.size)
    family, to_length, from_length, tos, table, _, _, action, flags = (
        rt.RULE_HEADER.unpack_from(body)
    )
    version = {number: v for v, number in rt.FAMILY.items()}.get(family)
    # A fact that a namespace never saw IPv6 shows as rules of another family: none of ours.
    special = to_length or from_length or tos or flags & INVERTED
    if version is None or special or action != rt.TO_TABLE or _selects(found):
        return None
    mark, mask = _number(found, rt.MARK, 0), _number(found, rt.MASK, 0)
    suppress = _number(found, rt.SUPPRESS, NOTHING_SUPPRESSED)
    return Rule(
        space,
        priority=_number(found, rt.PRIORITY, 0),
        family=version,
        table=_number(found, rt.RULE_TABLE, table),
        mark=mark if mask else None,
        mask=mask or None,
        suppress_prefixlength=None if suppress == NOTHING_SUPPRESSED else suppress,
    )


def neighbour(space: str, names: Names, body: bytes) -> Neighbour | None:
    """Read one permanent neighbour, from RTM_NEWNEIGH; None for all others."""
    found = attributes(body, rt.NEIGHBOUR_HEADER.size)
    family, index, state, _, _ = rt.NEIGHBOUR_HEADER.unpack_from(body)
    mac = found.get(rt.NEIGHBOUR_MAC)
    if not state & rt.NEIGHBOUR_PERMANENT or index not in names or mac is None:
        return None
    ip = _maybe_ip(family, found.get(rt.NEIGHBOUR_ADDRESS))
    return None if ip is None else Neighbour(space, names[index], ip, mac.hex(":"))


def _selects(found: Mapping[int, bytes]) -> bool:
    """Tell whether a rule has a selector that a Rule cannot say."""
    group = _number(found, NO_SUPPRESS_GROUP, NOTHING_SUPPRESSED)
    return bool(found.keys() - PLAIN - {NO_SUPPRESS_GROUP}) or (
        group != NOTHING_SUPPRESSED
    )


def _number(found: Mapping[int, bytes], kind: int, default: int) -> int:
    payload = found.get(kind)
    return default if payload is None else u32(payload)


def _signed(payload: bytes | None) -> int | None:
    if payload is None:
        return None
    value = u32(payload)
    return value - (1 << 32) if value >> 31 else value


def _counters(payload: bytes | None) -> tuple[int, int]:
    if payload is None:
        return 0, 0
    if len(payload) < COUNTERS.size:
        raise Unreadable(f"{len(payload)} bytes are no link statistics")
    received, sent = COUNTERS.unpack_from(payload)
    return received, sent


def _ip(family: int, packed: bytes) -> Ip | None:
    if family == rt.AF_INET and len(packed) == 4:
        return IPv4Address(packed)
    if family == rt.AF_INET6 and len(packed) == 16:
        return IPv6Address(packed)
    if family in rt.FAMILY.values():
        raise Unreadable(f"{len(packed)} bytes are no address of family {family}")
    return None


def _maybe_ip(family: int, packed: bytes | None) -> Ip | None:
    return None if packed is None else _ip(family, packed)


def _interface(ip: Ip, prefix: int) -> Interface:
    if prefix > ip.max_prefixlen:
        raise Unreadable(f"a prefix of {prefix} bits on {ip}")
    if isinstance(ip, IPv4Address):
        return IPv4Interface((ip, prefix))
    return IPv6Interface((ip, prefix))


def _network(family: int, length: int, packed: bytes | None) -> Network | None:
    if family not in rt.FAMILY.values():
        return None
    size = 4 if family == rt.AF_INET else 16
    ip = _ip(family, bytes(size) if packed is None else packed)
    try:
        if isinstance(ip, IPv4Address):
            return IPv4Network((ip, length))
        return IPv6Network((int(ip or 0), length))
    except ValueError as err:
        raise Unreadable(f"no network: {err}") from None


def _gateway(family: int, found: Mapping[int, bytes]) -> Ip | None:
    via = found.get(rt.VIA)
    if via is None:
        return _maybe_ip(family, found.get(rt.GATEWAY))
    if len(via) < 2:
        raise Unreadable("a gateway without a family")
    return _ip(struct.unpack_from("=H", via)[0], via[2:])
