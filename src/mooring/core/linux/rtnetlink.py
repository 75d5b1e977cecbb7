"""Facts as rtnetlink messages: what is sent to make one true, or to take it back.

Pure packing; `adapters.netlink` sends the bytes and knows the order. Interface indices are
arguments, because a name is only good in the namespace it is looked up in.
"""

import struct
from ipaddress import IPv4Address

from mooring.core.linux import wire
from mooring.core.linux.plan import (
    Address,
    End,
    Ip,
    LinkUp,
    Neighbour,
    Network,
    Route,
    Rule,
    Veth,
)
from mooring.core.linux.wire import Message, attribute, number, text

AF_INET, AF_INET6 = 2, 10
FAMILY = {4: AF_INET, 6: AF_INET6}

NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34

LINK_HEADER = struct.Struct("=BxHiII")
ADDRESS_HEADER = struct.Struct("=BBBBI")
ROUTE_HEADER = struct.Struct("=BBBBBBBBI")
RULE_HEADER = struct.Struct("=BBBBBBBBI")
NEIGHBOUR_HEADER = struct.Struct("=BxxxiHBB")

UP, LOWER_UP = 1, 0x10000
MAC, NAME, MTU, LINK_INFO, ALIAS, GROUP = 1, 3, 4, 18, 20, 27
LINK_FAMILIES, GENERATION_MODE, NO_GENERATION = 26, 8, b"\1"
NAMESPACE_FD, EXTENSIONS, TX_QUEUES, RX_QUEUES = 28, 29, 31, 32
INFO_KIND, INFO_DATA, VETH_PEER = 1, 2, 1
SKIP_STATISTICS = 8  # RTEXT_FILTER_SKIP_STATS

ADDRESS_ALL, ADDRESS_LOCAL, ADDRESS_FLAGS = 1, 2, 8
NO_DAD, PERMANENT = 0x02, 0x80

DESTINATION, OUT_LINK, GATEWAY, PREFERRED, TABLE, VIA = 1, 4, 5, 7, 15, 18
ANY_PROTOCOL, STATIC, ONLINK = 0, 4, 4
UNIVERSE, LINK_SCOPE, HOST_SCOPE, NOWHERE = 0, 253, 254, 255
COMPATIBLE = 252  # RT_TABLE_COMPAT: the table is only in the attribute
ON_NO_LINK = {"blackhole", "unreachable"}
LOOPBACK_INDEX = 1  # the same in every namespace; IPv6 keeps such routes on it
ROUTE_KINDS = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7}

TO_TABLE = 1
PRIORITY, MARK, SUPPRESS, RULE_TABLE, MASK = 6, 10, 14, 15, 16
WHOLE_MASK = 0xFFFFFFFF

NEIGHBOUR_ADDRESS, NEIGHBOUR_MAC, NEIGHBOUR_PERMANENT = 1, 2, 0x80

_MAKE = wire.CREATE | wire.REPLACE
_MAKE_NEW = wire.CREATE | wire.EXCLUSIVE
_ONE_QUEUE = number(TX_QUEUES, 1) + number(RX_QUEUES, 1)
_NO_LINK = LINK_HEADER.pack(0, 0, 0, 0, 0)
# The counters of packets come all the same, those of IPv6 and of virtual functions do not.
_BRIEF = number(EXTENSIONS, SKIP_STATISTICS)
_VETH = attribute(INFO_KIND, b"veth")
_NO_OWN_IP6 = attribute(
    LINK_FAMILIES | wire.NESTED,
    attribute(AF_INET6 | wire.NESTED, attribute(GENERATION_MODE, NO_GENERATION)),
)


def mac_bytes(mac: str) -> bytes:
    """Pack "02:00:17:00:00:01"; ValueError when it is no MAC address."""
    raw = bytes.fromhex(mac.replace(":", ""))
    if len(raw) != 6:
        raise ValueError(f"{mac!r} is no MAC address")
    return raw


def born_up(veth: Veth) -> End:
    """Tell which end is made by the message itself: the far one, unless only near has an index.

    veth_newlink heeds the peer's index only if the device has one too.
    """
    only_near = veth.far.index is None and veth.near.index is not None
    return veth.near if only_near else veth.far


def new_veth(veth: Veth, peer_space: int) -> Message:
    """Make the pair, sent from the namespace of the end that is `born_up`.

    `peer_space` is an open descriptor of the other end's. That end, the peer, cannot be created
    up: veth_open wants the twin's pointer, which is set only after the peer is registered
    (ENOTCONN). `raise_end` does that.
    """
    device = born_up(veth)
    peer = veth.near if device is veth.far else veth.far
    about = (
        LINK_HEADER.pack(0, 0, peer.index or 0, 0, 0)
        + _end(peer)
        + number(NAMESPACE_FD, peer_space)
    )
    data = attribute(INFO_DATA | wire.NESTED, attribute(VETH_PEER | wire.NESTED, about))
    body = (
        LINK_HEADER.pack(0, 0, device.index or 0, UP, UP)
        + _end(device)
        + attribute(LINK_INFO | wire.NESTED, _VETH + data)
    )
    return Message(NEW_LINK, _MAKE_NEW, body)


def raise_end(end: End) -> Message:
    """Raise a veth's end and give it its MTU and alias (creation cannot)."""
    return _set_link(end.name, UP, number(MTU, end.mtu) + _alias(end.alias))


def no_own_ip6(index: int) -> Message:
    """Keep a link from giving itself an IPv6 address when it has carrier.

    EAFNOSUPPORT where there is no IPv6.
    """
    return Message(SET_LINK, 0, LINK_HEADER.pack(0, 0, index, 0, 0) + _NO_OWN_IP6)


def link_up(fact: LinkUp) -> Message:
    """Raise an existing link, with the MTU and the alias if they are given."""
    mtu = b"" if fact.mtu is None else number(MTU, fact.mtu)
    return _set_link(fact.link, UP, mtu + _alias(fact.alias))


def link_group(name: str, group: int) -> Message:
    """Put a link in a group."""
    return _set_link(name, 0, number(GROUP, group))


def delete_link(name: str) -> Message:
    """Delete a link, and its twin."""
    return Message(DELETE_LINK, 0, _NO_LINK + text(NAME, name))


def delete_group(group: int) -> Message:
    """Delete all links of a group, for the price of about one."""
    return Message(DELETE_LINK, 0, _NO_LINK + number(GROUP, group))


def get_link(name: str) -> Message:
    """Ask for one link, by name."""
    return Message(GET_LINK, 0, _NO_LINK + text(NAME, name) + _BRIEF)


def get_route(to: Ip) -> Message:
    """Ask where a packet to this address goes."""
    family, length = FAMILY[to.version], to.max_prefixlen
    header = ROUTE_HEADER.pack(family, length, 0, 0, 0, 0, 0, 0, 0)
    return Message(GET_ROUTE, 0, header + attribute(DESTINATION, to.packed))


def dump_links() -> Message:
    """Ask for all links."""
    return Message(GET_LINK, wire.DUMP, _NO_LINK + _BRIEF)


def dump(kind: int, family: int) -> Message:
    """Ask for all addresses, routes, rules or neighbours of a family."""
    header = {
        GET_ADDRESS: ADDRESS_HEADER.pack(family, 0, 0, 0, 0),
        GET_ROUTE: ROUTE_HEADER.pack(family, 0, 0, 0, 0, 0, 0, 0, 0),
        GET_RULE: RULE_HEADER.pack(family, 0, 0, 0, 0, 0, 0, 0, 0),
        GET_NEIGHBOUR: NEIGHBOUR_HEADER.pack(family, 0, 0, 0, 0),
    }
    return Message(kind, wire.DUMP, header[kind])


def address(fact: Address, index: int, *, remove: bool = False) -> Message:
    """Give a link an address, usable at once (NODAD)."""
    interface = fact.address
    flags = NO_DAD | PERMANENT if interface.version == 6 else PERMANENT
    packed = interface.ip.packed
    body = (
        ADDRESS_HEADER.pack(
            FAMILY[interface.version], interface.network.prefixlen, flags, 0, index
        )
        + attribute(ADDRESS_LOCAL, packed)
        + attribute(ADDRESS_ALL, packed)
    )
    if remove:
        return Message(DELETE_ADDRESS, 0, body)
    return Message(NEW_ADDRESS, _MAKE, body)


def route(fact: Route, index: int | None, *, remove: bool = False) -> Message:
    """Make a route; `index` is that of its link."""
    destination = fact.destination
    table = fact.table if fact.table < 256 else COMPATIBLE
    body = ROUTE_HEADER.pack(
        FAMILY[destination.version],
        destination.prefixlen,
        0,
        0,
        table,
        # A fact is one whoever made it: `ip route add` says another protocol.
        ANY_PROTOCOL if remove else STATIC,
        NOWHERE if remove else _scope(fact),
        ROUTE_KINDS[fact.kind],
        ONLINK if fact.onlink else 0,
    )
    body += number(TABLE, fact.table) + _destination(destination)
    if remove and fact.kind in ON_NO_LINK and destination.version == 6:
        # IPv6 does not compare the kind: without a link any route there would do.
        index = LOOPBACK_INDEX
    if index is not None:
        body += number(OUT_LINK, index)
    if fact.gateway is not None:
        body += _gateway(fact.gateway, destination.version)
    if fact.source is not None:
        body += attribute(PREFERRED, fact.source.packed)
    if remove:
        return Message(DELETE_ROUTE, 0, body)
    return Message(NEW_ROUTE, _MAKE, body)


def rule(fact: Rule, *, remove: bool = False) -> Message:
    """Make a policy rule, once (EEXIST says it was there)."""
    table = fact.table if fact.table < 256 else COMPATIBLE
    body = (
        RULE_HEADER.pack(FAMILY[fact.family], 0, 0, 0, table, 0, 0, TO_TABLE, 0)
        + number(PRIORITY, fact.priority)
        + number(RULE_TABLE, fact.table)
    )
    if fact.mark is not None:
        mask = WHOLE_MASK if fact.mask is None else fact.mask
        body += number(MARK, fact.mark) + number(MASK, mask)
    if fact.suppress_prefixlength is not None:
        body += number(SUPPRESS, fact.suppress_prefixlength)
    if remove:
        return Message(DELETE_RULE, 0, body)
    return Message(NEW_RULE, _MAKE_NEW, body)


def neighbour(fact: Neighbour, index: int, *, remove: bool = False) -> Message:
    """Make a permanent neighbour entry."""
    body = NEIGHBOUR_HEADER.pack(
        FAMILY[fact.address.version], index, NEIGHBOUR_PERMANENT, 0, 0
    ) + attribute(NEIGHBOUR_ADDRESS, fact.address.packed)
    if remove:
        return Message(DELETE_NEIGHBOUR, 0, body)
    return Message(
        NEW_NEIGHBOUR, _MAKE, body + attribute(NEIGHBOUR_MAC, mac_bytes(fact.mac))
    )


def _end(end: End) -> bytes:
    mac = attribute(MAC, mac_bytes(end.mac)) if end.mac else b""
    return (
        text(NAME, end.name)
        + mac
        + number(MTU, end.mtu)
        + number(GROUP, end.group)
        + _ONE_QUEUE
    )


def _alias(words: str) -> bytes:
    # Without a closing NUL: the kernel would count it as part of the alias.
    return attribute(ALIAS, words.encode()) if words else b""


def _set_link(name: str, flags: int, more: bytes) -> Message:
    header = LINK_HEADER.pack(0, 0, 0, flags, flags)
    return Message(SET_LINK, 0, header + text(NAME, name) + more)


def _scope(fact: Route) -> int:
    if fact.kind == "local":
        return HOST_SCOPE
    if fact.kind == "unicast" and fact.gateway is None:
        return LINK_SCOPE
    return UNIVERSE


def _destination(destination: Network) -> bytes:
    if destination.prefixlen == 0:
        return b""
    return attribute(DESTINATION, destination.network_address.packed)


def _gateway(gateway: Ip, version: int) -> bytes:
    if gateway.version == version:
        return attribute(GATEWAY, gateway.packed)
    family = AF_INET if isinstance(gateway, IPv4Address) else AF_INET6
    return attribute(VIA, struct.pack("=H", family) + gateway.packed)
