"""What security rules allow of a peer, as one value: protocols, ports, ICMP types.

A `Services` is a set of (protocol, first, second) numbers: for TCP and UDP destination
port and source port, for ICMP type and code, for any other protocol 0 and 0. ICMP is one
of IPv4's services, ICMPv6 of IPv6's; of the other family's packets rules for it say nothing. Rules of
any number and shape that allow the same have the same Services, which is what lets the
fabric name its chains by their content.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mooring.core.net.ranges import Range, Ranges, contains, merged, minus, pieces
from mooring.core.vcn.model import Ports, SecurityRule

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
PORT, BYTE, POINT = (0, 0xFFFF), (0, 0xFF), (0, 0)
AXES: dict[int, tuple[Range, Range]] = {
    TCP: (PORT, PORT),
    UDP: (PORT, PORT),
    ICMP: (BYTE, BYTE),
    ICMPV6: (BYTE, BYTE),
}
IPV4, IPV6 = 4, 6
OWN_ICMP = {IPV4: ICMP, IPV6: ICMPV6}

Strip = tuple[int, int, Ranges]
Shape = tuple[Strip, ...]
Box = tuple[Range, Range]


@dataclass(frozen=True, slots=True)
class Services:
    """A set of services.

    `shapes` holds the protocols that are not simply like the `others`: for each its
    disjoint strips of the first axis with what is allowed on the second.
    """

    others: bool = False
    shapes: tuple[tuple[int, Shape], ...] = ()

    def shape(self, protocol: int) -> Shape:
        """Give what is allowed of one protocol."""
        for number, shape in self.shapes:
            if number == protocol:
                return shape
        return whole(protocol) if self.others else ()

    def allows(self, protocol: int, first: int = 0, second: int = 0) -> bool:
        """Tell whether the set has this service."""
        return any(
            low <= first <= high and contains(ranges, second)
            for low, high, ranges in self.shape(protocol)
        )


NOTHING = Services()
EVERYTHING = Services(others=True)


def whole(protocol: int) -> Shape:
    """Give all of a protocol."""
    (low, high), second = AXES.get(protocol, (POINT, POINT))
    return ((low, high, (second,)),)


def allowed(rules: Iterable[SecurityRule], version: int = IPV4) -> Services:
    """Give what at least one of the rules allows, of one family."""
    strange = {*OWN_ICMP.values()} - {OWN_ICMP[version]}
    boxes: dict[int, list[Box]] = {}
    for rule in rules:
        if rule.protocol == "all":
            return EVERYTHING
        boxes.setdefault(int(rule.protocol), []).append(_box(rule))
    return _services(
        others=False,
        shapes={p: _covered(b) for p, b in boxes.items() if p not in strange},
    )


def without(services: Services, less: Services) -> Services:
    """Give the services of the first set that the second does not have."""
    named = {p for p, _ in services.shapes} | {p for p, _ in less.shapes}
    return _services(
        others=services.others and not less.others,
        shapes={p: _minus(services.shape(p), less.shape(p)) for p in named},
    )


def _services(*, others: bool, shapes: dict[int, Shape]) -> Services:
    """Make the value, leaving out what `others` says already."""
    kept = {
        p: shape for p, shape in shapes.items() if shape != (whole(p) if others else ())
    }
    return Services(others, tuple(sorted(kept.items())))


def _box(rule: SecurityRule) -> Box:
    first, second = AXES.get(int(rule.protocol), (POINT, POINT))
    if int(rule.protocol) in OWN_ICMP.values():
        return _only(rule.icmp_type, first), _only(rule.icmp_code, second)
    return (
        _between(rule.destination_ports, first),
        _between(rule.source_ports, second),
    )


def _only(number: int | None, axis: Range) -> Range:
    return axis if number is None else (number, number)


def _between(ports: Ports | None, axis: Range) -> Range:
    return axis if ports is None or axis == POINT else (ports.min, ports.max)


def _covered(boxes: Sequence[Box]) -> Shape:
    """Cut overlapping boxes into disjoint strips."""
    return tuple(pieces(boxes, merged))


def _minus(shape: Shape, less: Shape) -> Shape:
    """Take one shape from another: layers of what stays, and of what goes."""
    layers = [((low, high), (True, ranges)) for low, high, ranges in shape]
    layers += [((low, high), (False, ranges)) for low, high, ranges in less]
    rest = pieces(layers, _rest)
    return tuple(strip for strip in rest if strip[2])


def _rest(layers: Sequence[tuple[bool, Ranges]]) -> Ranges:
    stays = merged(each for kept, ranges in layers if kept for each in ranges)
    goes = merged(each for kept, ranges in layers if not kept for each in ranges)
    return minus(stays, goes)
